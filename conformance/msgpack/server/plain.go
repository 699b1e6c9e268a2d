package main

import (
	"encoding/json"
	"errors"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/parser"
)

// plain is the parser of the Socket.IO documentation: a packet is a JSON object
// in a text message. It has no bytes. See plain.mjs for the client's side.
type plain struct{}

type plainPacket struct {
	Type      parser.Type     `json:"type"`
	Namespace string          `json:"nsp"`
	ID        *uint64         `json:"id,omitempty"`
	Data      json.RawMessage `json:"data,omitempty"`
}

func (plain) Encode(p *parser.Packet, add func(message []byte, binary bool)) error {
	if p.Type.IsBinary() {
		return errors.New("plain: no bytes")
	}
	out := plainPacket{Type: p.Type, Namespace: p.Namespace, Data: p.Data}
	if p.HasID {
		out.ID = &p.ID
	}
	b, err := json.Marshal(out)
	if err == nil {
		add(b, false)
	}
	return err
}

func (plain) NewDecoder(*parser.Limits) socketio.Decoder { return plain{} }

func (plain) Decode(message []byte, binary bool) (p parser.Packet, done bool, err error) {
	var in plainPacket
	if binary {
		return p, false, errors.New("plain: binary message")
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
