package docs_test

import (
	"encoding/json"
	"errors"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/parser"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/parsers/msgpack"
)

// code: own
// JSON is a parser for clients whose packets are JSON objects in text messages.
type JSON struct{}

type jsonPacket struct {
	Type      parser.Type     `json:"type"`
	Namespace string          `json:"nsp"`
	ID        *uint64         `json:"id,omitempty"`
	Data      json.RawMessage `json:"data,omitempty"`
}

func (JSON) Encode(p *parser.Packet, add func(message []byte, binary bool)) error {
	if p.Type.IsBinary() {
		return errors.New("bytes are not for this parser")
	}
	out := jsonPacket{Type: p.Type, Namespace: p.Namespace, Data: p.Data}
	if p.HasID {
		out.ID = &p.ID
	}
	message, err := json.Marshal(out)
	if err == nil {
		add(message, false)
	}
	return err
}

// One packet is one message: there is nothing to remember between them.
func (JSON) NewDecoder(*parser.Limits) socketio.Decoder { return JSON{} }

func (JSON) Decode(message []byte, binary bool) (p parser.Packet, done bool, err error) {
	var in jsonPacket
	if binary {
		return p, false, errors.New("a binary message")
	}
	if err := json.Unmarshal(message, &in); err != nil {
		return p, false, err
	}
	p = parser.Packet{Type: in.Type, Namespace: in.Namespace, Data: in.Data}
	if in.ID != nil {
		p.ID, p.HasID = *in.ID, true
	}
	return p, true, nil
}

// end

func TestParsers(t *testing.T) {
	t.Parallel()
	// code: msgpack
	srv := socketio.NewServer(&socketio.Options{Parser: msgpack.Parser{}})
	// end
	t.Cleanup(srv.Close)
	conn := siotest.Open(t, srv, siotest.Options{})
	assert.NoError(t, conn.Send("bgqR0eXBlAKNuc3ChLw==")) // {type: 0, nsp: "/"}
	assert.Equal(t, "a map of type 0", conn.Next()[:10], "bg6R0eXBlA")
	assert.NoError(t, conn.Send("41"))
	conn.ExpectClosed()

	own := socketio.NewServer(&socketio.Options{Parser: JSON{}})
	t.Cleanup(own.Close)
	own.On("add", func(a, b int) int { return a + b })
	conn = siotest.Open(t, own, siotest.Options{})
	assert.NoError(t, conn.Send(`4{"type":0,"nsp":"/"}`))
	var welcome jsonPacket
	assert.NoError(t, json.Unmarshal([]byte(conn.Next()[1:]), &welcome))
	assert.Equal(t, "type", welcome.Type, parser.Connect)
	assert.NoError(t, conn.Send(`4{"type":2,"nsp":"/","id":1,"data":["add",1,2]}`))
	conn.Expect(`4{"type":3,"nsp":"/","id":1,"data":[3]}`)
	assert.NoError(t, own.Emit("news", 1))
	conn.Expect(`4{"type":2,"nsp":"/","data":["news",1]}`)
	assert.True(t, "bytes fail", own.Emit("news", []byte{1}) != nil)
	assert.NoError(t, conn.Send(`4{"type":2,"nsp":"/","data":["disconnect"]}`))
	conn.ExpectClosed()
}
