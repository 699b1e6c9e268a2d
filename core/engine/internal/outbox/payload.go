package outbox

import (
	"slices"

	"github.com/gosio/gosio/core/engine/parser"
)

// AppendPayload appends a payload: the batch, then the control packet, if any.
func AppendPayload(body []byte, batch []Message, end string) []byte {
	for i, m := range batch {
		if i > 0 {
			body = append(body, parser.Separator)
		}
		body = m.appendPayload(body)
	}
	if end != "" {
		if len(batch) > 0 {
			body = append(body, parser.Separator)
		}
		body = append(body, end...)
	}
	return body
}

// AppendPayloadV3 is AppendPayload in protocol 3. The payload is binary if some of the
// batch is.
func AppendPayloadV3(dst []byte, batch []Message, end string) (body []byte, binary bool) {
	binary = slices.ContainsFunc(batch, func(m Message) bool { return m.Binary })
	for _, m := range batch {
		if binary {
			dst = parser.AppendBinaryV3(dst, m.Packet(), m.Binary)
		} else {
			dst = parser.AppendTextV3(dst, m.Packet())
		}
	}
	switch {
	case end == "":
	case binary:
		dst = parser.AppendBinaryV3(dst, []byte(end), false)
	default:
		dst = parser.AppendTextV3(dst, []byte(end))
	}
	return dst, binary
}

// MayCompress reports whether one of the messages may be compressed.
func MayCompress(batch []Message) bool {
	return slices.ContainsFunc(batch, func(m Message) bool { return !m.Plain })
}
