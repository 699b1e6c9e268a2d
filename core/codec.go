package socketio

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"unicode/utf8"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/internal/apperror"
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

var (
	errDecoder   = errors.New("socketio: the parser's decoder has panicked")
	errNoDecoder = errors.New("socketio: Parser.NewDecoder has returned nil")
	errEncoder   = errors.New("socketio: the parser has panicked")
	errNoOutput  = errors.New("socketio: the parser has made no message of a packet")
	errNotText   = errors.New("socketio: the parser has made a text message that is not valid UTF-8")
)

// decode is Message with Options.Parser.
func (c *conn) decode(message []byte, binary bool) (engine.Worker, error) {
	p, whole, err := c.decodeOne(message, binary)
	if err != nil {
		return nil, err
	}
	c.awaitAttachments(!whole)
	if !whole {
		return nil, nil
	}
	if err := p.Check(&c.srv.limits); err != nil {
		return nil, err
	}
	return c.route(&p)
}

// noDecoder stands in for one that NewDecoder has not made: what comes would be
// taken for the standard form otherwise.
type noDecoder struct{}

func (noDecoder) Decode([]byte, bool) (p parser.Packet, done bool, err error) {
	return p, false, errNoDecoder
}

// decodeOne calls the application's decoder.
func (c *conn) decodeOne(message []byte, binary bool) (p parser.Packet, whole bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			c.srv.notePanic("Decoder", v)
			err = errDecoder
		}
	}()
	p, whole, err = c.custom.Decode(message, binary)
	return p, whole, opaque(err)
}

// opaque is an error of the application's as the engine gets it, for nil nil: a text
// alone. The engine calls the methods of errors where a panic would end the process.
func opaque(err error) error {
	if err == nil {
		return nil
	}
	text, _ := apperror.Text(err)
	return errors.New(apperror.Clip(text))
}

// codeFor puts a packet into the form of Options.Parser.
func codeFor(srv *Server, namespace string, f frames) (frames, error) {
	if srv.opts.Parser == nil {
		return f, nil
	}
	return recodeFor(srv, namespace, f)
}

// recodeFor does the work of codeFor. A packet that lacks its offset stays as it is:
// whether it can be encoded is known then.
func recodeFor(srv *Server, namespace string, f frames) (frames, error) {
	c := coders.Get().(*coder)
	defer c.free()
	c.packet, c.plain = f.packet(), f.plain
	c.packet.Namespace = namespace
	if err := encodeWith(srv, c); err != nil {
		return frames{}, fmt.Errorf("socketio: encode %s: %w", c.packet.Type, err)
	}
	if f.open {
		return f, nil
	}
	canonical := frames{text: f.text, binary: f.binary}
	f.text, f.binary, f.canonical = c.first, c.more, &canonical
	return f, nil
}

// encodeWith calls the application's parser. Locks may be held, so that a panic
// must not get any further.
func encodeWith(srv *Server, c *coder) (err error) {
	defer func() {
		if v := recover(); v != nil {
			srv.notePanic("Parser", v)
			err = errEncoder
		}
	}()
	err = srv.opts.Parser.Encode(&c.packet, c.add)
	switch {
	case err != nil:
	case !c.any:
		err = errNoOutput
	case c.broken:
		err = errNotText
	}
	return err
}

// codeStamped is code for an event that has got its offset. It reports false if
// that cannot be encoded, although it could be without.
func codeStamped(srv *Server, namespace string, f *frames) bool {
	out, err := recodeFor(srv, namespace, *f)
	if err != nil {
		srv.note(slog.LevelError, "parser", "socketio: the parser cannot encode a packet", slog.Any("error", err))
		return false
	}
	out.canonical = nil // the listeners have heard
	*f = out
	return true
}

// sealedPacket encodes a packet that is no event. It reports false, and logs why, if
// that cannot be done.
func sealedPacket(srv *Server, p parser.Packet) (f frames, ok bool) {
	f, err := codeFor(srv, p.Namespace, seal(p))
	if err != nil {
		srv.note(slog.LevelError, "parser", "socketio: the parser cannot encode a packet", slog.Any("error", err))
	}
	return f, err == nil
}

// coder collects what a Parser makes of a packet.
type coder struct {
	packet parser.Packet
	plain  bool // not to be compressed
	coded
	add func(message []byte, binary bool) // take
}

type coded struct {
	first  engine.Message
	more   []engine.Message
	any    bool
	broken bool // a text is not valid UTF-8
}

var coders = sync.Pool{New: func() any {
	c := new(coder)
	c.add = c.take
	return c
}}

func (c *coder) free() {
	c.packet, c.coded = parser.Packet{}, coded{}
	coders.Put(c)
}

func (c *coder) take(message []byte, binary bool) {
	var m engine.Message
	if binary {
		m = engine.Binary(message)
	} else {
		c.broken = c.broken || !utf8.Valid(message)
		m = engine.Text(append(engine.TextBuffer(len(message)), message...))
	}
	m = m.Compress(!c.plain)
	if c.any {
		c.more = append(c.more, m)
	} else {
		c.first, c.any = m, true
	}
}
