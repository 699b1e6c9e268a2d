// Package wire makes the Engine.IO messages that clients get of Socket.IO packets, and
// reads packets back from them.
package wire

import (
	"bytes"
	"sync"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/parser"
)

// scratch holds the buffers that packets are encoded into before they are copied to
// buffers of their exact size.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

const maxScratch = 64 << 10

func putScratch(b *[]byte, used []byte) {
	if cap(used) <= maxScratch {
		*b = used[:0]
		scratch.Put(b)
	}
}

// EventData encodes the name and the arguments of an event: the JSON array of a packet,
// and its attachments.
func EventData(event string, args []any) (data []byte, attachments [][]byte, err error) {
	pooled := scratch.Get().(*[]byte)
	text, attachments, err := parser.AppendEvent((*pooled)[:0], parser.DefaultNamespace, 0, false, event, args)
	if err != nil {
		return nil, nil, err
	}
	return dataOf(pooled, text), attachments, nil
}

// EventDataIn is EventData with the memory of buf, as far as that is enough. data is a part
// of used.
func EventDataIn(buf []byte, event string, args []any) (data, used []byte, attachments [][]byte, err error) {
	used, attachments, err = parser.AppendEvent(buf[:0], parser.DefaultNamespace, 0, false, event, args)
	if err != nil {
		return nil, used, nil, err
	}
	return used[bytes.IndexByte(used, '['):], used, attachments, nil
}

// AckData is EventData for the arguments of an acknowledgement.
func AckData(args []any) (data []byte, attachments [][]byte, err error) {
	pooled := scratch.Get().(*[]byte)
	text, attachments, err := parser.AppendAck((*pooled)[:0], parser.DefaultNamespace, 0, args)
	if err != nil {
		return nil, nil, err
	}
	return dataOf(pooled, text), attachments, nil
}

// dataOf copies what is behind type, count and id.
func dataOf(pooled *[]byte, text []byte) []byte {
	data := bytes.Clone(text[bytes.IndexByte(text, '['):])
	putScratch(pooled, text)
	return data
}

// Event encodes an event, with an id if its recipient is to acknowledge the event.
func Event(namespace string, id uint64, hasID bool, event string, args []any) (text engine.Message, binary []engine.Message, err error) {
	pooled := scratch.Get().(*[]byte)
	buf, attachments, err := parser.AppendEvent((*pooled)[:0], namespace, id, hasID, event, args)
	if err != nil {
		return text, nil, err
	}
	return finish(pooled, buf), Binary(attachments), nil
}

// EventText is Event for a caller that appends at most room bytes to the text.
func EventText(namespace, event string, args []any, room int) (text []byte, attachments [][]byte, err error) {
	pooled := scratch.Get().(*[]byte)
	buf, attachments, err := parser.AppendEvent((*pooled)[:0], namespace, 0, false, event, args)
	if err != nil {
		return nil, nil, err
	}
	text = append(engine.TextBuffer(len(buf)+room), buf...)
	putScratch(pooled, buf)
	return text, attachments, nil
}

// Ack encodes an acknowledgement.
func Ack(namespace string, id uint64, args []any) (text engine.Message, binary []engine.Message, err error) {
	pooled := scratch.Get().(*[]byte)
	buf, attachments, err := parser.AppendAck((*pooled)[:0], namespace, id, args)
	if err != nil {
		return text, nil, err
	}
	return finish(pooled, buf), Binary(attachments), nil
}

func finish(pooled *[]byte, buf []byte) engine.Message {
	text := engine.Text(append(engine.TextBuffer(len(buf)), buf...))
	putScratch(pooled, buf)
	return text
}

// Packet encodes a packet whose data is encoded already.
func Packet(p *parser.Packet) (text engine.Message, binary []engine.Message) {
	head := 24 // type, count, commas
	if p.HasID {
		head += 20
	}
	buf := engine.TextBuffer(len(p.Data) + len(p.Namespace) + head)
	return engine.Text(p.Append(buf)), Binary(p.Attachments)
}

// Binary returns attachments as messages.
func Binary(attachments [][]byte) (binary []engine.Message) {
	for _, a := range attachments {
		binary = append(binary, engine.Binary(a))
	}
	return binary
}
