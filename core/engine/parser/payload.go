package parser

import (
	"bytes"
	"iter"
)

// Separator stands between the packets of a polling payload. It cannot occur
// inside of one: JSON escapes control characters, and bytes travel as base64.
// See https://github.com/socketio/engine.io-protocol#http-long-polling-1.
const Separator byte = 0x1e

// Packets iterates over the packets of a polling payload, decoding each one as
// it is reached; nothing is allocated for the list. An empty segment (and so an
// empty payload, or a separator at either end) is an error. The first error is
// the last thing yielded, after the packets before it.
func Packets(payload []byte) iter.Seq2[Packet, error] {
	return func(yield func(Packet, error) bool) {
		for rest, more := payload, true; more; {
			var segment []byte
			segment, rest, more = cut(rest)
			p, err := Decode(segment)
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// cut returns the text form of the first packet of a payload and what follows
// its separator. more is false after the last packet.
func cut(payload []byte) (packet, rest []byte, more bool) {
	i := bytes.IndexByte(payload, Separator)
	if i < 0 {
		return payload, nil, false
	}
	return payload[:i:i], payload[i+1:], true
}
