package wire_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/internal/wire"
	"github.com/gosio/gosio/core/parser"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestForms: what is encoded, and what Read makes of the messages.
func TestForms(t *testing.T) {
	t.Parallel()
	binary := []any{"a", []byte("b")}
	for _, c := range []struct {
		name string
		make func() (engine.Message, []engine.Message, error)
		text string
		read parser.Packet
	}{
		{
			"event", func() (engine.Message, []engine.Message, error) { return wire.Event("/", 0, false, "e", nil) },
			`2["e"]`, parser.Packet{Type: parser.Event, Data: []byte(`["e"]`)},
		},
		{
			"event with id", func() (engine.Message, []engine.Message, error) { return wire.Event("/x", 12, true, "e", binary[:1]) },
			`2/x,12["e","a"]`, parser.Packet{Type: parser.Event, ID: 12, HasID: true, Data: []byte(`["e","a"]`)},
		},
		{
			"binary event", func() (engine.Message, []engine.Message, error) { return wire.Event("/x", 0, true, "e", binary) },
			`51-/x,0["e","a",{"_placeholder":true,"num":0}]`, parser.Packet{
				Type: parser.BinaryEvent, HasID: true, Data: []byte(`["e","a",{"_placeholder":true,"num":0}]`), Attachments: [][]byte{[]byte("b")},
			},
		},
		{
			"acknowledgement", func() (engine.Message, []engine.Message, error) { return wire.Ack("/", 3, nil) },
			`33[]`, parser.Packet{Type: parser.Ack, ID: 3, HasID: true, Data: []byte(`[]`)},
		},
		{
			"packet without data", func() (engine.Message, []engine.Message, error) {
				text, more := wire.Packet(&parser.Packet{Type: parser.Disconnect, Namespace: "/x"})
				return text, more, nil
			},
			`1/x,`, parser.Packet{Type: parser.Disconnect},
		},
	} {
		text, more, err := c.make()
		assert.NoError(t, err)
		assert.Equal(t, c.name, string(text.Payload()), c.text)
		assert.Equal(t, c.name+" read back", wire.Read(text, more), c.read)
	}
}

// TestData: what travels between servers has neither type nor id.
func TestData(t *testing.T) {
	t.Parallel()
	data, attachments, err := wire.EventData("e", []any{1, []byte("b")})
	assert.NoError(t, err)
	assert.Equal(t, "event", string(data), `["e",1,{"_placeholder":true,"num":0}]`)
	assert.Equal(t, "attachments", attachments, [][]byte{[]byte("b")})
	data, _, err = wire.AckData([]any{"long " + strings.Repeat("x", 200_000)}) // is not kept as scratch
	assert.NoError(t, err)
	assert.Equal(t, "ack", len(data), 200_009)
	for _, f := range []func() error{
		func() error { _, _, err := wire.EventData("e", []any{func() {}}); return err },
		func() error { _, _, err := wire.AckData([]any{func() {}}); return err },
		func() error { _, _, err := wire.Event("/", 0, false, "e", []any{func() {}}); return err },
		func() error { _, _, err := wire.EventText("/", "e", []any{func() {}}, 1); return err },
		func() error { _, _, err := wire.Ack("/", 0, []any{func() {}}); return err },
	} {
		assert.True(t, "no JSON", f() != nil)
	}
}

func TestEventText(t *testing.T) {
	t.Parallel()
	text, _, err := wire.EventText("/x", "e", nil, 30)
	assert.NoError(t, err)
	grown := append(text[:len(text)-1], strings.Repeat("y", 30)...)
	assert.True(t, "room", &grown[0] == &text[0])
	assert.Equal(t, "text", string(engine.Text(grown).Payload()), `2/x,["e"`+strings.Repeat("y", 30))
}

// form is a parser of the application's.
type form func(p *parser.Packet, add func(message []byte, binary bool)) error

func (f form) Encode(p *parser.Packet, add func([]byte, bool)) error { return f(p, add) }

func TestRecode(t *testing.T) {
	t.Parallel()
	errForm := errors.New("no form")
	p := parser.Packet{Type: parser.Event, Namespace: "/", Data: []byte(`["e"]`)}
	for name, c := range map[string]struct {
		form form
		want []string
		err  string
	}{
		"messages": {func(p *parser.Packet, add func([]byte, bool)) error {
			b := []byte("x")
			add(b, true)
			b[0] = 'y' // add has copied it
			add(p.Data, false)
			return nil
		}, []string{"x", `["e"]`}, ""},
		"error":      {func(_ *parser.Packet, add func([]byte, bool)) error { add(nil, true); return errForm }, nil, "no form"},
		"nothing":    {func(*parser.Packet, func([]byte, bool)) error { return nil }, nil, "has made no message"},
		"no UTF-8":   {func(_ *parser.Packet, add func([]byte, bool)) error { add([]byte("\xff"), false); return nil }, nil, "not valid UTF-8"},
		"any binary": {func(_ *parser.Packet, add func([]byte, bool)) error { add([]byte("\xff"), true); return nil }, []string{"\xff"}, ""},
	} {
		first, more, err := wire.Recode(c.form, p, true)
		if c.err != "" {
			assert.True(t, name, err != nil && strings.Contains(err.Error(), c.err))
			continue
		}
		assert.NoError(t, err)
		var got []string
		for _, m := range append([]engine.Message{first}, more...) {
			got = append(got, string(m.Payload()))
		}
		assert.Equal(t, name, got, c.want)
	}
}

// TestRecodePanics: a panic is the caller's, and the next packet has nothing of it.
func TestRecodePanics(t *testing.T) {
	t.Parallel()
	func() {
		defer func() { assert.Equal(t, "panic", recover(), any("form")) }()
		_, _, _ = wire.Recode(form(func(_ *parser.Packet, add func([]byte, bool)) error { add(nil, true); panic("form") }), parser.Packet{}, true)
	}()
	_, _, err := wire.Recode(form(func(*parser.Packet, func([]byte, bool)) error { return nil }), parser.Packet{}, true)
	assert.True(t, "no message", err != nil)
}
