package parser

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"unicode/utf8"
)

// Unmarshal decodes one argument, as [Packet.AppendArgs] returns it, into the value
// that dst points to, by the rules of encoding/json. Attachments are the
// packet's.
//
// A placeholder decodes into a []byte, or into an any as a []byte, at any depth.
// It gets the attachment itself, not a copy, and so do several references to the
// same one. A JSON string of base64 decodes into a []byte too. A placeholder
// that meets any other type, named byte slices among them, is an error; a
// json.RawMessage keeps it as it is. A type with its own UnmarshalJSON or
// UnmarshalText gets no attachments: dst itself sees the placeholder, and a type
// further inside a string without meaning in its place.
//
// The error is a *UnmarshalError. Then dst may have been filled in part.
func Unmarshal(raw []byte, attachments [][]byte, dst any) error {
	if unmarshalScalar(raw, dst) {
		return nil
	}
	var err error
	if len(attachments) == 0 {
		err = json.Unmarshal(raw, dst)
	} else {
		err = unmarshalDeep(raw, attachments, dst)
	}
	if err == nil {
		return nil
	}
	t := reflect.TypeOf(dst)
	if t == nil || t.Kind() != reflect.Pointer {
		return &UnmarshalError{Err: err}
	}
	return &UnmarshalError{Type: t.Elem(), Err: err}
}

// unmarshalScalar decodes the common simple cases without reflection. It
// reports false, having done nothing, for everything else.
func unmarshalScalar(raw []byte, dst any) bool {
	switch dst := dst.(type) {
	case *string:
		text, ok := plainString(raw)
		if ok && dst != nil {
			*dst = string(text)
			return true
		}
	case *int:
		n, ok := plainInt(raw)
		if ok && dst != nil && n >= math.MinInt && n <= math.MaxInt {
			*dst = int(n)
			return true
		}
	case *int64:
		n, ok := plainInt(raw)
		if ok && dst != nil {
			*dst = n
			return true
		}
	case *float64:
		n, ok := plainInt(raw)
		if ok && dst != nil {
			*dst = asFloat(raw, n)
			return true
		}
	case *bool:
		if b := string(raw) == "true"; dst != nil && (b || string(raw) == "false") {
			*dst = b
			return true
		}
	case *json.RawMessage:
		if dst != nil && len(raw) > 0 {
			*dst = append((*dst)[:0], raw...)
			return true
		}
	case *any:
		if dst != nil && *dst == nil {
			return unmarshalAny(raw, dst)
		}
	}
	return false
}

// unmarshalAny decodes a scalar into an empty interface.
func unmarshalAny(raw []byte, dst *any) bool {
	if text, ok := plainString(raw); ok {
		*dst = string(text)
		return true
	}
	if n, ok := plainInt(raw); ok {
		*dst = asFloat(raw, n)
		return true
	}
	switch string(raw) {
	case "true":
		*dst = true
	case "false":
		*dst = false
	case "null":
		*dst = nil
	default:
		return false
	}
	return true
}

// plainString returns the text of a string without escapes.
func plainString(raw []byte) ([]byte, bool) {
	if len(raw) < 2 || raw[0] != '"' || scanString(raw, 0) != len(raw) {
		return nil, false
	}
	text := raw[1 : len(raw)-1]
	if bytes.IndexByte(text, '\\') >= 0 || !utf8.Valid(text) {
		return nil, false
	}
	return text, true
}

// plainInt returns an integer of at most 15 digits, which a float64 holds too.
func plainInt(raw []byte) (n int64, ok bool) {
	digits := raw
	if len(raw) > 0 && raw[0] == '-' {
		digits = raw[1:]
	}
	if len(digits) == 0 || len(digits) > 15 || digits[0] == '0' && len(digits) > 1 {
		return 0, false
	}
	for _, c := range digits {
		if !isDigit(c) {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if len(digits) < len(raw) {
		n = -n
	}
	return n, true
}

// asFloat converts what plainInt has read; minus zero is a float of its own.
func asFloat(raw []byte, n int64) float64 {
	if n == 0 && raw[0] == '-' {
		return math.Copysign(0, -1)
	}
	return float64(n)
}

// unmarshalDeep replaces the placeholders in raw by marks, lets encoding/json
// decode that, and replaces the marks in the value by the attachments.
func unmarshalDeep(raw []byte, attachments [][]byte, dst any) error {
	spans := list{}
	s := scanner{src: raw, attachments: len(attachments), spans: &spans}
	if err := s.scan(); err != nil {
		return err
	}
	v := reflect.ValueOf(dst)
	if len(spans.found) == 0 || v.Kind() != reflect.Pointer || v.IsNil() ||
		implements(v.Type().Elem(), jsonUnmarshaler, textUnmarshaler) {
		return json.Unmarshal(raw, dst)
	}
	if p, ok := dst.(*[]byte); ok {
		if sp := spans.found[0]; len(raw) == sp.end-sp.start {
			*p = attachments[sp.index]
			return nil
		}
	}
	f := filler{marker: newMarker(), attachments: attachments}
	var marked []byte
	copied := 0
	for _, sp := range spans.found {
		marked = append(append(marked, raw[copied:sp.start]...), '"')
		marked = append(f.marker.appendText(marked, sp.index), '"')
		copied = sp.end
	}
	if err := json.Unmarshal(append(marked, raw[copied:]...), dst); err != nil {
		return err
	}
	return f.fill(v, 0)
}

// filler puts attachments in the place of marks.
type filler struct {
	marker      *marker
	attachments [][]byte
	seen        map[uintptr]bool // pointers and maps: dst may have had cycles before
}

// maxFillDepth is beyond what encoding/json decodes.
const maxFillDepth = 20_000

// fill replaces the marks in what v refers to, or in v if it can be set.
func (f *filler) fill(v reflect.Value, depth int) error {
	if depth > maxFillDepth {
		return ErrTooDeep
	}
	t := v.Type()
	switch {
	case t == bytesType:
		if i := f.marker.index(v.Bytes()); i >= 0 {
			v.SetBytes(f.attachments[i])
		}
		return nil
	case t == rawType:
		f.restore(v)
		return nil
	case depth > 0 && t.Kind() != reflect.Pointer && implements(t, jsonUnmarshaler, textUnmarshaler):
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		if f.marker.indexText(v.String()) >= 0 {
			v.SetString("") // a mark is never shown
			return errAttachmentType
		}
	case reflect.Interface:
		return f.iface(v, depth)
	case reflect.Pointer:
		if v.IsNil() || f.visited(v) {
			return nil
		}
		return f.fill(v.Elem(), depth+1)
	case reflect.Slice, reflect.Array:
		return f.elements(v, depth)
	case reflect.Map:
		return f.entries(v, depth)
	case reflect.Struct:
		for i := range t.NumField() {
			if field := t.Field(i); visible(field) {
				if err := f.fill(v.Field(i), depth+1); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// visited tells whether a pointer or map has been seen before.
func (f *filler) visited(v reflect.Value) bool {
	if f.seen == nil {
		f.seen = map[uintptr]bool{}
	}
	p := v.Pointer()
	if f.seen[p] {
		return true
	}
	f.seen[p] = true
	return false
}

// iface fills what an interface holds: a mark of encoding/json's is a string.
func (f *filler) iface(v reflect.Value, depth int) error {
	inner := v.Elem()
	if !inner.IsValid() {
		return nil
	}
	if s, ok := inner.Interface().(string); ok {
		if i := f.marker.indexText(s); i >= 0 {
			v.Set(reflect.ValueOf(f.attachments[i]))
		}
		return nil
	}
	switch inner.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		return f.fill(inner, depth+1) // these are filled in place
	}
	return nil
}

// elements fills a slice or array.
func (f *filler) elements(v reflect.Value, depth int) error {
	switch v.Type().Elem().Kind() {
	case reflect.Uint8:
		if v.Kind() == reflect.Slice && f.marker.index(v.Bytes()) >= 0 {
			v.SetZero()
			return errAttachmentType // a named byte slice
		}
		return nil
	case reflect.Bool, reflect.Int, reflect.Int64, reflect.Float64:
		return nil
	}
	for i := range v.Len() {
		if err := f.fill(v.Index(i), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// entries fills a map. Its values cannot be set in place.
func (f *filler) entries(v reflect.Value, depth int) error {
	if v.IsNil() || f.visited(v) {
		return nil
	}
	for it := v.MapRange(); it.Next(); {
		value := reflect.New(v.Type().Elem()).Elem()
		value.Set(it.Value())
		if err := f.fill(value, depth+1); err != nil {
			return err
		}
		v.SetMapIndex(it.Key(), value)
	}
	return nil
}

// restore turns the marks in raw JSON back into placeholders.
func (f *filler) restore(v reflect.Value) {
	open := append([]byte{'"'}, f.marker.prefix[:]...)
	var out []byte
	rest := v.Bytes()
	for i := bytes.Index(rest, open); i >= 0; i = bytes.Index(rest, open) {
		end := i + 1 + markText
		out = append(out, rest[:i]...)
		out = appendPlaceholder(out, f.marker.indexText(string(rest[i+1:end])))
		rest = rest[end+1:]
	}
	if out != nil {
		v.SetBytes(append(out, rest...))
	}
}
