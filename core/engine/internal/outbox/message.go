// Package outbox holds what waits to be sent to a client: messages, which are encoded
// once for all clients and transports, and the queues of a session.
package outbox

import (
	"encoding/base64"

	"github.com/gosio/gosio/core/engine/internal/frame"
	"github.com/gosio/gosio/core/engine/parser"
)

// Message is one outgoing Engine.IO packet. A broadcast shares its bytes, which are
// never changed.
type Message struct {
	Frame    []byte // the WebSocket frame: header, then the packet
	Head     uint8  // length of the frame's header; 0: a control frame, or no frame at all
	Binary   bool
	Volatile bool
	Plain    bool // must not be compressed, or was compressed
	Typed    bool // binary, and begins with the packet type, as in protocol 3
	Answer   bool // the 101 in front of all frames
	Follows  bool // the message before it is of the same Send: both are kept, or neither
	mark     uint8
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
	return Message{Frame: buf[start:], Head: uint8(frame.MaxHeader - start)}
}

// Binary returns a message that holds a copy of data.
func Binary(data []byte) Message {
	buf := make([]byte, frame.MaxHeader+len(data))
	copy(buf[frame.MaxHeader:], data)
	start := frame.PutHeader(buf, frame.Binary, len(data))
	return Message{Frame: buf[start:], Head: uint8(frame.MaxHeader - start), Binary: true}
}

// Draft returns a text message that lacks its end: buf began as a [TextBuffer]. It
// must not be queued.
func Draft(buf []byte) Message { return Message{Frame: buf, Head: frame.MaxHeader} }

// TextPacket returns a text packet that is not a message: ping, noop, close.
func TextPacket(packet string) Message {
	buf := append(make([]byte, frame.MaxHeader, frame.MaxHeader+len(packet)), packet...)
	start := frame.PutHeader(buf, frame.Text, len(packet))
	return Message{Frame: buf[start:], Head: uint8(frame.MaxHeader - start), Plain: true}
}

// RawFrame returns a WebSocket control frame as a message, so that it leaves
// by the same queue as everything else.
func RawFrame(encoded []byte) Message { return Message{Frame: encoded} }

// Payload returns the content of the message, without Engine.IO's packet type.
// The caller must not change it.
func (m Message) Payload() []byte {
	if m.Binary && !m.Typed {
		return m.Packet()
	}
	return m.Packet()[1:]
}

// Packet returns what the message carries, without the WebSocket header.
func (m Message) Packet() []byte { return m.Frame[m.Head:] }

// Base64Text is the message as a client receives it that cannot take binary
// frames: 'b' and base64 in a text frame.
func (m Message) Base64Text() Message {
	data := m.Packet()
	n := 1 + base64.StdEncoding.EncodedLen(len(data))
	buf := make([]byte, frame.MaxHeader, frame.MaxHeader+n)
	buf = base64.StdEncoding.AppendEncode(append(buf, 'b'), data)
	start := frame.PutHeader(buf, frame.Text, n)
	return Message{Frame: buf[start:], Head: uint8(frame.MaxHeader - start), Volatile: m.Volatile, Plain: m.Plain, mark: m.mark}
}

// MarkedAs returns the message with the mark of another one of its queue, which it stands for.
func (m Message) MarkedAs(other Message) Message {
	m.mark = other.mark
	return m
}

// Deflate replaces the frame by its compressed form, unless that is nil because it is
// not shorter. It returns by how many bytes that is shorter.
func (m *Message) Deflate(compressed []byte) (saved int) {
	m.Plain = true // done
	if compressed != nil {
		saved = len(m.Frame) - len(compressed)
		m.Frame = compressed
	}
	return saved
}

// appendPayload appends the message as a part of a polling payload.
// See https://socket.io/docs/v4/engine-io-protocol/#http-long-polling-1.
func (m Message) appendPayload(dst []byte) []byte {
	if m.Binary {
		return base64.StdEncoding.AppendEncode(append(dst, 'b'), m.Packet())
	}
	return append(dst, m.Packet()...)
}

// ToV3 is a binary message as clients of protocol 3 get it, with the packet type.
func (m Message) ToV3() Message {
	if !m.Binary || m.Typed {
		return m
	}
	data := m.Packet()
	buf := make([]byte, frame.MaxHeader+1+len(data))
	buf[frame.MaxHeader] = byte(parser.TypeMessage)
	copy(buf[frame.MaxHeader+1:], data)
	start := frame.PutHeader(buf, frame.Binary, 1+len(data))
	m.Frame, m.Head, m.Typed = buf[start:], uint8(frame.MaxHeader-start), true
	return m
}

// Base64V3 is Base64Text in protocol 3.
func (m Message) Base64V3() Message {
	data := m.Payload()
	n := 2 + base64.StdEncoding.EncodedLen(len(data))
	buf := parser.AppendBase64V3(make([]byte, frame.MaxHeader, frame.MaxHeader+n), data)
	start := frame.PutHeader(buf, frame.Text, n)
	return Message{Frame: buf[start:], Head: uint8(frame.MaxHeader - start), Volatile: m.Volatile, Plain: m.Plain, mark: m.mark}
}
