package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/gosio/gosio/core/engine/internal/frame"
	"github.com/gosio/gosio/core/internal/apperror"
)

// Code is the error code of a refused request. See
// https://socket.io/docs/v4/engine-io-protocol/.
type Code int

// The codes of refused requests, with the numbers of the reference server.
const (
	CodeTransportUnknown           Code = 0
	CodeSessionIDUnknown           Code = 1
	CodeBadHandshakeMethod         Code = 2
	CodeBadRequest                 Code = 3
	CodeForbidden                  Code = 4
	CodeUnsupportedProtocolVersion Code = 5
)

// String returns the message of the code, with the text of the reference server.
func (c Code) String() string {
	switch c {
	case CodeTransportUnknown:
		return "Transport unknown"
	case CodeSessionIDUnknown:
		return "Session ID unknown"
	case CodeBadHandshakeMethod:
		return "Bad handshake method"
	case CodeBadRequest:
		return "Bad request"
	case CodeForbidden:
		return "Forbidden"
	case CodeUnsupportedProtocolVersion:
		return "Unsupported protocol version"
	}
	return "Code " + strconv.Itoa(int(c))
}

// RequestError is the error of a refused request. The peer gets Code and Message, but
// not Context.
type RequestError struct {
	Code Code
	// Message replaces the text of the code for the peer. An error that
	// Options.AllowRequest returns may carry one.
	Message string
	// Context is the cause, for the log and Options.OnRefused.
	Context string
	// Status is the HTTP status; zero means 400, or 403 for CodeForbidden.
	Status int
	// RetryAfter is the header of that name, in whole seconds, rounded up; zero or
	// less: none.
	RetryAfter time.Duration

	read bool // the request's body has been read
	bare bool // the answer has no body
}

// Error implements error.
func (e *RequestError) Error() string {
	return fmt.Sprintf("engine: request refused: %s (%s)", e.message(), e.Context)
}

func (e *RequestError) message() string {
	if e.Message != "" {
		return e.Message
	}
	return e.Code.String()
}

func (e *RequestError) status() int {
	switch {
	case e.Status != 0:
		return e.Status
	case e.Code == CodeForbidden:
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}

// level is that of the refusal in the log: a warning if an option can prevent it, of
// which the client's user cannot know.
func (e *RequestError) level() slog.Level {
	switch e.Status {
	case http.StatusServiceUnavailable: // while shutting down all are
		return slog.LevelDebug
	case http.StatusRequestHeaderFieldsTooLarge:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// The states and failures that callers can ask for with errors.Is.
var (
	// ErrClosed is returned by Send on a session that has ended.
	ErrClosed = fmt.Errorf("engine: session is closed: %w", net.ErrClosed)
	// ErrSlowConsumer is the error of a session whose peer does not read its messages
	// fast enough.
	ErrSlowConsumer = errors.New("engine: peer does not read fast enough (Limits.SendBuffer, Limits.WriteTimeout)")
)

// breach is a rule that a client has broken, or a limit that it has gone over.
type breach string

// Error implements error.
func (b breach) Error() string { return "engine: " + string(b) }

// failure is what ends a session from within the packet path.
type failure struct {
	reason Reason
	err    error
}

func (f *failure) Error() string { return string(f.reason) + ": " + f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func fail(reason Reason, format string, args ...any) *failure {
	return &failure{reason, breach(fmt.Sprintf(format, args...))}
}

// isBreach reports whether a session has ended by its client's fault. That its
// connection is gone is nobody's.
func isBreach(reason Reason, err error) bool {
	var ours breach
	var broken *frame.Error
	switch {
	case err == nil, reason == ReasonTransportClose:
		return false
	case reason == ReasonParseError, reason == ReasonForcedClose: // the latter with the Receiver's error
		return true
	}
	return errors.Is(err, ErrSlowConsumer) || errors.As(err, &ours) || errors.As(err, &broken)
}

// textOf is the text of an error of the application's, whose methods may panic.
func textOf(err error) string {
	text, _ := apperror.Text(err)
	return text
}

// errQuit ends a session on whose reader the application has called
// runtime.Goexit, or panicked.
var errQuit = errors.New("engine: the application has ended the goroutine that reads")

// errMessageTimeout ends a connection that leaves a message incomplete.
const errMessageTimeout = breach("message was not completed in time (Limits.MessageTimeout)")

// retryAfter bounds, in seconds, the Retry-After of a handshake that comes too late.
const retryAfter = 5

// errShuttingDown refuses a handshake. When the client is to come back is left
// to chance, as the others are told the same.
func errShuttingDown() *RequestError {
	return &RequestError{
		Code: CodeForbidden, Message: "Server is shutting down", Context: "shutting down", Status: http.StatusServiceUnavailable,
		RetryAfter: time.Duration(1+rand.IntN(retryAfter)) * time.Second,
	}
}
