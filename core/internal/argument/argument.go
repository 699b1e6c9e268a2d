// Package argument says in words what is wrong with an argument that does not decode.
package argument

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/gosio/gosio/core/internal/apperror"
)

// Missing is the problem with argument i, counted from 0, which should be of type t
// and has not come.
func Missing(i int, t reflect.Type) string {
	return fmt.Sprintf("argument %d is missing; it has to be %s", i+1, wanted(t))
}

// Unfit is the problem with argument i, counted from 0, which has come as raw, in an
// event with so many attachments, and does not decode into type t because of err. The
// text names what came without showing any of it.
func Unfit(i int, t reflect.Type, raw []byte, attachments int, err error) string {
	problem := fmt.Sprintf("argument %d", i+1)
	var deep *json.UnmarshalTypeError
	if errors.As(err, &deep) && deep.Type != nil && (deep.Field != "" || deep.Type != indirect(t)) {
		part := "a part"
		if deep.Field != "" {
			part = "field " + apperror.Clip(deep.Field)
		}
		came, _, _ := strings.Cut(deep.Value, " ") // "number 300" shows the value
		want := wanted(deep.Type)
		return fmt.Sprintf("%s of %s has to be %s, not %s", part, problem, want, butNot(came, want))
	}
	want := wanted(t)
	return fmt.Sprintf("%s has to be %s, not %s", problem, want, butNot(kindOf(raw, attachments), want))
}

func indirect(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// wanted says in JSON's words what decodes into a type.
func wanted(t reflect.Type) string {
	t = indirect(t)
	switch pointer := reflect.PointerTo(t); {
	case pointer.Implements(typeUnmarshaler):
		return "a value that fits"
	case pointer.Implements(typeTextUnmarshaler):
		return "a string that fits"
	case t == typeBytes:
		return "binary"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return "an integer of type " + t.Kind().String()
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "a value that fits"
}

var (
	typeBytes           = reflect.TypeFor[[]byte]()
	typeUnmarshaler     = reflect.TypeFor[json.Unmarshaler]()
	typeTextUnmarshaler = reflect.TypeFor[interface{ UnmarshalText([]byte) error }]()
)

// kindOf says what kind of value an argument is.
func kindOf(raw []byte, attachments int) string {
	if len(raw) == 0 {
		return "value"
	}
	if attachments > 0 && bytes.HasPrefix(raw, []byte(`{"_placeholder"`)) {
		return "binary"
	}
	switch raw[0] {
	case '"':
		return "string"
	case '{':
		return "object"
	case '[':
		return "array"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}

// butNot says what came, an encoding/json word for a value, where something
// else was wanted.
func butNot(came, wanted string) string {
	switch came {
	case "null", "binary":
		return came
	case "bool":
		came = "boolean"
	case "number": // of another size, or with a fraction
		return "this number"
	}
	words := "a " + came
	if came == "object" || came == "array" {
		words = "an " + came
	}
	if strings.HasPrefix(wanted, words) || strings.Contains(wanted, "that fits") {
		return "this " + came
	}
	return words
}
