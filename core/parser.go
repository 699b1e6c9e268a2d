package socketio

import (
	"errors"

	"github.com/gosio/gosio/core/parser"
)

// Parser encodes and decodes packets, as the parser option of stock clients does. The
// default is the standard encoding, which package core/parser describes;
// parsers/msgpack is another Parser. See https://socket.io/docs/v4/custom-parser.
//
// The server uses the Parser only where it reads and writes connections. Handlers,
// adapters and recovery use a [parser.Packet]: JSON with placeholders for the
// attachments. A broadcast is encoded once for all its recipients.
//
// Both methods may be called concurrently.
type Parser interface {
	// NewDecoder returns a decoder for one connection. The limits are those of
	// Options.Limits; they must not be changed.
	NewDecoder(limits *parser.Limits) Decoder
	// Encode encodes a packet as at least one Engine.IO message, and calls add with
	// each, in order. add copies the message, and must not be called after Encode has
	// returned. A text message that is not valid UTF-8 is an error, because clients
	// close the connection on it.
	//
	// The packet follows the rules of the standard encoding, unless an adapter has got
	// it from a server that does not check them. Encode must not change or keep any
	// part of the packet. Namespace is never empty. Emit returns the error of Encode;
	// if there is no caller, the error is logged. With Options.Recovery an event is
	// encoded twice: as a check, and when its offset is known, then with a lock held.
	// Encode must not call the server. A panic is logged, and counts as an error.
	Encode(p *parser.Packet, add func(message []byte, binary bool)) error
}

// Decoder decodes the packets of one connection. One goroutine at a time uses it.
type Decoder interface {
	// Decode decodes the next Engine.IO message: a packet, or a part of a packet. It
	// must not keep message. If done is false and err is nil, the next part must arrive
	// within Limits.AttachmentTimeout. An error closes the connection with
	// [ReasonForcedClose], and so does a panic.
	//
	// Data of the packet must be valid until the next call, Attachments for good. The
	// server checks the packet with [parser.Packet.Check]: a decoder has to bound only
	// the memory that it uses itself.
	Decode(message []byte, binary bool) (p parser.Packet, done bool, err error)
}

var errNoDecoder = errors.New("socketio: Parser.NewDecoder has returned nil")

// noDecoder stands in for one that NewDecoder has not made: what comes would be
// taken for the standard form otherwise.
type noDecoder struct{}

func (noDecoder) Decode([]byte, bool) (p parser.Packet, done bool, err error) {
	return p, false, errNoDecoder
}
