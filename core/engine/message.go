package engine

import "github.com/gosio/gosio/core/engine/internal/outbox"

// Message is one outgoing Engine.IO packet, encoded once for every transport
// and every session. It is immutable: a broadcast shares its bytes.
type Message struct{ out outbox.Message }

// TextBuffer returns a buffer to which the text of a message is appended
// before [Text] seals it. It has room for size bytes of text.
func TextBuffer(size int) []byte { return outbox.TextBuffer(size) }

// Text seals a buffer that began as a [TextBuffer]. The buffer belongs to the
// message from then on and must not be written to.
func Text(buf []byte) Message { return Message{outbox.Text(buf)} }

// Binary returns a message that holds a copy of data.
func Binary(data []byte) Message { return Message{outbox.Binary(data)} }

// Compress returns a message that may be compressed, as every message may by
// default, or must not be. See Options.HTTPCompression and [PerMessageDeflate].
func (m Message) Compress(on bool) Message {
	m.out.Plain = !on
	return m
}

// Size returns the number of bytes that the message counts against Options.SendBuffer:
// the size of its WebSocket frame.
func (m Message) Size() int { return len(m.out.Frame) }

// Payload returns the content of the message, without Engine.IO's packet type.
// The caller must not change it.
func (m Message) Payload() []byte { return m.out.Payload() }
