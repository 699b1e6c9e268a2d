package socketio

import "github.com/gosio/gosio/core/parser"

// Outgoing is an outgoing event, as listeners get it. It is valid only during the call.
type Outgoing struct {
	// Event is the event's name.
	Event string

	packet parser.Packet
	args   [][]byte
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
