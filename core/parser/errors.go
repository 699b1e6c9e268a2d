package parser

import (
	"errors"
	"fmt"
	"reflect"
)

// Errors of [Decoder]. Each of them is the protocol's "parse error": the
// connection that sent the packet has to be closed.
var (
	ErrType = errors.New("parser: unknown packet type")
	// ErrAttachmentCount reports a count that is malformed, or higher than that of
	// the attachments which placeholders name.
	ErrAttachmentCount  = errors.New("parser: malformed attachment count")
	ErrNamespaceTooLong = errors.New("parser: namespace too long (Limits.NamespaceName)")
	ErrNamespace        = errors.New("parser: malformed namespace")
	ErrID               = errors.New("parser: acknowledgement id out of range")
	ErrJSON             = errors.New("parser: payload is not valid JSON")
	ErrTooDeep          = errors.New("parser: payload nested too deeply (Limits.JSONDepth)")
	ErrPayload          = errors.New("parser: payload does not fit the packet type")
	ErrEventName        = errors.New("parser: event name is not a string or a number")
	ErrEventNameTooLong = errors.New("parser: event name too long (Limits.EventName)")
	// ErrPlaceholder reports a placeholder that names no attachment, or has an
	// array or object inside.
	ErrPlaceholder = errors.New("parser: malformed attachment placeholder")
	ErrTooLarge    = errors.New("parser: packet too large (Limits.MaxHTTPBufferSize)")
	// ErrUnexpectedBinary reports bytes that no packet has announced.
	ErrUnexpectedBinary = errors.New("parser: unexpected binary message")
	// ErrMissingAttachments reports text while attachments are pending.
	ErrMissingAttachments = errors.New("parser: text before the last attachment")
)

// errAuth reports auth: "token" in the place of auth: { token }.
var errAuth = fmt.Errorf("%w: auth has to be an object, like { token }", ErrPayload)

// Errors of both directions.
var (
	// ErrReservedEvent reports an event name that IsReserved.
	ErrReservedEvent = errors.New("parser: reserved event name")
	// ErrTooManyAttachments reports more attachments than the limit: a
	// decoder's Limits, or MaxAttachments in an encoder.
	ErrTooManyAttachments = errors.New("parser: too many attachments (Limits.Attachments; 10 in what a server sends)")
	// ErrCycle reports a value to be encoded that contains itself, or is nested
	// more than 1,000 levels deep.
	ErrCycle = errors.New("parser: value contains itself or is nested too deeply")
	// ErrLookalike reports a value to be encoded beside a []byte that its
	// recipients would take for the placeholder of an attachment: an object with
	// a "_placeholder" that is true, or true to some clients and with a "num".
	// Rename the key, or send it in an event without bytes.
	ErrLookalike = errors.New(`parser: an object with "_placeholder" cannot be sent beside []byte: clients take it for one of them; rename the key, or send it in another event`)
)

var (
	errAttachmentType = errors.New("parser: an attachment decodes only into []byte or any")
	errFloat          = errors.New("parser: NaN and infinities have no JSON form")
	errRawMessage     = errors.New("parser: json.RawMessage is not valid JSON, or nested more than 1,000 levels deep")
)

// UnmarshalError reports an argument that does not fit the Go type it was to be
// decoded into. Its text names that type and never quotes the argument; Err,
// which it wraps, may do so.
type UnmarshalError struct {
	Type reflect.Type // of the destination; nil if that was not a pointer
	Err  error
}

// Error implements error.
func (e *UnmarshalError) Error() string {
	if e.Type == nil {
		return "parser: destination is not a pointer"
	}
	return "parser: argument does not decode into " + e.Type.String()
}

// Unwrap returns Err.
func (e *UnmarshalError) Unwrap() error { return e.Err }

// MarshalError reports a value that has no JSON form, such as a channel or NaN.
type MarshalError struct {
	Type reflect.Type // of the value
	Err  error
}

// Error implements error.
func (e *MarshalError) Error() string {
	return "parser: cannot encode " + e.Type.String() + ": " + e.Err.Error()
}

// Unwrap returns Err.
func (e *MarshalError) Unwrap() error { return e.Err }
