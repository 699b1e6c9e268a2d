package wire

import (
	"errors"
	"sync"
	"unicode/utf8"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/parser"
)

// Encoder is a form of packets other than the standard form.
type Encoder interface {
	Encode(p *parser.Packet, add func(message []byte, binary bool)) error
}

var (
	errNoOutput = errors.New("socketio: the parser has made no message of a packet")
	errNotText  = errors.New("socketio: the parser has made a text message that is not valid UTF-8")
)

// Recode encodes a packet in the form of e. It fails if e does, and if e has added no
// message, or a text that is not valid UTF-8. A panic of e is the caller's.
func Recode(e Encoder, p parser.Packet, compress bool) (first engine.Message, more []engine.Message, err error) {
	c := coders.Get().(*coder)
	defer c.free()
	c.packet, c.compress = p, compress
	if err := e.Encode(&c.packet, c.add); err != nil {
		return first, nil, err
	}
	switch {
	case !c.any:
		return first, nil, errNoOutput
	case c.broken:
		return first, nil, errNotText
	}
	return c.first, c.more, nil
}

// coder collects the messages of one packet.
type coder struct {
	packet   parser.Packet
	compress bool
	added
	add func(message []byte, binary bool) // take
}

type added struct {
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
	c.packet, c.added = parser.Packet{}, added{}
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
	m = m.Compress(c.compress)
	if c.any {
		c.more = append(c.more, m)
	} else {
		c.first, c.any = m, true
	}
}
