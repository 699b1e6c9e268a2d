package engine

import (
	"errors"

	"github.com/gosio/gosio/core/engine/internal/frame"
)

// peerClosed stops the reader after the peer's close frame.
type peerClosed struct{ code int }

func (*peerClosed) Error() string { return "engine: peer closed the connection" }

// closeCode is the close code that goes with the end of a session.
// See RFC 6455 section 7.4.1.
func closeCode(reason Reason, err error) int {
	var broken *frame.Error
	var closed *peerClosed
	switch {
	case errors.As(err, &broken):
		return broken.Code
	case errors.As(err, &closed): // RFC 6455 section 5.5.1
		return closed.code
	case errors.Is(err, ErrSlowConsumer), errors.Is(err, errMessageTimeout):
		return frame.CodePolicyViolation
	case reason == ReasonServerShuttingDown:
		return frame.CodeServiceRestart
	}
	return frame.CodeNoStatus
}
