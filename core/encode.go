package socketio

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/internal/eio3"
	"github.com/gosio/gosio/core/internal/wire"
	"github.com/gosio/gosio/core/parser"
)

// encodeEvent encodes an event's name and arguments as they travel between
// servers.
func encodeEvent(event string, args []any) (adapter.Packet, error) {
	data, attachments, err := wire.EventData(event, args)
	return adapter.Packet{Data: data, Attachments: attachments}, emitError(event, err)
}

// passing is an operation that nobody has any more when it is applied, here and by the
// adapter. It is used again.
type passing struct {
	op  adapter.Operation
	buf []byte // its JSON
}

var passed = sync.Pool{New: func() any { return new(passing) }}

const maxPassing = 64 << 10

// encode is encodeEvent with the memory of p.
func (p *passing) encode(event string, args []any) (adapter.Packet, error) {
	data, used, attachments, err := wire.EventDataIn(p.buf, event, args)
	p.buf = used
	return adapter.Packet{Data: data, Attachments: attachments}, emitError(event, err)
}

func (p *passing) free() {
	if cap(p.buf) > maxPassing {
		p.buf = nil
	}
	p.op = adapter.Operation{} // keeps nothing of the application's
	passed.Put(p)
}

// encodeAck does the same with the arguments of an acknowledgement.
func encodeAck(args []any) (adapter.Packet, error) {
	data, attachments, err := wire.AckData(args)
	return adapter.Packet{Data: data, Attachments: attachments}, err
}

// framesFor encodes a packet of the namespace for clients.
func framesFor(ns *Namespace, p *adapter.Packet) (*frames, error) { return sealPacket(ns, p, 0, false) }

// framesWithID is framesFor for an event that all its recipients acknowledge with
// the same id.
func framesWithID(ns *Namespace, p *adapter.Packet, id uint64) (*frames, error) {
	return sealPacket(ns, p, id, true)
}

func sealPacket(ns *Namespace, p *adapter.Packet, id uint64, hasID bool) (*frames, error) {
	t := parser.Event
	if len(p.Attachments) > 0 {
		t = parser.BinaryEvent
	}
	packet := parser.Packet{Type: t, Namespace: ns.name, ID: id, HasID: hasID, Data: p.Data, Attachments: p.Attachments}
	var f frames
	if ns.recovery != nil && !hasID {
		f = unsealed(packet)
	} else {
		f = seal(packet)
	}
	f, err := codeFor(ns.srv, ns.name, f)
	if err != nil {
		return nil, err
	}
	if len(f.binary) > 0 && ns.srv.opts.AllowEIO3 {
		f.legacy = new(eio3.Attachments)
	}
	f.volatile = p.Volatile
	if p.Newest != 0 && !hasID {
		f.newest = newestOf(ns.name, packet.Event(), p.Key, p.Newest)
	}
	if p.NoCompress {
		f.uncompressed()
	}
	return &f, nil
}

// seal encodes a packet whose data is encoded already.
func seal(p parser.Packet) (f frames) {
	f.text, f.binary = wire.Packet(&p)
	return f
}

// packEvent encodes an event for one socket.
func packEvent(ns *Namespace, event string, args []any) (frames, error) {
	if ns.recovery == nil {
		return packEventWithID(ns, 0, false, event, args)
	}
	text, attachments, err := wire.EventText(ns.name, event, args, offsetRoom)
	if err != nil {
		return frames{}, emitError(event, err)
	}
	f, err := codeFor(ns.srv, ns.name, reopen(text, attachments))
	return f, emitError(event, err)
}

// packEventWithID is packEvent for an event that its recipient acknowledges.
func packEventWithID(ns *Namespace, id uint64, hasID bool, event string, args []any) (f frames, err error) {
	if f.text, f.binary, err = wire.Event(ns.name, id, hasID, event, args); err != nil {
		return frames{}, emitError(event, err)
	}
	f, err = codeFor(ns.srv, ns.name, f)
	return f, emitError(event, err)
}

// packAck encodes an acknowledgement for one socket.
func packAck(ns *Namespace, id uint64, args []any) (f frames, err error) {
	if f.text, f.binary, err = wire.Ack(ns.name, id, args); err != nil {
		return frames{}, err
	}
	return codeFor(ns.srv, ns.name, f)
}

// messages returns the messages that the client of a connection gets, in order.
func (f *frames) messages(c *conn) []engine.Message {
	binary := f.binary
	if f.legacy != nil && c.old() {
		binary = f.legacy.Of(binary)
	}
	return append([]engine.Message{f.text}, binary...)
}

// codeFor encodes a packet with Options.Parser, if there is one.
func codeFor(srv *Server, namespace string, f frames) (frames, error) {
	if srv.opts.Parser == nil {
		return f, nil
	}
	return recodeFor(srv, namespace, f)
}

// recodeFor encodes a packet with Options.Parser. It returns a packet that lacks its
// offset unchanged, after a check that the packet can be encoded.
func recodeFor(srv *Server, namespace string, f frames) (frames, error) {
	p := f.packet()
	p.Namespace = namespace
	text, binary, err := recode(srv, p, !f.plain)
	if err != nil {
		return frames{}, fmt.Errorf("socketio: encode %s: %w", p.Type, err)
	}
	if f.open {
		return f, nil
	}
	canonical := frames{text: f.text, binary: f.binary}
	f.text, f.binary, f.canonical = text, binary, &canonical
	return f, nil
}

var errEncoder = errors.New("socketio: the parser has panicked")

// recode calls Options.Parser, and returns errEncoder after a panic. Locks may be held
// meanwhile.
func recode(srv *Server, p parser.Packet, compress bool) (text engine.Message, binary []engine.Message, err error) {
	defer func() {
		if v := recover(); v != nil {
			srv.notePanic("Parser", v)
			err = errEncoder
		}
	}()
	return wire.Recode(srv.opts.Parser, p, compress)
}

// codeStamped is codeFor for an event that has got its offset. It reports false if
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
