package socketio

import (
	"slices"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/internal/eio3"
	"github.com/gosio/gosio/core/internal/wire"
	"github.com/gosio/gosio/core/parser"
)

// frames is one packet, encoded for any number of recipients: the text and,
// for a binary packet, its attachments.
type frames struct {
	text     engine.Message
	binary   []engine.Message
	legacy   *eio3.Attachments // of old clients; nil: made for each client
	volatile bool
	open     bool // text is a draft, to which an offset is still to be added
	plain    bool // not to be compressed
	void     bool // Options.Parser has no form for it: nobody gets it
	newest   *newest
	written  *WriteTime // is told for the one recipient; nil: nobody wants to know
	heard    *hearers   // of its acknowledgements; nil: nobody waits, or listens

	canonical *frames // what text and binary were before Options.Parser; nil: it is the default
}

// outgoing decodes the event for listeners. It returns nil if the packet is no event.
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

// uncompressed excludes the packet from compression.
func (f *frames) uncompressed() {
	f.plain = true
	f.text = f.text.Compress(false)
	for i, m := range f.binary {
		f.binary[i] = m.Compress(false)
	}
}

// withoutReplaced removes the events that newer ones of the list replace.
func withoutReplaced(events []frames) []frames {
	if !slices.ContainsFunc(events, func(f frames) bool { return f.newest != nil }) {
		return events
	}
	behind := make(map[string]int)
	for i := range slices.Backward(events) {
		k := events[i].newest
		if k == nil {
			continue
		}
		if behind[k.queued.Key]++; behind[k.queued.Key] > k.queued.Most {
			events[i] = frames{void: true}
		}
	}
	return slices.DeleteFunc(events, func(f frames) bool { return f.void })
}

// size returns the bytes that the packet counts in the queue of one client.
func (f *frames) size() int64 {
	n := int64(f.text.Size())
	for _, b := range f.binary {
		n += int64(b.Size())
	}
	return n
}

// packet decodes the packet, without its namespace. The packet must be in the standard
// encoding.
func (f *frames) packet() parser.Packet {
	p := wire.Read(f.text, f.binary)
	if f.open {
		p.Data = append(slices.Clip(p.Data), ']')
	}
	return p
}
