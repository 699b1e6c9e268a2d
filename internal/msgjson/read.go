package msgjson

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"

	"github.com/gosio/gosio/core/parser"
)

// Errors of a [Reader], beside parser.ErrTooDeep and ErrTooManyAttachments. The
// text tells nothing of the input.
var (
	ErrMalformed = errors.New("msgpack: malformed message")
	ErrKey       = errors.New("msgpack: key is neither a string nor an integer")
)

// MaxDepth bounds the nesting where nothing else does: values are read by
// recursion.
const MaxDepth = 10_000

// Reader reads MessagePack from Src and appends JSON to Dst, as JSON.stringify
// would make it. What a length claims is never allocated: there is only what Src
// has.
type Reader struct {
	Src         []byte
	Dst         []byte
	Attachments [][]byte // copies; Dst has their placeholders
	Limit       int      // of attachments
	Depth       int
	Base64      bool // bytes become strings
	Timestamps  bool // ext -1 is a time, as in MessagePack since 2017
	Lookalike   bool // is set: an object may be taken for a placeholder
}

// Value reads one value; level is how deep an array or map here would be.
func (t *Reader) Value(level int) error {
	var err error
	switch msgp.NextType(t.Src) {
	case msgp.StrType:
		var text []byte
		if text, t.Src, err = msgp.ReadStringZC(t.Src); err == nil {
			t.Dst = AppendString(t.Dst, text)
		}
	case msgp.IntType:
		var n int64
		if n, t.Src, err = msgp.ReadInt64Bytes(t.Src); err == nil {
			t.Dst = strconv.AppendInt(t.Dst, n, 10)
		}
	case msgp.UintType:
		var n uint64
		if n, t.Src, err = msgp.ReadUint64Bytes(t.Src); err == nil {
			t.Dst = strconv.AppendUint(t.Dst, n, 10)
		}
	case msgp.Float64Type, msgp.Float32Type:
		var f float64
		if f, t.Src, err = msgp.ReadFloat64Bytes(t.Src); err == nil {
			t.Dst = AppendFloat(t.Dst, f)
		}
	case msgp.BoolType:
		var b bool
		if b, t.Src, err = msgp.ReadBoolBytes(t.Src); err == nil {
			t.Dst = strconv.AppendBool(t.Dst, b)
		}
	case msgp.NilType:
		t.Dst, t.Src = append(t.Dst, "null"...), t.Src[1:]
	case msgp.BinType:
		var b []byte
		if b, t.Src, err = msgp.ReadBytesZC(t.Src); err == nil {
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
		return ErrMalformed
	}
	return nil
}

func (t *Reader) array(level int) error {
	n, rest, err := msgp.ReadArrayHeaderBytes(t.Src)
	switch {
	case err != nil:
		return ErrMalformed
	case level > t.Depth:
		return parser.ErrTooDeep
	}
	t.Src, t.Dst = rest, append(t.Dst, '[')
	for i := range n {
		if i > 0 {
			t.Dst = append(t.Dst, ',')
		}
		if err := t.Value(level + 1); err != nil {
			return err
		}
	}
	t.Dst = append(t.Dst, ']')
	return nil
}

func (t *Reader) object(level int) error {
	n, rest, err := msgp.ReadMapHeaderBytes(t.Src)
	switch {
	case err != nil:
		return ErrMalformed
	case level > t.Depth:
		return parser.ErrTooDeep
	}
	t.Src, t.Dst = rest, append(t.Dst, '{')
	empty := true
	for range n {
		start := len(t.Dst)
		if !empty {
			t.Dst = append(t.Dst, ',')
		}
		marked, err := t.key()
		if err != nil {
			return err
		}
		if t.Undefined() { // JSON has no such members
			t.Dst = t.Dst[:start]
			continue
		}
		empty = false
		if marked && len(t.Src) > 0 && t.Src[0] == yes {
			t.Lookalike = true
		}
		t.Dst = append(t.Dst, ':')
		if err := t.Value(level + 1); err != nil {
			return err
		}
	}
	t.Dst = append(t.Dst, '}')
	return nil
}

// key reads the key of a map, and reports whether it is that of a placeholder.
func (t *Reader) key() (marked bool, err error) {
	switch msgp.NextType(t.Src) {
	case msgp.StrType:
		text, rest, err := msgp.ReadStringZC(t.Src)
		if err != nil {
			return false, ErrMalformed
		}
		t.Src, t.Dst = rest, AppendString(t.Dst, text)
		return string(text) == "_placeholder", nil
	case msgp.IntType, msgp.UintType:
		t.Dst = append(t.Dst, '"')
		err = t.Value(0)
		t.Dst = append(t.Dst, '"')
		return false, err
	}
	return false, ErrKey
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

// Undefined skips an undefined. It reports whether there was one.
func (t *Reader) Undefined() bool {
	if len(t.Src) < 3 || string(t.Src[:2]) != notSet {
		return false
	}
	t.Src = t.Src[3:]
	return true
}

// ext reads an extension. Type 0 has a meaning of its own for each length.
func (t *Reader) ext() error {
	if t.Undefined() {
		t.Dst = append(t.Dst, "null"...)
		return nil
	}
	if len(t.Src) == 0 {
		return ErrMalformed
	}
	form := t.Src[0]
	typ, data, rest, ok := readExt(t.Src)
	if !ok {
		return ErrMalformed
	}
	t.Src = rest
	switch {
	case typ == 0 && form == fix8:
		t.Dst = appendDate(t.Dst, int64(binary.BigEndian.Uint64(data)))
		return nil
	case typ == 0 && form <= ext32:
		return t.bytes(data)
	case typ == -1 && t.Timestamps:
		if ms, ok := timestamp(data); ok {
			t.Dst = appendDate(t.Dst, ms)
			return nil
		}
	}
	t.Dst = strconv.AppendInt(append(t.Dst, '['), int64(typ), 10)
	t.Dst = append(t.Dst, ',')
	err := t.bytes(data)
	t.Dst = append(t.Dst, ']')
	return err
}

// timestamp reads the milliseconds of a time of MessagePack, in one of its three
// forms. See https://github.com/msgpack/msgpack/blob/master/spec.md#timestamp-extension-type.
func timestamp(data []byte) (ms int64, ok bool) {
	switch len(data) {
	case 4:
		return int64(binary.BigEndian.Uint32(data)) * 1000, true
	case 8:
		n := binary.BigEndian.Uint64(data)
		return int64(n&(1<<34-1))*1000 + int64(n>>34)/1e6, true
	case 12:
		const most = 1 << 43 // seconds; appendDate refuses what is left
		s := min(max(int64(binary.BigEndian.Uint64(data[4:])), -most), most)
		return s*1000 + int64(binary.BigEndian.Uint32(data))/1e6, true
	}
	return 0, false
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
func (t *Reader) bytes(b []byte) error {
	if t.Base64 {
		t.Dst = base64.StdEncoding.AppendEncode(append(t.Dst, '"'), b)
		t.Dst = append(t.Dst, '"')
		return nil
	}
	n := len(t.Attachments)
	if n >= t.Limit {
		return parser.ErrTooManyAttachments
	}
	t.Attachments = append(t.Attachments, append([]byte{}, b...))
	t.Dst = strconv.AppendInt(append(t.Dst, Placeholder...), int64(n), 10)
	t.Dst = append(t.Dst, '}')
	return nil
}

// Placeholder is what core/parser writes for an attachment, up to its number.
const Placeholder = `{"_placeholder":true,"num":`

// AppendFloat writes a number as JSON.stringify does.
func AppendFloat(dst []byte, f float64) []byte {
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

// AppendString writes a JSON string.
func AppendString(dst, text []byte) []byte {
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
