package auth

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Package encoding/json accepts "EXP" as "exp", takes the last of two members of one
// name, and accepts "1700000000" as a number. Other readers of the same token do
// not, so that an attacker who chooses one claim could choose another claim with it.
// RFC 7515, section 4, and RFC 7519, section 4, let a reader refuse such a token.

// names are the names of an object's members that a reader knows, and the names
// inside their values. nil knows no names.
type names struct {
	exact  map[string]*names // by name: the names inside that member
	folded map[string]bool   // by folded name: whether other cases of it are refused
	inside *names            // of the elements of an array, or of a map
}

// registered are the names of the claims of RFC 7519, section 4.1.
var registered = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"}

// headerNames are those of the header's members that decide something here.
var headerNames = namesOf("alg", "kid", "typ", "crit", "b64")

func namesOf(all ...string) *names {
	n := &names{exact: make(map[string]*names), folded: make(map[string]bool)}
	for _, name := range all {
		n.add(name, nil, true)
	}
	return n
}

func (n *names) add(name string, inside *names, strict bool) {
	n.exact[name] = inside
	key := fold(name)
	n.folded[key] = n.folded[key] || strict
}

// fold returns the same text for names that encoding/json takes as equal.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, name)
}

// claimNames are the names of the registered claims and of T's fields.
func claimNames[T any]() *names {
	n := namesOf(registered...)
	if t := reflect.TypeFor[T](); t.Kind() == reflect.Struct && !decodesItself(t) {
		n.fields(t, make(map[reflect.Type]*names), nil)
	}
	return n
}

var (
	unmarshaler     = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func decodesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(unmarshaler) || p.Implements(textUnmarshaler)
}

// fields adds the names by which encoding/json knows the fields of a struct. A
// field without a tag is meant to be found in any case, in one of them. outer are
// the structs that t is embedded in.
func (n *names) fields(t reflect.Type, known map[reflect.Type]*names, outer []reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			inner := f.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct {
				if !slices.Contains(outer, inner) {
					n.fields(inner, known, append(outer, t))
				}
				continue
			}
		}
		if !f.IsExported() || f.Tag.Get("json") == "-" {
			continue
		}
		if name == "" {
			n.add(f.Name, inside(f.Type, known), false)
		} else {
			n.add(name, inside(f.Type, known), true)
		}
	}
}

// inside are the names in a value of that type.
func inside(t reflect.Type, known map[reflect.Type]*names) *names {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if n := known[t]; n != nil || decodesItself(t) {
		return n
	}
	n := namesOf()
	switch t.Kind() {
	case reflect.Struct:
		known[t] = n
		n.fields(t, known, nil)
	case reflect.Slice, reflect.Array, reflect.Map:
		known[t] = n
		n.inside = inside(t.Elem(), known)
	default:
		return nil
	}
	return n
}

// The readings of JSON that are refused, in fixed words.
var (
	errNotJSON = errors.New("not the JSON of an object")
	errUTF8    = errors.New("not UTF-8")
	errTwice   = errors.New("a name comes twice")
	errCase    = errors.New("a name in other letters than its own")
)

// one checks that all readers understand a JSON text in the same way.
func (n *names) one(text []byte) error {
	if !utf8.Valid(text) {
		return errUTF8
	}
	return n.value(json.NewDecoder(bytes.NewReader(text)))
}

func (n *names) value(d *json.Decoder) error {
	begin, err := d.Token()
	if err != nil {
		return errNotJSON
	}
	switch begin {
	case json.Delim('{'):
		seen := make(map[string]struct{})
		for d.More() {
			if err := n.member(d, seen); err != nil {
				return err
			}
		}
	case json.Delim('['):
		for d.More() {
			if err := n.of("").value(d); err != nil {
				return err
			}
		}
	default:
		return nil
	}
	if _, err := d.Token(); err != nil { // the end
		return errNotJSON
	}
	return nil
}

// member checks a member's name and value.
func (n *names) member(d *json.Decoder, seen map[string]struct{}) error {
	t, err := d.Token()
	name, ok := t.(string)
	if err != nil || !ok {
		return errNotJSON
	}
	key := name
	if n != nil {
		_, exact := n.exact[name]
		folded := fold(name)
		switch strict, known := n.folded[folded]; {
		case strict && !exact:
			return errCase
		case known && !strict:
			key = folded
		}
	}
	if _, twice := seen[key]; twice {
		return errTwice
	}
	seen[key] = struct{}{}
	return n.of(name).value(d)
}

// of are the names in a member.
func (n *names) of(name string) *names {
	if n == nil {
		return nil
	}
	if found, ok := n.exact[name]; ok {
		return found
	}
	return n.inside
}

// maxTime is the last second of the year 9999. Times beyond it are mostly in
// milliseconds, and a token with such an expiry would not end.
const maxTime = 253402300799

// standard are the registered claims as they stand in a token.
type standard struct {
	id        string // "jti"
	issuer    string
	begins    bool // there is an "nbf" that can matter: jwt.MapClaims does not see 0
	expires   bool // there is an "exp"
	expiresAt time.Time
}

// read takes the registered claims from a payload that has one reading, and
// refuses them in other types than RFC 7519, section 4.1, gives them.
func (n *names) read(payload []byte) (c standard, err error) {
	if err := n.one(payload); err != nil {
		return c, err
	}
	var raw map[string]json.RawMessage
	if json.Unmarshal(payload, &raw) != nil || raw == nil {
		return c, errNotJSON
	}
	for _, name := range []string{"iss", "sub", "jti"} {
		if v, ok := raw[name]; ok && !isText(v) {
			return c, fmt.Errorf("%q is not a string", name)
		}
	}
	for _, name := range []string{"exp", "nbf", "iat"} {
		v, ok := raw[name]
		if !ok {
			continue
		}
		seconds, err := strconv.ParseFloat(string(v), 64) // which JSON's numbers are a part of
		if err != nil || !isNumber(v) {
			return c, fmt.Errorf("%q is not a number", name)
		}
		if seconds > maxTime || seconds < -maxTime {
			return c, fmt.Errorf("%q is beyond the year 9999: it must be in seconds", name)
		}
		switch name {
		case "nbf":
			c.begins = seconds > 0
		case "exp":
			c.expires, c.expiresAt = true, time.Unix(int64(seconds), 0)
		}
	}
	if v, ok := raw["aud"]; ok && !isText(v) && !areTexts(v) {
		return c, errors.New(`"aud" is neither a string nor a list of them`)
	}
	_ = json.Unmarshal(raw["jti"], &c.id) // checked above, or not there
	_ = json.Unmarshal(raw["iss"], &c.issuer)
	return c, nil
}

func isNumber(raw json.RawMessage) bool {
	return len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9')
}

// isText reports whether a value is a string, and one that has not lost what
// cannot be decoded: half of a surrogate pair.
func isText(raw json.RawMessage) bool {
	var s *string
	return json.Unmarshal(raw, &s) == nil && s != nil && !strings.ContainsRune(*s, utf8.RuneError)
}

func areTexts(raw json.RawMessage) bool {
	var all []json.RawMessage
	if json.Unmarshal(raw, &all) != nil || all == nil {
		return false
	}
	for _, v := range all {
		if !isText(v) {
			return false
		}
	}
	return true
}

// membersOf are the values that an object has under a name, none for null. It
// fails on what is neither.
func membersOf(object []byte, name string) (found []json.RawMessage, err error) {
	d := json.NewDecoder(bytes.NewReader(object))
	begin, err := d.Token()
	if err != nil || begin != json.Delim('{') && begin != nil || !json.Valid(object) {
		return nil, errNotJSON
	}
	for begin != nil && d.More() {
		t, err := d.Token()
		var v json.RawMessage
		if err != nil || d.Decode(&v) != nil {
			return nil, errNotJSON
		}
		if t == name {
			found = append(found, v)
		}
	}
	return found, nil
}

// textMember is an object's member that is to be a string: nil if there is none,
// or null, and [ambiguous] if it comes twice. It fails on what is no object and
// no null, and on another type.
func textMember(object []byte, name string) (text *string, err error) {
	found, err := membersOf(object, name)
	switch {
	case err != nil || len(found) == 0:
		return nil, err
	case len(found) > 1:
		twice := ambiguous
		return &twice, nil
	case json.Unmarshal(found[0], &text) != nil:
		return nil, fmt.Errorf("%q is not a string", name)
	}
	return text, nil
}
