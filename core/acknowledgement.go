package socketio

import (
	"encoding/json"

	"github.com/gosio/gosio/core/parser"
)

// Acknowledgement is what an event is acknowledged with, encoded, so that it can be kept
// and given again: see [Incoming.OnAck]. As JSON it has everything.
type Acknowledgement struct {
	// Data is the JSON array of the arguments, with placeholders for binary values.
	Data json.RawMessage `json:"data"`
	// Attachments are the binary values.
	Attachments [][]byte `json:"attachments,omitempty"`
}

// Size is what the acknowledgement takes, in bytes.
func (a *Acknowledgement) Size() (n int) {
	n = len(a.Data)
	for _, b := range a.Attachments {
		n += len(b)
	}
	return n
}

// OnAck has f called with the acknowledgement, once, on the goroutine that makes it and
// before it is sent: also when the client does not wait for one, has gone, and for
// failures. A listener of [Namespace.OnAny] calls it, or event middleware before it calls the handler; it is not for events of
// other servers. Several functions are called in their order; none may change what it gets.
func (in *Incoming) OnAck(f func(*Acknowledgement)) {
	if before := in.onAck; before != nil {
		in.onAck = func(a *Acknowledgement) { before(a); f(a) }
		return
	}
	in.onAck = f
}

// AckAgain acknowledges the event as another one was, if it has not been acknowledged and
// the client waits for that.
func (in *Incoming) AckAgain(a *Acknowledgement) error {
	if in.acked.Swap(true) {
		return nil
	}
	return in.sendAck(a)
}

// ackHeard is Ack for an event whose acknowledgement somebody wants to have.
func (in *Incoming) ackHeard(args []any) error {
	p, err := encodeAck(args)
	if err != nil || in.acked.Swap(true) {
		return err
	}
	a := &Acknowledgement{Data: p.Data, Attachments: p.Attachments}
	in.onAck(a)
	return in.sendAck(a)
}

func (in *Incoming) sendAck(a *Acknowledgement) error {
	if !in.packet.HasID {
		return nil
	}
	p := parser.Packet{Type: parser.Ack, Namespace: in.Socket.ns.name, ID: in.packet.ID, HasID: true, Data: a.Data, Attachments: a.Attachments}
	if len(p.Attachments) > 0 {
		p.Type = parser.BinaryAck
	}
	f, err := codeFor(in.Socket.ns.srv, p.Namespace, seal(p))
	if err != nil {
		return err
	}
	return in.Socket.send(&f)
}
