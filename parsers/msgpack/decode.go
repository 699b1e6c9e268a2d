package msgpack

import (
	"errors"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/parser"
	"github.com/gosio/gosio/internal/msgjson"
)

// Errors of decoders. As of any other that they return, the text tells nothing
// of the input.
var (
	errText     = errors.New("msgpack: text message")
	errTrailing = errors.New("msgpack: bytes behind the packet")
	errEnvelope = errors.New("msgpack: not a packet")
	errType     = errors.New("msgpack: unknown packet type")
)

// maxAttachments is what parser.Limits allow in any case.
const maxAttachments = 999

// keep is how much of its buffer a decoder keeps between messages.
const keep = 1 << 10

// transcoder reads a packet.
type transcoder struct{ msgjson.Reader }

// decoder implements socketio.Decoder.
type decoder struct {
	depth       int
	attachments int
	namespace   string // the last one, to allocate it once
	buf         []byte
}

// NewDecoder implements [socketio.Parser].
func (Parser) NewDecoder(limits *parser.Limits) socketio.Decoder {
	d := &decoder{depth: 128, attachments: parser.MaxAttachments, namespace: parser.DefaultNamespace}
	if limits == nil {
		return d
	}
	if limits.Depth != 0 {
		d.depth = limits.Depth
	}
	if d.depth < 0 || d.depth > msgjson.MaxDepth {
		d.depth = msgjson.MaxDepth
	}
	if limits.Attachments != 0 {
		d.attachments = limits.Attachments
	}
	if d.attachments < 0 || d.attachments > maxAttachments {
		d.attachments = maxAttachments
	}
	return d
}

// Decode implements [socketio.Decoder]. Each message is one packet.
func (d *decoder) Decode(message []byte, binary bool) (p parser.Packet, done bool, err error) {
	if !binary {
		return p, false, errText
	}
	if size := min(2*len(message), keep); cap(d.buf) < size { // bytes do not go there, and JSON is longer
		d.buf = make([]byte, 0, size)
	}
	t := transcoder{msgjson.Reader{Src: message, Dst: d.buf[:0], Limit: d.attachments, Depth: d.depth}}
	p, err = t.packet(d)
	if err == nil && len(t.Attachments) > 0 && (t.Lookalike || p.Type != parser.Event && p.Type != parser.Ack) {
		t = transcoder{msgjson.Reader{Src: message, Dst: t.Dst[:0], Depth: d.depth, Base64: true}}
		p, err = t.packet(d)
	}
	d.buf = nil
	if cap(t.Dst) <= keep {
		d.buf = t.Dst
	}
	if err != nil {
		return parser.Packet{}, false, err
	}
	if len(t.Attachments) > 0 {
		p.Type += parser.BinaryEvent - parser.Event // and BinaryAck - Ack is the same
		p.Attachments = t.Attachments
	}
	return p, true, nil
}

// fields are those of a packet that have been seen.
type fields struct{ typ, namespace, id, data bool }

// packet reads the one map that a message is.
func (t *transcoder) packet(d *decoder) (p parser.Packet, err error) {
	if msgp.NextType(t.Src) != msgp.MapType {
		return p, errEnvelope
	}
	n, rest, err := msgp.ReadMapHeaderBytes(t.Src)
	if err != nil {
		return p, msgjson.ErrMalformed
	}
	t.Src = rest
	var seen fields
	for range n {
		if err := t.field(d, &p, &seen); err != nil {
			return p, err
		}
	}
	switch {
	case len(t.Src) > 0:
		return p, errTrailing
	case !seen.typ || !seen.namespace:
		return p, errEnvelope
	}
	return p, nil
}

// field reads one key and its value. Those that are not known, such as
// options, are left out. One that comes twice is an error.
func (t *transcoder) field(d *decoder, p *parser.Packet, seen *fields) error {
	if msgp.NextType(t.Src) != msgp.StrType {
		return errEnvelope
	}
	key, rest, err := msgp.ReadStringZC(t.Src)
	if err != nil {
		return msgjson.ErrMalformed
	}
	t.Src = rest
	switch string(key) {
	case "type":
		return t.packetType(p, first(&seen.typ))
	case "nsp":
		return t.packetNamespace(d, p, first(&seen.namespace))
	case "id":
		return t.packetID(p, first(&seen.id))
	case "data":
		return t.packetData(p, first(&seen.data))
	}
	return t.skip()
}

// first notes that a field has been seen. It reports whether it had not.
func first(seen *bool) bool {
	was := *seen
	*seen = true
	return !was
}

func (t *transcoder) packetType(p *parser.Packet, first bool) error {
	n, rest, err := readUint(t.Src)
	if err != nil {
		return err
	}
	if !first || n > uint64(parser.ConnectError) {
		return errType
	}
	p.Type, t.Src = parser.Type(n), rest
	return nil
}

func (t *transcoder) packetNamespace(d *decoder, p *parser.Packet, first bool) error {
	if !first || msgp.NextType(t.Src) != msgp.StrType {
		return errEnvelope
	}
	name, rest, err := msgp.ReadStringZC(t.Src)
	if err != nil || !utf8.Valid(name) {
		return msgjson.ErrMalformed
	}
	if string(name) != d.namespace {
		d.namespace = string(name)
	}
	p.Namespace, t.Src = d.namespace, rest
	return nil
}

func (t *transcoder) packetID(p *parser.Packet, first bool) error {
	if !first {
		return errEnvelope
	}
	if t.Undefined() {
		return nil
	}
	n, rest, err := readUint(t.Src)
	if err != nil {
		return err
	}
	p.ID, p.HasID, t.Src = n, true, rest
	return nil
}

func (t *transcoder) packetData(p *parser.Packet, first bool) error {
	if !first {
		return errEnvelope
	}
	if t.Undefined() {
		return nil
	}
	if err := t.Value(1); err != nil {
		return err
	}
	p.Data = t.Dst
	return nil
}

// skip leaves a value out.
func (t *transcoder) skip() error {
	kept := *t
	err := t.Value(1)
	kept.Src, kept.Dst = t.Src, t.Dst[:len(kept.Dst)]
	*t = kept
	return err
}

// readUint reads an integer of any form that is not negative.
func readUint(src []byte) (n uint64, rest []byte, err error) {
	switch msgp.NextType(src) {
	case msgp.IntType, msgp.UintType:
		if n, rest, err = msgp.ReadUint64Bytes(src); err == nil {
			return n, rest, nil
		}
	}
	return 0, nil, errEnvelope
}
