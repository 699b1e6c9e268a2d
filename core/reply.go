package socketio

import (
	"encoding/json"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/parser"
)

// Reply is a client's acknowledgement.
type Reply struct {
	packet parser.Packet
	args   [][]byte
}

// Len is the number of arguments of the acknowledgement.
func (r *Reply) Len() int { return len(r.args) }

// Decode decodes the arguments, in order, into the variables that dst point to, and
// ignores further arguments. It returns [ErrMissingArgument] if there are fewer
// arguments, and an error if an argument does not decode.
func (r *Reply) Decode(dst ...any) error {
	for i, d := range dst {
		if i >= len(r.args) {
			return ErrMissingArgument
		}
		if err := parser.Unmarshal(r.args[i], r.packet.Attachments, d); err != nil {
			return err
		}
	}
	return nil
}

type ackResult struct {
	reply *Reply
	from  *Socket // of the reply
	err   error
}

// newReply makes a reply of what another server has sent, or returns nil if
// that is no acknowledgement.
func newReply(p *adapter.Packet) *Reply {
	if !isArray(p.Data) {
		return nil
	}
	r := &Reply{packet: parser.Packet{Type: parser.Ack, Data: p.Data, Attachments: p.Attachments}}
	r.args = r.packet.AppendArgs(nil)
	return r
}

// isArray reports whether data is a JSON array: what comes from other servers
// has not been through a decoder.
func isArray(data []byte) bool { return len(data) > 0 && data[0] == '[' && json.Valid(data) }

// travelling is a reply as it goes to another server.
func (r *Reply) travelling() *adapter.Packet {
	p := &adapter.Packet{Data: r.packet.Data, Attachments: r.packet.Attachments}
	if len(p.Data) == 0 {
		p.Data = []byte("[]")
	}
	return p
}
