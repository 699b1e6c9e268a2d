package parser

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"unicode/utf8"
)

// Append appends the text of a packet to dst: the way to encode a Connect,
// Disconnect or ConnectError, or to forward a decoded packet. Data must be valid
// JSON for the type, or nil. Of the attachments only their number is written;
// they have to be sent after the text, in order and with nothing between.
func (p *Packet) Append(dst []byte) []byte {
	dst = append(dst, '0'+byte(p.Type))
	if p.Type.IsBinary() {
		dst = append(strconv.AppendInt(dst, int64(len(p.Attachments)), 10), '-')
	}
	dst = appendRoute(dst, p.Namespace, p.ID, p.HasID)
	return append(dst, p.Data...)
}

// AppendEvent appends the text of an event to dst, and returns the attachments
// to be sent after it: with some, the packet is a BinaryEvent. On error it
// returns dst as it was.
//
// Values are encoded as encoding/json does, without escaping HTML. A []byte, at
// any depth, becomes an attachment: the caller's own bytes, not a copy, so they
// must not change until they have been sent. A nil []byte is null. Named byte
// slices, json.RawMessage and types with MarshalJSON or MarshalText are left to
// encoding/json. No value is modified. What is not valid UTF-8 becomes U+FFFD, in
// strings and in JSON that is given as it is: clients drop a connection that brings
// anything else.
//
// The errors are ErrReservedEvent, ErrTooManyAttachments (more than
// MaxAttachments), ErrCycle, ErrLookalike and *MarshalError.
func AppendEvent(dst []byte, namespace string, id uint64, hasID bool, name string, args []any) (out []byte, attachments [][]byte, err error) {
	if IsReserved(name) {
		return dst, nil, ErrReservedEvent
	}
	out = appendRoute(append(dst, '0'+byte(Event)), namespace, id, hasID)
	body := len(out)
	out = appendString(append(out, '['), name)
	return finish(out, dst, body, true, args)
}

// AppendAck appends the text of an acknowledgement to dst; see AppendEvent.
func AppendAck(dst []byte, namespace string, id uint64, args []any) (out []byte, attachments [][]byte, err error) {
	out = appendRoute(append(dst, '0'+byte(Ack)), namespace, id, true)
	return finish(append(out, '['), dst, len(out), false, args)
}

// finish appends the arguments and the closing bracket. Dst is what came before
// the packet, and at body its array has begun. Only now it is known whether the packet is a binary one.
func finish(out, dst []byte, body int, comma bool, args []any) ([]byte, [][]byte, error) {
	var attachments [][]byte
	for _, arg := range args {
		if comma {
			out = append(out, ',')
		}
		comma = true
		var err error
		if out, attachments, err = appendValue(out, attachments, arg); err != nil {
			return dst, nil, err
		}
	}
	out = append(out, ']')
	if len(attachments) == 0 {
		return out, nil, nil
	}
	if len(attachments) > MaxAttachments {
		return dst, nil, ErrTooManyAttachments
	}
	if ambiguous(out[body:], len(attachments)) {
		return dst, nil, ErrLookalike
	}
	start := len(dst)
	out[start] += byte(BinaryEvent - Event) // and BinaryAck - Ack is the same
	var count [4]byte
	n := append(strconv.AppendInt(count[:0], int64(len(attachments)), 10), '-')
	return slices.Insert(out, start+1, n...), attachments, nil
}

// appendRoute appends the namespace and the id.
func appendRoute(dst []byte, namespace string, id uint64, hasID bool) []byte {
	if namespace != "" && namespace != DefaultNamespace {
		dst = append(append(dst, namespace...), ',')
	}
	if hasID {
		dst = strconv.AppendUint(dst, id, 10)
	}
	return dst
}

// appendValue appends one argument.
func appendValue(dst []byte, attachments [][]byte, v any) ([]byte, [][]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), attachments, nil
	case string:
		return appendString(dst, v), attachments, nil
	case bool:
		return strconv.AppendBool(dst, v), attachments, nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), attachments, nil
	case int64:
		return strconv.AppendInt(dst, v, 10), attachments, nil
	case int32:
		return strconv.AppendInt(dst, int64(v), 10), attachments, nil
	case uint:
		return strconv.AppendUint(dst, uint64(v), 10), attachments, nil
	case uint64:
		return strconv.AppendUint(dst, v, 10), attachments, nil
	case uint32:
		return strconv.AppendUint(dst, uint64(v), 10), attachments, nil
	case float64:
		return appendFloat(dst, attachments, v)
	case []byte:
		if v == nil {
			return append(dst, "null"...), attachments, nil
		}
		dst = appendPlaceholder(dst, len(attachments))
		return dst, append(attachments, v), nil
	case json.RawMessage:
		return appendRaw(dst, attachments, v)
	}
	if !holdsBytes(reflect.TypeOf(v)) {
		dst, err := appendJSON(dst, v)
		return dst, attachments, err
	}
	return appendDeep(dst, attachments, v)
}

// appendFloat writes a number the way JavaScript and encoding/json do.
func appendFloat(dst []byte, attachments [][]byte, f float64) ([]byte, [][]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return dst, attachments, &MarshalError{Type: reflect.TypeFor[float64](), Err: errFloat}
	}
	if abs := math.Abs(f); abs == 0 || abs >= 1e-6 && abs < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64), attachments, nil
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	if n := len(dst); dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' { // e-09 is e-9
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst, attachments, nil
}

// appendRaw writes JSON that is ready, once it is known to be valid.
func appendRaw(dst []byte, attachments [][]byte, raw json.RawMessage) ([]byte, [][]byte, error) {
	if raw == nil {
		return append(dst, "null"...), attachments, nil
	}
	s := scanner{src: raw, maxDepth: maxEncodeDepth}
	if s.scan() != nil {
		return dst, attachments, &MarshalError{Type: reflect.TypeOf(raw), Err: errRawMessage}
	}
	return validText(append(dst, raw...), len(dst)), attachments, nil
}

// ambiguous tells whether a text with attachments holds something else that
// clients may take for a placeholder. It scans only if that can be.
func ambiguous(text []byte, attachments int) bool {
	if bytes.Count(text, []byte("_placeholder")) == attachments && bytes.IndexByte(text, '\\') < 0 {
		return false
	}
	alike := 0
	s := scanner{src: text, attachments: attachments, alike: &alike}
	return s.scan() != nil || alike != attachments
}

func appendPlaceholder(dst []byte, num int) []byte {
	dst = append(dst, `{"_placeholder":true,"num":`...)
	return append(strconv.AppendInt(dst, int64(num), 10), '}')
}

// appendString writes a JSON string like JSON.stringify. What is not valid
// UTF-8 becomes U+FFFD.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := plain(s); i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(append(dst, s[start:i]...), "\uFFFD"...)
				start = i + 1
			}
			i += size
			continue
		}
		i++
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i-1]...)
		start = i
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i += plain(s[i:])
	}
	return append(append(dst, s[start:]...), '"')
}

// plain returns a number of leading bytes that stand in a JSON string as they
// are, a multiple of eight: it looks at eight at a time.
func plain(s string) (n int) {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	for ; len(s)-n >= 8; n += 8 {
		w := binary.LittleEndian.Uint64([]byte(s[n : n+8]))
		// The high bit of a byte: it is not ASCII; less than a space; '"'; '\'.
		if (w|(w-ones*' ')|((w^ones*'"')-ones)|((w^ones*'\\')-ones))&high != 0 {
			break
		}
	}
	return n
}

// sink is a json.Encoder that appends to a slice.
type sink struct {
	buf []byte
	enc *json.Encoder
}

// Write implements io.Writer.
func (s *sink) Write(p []byte) (int, error) {
	s.buf = append(s.buf, p...)
	return len(p), nil
}

var sinks = sync.Pool{New: func() any {
	s := new(sink)
	s.enc = json.NewEncoder(s)
	s.enc.SetEscapeHTML(false)
	return s
}}

// appendJSON leaves a value to encoding/json.
func appendJSON(dst []byte, v any) ([]byte, error) {
	s := sinks.Get().(*sink)
	s.buf = dst
	err := s.enc.Encode(v)
	out := s.buf
	s.buf = nil
	sinks.Put(s)
	if err != nil {
		return dst, &MarshalError{Type: reflect.TypeOf(v), Err: err}
	}
	out = out[:len(out)-1] // without the line feed
	if tooDeep(out[len(dst):]) {
		return dst, ErrCycle
	}
	return validText(out, len(dst)), nil
}

// tooDeep reports whether valid JSON has more than maxEncodeDepth levels. Few texts
// are large enough that it has to be read for that.
func tooDeep(text []byte) bool {
	if len(text) <= 2*maxEncodeDepth || bytes.Count(text, []byte{'['})+bytes.Count(text, []byte{'{'}) <= maxEncodeDepth {
		return false
	}
	s := scanner{src: text, maxDepth: maxEncodeDepth}
	return errors.Is(s.scan(), ErrTooDeep)
}
