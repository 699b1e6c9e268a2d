package msgpack

import (
	"github.com/tinylib/msgp/msgp"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/parser"
	"github.com/gosio/gosio/internal/msgjson"
)

// Parser implements [socketio.Parser]. The zero value is ready.
type Parser struct{}

var _ socketio.Parser = Parser{}

// Encode implements [socketio.Parser]. The only error is that of a payload
// which is no JSON, as another server of the cluster may send it.
func (Parser) Encode(p *parser.Packet, add func(message []byte, binary bool)) error {
	e := msgjson.NewWriter()
	defer e.Free()
	if err := write(e, p); err != nil {
		return err
	}
	add(e.Dst, true)
	return nil
}

// write writes the map {type, data, id, nsp}.
func write(e *msgjson.Writer, p *parser.Packet) error {
	t, data := p.Type, p.Data
	if t.IsBinary() {
		t -= parser.BinaryEvent - parser.Event
	}
	if len(data) == 0 && t == parser.Ack {
		data = []byte("[]") // the official decoder wants one
	}
	n := uint32(2)
	if len(data) > 0 {
		n++
	}
	if p.HasID {
		n++
	}
	e.Dst = msgp.AppendMapHeader(e.Dst, n)
	e.Dst = msgp.AppendUint8(msgp.AppendString(e.Dst, "type"), uint8(t))
	if len(data) > 0 {
		e.Dst = msgp.AppendString(e.Dst, "data")
		if err := e.Value(data, p.Attachments); err != nil {
			return err
		}
	}
	if p.HasID {
		e.Dst = msgp.AppendUint64(msgp.AppendString(e.Dst, "id"), p.ID)
	}
	e.Dst = msgp.AppendString(msgp.AppendString(e.Dst, "nsp"), p.Namespace)
	return nil
}
