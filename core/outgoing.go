package socketio

import "github.com/gosio/gosio/core/parser"

// Outgoing is an outgoing event, as listeners get it. It is valid only during the call.
type Outgoing struct {
	// Event is the event's name.
	Event string

	packet parser.Packet
	args   [][]byte
	to     *Socket
	heard  *hearers // nil: there is no acknowledgement
}

// Len is the number of arguments.
func (o *Outgoing) Len() int { return len(o.args) }

// Arg decodes argument i, as the client gets it, into the variable that dst points to.
func (o *Outgoing) Arg(i int, dst any) error {
	if i >= len(o.args) {
		return ErrMissingArgument
	}
	return parser.Unmarshal(o.args[i], o.packet.Attachments, dst)
}

// WantsAck reports whether the client is asked for an acknowledgement.
func (o *Outgoing) WantsAck() bool { return o.packet.HasID }

// OnAck has f called with what the client acknowledges the event with, if that comes in time,
// on the goroutine that waits for it, and before EmitWithAck returns. f must not change what
// it gets. Call OnAck before the listener returns: an Outgoing is for one socket after another. Of an event without acknowledgement f is never called.
func (o *Outgoing) OnAck(f func(*Acknowledgement)) {
	if o.heard != nil {
		o.heard.add(o.to, f)
	}
}
