package clusterwire_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gosio/gosio/core/parser"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/clusterwire"
)

// list is an array of n times the same.
func list(element string, n int) string {
	return "[" + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + "]"
}

// arrays and objects are so many levels.
func arrays(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
func objects(depth int) string {
	return strings.Repeat(`{"a":`, depth-1) + "{}" + strings.Repeat("}", depth-1)
}

// attachments are an array of n attachments, for pack.
func attachments(n int) (text string, list [][]byte) {
	elements := make([]string, n)
	for i := range elements {
		elements[i] = fmt.Sprintf(`{"_placeholder":true,"num":%d}`, i)
	}
	return "[" + strings.Join(elements, ",") + "]", make([][]byte, n)
}

// join is an envelope with n rooms and another member.
func join(n int, x string) string {
	return fmt.Sprintf(`{"type":4,"uid":"u","nsp":"/","data":{"opts":{"rooms":[]},"rooms":%s},"x":%s}`, list(`"r"`, n), x)
}

// TestLimits is at each limit, and over it.
func TestLimits(t *testing.T) {
	t.Parallel()
	broadcast := func(n int) []byte {
		text, list := attachments(n)
		return pack(t, `["u",{"type":2,"data":["e",`+text+`]},{}]`, list...)
	}
	type limits = clusterwire.Limits
	small, classic := join(3, "0"), broadcast(1)
	fetched := func(element string, n int) string { return `{"requestId":"r","sockets":` + list(element, n) + `}` }
	for _, c := range []struct {
		name   string
		src    []byte
		limits *limits
		want   error
	}{
		{"size", []byte(small), &limits{Size: len(small)}, nil},
		{"size, over", []byte(small), &limits{Size: len(small) - 1}, clusterwire.ErrTooLarge},
		{"size of a broadcast", classic, &limits{Size: len(classic)}, nil},
		{"size of a broadcast, over", classic, &limits{Size: len(classic) - 1}, clusterwire.ErrTooLarge},
		{"names", []byte(small), &limits{Names: 3}, nil},
		{"names, over", []byte(small), &limits{Names: 2}, clusterwire.ErrTooMany},
		{"names by default", []byte(join(100_000, "0")), nil, nil},
		{"names by default, over", []byte(join(100_001, "0")), nil, clusterwire.ErrTooMany},
		{"depth", []byte(join(0, arrays(9))), &limits{Depth: 10}, nil},
		{"depth, over", []byte(join(0, arrays(10))), &limits{Depth: 10}, parser.ErrTooDeep},
		{"depth by default", []byte(join(0, objects(1023))), nil, nil},
		{"depth by default, over", []byte(join(0, objects(1024))), nil, parser.ErrTooDeep},
		{"depth of packed arrays", pack(t, join(0, arrays(9))), &limits{Depth: 10}, nil},
		{"depth of packed arrays, over", pack(t, join(0, arrays(10))), &limits{Depth: 10}, parser.ErrTooDeep},
		{"depth of packed maps", pack(t, join(0, objects(9))), &limits{Depth: 10}, nil},
		{"depth of packed maps, over", pack(t, join(0, objects(10))), &limits{Depth: 10}, parser.ErrTooDeep},
		{"attachments", broadcast(2), &limits{Attachments: 2}, nil},
		{"attachments, over", broadcast(3), &limits{Attachments: 2}, parser.ErrTooManyAttachments},
		{"attachments by default", broadcast(999), nil, nil},
		{"attachments by default, over", broadcast(1000), nil, parser.ErrTooManyAttachments},
		{"sockets", []byte(fetched(`{"id":"a"}`, 2)), &limits{Sockets: 2}, nil},
		{"sockets, over", []byte(fetched(`{"id":"a"}`, 3)), &limits{Sockets: 2}, clusterwire.ErrTooMany},
		{"sockets by default", []byte(fetched(`{"id":"a"}`, 100_000)), nil, nil},
		{"sockets by default, over", []byte(fetched(`{"id":"a"}`, 100_001)), nil, clusterwire.ErrTooMany},
		{"ids", []byte(fetched(`"a"`, 100_000)), nil, nil},
		{"ids, over", []byte(fetched(`"a"`, 100_001)), nil, clusterwire.ErrTooMany},
	} {
		decode := clusterwire.DecodeEnvelope
		switch {
		case c.src[0] == 0x93:
			decode = clusterwire.DecodeClassicBroadcast
		case strings.Contains(string(c.src), "sockets"):
			decode = clusterwire.DecodeClassicResponse
		}
		if _, err := decode(c.src, c.limits); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, not %v", c.name, err, c.want)
		}
	}
}

// TestLimitsOfText: base64 is longer than what it stands for; and so are names
// that are no part of the data.
func TestLimitsOfText(t *testing.T) {
	t.Parallel()
	entry := clusterwire.Entry{Type: "4", Data: base64Of(string(pack(t, `{"opts":{},"rooms":["a"]}`)))}
	named := clusterwire.Entry{UID: "uid", Namespace: "/namespace", Type: "2"}
	session := base64Of(string(pack(t, `{"sid":"s","pid":"p","data":`+objects(9)+`}`)))
	decodeSession := func(l *clusterwire.Limits) error {
		_, err := clusterwire.DecodeSession(session, l)
		return err
	}
	decodeEntry := func(e clusterwire.Entry) func(l *clusterwire.Limits) error {
		return func(l *clusterwire.Limits) error {
			_, err := e.Decode(l)
			return err
		}
	}
	for name, c := range map[string]struct {
		decode func(l *clusterwire.Limits) error
		size   int
	}{
		"entry": {decodeEntry(entry), len(entry.Data)}, "names": {decodeEntry(named), len("uid/namespace")}, "session": {decodeSession, len(session)},
	} {
		assert.NoError(t, c.decode(&clusterwire.Limits{Size: c.size}))
		if err := c.decode(&clusterwire.Limits{Size: c.size - 1}); !errors.Is(err, clusterwire.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	assert.NoError(t, decodeSession(&clusterwire.Limits{Depth: 10}))
	assert.ErrorIs(t, decodeSession(&clusterwire.Limits{Depth: 9}), parser.ErrTooDeep)
}

// TestBytesOfSockets: what sockets have with them is no event, and may hold any
// number of bytes.
func TestBytesOfSockets(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 999, 1000, 3000} {
		text, bytes := attachments(n)
		members := `"requestId":"r","sockets":[{"id":"a","data":` + text + `},{"id":"b"}]`
		want := list(`""`, n)
		tried := map[string]func() (*clusterwire.Message, error){
			"envelope": func() (*clusterwire.Message, error) {
				return clusterwire.DecodeEnvelope(pack(t, `{"type":8,"uid":"u","nsp":"/","data":{`+members+`}}`, bytes...), nil)
			},
			"entry": func() (*clusterwire.Message, error) {
				e := clusterwire.Entry{Type: "8", Data: base64Of(string(pack(t, `{`+members+`}`, bytes...)))}
				return e.Decode(nil)
			},
			"classic response": func() (*clusterwire.Message, error) {
				return clusterwire.DecodeClassicResponse(pack(t, `{`+members+`}`, bytes...), nil)
			},
		}
		for form, decode := range tried {
			m, err := decode()
			if err != nil {
				t.Errorf("%s, %d: %v", form, n, err)
				continue
			}
			assert.Equal(t, form, string(m.Sockets[0].Data), want)
			assert.Equal(t, form, len(m.Sockets), 2)
		}
	}
}
