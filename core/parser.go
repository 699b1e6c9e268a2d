package socketio

import (
	"errors"

	"github.com/gosio/gosio/core/parser"
)

// Parser is how packets look on the wire: the same thing as the parser option of
// stock clients. The default is the standard form, which package core/parser
// describes; parsers/msgpack is another one. See
// https://socket.io/docs/v4/custom-parser.
//
// A Parser works at the edge of a connection only. In between a packet is a
// [parser.Packet]: JSON, in which placeholders stand for the attachments, as
// handlers, adapters and recovery know it. A broadcast is encoded once for all
// its recipients.
//
// Both methods may be called concurrently.
type Parser interface {
	// NewDecoder returns a decoder for one connection. The limits are those of
	// Options.Limits; they must not be changed.
	NewDecoder(limits *parser.Limits) Decoder
	// Encode gives the Engine.IO messages that make up a packet to add, in
	// order: at least one. add copies the message, and is good until Encode
	// returns. Text that is not valid UTF-8 is an error: clients drop a connection
	// that brings it.
	//
	// The packet is valid by the rules of the standard form, unless an adapter
	// has brought it from a server that does not care; nothing of it may be
	// changed or kept. Namespace is never empty. An error is what the caller of
	// Emit gets, or is logged where there is none. With Options.Recovery an
	// event is encoded twice: to see whether it can be, and when its offset is
	// known, then with a lock held. Encode must not call the server. A panic is
	// logged, and an error.
	Encode(p *parser.Packet, add func(message []byte, binary bool)) error
}

// Decoder is one connection's side of a [Parser]. It is used by one goroutine
// at a time.
type Decoder interface {
	// Decode takes the next Engine.IO message: one packet, or a part of one. It
	// must not keep message. While done is false and err is nil, more has to
	// come, within Limits.AttachmentTimeout; an error closes this connection
	// with [ReasonForcedClose], and so does a panic.
	//
	// Of the packet, Data is good until the next call, and Attachments are the
	// packet's own. The server checks it by [parser.Packet.Check]: a decoder
	// has to see only to what it holds itself.
	Decode(message []byte, binary bool) (p parser.Packet, done bool, err error)
}

var errNoDecoder = errors.New("socketio: Parser.NewDecoder has returned nil")

// noDecoder stands in for one that NewDecoder has not made: what comes would be
// taken for the standard form otherwise.
type noDecoder struct{}

func (noDecoder) Decode([]byte, bool) (p parser.Packet, done bool, err error) {
	return p, false, errNoDecoder
}
