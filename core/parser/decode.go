package parser

import (
	"bytes"
	"encoding/json"
)

// The defaults of Limits.
const (
	// MaxAttachments is how many attachments stock clients take in one packet;
	// they disconnect on more.
	MaxAttachments = 10

	defaultDepth     = 128
	defaultEventName = 256
	defaultNamespace = 512
	defaultTotal     = 1_000_000
)

// mostAttachments is what the three digits of their number can say.
const mostAttachments = 999

// maxID is the largest acknowledgement id: what a JavaScript number holds.
const maxID = 1<<53 - 1

// Limits bounds what a Decoder accepts. A zero field means its default, a
// negative one means no limit.
type Limits struct {
	Attachments int   // attachments of a packet; 10, and at most 999 in any case
	Depth       int   // nested arrays and objects; 128
	EventName   int   // bytes of a decoded event name; 256
	Namespace   int   // bytes of a namespace's name; 512
	Total       int64 // bytes of a packet's text, and of its attachments together; 1,000,000 each
}

// limitOf resolves a field of Limits; it returns the largest T for no limit.
func limitOf[T int | int64](v, def T) T {
	switch {
	case v == 0:
		return def
	case v < 0:
		return 1<<31 - 1
	}
	return v
}

// Decoder turns the Engine.IO messages of one connection into packets. The
// zero value is ready, with the default limits. It is a few words while no
// binary packet is under way. Its methods must not be called concurrently.
//
// After an error the connection has to be closed; the decoder has forgotten
// what was pending.
type Decoder struct {
	// Limits may be shared by many decoders; nil means the defaults. It must
	// not be changed once a packet has been decoded.
	Limits *Limits

	namespace string // the last one that was not "/", to allocate it once
	pending   *pending
}

// pending is a binary packet whose attachments have not all arrived.
type pending struct {
	packet Packet
	want   int
	size   int64 // bytes held
	text   int64 // of them the text
}

// Text decodes a text message, which must be valid UTF-8 (the caller checks).
// When done is true, p is a complete packet whose Data aliases src. When done is
// false and err is nil, attachments have to follow; src has been copied.
// See https://github.com/socketio/socket.io-protocol#packet-encoding.
func (d *Decoder) Text(src []byte) (p Packet, done bool, err error) {
	if d.pending != nil {
		d.pending = nil
		return Packet{}, false, ErrMissingAttachments
	}
	var lim Limits
	if d.Limits != nil {
		lim = *d.Limits
	}
	if int64(len(src)) > limitTotal(lim) {
		return Packet{}, false, ErrTooLarge
	}
	p, attachments, err := d.header(src, &lim)
	if err != nil {
		return Packet{}, false, err
	}
	if err := validate(&p, attachments, &lim); err != nil {
		return Packet{}, false, err
	}
	if attachments == 0 {
		return p, true, nil
	}
	p.Data = bytes.Clone(p.Data)
	p.Attachments = make([][]byte, 0, attachments)
	d.pending = &pending{packet: p, want: attachments, size: int64(len(src)), text: int64(len(src))}
	return Packet{}, false, nil
}

func limitTotal(lim Limits) int64 {
	if lim.Total < 0 {
		return 1<<63 - 1
	}
	return limitOf(lim.Total, defaultTotal)
}

// Binary decodes a binary message: the next attachment of the packet under way.
// It copies src. When done is true, p is a complete packet that owns all of its
// memory.
func (d *Decoder) Binary(src []byte) (p Packet, done bool, err error) {
	w := d.pending
	if w == nil {
		return Packet{}, false, ErrUnexpectedBinary
	}
	var lim Limits
	if d.Limits != nil {
		lim = *d.Limits
	}
	if int64(len(src)) > limitTotal(lim)-(w.size-w.text) {
		d.pending = nil
		return Packet{}, false, ErrTooLarge
	}
	w.size += int64(len(src))
	w.packet.Attachments = append(w.packet.Attachments, append([]byte{}, src...))
	if len(w.packet.Attachments) < w.want {
		return Packet{}, false, nil
	}
	d.pending = nil
	return w.packet, true, nil
}

// header reads everything before the payload:
// <type>[<attachments>-][<namespace>,][<id>].
func (d *Decoder) header(src []byte, lim *Limits) (p Packet, attachments int, err error) {
	if len(src) == 0 {
		return p, 0, ErrType
	}
	p.Type = Type(src[0] - '0') // a byte below '0' wraps above maxType
	if p.Type > maxType {
		return p, 0, ErrType
	}
	rest := src[1:]
	if p.Type.IsBinary() {
		if attachments, rest, err = readCount(rest, lim); err != nil {
			return p, 0, err
		}
	}
	p.Namespace = DefaultNamespace
	if len(rest) > 0 && rest[0] == '/' {
		if rest, err = d.readNamespace(&p, rest, lim); err != nil {
			return p, 0, err
		}
	}
	if p.ID, p.HasID, rest, err = readID(rest); err != nil {
		return p, 0, err
	}
	// Blanks before a payload, and alone, say nothing: some clients end each message
	// with a line break.
	if rest = bytes.TrimLeft(rest, " \t\r\n"); len(rest) > 0 {
		p.Data = rest
	}
	return p, attachments, nil
}

// readCount reads the number of attachments: one to three digits and a dash.
// Zero is refused, because nothing would ever complete the packet.
func readCount(src []byte, lim *Limits) (n int, rest []byte, err error) {
	i := 0
	for i < len(src) && i < 3 && isDigit(src[i]) {
		n = n*10 + int(src[i]-'0')
		i++
	}
	if n == 0 || i >= len(src) || src[i] != '-' {
		return 0, nil, ErrAttachmentCount
	}
	if n > limitOf(lim.Attachments, MaxAttachments) {
		return 0, nil, ErrTooManyAttachments
	}
	return n, src[i+1:], nil
}

// readNamespace reads a name up to a comma or the end.
func (d *Decoder) readNamespace(p *Packet, src []byte, lim *Limits) (rest []byte, err error) {
	name := src
	if i := bytes.IndexByte(src, ','); i >= 0 {
		name, rest = src[:i], src[i+1:]
	}
	if len(name) > limitOf(lim.Namespace, defaultNamespace) {
		return nil, ErrNamespaceTooLong
	}
	if len(name) > 1 {
		if string(name) != d.namespace {
			d.namespace = string(name)
		}
		p.Namespace = d.namespace
	}
	return rest, nil
}

// readID reads an acknowledgement id: nothing, or at most 16 digits that make
// an integer of JavaScript.
func readID(src []byte) (id uint64, ok bool, rest []byte, err error) {
	i := 0
	for ; i < len(src) && isDigit(src[i]); i++ {
		if i == 16 {
			return 0, false, nil, ErrID
		}
		id = id*10 + uint64(src[i]-'0')
	}
	if id > maxID {
		return 0, false, nil, ErrID
	}
	return id, i > 0, src[i:], nil
}

// validate checks the payload's JSON, and its shape against the type.
func validate(p *Packet, attachments int, lim *Limits) error {
	if p.Data == nil {
		switch p.Type {
		case Connect, Disconnect, Ack:
			return nil
		}
		return ErrPayload
	}
	switch c := p.Data[0]; p.Type {
	case Connect:
		if c != '{' {
			return errAuth
		}
	case ConnectError:
		if c != '{' && c != '"' {
			return ErrPayload
		}
	case Disconnect:
		return ErrPayload
	default:
		if c != '[' {
			return ErrPayload
		}
	}
	s := scanner{src: p.Data, maxDepth: limitOf(lim.Depth, defaultDepth), attachments: attachments}
	if err := s.scanNaming(); err != nil {
		return err
	}
	if p.Type.IsEvent() {
		return validateName(p.rawName(), limitOf(lim.EventName, defaultEventName))
	}
	return nil
}

// validateName checks the first element of an event.
func validateName(raw []byte, limit int) error {
	if len(raw) == 0 {
		return ErrEventName
	}
	if c := raw[0]; c != '"' && c != '-' && !isDigit(c) {
		return ErrEventName
	}
	if len(raw)-2 > limit && (len(raw)-2)/6 > limit { // no need to decode it
		return ErrEventNameTooLong
	}
	name, quoted := unquote(raw)
	if len(name) > limit {
		return ErrEventNameTooLong
	}
	if quoted && IsReserved(string(name)) {
		return ErrReservedEvent
	}
	return nil
}

// unquote returns the text of a JSON string, which aliases raw where there are
// no escapes, or raw itself if it is not a string.
func unquote(raw []byte) (text []byte, quoted bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return raw, false
	}
	text = raw[1 : len(raw)-1]
	if bytes.IndexByte(text, '\\') < 0 {
		return text, true
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return text, true // cannot be: the text has been validated
	}
	return []byte(s), true
}
