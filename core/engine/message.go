package engine

import (
	"encoding/base64"

	"github.com/gosio/gosio/core/engine/internal/frame"
	"github.com/gosio/gosio/core/engine/parser"
)

// Message is one outgoing Engine.IO packet, encoded once for every transport
// and every session. It is immutable: a broadcast shares its bytes.
type Message struct {
	frame    []byte // the WebSocket frame: header, then the packet
	head     uint8  // length of the frame's header
	binary   bool
	volatile bool
	plain    bool // asks for no compression
	typed    bool // binary, and in the form of protocol 3
	answer   bool // the 101 in front of all frames
	follows  bool // the message before it is of the same Send: both are kept, or neither
}

// textHead is the room that TextBuffer leaves for the frame's header, and the
// packet's type.
const textHead = frame.MaxHeader + 1

// TextBuffer returns a buffer to which the text of a message is appended
// before [Text] seals it. It has room for size bytes of text.
func TextBuffer(size int) []byte {
	buf := make([]byte, textHead, textHead+size)
	buf[frame.MaxHeader] = '0' + byte(parser.TypeMessage)
	return buf
}

// Text seals a buffer that began as a [TextBuffer]. The buffer belongs to the
// message from then on and must not be written to.
func Text(buf []byte) Message {
	start := frame.PutHeader(buf, frame.Text, len(buf)-frame.MaxHeader)
	return Message{frame: buf[start:], head: uint8(frame.MaxHeader - start)}
}

// Binary returns a message that holds a copy of data.
func Binary(data []byte) Message {
	buf := make([]byte, frame.MaxHeader+len(data))
	copy(buf[frame.MaxHeader:], data)
	start := frame.PutHeader(buf, frame.Binary, len(data))
	return Message{frame: buf[start:], head: uint8(frame.MaxHeader - start), binary: true}
}

// Compress returns a message that may be compressed, as every message may by
// default, or must not be. See Options.HTTPCompression and [PerMessageDeflate].
func (m Message) Compress(on bool) Message {
	m.plain = !on
	return m
}

// Size is the number of bytes that the message counts against Options.SendBuffer:
// those of its WebSocket frame.
func (m Message) Size() int { return len(m.frame) }

// control returns a text packet that is not a message: ping, noop, close.
func control(packet string) Message {
	buf := append(make([]byte, frame.MaxHeader, frame.MaxHeader+len(packet)), packet...)
	start := frame.PutHeader(buf, frame.Text, len(packet))
	return Message{frame: buf[start:], head: uint8(frame.MaxHeader - start), plain: true}
}

// rawFrame returns a WebSocket control frame as a message, so that it leaves
// by the same queue as everything else.
func rawFrame(encoded []byte) Message { return Message{frame: encoded} }

var (
	pingMessage  = control("2")
	probeMessage = control("3probe")
)

// Payload returns the content of the message, without Engine.IO's packet type.
// The caller must not change it.
func (m Message) Payload() []byte {
	if m.binary && !m.typed {
		return m.packet()
	}
	return m.packet()[1:]
}

// packet returns what the message carries, without the WebSocket header.
func (m Message) packet() []byte { return m.frame[m.head:] }

// base64Text is the message as a client receives it that cannot take binary
// frames: 'b' and base64 in a text frame.
func (m Message) base64Text() Message {
	data := m.packet()
	n := 1 + base64.StdEncoding.EncodedLen(len(data))
	buf := make([]byte, frame.MaxHeader, frame.MaxHeader+n)
	buf = base64.StdEncoding.AppendEncode(append(buf, 'b'), data)
	start := frame.PutHeader(buf, frame.Text, n)
	return Message{frame: buf[start:], head: uint8(frame.MaxHeader - start), volatile: m.volatile, plain: m.plain}
}

// appendPayload appends the message as a part of a polling payload.
// See https://socket.io/docs/v4/engine-io-protocol/#http-long-polling-1.
func (m Message) appendPayload(dst []byte) []byte {
	if m.binary {
		return base64.StdEncoding.AppendEncode(append(dst, 'b'), m.packet())
	}
	return append(dst, m.packet()...)
}

// toV3 is a binary message as clients of protocol 3 get it, with the packet type.
func (m Message) toV3() Message {
	if !m.binary || m.typed {
		return m
	}
	data := m.packet()
	buf := make([]byte, frame.MaxHeader+1+len(data))
	buf[frame.MaxHeader] = byte(parser.TypeMessage)
	copy(buf[frame.MaxHeader+1:], data)
	start := frame.PutHeader(buf, frame.Binary, 1+len(data))
	m.frame, m.head, m.typed = buf[start:], uint8(frame.MaxHeader-start), true
	return m
}

// base64V3 is base64Text in protocol 3.
func (m Message) base64V3() Message {
	data := m.Payload()
	n := 2 + base64.StdEncoding.EncodedLen(len(data))
	buf := parser.AppendBase64V3(make([]byte, frame.MaxHeader, frame.MaxHeader+n), data)
	start := frame.PutHeader(buf, frame.Text, n)
	return Message{frame: buf[start:], head: uint8(frame.MaxHeader - start), volatile: m.volatile, plain: m.plain}
}
