package parser

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
)

// encoding/json knows nothing of attachments. So bytes pass through it under a
// mark: 18 random bytes and an index, as base64, which is what it makes of a
// []byte. The random part is drawn for each call, after the peer or the caller
// has said all it has to say, so that nobody can put a mark into a value.
const (
	markRandom = 18 // a multiple of 3, so that its base64 stands alone
	markBytes  = markRandom + 3
	markText   = markBytes / 3 * 4
)

// marker makes and recognizes the marks of one call.
type marker struct {
	random [markRandom]byte
	prefix [markRandom / 3 * 4]byte // random, as base64
}

func newMarker() *marker {
	m := new(marker)
	for i := 0; i < markRandom; i += 2 {
		binary.LittleEndian.PutUint16(m.random[i:], uint16(rand.Uint32()>>8))
	}
	base64.StdEncoding.Encode(m.prefix[:], m.random[:])
	return m
}

// bytes returns a new mark.
func (m *marker) bytes(index int) []byte {
	mark := make([]byte, 0, markBytes)
	mark = append(mark, m.random[:]...)
	return append(mark, byte(index>>16), byte(index>>8), byte(index))
}

// appendText appends a mark as base64, without quotes.
func (m *marker) appendText(dst []byte, index int) []byte {
	return base64.StdEncoding.AppendEncode(dst, m.bytes(index))
}

// index returns the index of a mark, or -1 for any other bytes.
func (m *marker) index(b []byte) int {
	if len(b) != markBytes || !bytes.HasPrefix(b, m.random[:]) {
		return -1
	}
	b = b[markRandom:]
	return int(b[0])<<16 | int(b[1])<<8 | int(b[2])
}

// indexText is index for the base64 of a mark.
func (m *marker) indexText(s string) int {
	if len(s) != markText || s[:len(m.prefix)] != string(m.prefix[:]) {
		return -1
	}
	var b [markBytes]byte
	if _, err := base64.StdEncoding.Decode(b[:], []byte(s)); err != nil {
		return -1
	}
	return m.index(b[:])
}

var (
	bytesType = reflect.TypeFor[[]byte]()
	rawType   = reflect.TypeFor[json.RawMessage]()

	jsonMarshaler   = reflect.TypeFor[json.Marshaler]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// implements tells whether t or *t has the methods of one of the interfaces.
func implements(t reflect.Type, a, b reflect.Type) bool {
	if t.Kind() == reflect.Interface {
		return false // what it holds decides
	}
	p := reflect.PointerTo(t)
	return p.Implements(a) || p.Implements(b)
}

// marshals tells whether values of a type encode themselves wherever they are.
func marshals(t reflect.Type) bool {
	return t.Kind() != reflect.Interface && (t.Implements(jsonMarshaler) || t.Implements(textMarshaler))
}

// marshalsHere tells whether a value of a type that is not marshals encodes
// itself where it is: a method of the pointer is called if there is one to be had.
func marshalsHere(v reflect.Value) bool {
	return v.CanAddr() && v.Kind() != reflect.Pointer && implements(v.Type(), jsonMarshaler, textMarshaler)
}

// holders caches holdsBytes: reflect.Type to bool.
var holders sync.Map

// holdsBytes tells whether values of a type can contain a []byte that
// encoding/json would reach without calling a method of the type's own.
func holdsBytes(t reflect.Type) bool {
	if known, ok := holders.Load(t); ok {
		return known.(bool)
	}
	holds := findBytes(t, map[reflect.Type]bool{})
	holders.Store(t, holds)
	return holds
}

// findBytes does the work of holdsBytes; seen ends the recursion of types.
func findBytes(t reflect.Type, seen map[reflect.Type]bool) bool {
	if t == bytesType {
		return true
	}
	if seen[t] || marshals(t) {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return findBytes(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if visible(f) && findBytes(f.Type, seen) {
				return true
			}
		}
	}
	return false
}

// appendDeep writes a value that may contain bytes: encoding/json gets a copy
// in which they are marks, and the marks in its output become placeholders, in
// the order of the text.
func appendDeep(dst []byte, attachments [][]byte, v any) ([]byte, [][]byte, error) {
	c := copier{}
	copied, changed := c.value(reflect.ValueOf(v), 0)
	if c.err != nil {
		return dst, attachments, c.err
	}
	if !changed {
		dst, err := appendJSON(dst, v)
		return dst, attachments, err
	}
	marked, err := appendJSON(nil, copied.Interface())
	if err != nil {
		if e := (*MarshalError)(nil); errors.As(err, &e) { // of the copy, which only we know
			err = e.Err
		}
		return dst, attachments, &MarshalError{Type: reflect.TypeOf(v), Err: err}
	}
	open := append([]byte{'"'}, c.marker.prefix[:]...)
	for {
		i := bytes.Index(marked, open)
		if i < 0 {
			return append(dst, marked...), attachments, nil
		}
		end := i + 1 + markText
		index := c.marker.indexText(string(marked[i+1 : end]))
		dst = appendPlaceholder(append(dst, marked[:i]...), len(attachments))
		attachments = append(attachments, c.found[index])
		marked = marked[end+1:]
	}
}

// maxEncodeDepth bounds the nesting of an argument, and the copier's recursion.
// Clients cannot read what has many more levels.
const maxEncodeDepth = 1000

// copier copies a value as far as it contains bytes.
type copier struct {
	marker *marker // made with the first bytes found
	found  [][]byte
	path   []reference // on the way to the value
	err    error
}

// value returns v itself if there are no bytes in it, or else a copy with marks.
func (c *copier) value(v reflect.Value, depth int) (copied reflect.Value, changed bool) {
	if c.err != nil || !v.IsValid() || !holdsBytes(v.Type()) || marshalsHere(v) {
		return v, false
	}
	if v.Type() == bytesType {
		return c.bytes(v)
	}
	if depth > maxEncodeDepth {
		c.err = ErrCycle
		return v, false
	}
	switch v.Kind() {
	case reflect.Interface:
		if inner, changed := c.value(v.Elem(), depth+1); changed {
			copied = reflect.New(v.Type()).Elem()
			copied.Set(inner)
			return copied, true
		}
	case reflect.Struct:
		return c.structure(v, depth)
	case reflect.Array:
		return c.elements(v, depth)
	case reflect.Pointer, reflect.Map, reflect.Slice:
		if v.IsNil() || !c.enter(v) {
			return v, false
		}
		defer c.leave()
		return c.follow(v, depth)
	}
	return v, false
}

// reference identifies a pointer, map or slice. A pointer to a struct and one to
// its first field share an address, so the type belongs to it.
type reference struct {
	typ  reflect.Type
	addr uintptr
	size int
}

// enter notes a reference on the path; one that is there already is a cycle.
func (c *copier) enter(v reflect.Value) bool {
	ref := reference{typ: v.Type(), addr: v.Pointer()}
	if v.Kind() == reflect.Slice {
		if ref.size = v.Len(); ref.size == 0 {
			return false
		}
	}
	if slices.Contains(c.path, ref) {
		c.err = ErrCycle
		return false
	}
	c.path = append(c.path, ref)
	return true
}

func (c *copier) leave() { c.path = c.path[:len(c.path)-1] }

// bytes replaces a []byte.
func (c *copier) bytes(v reflect.Value) (reflect.Value, bool) {
	if v.IsNil() {
		return v, false
	}
	if c.marker == nil {
		c.marker = newMarker()
	}
	c.found = append(c.found, v.Bytes())
	return reflect.ValueOf(c.marker.bytes(len(c.found) - 1)), true
}

// follow copies what a pointer, map or slice refers to.
func (c *copier) follow(v reflect.Value, depth int) (copied reflect.Value, changed bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if inner, changed := c.value(v.Elem(), depth+1); changed {
			copied = reflect.New(v.Type().Elem())
			copied.Elem().Set(inner)
			return copied.Convert(v.Type()), true
		}
	case reflect.Slice:
		return c.elements(v, depth)
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			inner, hit := c.value(it.Value(), depth+1)
			if !hit {
				continue
			}
			if !changed {
				copied, changed = copyMap(v), true
			}
			copied.SetMapIndex(it.Key(), inner)
		}
		if changed {
			return copied, true
		}
	}
	return v, false
}

// copyMap returns a shallow copy.
func copyMap(v reflect.Value) reflect.Value {
	copied := reflect.MakeMapWithSize(v.Type(), v.Len())
	for it := v.MapRange(); it.Next(); {
		copied.SetMapIndex(it.Key(), it.Value())
	}
	return copied
}

// elements copies a slice or array.
func (c *copier) elements(v reflect.Value, depth int) (copied reflect.Value, changed bool) {
	copied = v
	for i := range v.Len() {
		inner, hit := c.value(v.Index(i), depth+1)
		if !hit {
			continue
		}
		if !changed {
			changed = true
			if v.Kind() == reflect.Slice {
				copied = reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			} else {
				copied = reflect.New(v.Type()).Elem()
			}
			reflect.Copy(copied, v)
		}
		copied.Index(i).Set(inner)
	}
	return copied, changed
}

// structure copies a struct.
func (c *copier) structure(v reflect.Value, depth int) (copied reflect.Value, changed bool) {
	copied = v
	fields := fieldsOf(v.Type())
	for i := range fields {
		f := &fields[i]
		from, ok := f.in(v)
		if !ok || f.omits(from) {
			continue
		}
		inner, hit := c.value(from, depth+1)
		if !hit {
			continue
		}
		if !changed {
			changed, copied = true, copyStruct(v)
		}
		f.set(copied, inner)
	}
	return copied, changed
}
