package siotest

import (
	"encoding/json"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/parser"
)

// Message is an event, or an acknowledgement, that the server has sent.
type Message struct {
	// Event is the event's name, empty for an acknowledgement.
	Event string

	client *Client
	packet parser.Packet
	args   [][]byte
	reason string // of a disconnect
}

func newMessage(c *Client, p *parser.Packet) *Message {
	return &Message{Event: p.Event(), client: c, packet: *p, args: p.AppendArgs(nil)}
}

// Len is the number of arguments.
func (m *Message) Len() int { return len(m.args) }

// Decode decodes the arguments, in order, into the variables that dst point
// to. Binary decodes into []byte.
func (m *Message) Decode(dst ...any) {
	if len(dst) == 0 {
		return
	}
	m.client.t.Helper()
	if len(dst) > len(m.args) {
		m.client.t.Fatalf("siotest: %d arguments wanted of %s", len(dst), m)
	}
	for i, d := range dst {
		if err := parser.Unmarshal(m.args[i], m.packet.Attachments, d); err != nil {
			m.client.t.Fatalf("siotest: argument %d of %s: %v", i, m, err)
		}
	}
}

// String is the JSON array that the message came as, an event's name first.
// For binary there are placeholders.
func (m *Message) String() string { return string(m.packet.Data) }

// WantsAck reports whether the server waits for an acknowledgement.
func (m *Message) WantsAck() bool { return m.packet.HasID && m.packet.Type.IsEvent() }

// Ack answers the server. It is an error if the server does not wait for it.
func (m *Message) Ack(args ...any) {
	if !m.WantsAck() {
		m.client.t.Errorf("siotest: the server did not ask for an acknowledgement of %s", m)
		return
	}
	text, attachments, err := parser.AppendAck(nil, m.client.namespace, m.packet.ID, args)
	m.client.send(text, attachments, err)
}

// Failure is the error that an acknowledgement reports, or nil.
func (m *Message) Failure() *socketio.Error {
	var failed struct {
		Error *socketio.Error `json:"error"`
	}
	if len(m.args) != 1 || json.Unmarshal(m.args[0], &failed) != nil {
		return nil
	}
	return failed.Error
}
