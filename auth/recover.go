package auth

import (
	"bytes"
	"context"
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	socketio "github.com/gosio/gosio/core"
)

// resumes decides whether a client that comes back may go on with the session
// that a token has opened: not if that was revoked meanwhile, when nobody was
// there to be ended, and not with a token that gives something else. What the
// application has made of the old claims, such as rooms, would live on.
func (g *shared[T]) resumes(ctx context.Context, before *Identity[T], next *socketio.Socket) bool {
	l, ok := lives.of(next, g).(*life[T])
	if !ok {
		return false
	}
	now := l.id.Load()
	return now != nil && sameGrants(before.Claims, now.Claims) && g.revoked(ctx, before) == nil
}

// fleeting are the claims that differ from token to token of one login.
var fleeting = []string{"exp", "nbf", "iat", "jti", "nonce", "at_hash", "c_hash", "s_hash", "uti", "aio", "rh"}

// sameGrants reports whether claims say the same of the client. They are compared
// by their JSON; where that does not show all of them, as they are, too.
func sameGrants[T any](a, b *T) bool {
	x, y := grantsOf(a), grantsOf(b)
	if x == nil || !reflect.DeepEqual(x, y) {
		return false
	}
	return len(x) > 0 && shown(reflect.ValueOf(a)) && shown(reflect.ValueOf(b)) || reflect.DeepEqual(lasting(a), lasting(b))
}

func grantsOf(claims any) (grants map[string]any) {
	text, err := json.Marshal(claims)
	if err != nil {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // two tenants' numbers may be one float64
	if d.Decode(&grants) != nil {
		return nil
	}
	for _, name := range fleeting {
		delete(grants, name)
	}
	return grants
}

// shown reports whether the JSON of a value shows all of it, as far as that can be
// known: what encodes itself may leave something out. The value has encoded
// already, so it has no cycles.
func shown(v reflect.Value) bool {
	switch t := v.Type(); {
	case slices.Contains(transparent, t):
		return true
	case encodesItself(t) || encodesItself(reflect.PointerTo(t)):
		return false
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return v.IsNil() || shown(v.Elem())
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if !shown(v.Index(i)) {
				return false
			}
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			if !shown(v.MapIndex(key)) {
				return false
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.Tag.Get("json") == "-" || !f.IsExported() && !embedsStruct(f) || !shown(v.Field(i)) {
				return false
			}
		}
	}
	return true
}

// transparent are types that encode themselves, and leave nothing out.
var transparent = []reflect.Type{
	reflect.TypeFor[time.Time](), reflect.TypeFor[*time.Time](), reflect.TypeFor[json.RawMessage](),
	reflect.TypeFor[jwt.NumericDate](), reflect.TypeFor[*jwt.NumericDate](), reflect.TypeFor[jwt.ClaimStrings](),
}

var (
	marshaler     = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

func encodesItself(t reflect.Type) bool {
	return t.Implements(marshaler) || t.Implements(textMarshaler)
}

// embedsStruct reports whether a field's own fields are encoded in its place.
func embedsStruct(f reflect.StructField) bool {
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return f.Anonymous && t.Kind() == reflect.Struct
}

// lasting returns a copy of claims without those that are fleeting, as far as the
// fields of a struct have their names.
func lasting[T any](claims *T) *T {
	c := *claims
	if v := reflect.ValueOf(&c).Elem(); v.Kind() == reflect.Struct {
		clearFleeting(v)
	}
	return &c
}

func clearFleeting(v reflect.Value) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			clearFleeting(v.Field(i))
		case f.IsExported() && slices.Contains(fleeting, name):
			v.Field(i).SetZero()
		}
	}
}
