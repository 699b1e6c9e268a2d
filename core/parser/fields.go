package parser

import (
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// field is a member of the object that encoding/json makes of a struct.
type field struct {
	index    []int // the way there, through embedded structs
	name     string
	tagged   bool
	empty    bool // omitempty
	zero     bool // omitzero
	embedded reflect.Type
}

// fieldLists caches fieldsOf: reflect.Type to []field.
var fieldLists sync.Map

// fieldsOf returns the fields of a struct that encoding/json sees: exported ones,
// also of embedded structs, where no other of the same name comes before them.
func fieldsOf(t reflect.Type) []field {
	if known, ok := fieldLists.Load(t); ok {
		return known.([]field)
	}
	fields := dominant(findFields(t))
	fieldLists.Store(t, fields)
	return fields
}

// findFields goes through a struct and what it embeds, level by level.
func findFields(t reflect.Type) (fields []field) {
	next := []field{{embedded: t}}
	seen := map[reflect.Type]bool{}
	for len(next) > 0 {
		level := next
		next = nil
		times := map[reflect.Type]int{}
		for _, outer := range level {
			times[outer.embedded]++
		}
		for _, outer := range level {
			if seen[outer.embedded] {
				continue
			}
			seen[outer.embedded] = true
			for i := range outer.embedded.NumField() {
				f, ok := fieldOf(outer, i)
				switch {
				case !ok:
				case f.embedded != nil:
					next = append(next, f)
				case times[outer.embedded] > 1: // the same struct twice: neither is seen
					fields = append(fields, f, f)
				default:
					fields = append(fields, f)
				}
			}
		}
	}
	return fields
}

// fieldOf describes one field of a struct, or reports that encoding/json does not
// look at it. Embedded is set if only what is in it counts.
func fieldOf(outer field, i int) (f field, ok bool) {
	sf := outer.embedded.Field(i)
	if !visible(sf) {
		return f, false
	}
	name, options, _ := strings.Cut(sf.Tag.Get("json"), ",")
	if !validName(name) {
		name = ""
	}
	f.index = append(slices.Clip(outer.index), i)
	t := sf.Type
	if t.Name() == "" && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if name == "" && sf.Anonymous && t.Kind() == reflect.Struct {
		f.embedded = t
		return f, true
	}
	f.name, f.tagged = name, name != ""
	if name == "" {
		f.name = sf.Name
	}
	all := strings.Split(options, ",")
	f.empty, f.zero = slices.Contains(all, "omitempty"), slices.Contains(all, "omitzero")
	return f, true
}

// visible tells whether encoding/json looks at a field or at what it embeds.
func visible(f reflect.StructField) bool {
	if f.Tag.Get("json") == "-" {
		return false
	}
	if f.IsExported() {
		return true
	}
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return f.Anonymous && t.Kind() == reflect.Struct
}

// validName is encoding/json's rule for the names of tags.
func validName(name string) bool {
	for _, c := range name {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", c) && !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			return false
		}
	}
	return name != ""
}

// dominant leaves one field of each name: the outermost, or of several the one
// that has its name from a tag. If that is not one, there is none.
func dominant(fields []field) (kept []field) {
	rank := func(f field) int { // less is better
		if f.tagged {
			return 2 * len(f.index)
		}
		return 2*len(f.index) + 1
	}
	best := map[string]field{}
	rivals := map[string]int{}
	for _, f := range fields {
		switch b, ok := best[f.name]; {
		case !ok || rank(f) < rank(b):
			best[f.name], rivals[f.name] = f, 1
		case rank(f) == rank(b):
			rivals[f.name]++
		}
	}
	for name, f := range best {
		if rivals[name] == 1 {
			kept = append(kept, f)
		}
	}
	slices.SortFunc(kept, func(a, b field) int { return slices.Compare(a.index, b.index) })
	return kept
}

// in returns the field's value in a struct, or false where a pointer to an
// embedded struct is nil.
func (f *field) in(v reflect.Value) (reflect.Value, bool) {
	for i, x := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v, true
}

// set sets the field in a copy, and makes the embedded structs on the way.
func (f *field) set(copied, v reflect.Value) {
	for i, x := range f.index {
		if i > 0 && copied.Kind() == reflect.Pointer {
			if copied.IsNil() {
				copied.Set(reflect.New(copied.Type().Elem()))
			}
			copied = copied.Elem()
		}
		copied = settable(copied.Field(x))
	}
	copied.Set(v)
}

// settable gives access to a field of a copy, which is nobody else's, also if it
// is an embedded struct of an unexported type.
func settable(v reflect.Value) reflect.Value {
	if v.CanSet() {
		return v
	}
	return reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem()
}

// copyStruct copies the fields that encoding/json looks at; the others may be in
// use by somebody else, such as a mutex, and are not read. A type with an IsZero
// method may look at them, and is copied as encoding/json itself does.
func copyStruct(v reflect.Value) reflect.Value {
	t := v.Type()
	copied := reflect.New(t).Elem()
	fields := fieldsOf(t)
	if reflect.PointerTo(t).Implements(zeroer) && v.CanInterface() {
		copied.Set(v)
		for i := range t.NumField() { // those are the original's
			if f := t.Field(i); f.Anonymous && f.Type.Kind() == reflect.Pointer && visible(f) {
				settable(copied.Field(i)).SetZero()
			}
		}
	}
	for i := range fields {
		if from, ok := fields[i].in(v); ok {
			fields[i].set(copied, readable(from))
		}
	}
	return copied
}

// readable makes a field that has been reached through an embedded struct of an
// unexported type, and is one itself, a value like any other.
func readable(v reflect.Value) reflect.Value {
	switch {
	case v.CanInterface():
		return v
	case v.Kind() == reflect.Pointer:
		return reflect.NewAt(v.Type().Elem(), v.UnsafePointer())
	}
	return copyStruct(v)
}

var zeroer = reflect.TypeFor[interface{ IsZero() bool }]()

// omits tells whether encoding/json leaves a field out for its value. What goes
// into the copy, a mark, may be neither empty nor zero where the value is.
func (f *field) omits(v reflect.Value) bool {
	if f.empty && v.Type() == bytesType && v.Len() == 0 {
		return true
	}
	return f.zero && isZero(v)
}

// isZero asks as encoding/json does for omitzero, if the type says what is zero.
func isZero(v reflect.Value) bool {
	t := v.Type()
	switch {
	case !v.CanInterface():
		return false
	case t.Implements(zeroer):
		switch {
		case t.Kind() == reflect.Interface && (v.IsNil() || v.Elem().Kind() == reflect.Pointer && v.Elem().IsNil()):
			return true
		case t.Kind() == reflect.Pointer && v.IsNil():
			return true
		}
		return v.Interface().(interface{ IsZero() bool }).IsZero()
	case reflect.PointerTo(t).Implements(zeroer):
		if !v.CanAddr() {
			boxed := reflect.New(t).Elem()
			boxed.Set(v)
			v = boxed
		}
		return v.Addr().Interface().(interface{ IsZero() bool }).IsZero()
	}
	return false // a zero value has no bytes
}
