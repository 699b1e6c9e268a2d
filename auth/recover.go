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

// resumes decides whether a client that comes back may recover the session that a
// token has opened. It may not if that token was revoked meanwhile, as there was no
// socket to end; nor with a token of other claims, as the session would bring back
// what the application derived from the old claims, such as rooms.
func (g *shared[T]) resumes(ctx context.Context, before *Identity[T], next *socketio.Socket) bool {
	l, ok := lives.of(next, g).(*life[T])
	if !ok {
		return false
	}
	now := l.id.Load()
	return now != nil && sameGrants(before.Claims, now.Claims) && g.revoked(ctx, before) == nil
}

// perToken are the claims that differ between the tokens of one login.
var perToken = []string{"exp", "nbf", "iat", "jti", "nonce", "at_hash", "c_hash", "s_hash", "uti", "aio", "rh"}

// sameGrants reports whether claims say the same of the client. They are compared
// by their JSON; where that does not show all of them, as they are, too.
func sameGrants[T any](a, b *T) bool {
	x, y := grantsOf(a), grantsOf(b)
	if x == nil || !reflect.DeepEqual(x, y) {
		return false
	}
	return len(x) > 0 && jsonShowsAll(reflect.ValueOf(a)) && jsonShowsAll(reflect.ValueOf(b)) || reflect.DeepEqual(withoutPerToken(a), withoutPerToken(b))
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
	for _, name := range perToken {
		delete(grants, name)
	}
	return grants
}

// jsonShowsAll reports whether the JSON of a value shows all of the value, as far as
// that can be known: a type with its own encoder may leave something out. The value
// was encoded already, so it has no cycles.
func jsonShowsAll(v reflect.Value) bool {
	switch t := v.Type(); {
	case slices.Contains(encodeWhole, t):
		return true
	case encodesItself(t) || encodesItself(reflect.PointerTo(t)):
		return false
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return v.IsNil() || jsonShowsAll(v.Elem())
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if !jsonShowsAll(v.Index(i)) {
				return false
			}
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			if !jsonShowsAll(v.MapIndex(key)) {
				return false
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.Tag.Get("json") == "-" || !f.IsExported() && !embedsStruct(f) || !jsonShowsAll(v.Field(i)) {
				return false
			}
		}
	}
	return true
}

// encodeWhole are types with their own encoder that leave nothing out.
var encodeWhole = []reflect.Type{
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

// withoutPerToken returns a copy of claims without the claims in perToken, as far as
// fields of a struct have these names.
func withoutPerToken[T any](claims *T) *T {
	c := *claims
	if v := reflect.ValueOf(&c).Elem(); v.Kind() == reflect.Struct {
		clearPerToken(v)
	}
	return &c
}

func clearPerToken(v reflect.Value) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			clearPerToken(v.Field(i))
		case f.IsExported() && slices.Contains(perToken, name):
			v.Field(i).SetZero()
		}
	}
}
