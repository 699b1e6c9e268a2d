package wire

import (
	"bytes"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/parser"
)

// Read reads back a packet that this package has encoded, but for its namespace.
func Read(text engine.Message, binary []engine.Message) parser.Packet {
	b := text.Payload()
	p := parser.Packet{Type: parser.Type(b[0] - '0')}
	b = b[1:]
	if p.Type.IsBinary() {
		b = b[bytes.IndexByte(b, '-')+1:]
	}
	if len(b) > 0 && b[0] == '/' {
		b = b[bytes.IndexByte(b, ',')+1:]
	}
	for len(b) > 0 && b[0]-'0' <= 9 {
		p.ID, p.HasID = p.ID*10+uint64(b[0]-'0'), true
		b = b[1:]
	}
	if len(b) > 0 {
		p.Data = b
	}
	for _, m := range binary {
		p.Attachments = append(p.Attachments, m.Payload())
	}
	return p
}
