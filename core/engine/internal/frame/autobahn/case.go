// Package autobahn holds, as tables, what the public Autobahn test suite sends
// to a WebSocket server without extensions and what has to come of it: groups
// 1 to 7, 9 and 10, 301 cases under the suite's numbers; and those of the
// groups 12 and 13, permessage-deflate, 216 cases: see [Deflates].
//
// It is data for tests: of package frame, byte by byte and in every split, and
// of whatever serves a real connection. Free texts are ours, sizes and byte
// sequences the suite's. Where the suite waits for the echoes before it closes,
// the tables send the close frame right away.
package autobahn

import (
	"bytes"
	"encoding/binary"
)

// The opcodes of RFC 6455 that the cases use by name.
const (
	Continuation byte = 0x0
	Text         byte = 0x1
	Binary       byte = 0x2
	Close        byte = 0x8
	Ping         byte = 0x9
	Pong         byte = 0xA
)

// How the bytes of a case are cut into writes, if not by a size.
const (
	Whole     = 0  // everything in one write
	FrameWise = -1 // a write for each frame
)

const maxHeader = 14 // of a client's frame, in bytes

// Frame is one frame of the client, before it is masked.
type Frame struct {
	Op      byte
	RSV     byte // 0 to 7, as the three bits are read
	More    bool // FIN is not set
	Payload []byte
}

// Event is what the server has to answer: a message echoed as it was sent
// (Op Text or Binary), or a Pong.
type Event struct {
	Op   byte
	Data []byte
}

// Case is one case of the suite.
type Case struct {
	ID string

	// Fails tells that the server must fail the connection, with Code. If it is
	// not set, the client closes and Code is the one in its close frame; 1005
	// if that is empty, which the server may answer with 1000.
	Fails bool
	Code  int

	// Chop is the size of each write in bytes, or Whole or FrameWise.
	Chop int

	// Cuts, if any, are the offsets at which the bytes are cut instead.
	Cuts []int

	// FailsIn, if not 0, is the number (from 1) of the write in which the
	// failure must come, neither earlier nor later.
	FailsIn int

	frames func() []Frame
	want   []event
}

// event is an Event whose data is built on demand: the cases of group 9 are big.
type event struct {
	op   byte
	data func() []byte
	n    int // how many times in a row
}

// Frames returns the frames the client sends, the close frame included. The
// payloads are shared between calls and must not be changed.
func (c *Case) Frames() []Frame { return c.frames() }

// Want returns the answers the server must give before the connection ends, in
// this order. The data is shared between calls and must not be changed.
func (c *Case) Want() []Event {
	var all []Event
	for _, e := range c.want {
		one := Event{e.op, e.data()}
		for range e.n {
			all = append(all, one)
		}
	}
	return all
}

// Writes returns the bytes the client sends, cut as the case asks for.
func (c *Case) Writes() [][]byte {
	var writes [][]byte
	frames, size := c.frames(), 0
	for _, f := range frames {
		size += maxHeader + len(f.Payload)
	}
	wire := make([]byte, 0, size)
	for _, f := range frames {
		from := len(wire)
		wire = f.Append(wire, [4]byte{0x37, 0xFA, 0x21, 0x3D})
		if c.Chop == FrameWise {
			writes = append(writes, bytes.Clone(wire[from:]))
		}
	}
	switch {
	case c.Chop == FrameWise:
		return writes
	case c.Chop > 0:
		for len(wire) > c.Chop {
			writes, wire = append(writes, wire[:c.Chop]), wire[c.Chop:]
		}
	case len(c.Cuts) > 0:
		at := 0
		for _, cut := range c.Cuts {
			writes, at = append(writes, wire[at:cut]), cut
		}
		wire = wire[at:]
	}
	return append(writes, wire)
}

// Append appends the frame as it is on the wire, masked with key.
func (f Frame) Append(dst []byte, key [4]byte) []byte {
	b0 := f.RSV<<4 | f.Op
	if !f.More {
		b0 |= 0x80
	}
	switch n := len(f.Payload); {
	case n < 126:
		dst = append(dst, b0, 0x80|byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, b0, 0x80|126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, b0, 0x80|127), uint64(n))
	}
	dst = append(dst, key[:]...)
	from := len(dst)
	dst = append(dst, f.Payload...)
	mask(dst[from:], key)
	return dst
}

// mask applies key to p, by words: the cases of group 9 are big.
func mask(p []byte, key [4]byte) {
	word := binary.LittleEndian.Uint64(append(key[:], key[:]...))
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^word)
		p = p[8:]
	}
	for i := range p {
		p[i] ^= key[i&3]
	}
}

// Cases returns all the cases, in the order of their numbers.
func Cases() []Case {
	var all []Case
	for _, group := range []func() []Case{
		framing, pings, reserved, opcodes, fragmentation, utf8, closing, limits, autoFragment,
	} {
		all = append(all, group()...)
	}
	return all
}

// closed is a case that ends with the client's close frame, which it appends.
func closed(id string, chop int, frames []Frame, want ...event) Case {
	frames = append(frames, closeFrame(1000, ""))
	return Case{ID: id, Code: 1000, Chop: chop, frames: func() []Frame { return frames }, want: want}
}

// fails is a case that the server ends with code.
func fails(id string, code, chop int, frames []Frame, want ...event) Case {
	return Case{ID: id, Fails: true, Code: code, Chop: chop, frames: func() []Frame { return frames }, want: want}
}

func frame(op byte, payload string) Frame { return Frame{Op: op, Payload: []byte(payload)} }

func more(op byte, payload string) Frame { return Frame{Op: op, More: true, Payload: []byte(payload)} }

func rsv(bits byte, f Frame) Frame {
	f.RSV = bits
	return f
}

func closeFrame(code int, reason string) Frame {
	return Frame{Op: Close, Payload: append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...)}
}

func echo(op byte, payload string) event {
	return event{op, func() []byte { return []byte(payload) }, 1}
}

func text(payload string) event { return echo(Text, payload) }

func pong(payload string) event { return echo(Pong, payload) }

// split cuts a message into frames of at most size bytes.
func split(op byte, payload []byte, size int) []Frame {
	var all []Frame
	for len(payload) > size {
		all = append(all, Frame{Op: op, More: true, Payload: payload[:size]})
		op, payload = Continuation, payload[size:]
	}
	return append(all, Frame{Op: op, Payload: payload})
}
