package socketio

import (
	"bytes"
	"slices"
	"sync"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/parser"
)

// frames is one packet, encoded for any number of recipients: the text and,
// for a binary one, its attachments.
type frames struct {
	text     engine.Message
	binary   []engine.Message
	legacy   *legacy // see eio3.go; nil: made for each client
	volatile bool
	open     bool // text is a draft, to which an offset is still to be added
	plain    bool // not to be compressed
	void     bool // Options.Parser has no form for it: nobody gets it

	canonical *frames // what text and binary were before Options.Parser; nil: it is the default
}

// scratch holds the buffers that packets are encoded into before they are
// copied to buffers of their exact size.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

const maxScratch = 64 << 10

func putScratch(b *[]byte, used []byte) {
	if cap(used) <= maxScratch {
		*b = used[:0]
		scratch.Put(b)
	}
}

// encodeEvent encodes an event's name and arguments as they travel between
// servers.
func encodeEvent(event string, args []any) (adapter.Packet, error) {
	pooled := scratch.Get().(*[]byte)
	text, attachments, err := parser.AppendEvent((*pooled)[:0], parser.DefaultNamespace, 0, false, event, args)
	if err != nil {
		return adapter.Packet{}, emitError(event, err)
	}
	return packetOf(pooled, text, attachments), nil
}

// encodeAck does the same with the arguments of an acknowledgement.
func encodeAck(args []any) (adapter.Packet, error) {
	pooled := scratch.Get().(*[]byte)
	text, attachments, err := parser.AppendAck((*pooled)[:0], parser.DefaultNamespace, 0, args)
	if err != nil {
		return adapter.Packet{}, err
	}
	return packetOf(pooled, text, attachments), nil
}

func packetOf(pooled *[]byte, text []byte, attachments [][]byte) adapter.Packet {
	data := text[bytes.IndexByte(text, '['):] // behind type, count and id
	p := adapter.Packet{Data: bytes.Clone(data), Attachments: attachments}
	putScratch(pooled, text)
	return p
}

// framesFor puts a packet of this namespace into the form that clients get.
func framesFor(ns *Namespace, p *adapter.Packet) (*frames, error) { return sealPacket(ns, p, 0, false) }

// framesWithID is frames for an event that all its recipients acknowledge with
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
		f.legacy = new(legacy)
	}
	f.volatile = p.Volatile
	if p.NoCompress {
		f.uncompressed()
	}
	return &f, nil
}

// seal encodes a packet whose data is encoded already.
func seal(p parser.Packet) frames {
	head := 24 // type, count, commas
	if p.HasID {
		head += 20
	}
	buf := engine.TextBuffer(len(p.Data) + len(p.Namespace) + head)
	f := frames{text: engine.Text(p.Append(buf))}
	for _, a := range p.Attachments {
		f.binary = append(f.binary, engine.Binary(a))
	}
	return f
}

// packEvent encodes an event for one socket.
func packEvent(ns *Namespace, event string, args []any) (frames, error) {
	if ns.recovery == nil {
		return packEventWithID(ns, 0, false, event, args)
	}
	pooled := scratch.Get().(*[]byte)
	text, attachments, err := parser.AppendEvent((*pooled)[:0], ns.name, 0, false, event, args)
	if err != nil {
		return frames{}, emitError(event, err)
	}
	f := reopen(append(engine.TextBuffer(len(text)+offsetRoom), text...), attachments)
	putScratch(pooled, text)
	f, err = codeFor(ns.srv, ns.name, f)
	return f, emitError(event, err)
}

// packEventWithID is pack for an event that its one recipient acknowledges.
func packEventWithID(ns *Namespace, id uint64, hasID bool, event string, args []any) (frames, error) {
	pooled := scratch.Get().(*[]byte)
	text, attachments, err := parser.AppendEvent((*pooled)[:0], ns.name, id, hasID, event, args)
	if err != nil {
		return frames{}, emitError(event, err)
	}
	f, err := codeFor(ns.srv, ns.name, finish(pooled, text, attachments))
	return f, emitError(event, err)
}

// packAck encodes an acknowledgement for one socket.
func packAck(ns *Namespace, id uint64, args []any) (frames, error) {
	pooled := scratch.Get().(*[]byte)
	text, attachments, err := parser.AppendAck((*pooled)[:0], ns.name, id, args)
	if err != nil {
		return frames{}, err
	}
	return codeFor(ns.srv, ns.name, finish(pooled, text, attachments))
}

func finish(pooled *[]byte, text []byte, attachments [][]byte) frames {
	f := frames{text: engine.Text(append(engine.TextBuffer(len(text)), text...))}
	putScratch(pooled, text)
	for _, a := range attachments {
		f.binary = append(f.binary, engine.Binary(a))
	}
	return f
}

// outgoing reads an event back from the form that clients get; nil if the
// packet is an acknowledgement.
func (f *frames) outgoing() *Outgoing {
	if f.canonical != nil {
		f = f.canonical
	}
	p := f.packet()
	if !p.Type.IsEvent() {
		return nil
	}
	return &Outgoing{Event: p.Event(), packet: p, args: p.AppendArgs(nil)}
}

// uncompressed takes the wish to be compressed off a packet.
func (f *frames) uncompressed() {
	f.plain = true
	f.text = f.text.Compress(false)
	for i, m := range f.binary {
		f.binary[i] = m.Compress(false)
	}
}

// size is what a packet counts in one client's queue.
func (f *frames) size() int64 {
	n := int64(f.text.Size())
	for _, b := range f.binary {
		n += int64(b.Size())
	}
	return n
}

// packet reads a packet back from the standard form, but for its namespace.
func (f *frames) packet() parser.Packet {
	text := f.text.Payload()
	p := parser.Packet{Type: parser.Type(text[0] - '0')}
	text = text[1:]
	if p.Type.IsBinary() {
		text = text[bytes.IndexByte(text, '-')+1:]
	}
	if len(text) > 0 && text[0] == '/' {
		text = text[bytes.IndexByte(text, ',')+1:]
	}
	for len(text) > 0 && text[0]-'0' <= 9 {
		p.ID, p.HasID = p.ID*10+uint64(text[0]-'0'), true
		text = text[1:]
	}
	if len(text) > 0 {
		p.Data = text
	}
	if f.open {
		p.Data = append(slices.Clip(p.Data), ']')
	}
	for _, b := range f.binary {
		p.Attachments = append(p.Attachments, b.Payload())
	}
	return p
}
