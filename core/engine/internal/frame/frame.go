package frame

// Opcode says what a frame carries. See RFC 6455 section 5.2.
type Opcode byte

// The opcodes of RFC 6455 section 11.8. Every other value is reserved.
const (
	Continuation Opcode = 0x0
	Text         Opcode = 0x1
	Binary       Opcode = 0x2
	Close        Opcode = 0x8
	Ping         Opcode = 0x9
	Pong         Opcode = 0xA
)

// known reports whether op is not reserved.
func (op Opcode) known() bool { return op <= Binary || op-Close <= Pong-Close }

// control reports whether op is a control opcode, reserved ones included.
func (op Opcode) control() bool { return op&0x8 != 0 }

// The close codes of RFC 6455 section 7.4.1 that a server sends or sees.
const (
	CodeNormal          = 1000 // the purpose of the connection is fulfilled
	CodeGoingAway       = 1001 // the endpoint goes away: shutdown, navigation
	CodeProtocolError   = 1002 // a frame breaks RFC 6455
	CodeUnsupportedData = 1003 // a kind of data the endpoint does not accept
	CodeNoStatus        = 1005 // never on the wire: the close frame had no code
	CodeAbnormal        = 1006 // never on the wire: there was no close frame
	CodeInvalidPayload  = 1007 // text that is not UTF-8
	CodePolicyViolation = 1008 // a limit that has no code of its own
	CodeMessageTooBig   = 1009 // a message over the limit
	CodeInternalError   = 1011 // the server met a condition it did not expect
	CodeServiceRestart  = 1012 // registered with IANA
	CodeTryAgainLater   = 1013 // registered with IANA
)

// validCode reports whether a peer may send code in a close frame: the codes
// of RFC 6455, those registered with IANA since (1012 to 1014), and the ranges
// for libraries (3000 to 3999) and applications (4000 to 4999).
func validCode(code int) bool {
	switch code {
	case 1004, CodeNoStatus, CodeAbnormal:
		return false
	}
	return code >= 1000 && code <= 1014 || code >= 3000 && code <= 4999
}

// Error is a breach of the protocol or of a limit by the peer. Its text is
// fixed: nothing the peer sent is part of it.
type Error struct {
	// Code is the close code to answer with: 1002, 1007, 1008 or 1009.
	Code int

	text string
}

// Error returns the fixed text.
func (e *Error) Error() string { return "websocket: " + e.text }

// All the errors of this package, built once so that a failing peer costs no
// allocation.
var (
	errReservedBits  = &Error{CodeProtocolError, "reserved bit set"}
	errOpcode        = &Error{CodeProtocolError, "reserved opcode"}
	errUnmasked      = &Error{CodeProtocolError, "frame from a client is not masked"}
	errControlFin    = &Error{CodeProtocolError, "fragmented control frame"}
	errControlSize   = &Error{CodeProtocolError, "control frame over 125 bytes"}
	errLength        = &Error{CodeProtocolError, "length not minimal or over 63 bits"}
	errNotStarted    = &Error{CodeProtocolError, "continuation of no message"}
	errNotFinished   = &Error{CodeProtocolError, "new message inside a fragmented one"}
	errCloseSize     = &Error{CodeProtocolError, "close frame of one byte"}
	errCloseCode     = &Error{CodeProtocolError, "close code not allowed on the wire"}
	errCloseReason   = &Error{CodeInvalidPayload, "close reason is not UTF-8"}
	errText          = &Error{CodeInvalidPayload, "text is not UTF-8"}
	errDeflate       = &Error{CodeInvalidPayload, "compressed message is broken"}
	errFragments     = &Error{CodePolicyViolation, "too many fragments (Limits.Fragments)"}
	errMessageTooBig = &Error{CodeMessageTooBig, "message too big (Limits.MaxHTTPBufferSize)"}
	errClosed        = &Error{CodeNormal, "closed"} // internal: Feed returns nil for it
)
