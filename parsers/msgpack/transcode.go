package msgpack

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"

	"github.com/gosio/gosio/core/parser"
)

// transcoder reads MessagePack from src and appends JSON to dst. What a length
// claims is never allocated: there is only what src has.
type transcoder struct {
	src         []byte
	dst         []byte
	attachments [][]byte
	limit       int // of attachments
	depth       int
	base64      bool // bytes become strings
	lookalike   bool // an object may be taken for a placeholder
}

// value reads one value; level is how deep an array or map here would be.
func (t *transcoder) value(level int) error {
	var err error
	switch msgp.NextType(t.src) {
	case msgp.StrType:
		var text []byte
		if text, t.src, err = msgp.ReadStringZC(t.src); err == nil {
			t.dst = appendString(t.dst, text)
		}
	case msgp.IntType:
		var n int64
		if n, t.src, err = msgp.ReadInt64Bytes(t.src); err == nil {
			t.dst = strconv.AppendInt(t.dst, n, 10)
		}
	case msgp.UintType:
		var n uint64
		if n, t.src, err = msgp.ReadUint64Bytes(t.src); err == nil {
			t.dst = strconv.AppendUint(t.dst, n, 10)
		}
	case msgp.Float64Type, msgp.Float32Type:
		var f float64
		if f, t.src, err = msgp.ReadFloat64Bytes(t.src); err == nil {
			t.dst = appendFloat(t.dst, f)
		}
	case msgp.BoolType:
		var b bool
		if b, t.src, err = msgp.ReadBoolBytes(t.src); err == nil {
			t.dst = strconv.AppendBool(t.dst, b)
		}
	case msgp.NilType:
		t.dst, t.src = append(t.dst, "null"...), t.src[1:]
	case msgp.BinType:
		var b []byte
		if b, t.src, err = msgp.ReadBytesZC(t.src); err == nil {
			return t.bytes(b)
		}
	case msgp.ArrayType:
		return t.array(level)
	case msgp.MapType:
		return t.object(level)
	default:
		return t.ext()
	}
	if err != nil {
		return errMalformed
	}
	return nil
}

func (t *transcoder) array(level int) error {
	n, rest, err := msgp.ReadArrayHeaderBytes(t.src)
	switch {
	case err != nil:
		return errMalformed
	case level > t.depth:
		return parser.ErrTooDeep
	}
	t.src, t.dst = rest, append(t.dst, '[')
	for i := range n {
		if i > 0 {
			t.dst = append(t.dst, ',')
		}
		if err := t.value(level + 1); err != nil {
			return err
		}
	}
	t.dst = append(t.dst, ']')
	return nil
}

func (t *transcoder) object(level int) error {
	n, rest, err := msgp.ReadMapHeaderBytes(t.src)
	switch {
	case err != nil:
		return errMalformed
	case level > t.depth:
		return parser.ErrTooDeep
	}
	t.src, t.dst = rest, append(t.dst, '{')
	empty := true
	for range n {
		start := len(t.dst)
		if !empty {
			t.dst = append(t.dst, ',')
		}
		marked, err := t.key()
		if err != nil {
			return err
		}
		if t.undefined() { // JSON has no such members
			t.dst = t.dst[:start]
			continue
		}
		empty = false
		if marked && len(t.src) > 0 && t.src[0] == yes {
			t.lookalike = true
		}
		t.dst = append(t.dst, ':')
		if err := t.value(level + 1); err != nil {
			return err
		}
	}
	t.dst = append(t.dst, '}')
	return nil
}

// key reads the key of a map, and reports whether it is that of a placeholder.
func (t *transcoder) key() (marked bool, err error) {
	switch msgp.NextType(t.src) {
	case msgp.StrType:
		text, rest, err := msgp.ReadStringZC(t.src)
		if err != nil {
			return false, errMalformed
		}
		t.src, t.dst = rest, appendString(t.dst, text)
		return string(text) == "_placeholder", nil
	case msgp.IntType, msgp.UintType:
		t.dst = append(t.dst, '"')
		err = t.value(0)
		t.dst = append(t.dst, '"')
		return false, err
	}
	return false, errKey
}

// The bytes that values begin with which have a meaning here.
const (
	yes    = 0xc3
	ext8   = 0xc7
	ext16  = 0xc8
	ext32  = 0xc9
	fix1   = 0xd4
	fix8   = 0xd7
	fix16  = 0xd8
	notSet = "\xd4\x00" // and one byte: undefined
)

// undefined skips an undefined.
func (t *transcoder) undefined() bool {
	if len(t.src) < 3 || string(t.src[:2]) != notSet {
		return false
	}
	t.src = t.src[3:]
	return true
}

// ext reads an extension. Type 0 has a meaning of its own for each length.
func (t *transcoder) ext() error {
	if t.undefined() {
		t.dst = append(t.dst, "null"...)
		return nil
	}
	if len(t.src) == 0 {
		return errMalformed
	}
	form := t.src[0]
	typ, data, rest, ok := readExt(t.src)
	if !ok {
		return errMalformed
	}
	t.src = rest
	switch {
	case typ == 0 && form == fix8:
		t.dst = appendDate(t.dst, int64(binary.BigEndian.Uint64(data)))
		return nil
	case typ == 0 && form <= ext32:
		return t.bytes(data)
	}
	t.dst = strconv.AppendInt(append(t.dst, '['), int64(typ), 10)
	t.dst = append(t.dst, ',')
	err := t.bytes(data)
	t.dst = append(t.dst, ']')
	return err
}

// readExt splits src behind an extension.
func readExt(src []byte) (typ int8, data, rest []byte, ok bool) {
	var size uint64
	var head int // bytes before the data
	switch c := src[0]; {
	case c >= fix1 && c <= fix16:
		size, head = 1<<(c-fix1), 2
	case c == ext8 && len(src) > 1:
		size, head = uint64(src[1]), 3
	case c == ext16 && len(src) > 2:
		size, head = uint64(binary.BigEndian.Uint16(src[1:])), 4
	case c == ext32 && len(src) > 4:
		size, head = uint64(binary.BigEndian.Uint32(src[1:])), 6
	default:
		return 0, nil, nil, false
	}
	if uint64(len(src)) < uint64(head)+size {
		return 0, nil, nil, false
	}
	end := head + int(size)
	return int8(src[head-1]), src[head:end], src[end:], true
}

// bytes makes an attachment.
func (t *transcoder) bytes(b []byte) error {
	if t.base64 {
		t.dst = base64.StdEncoding.AppendEncode(append(t.dst, '"'), b)
		t.dst = append(t.dst, '"')
		return nil
	}
	n := len(t.attachments)
	if n >= t.limit {
		return parser.ErrTooManyAttachments
	}
	t.attachments = append(t.attachments, append([]byte{}, b...))
	t.dst = strconv.AppendInt(append(t.dst, placeholder...), int64(n), 10)
	t.dst = append(t.dst, '}')
	return nil
}

// placeholder is what core/parser writes for an attachment, up to its number.
const placeholder = `{"_placeholder":true,"num":`

// appendFloat writes a number as JSON.stringify does.
func appendFloat(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	if abs := math.Abs(f); abs == 0 || abs >= 1e-6 && abs < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	if n := len(dst); dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' { // e-09 is e-9
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

// appendDate writes a time as Date.toJSON does, from milliseconds.
func appendDate(dst []byte, ms int64) []byte {
	const most = 8_640_000_000_000_000 // what a Date can hold
	if ms < -most || ms > most {
		return append(dst, "null"...)
	}
	dst = append(dst, '"')
	t := time.UnixMilli(ms).UTC()
	year := t.Year()
	switch {
	case year < 0:
		dst = append(dst, '-')
	case year > 9999:
		dst = append(dst, '+')
	default:
		return t.AppendFormat(dst, `2006-01-02T15:04:05.000Z"`)
	}
	if year < 0 {
		year = -year
	}
	for digit := 100_000; digit > 0; digit /= 10 {
		dst = append(dst, '0'+byte(year/digit%10))
	}
	return t.AppendFormat(dst, `-01-02T15:04:05.000Z"`)
}

// appendString writes a JSON string.
func appendString(dst, text []byte) []byte {
	const hex = "0123456789abcdef"
	if !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, []byte("\uFFFD"))
	}
	dst = append(dst, '"')
	start := 0
	for i, c := range text {
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, text[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(dst, text[start:]...), '"')
}
