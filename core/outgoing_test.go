package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf8"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/parser"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestOutgoingText: no packet of any kind leaves as text that is not valid UTF-8:
// browsers close their connection on it, and with recovery get it again.
func TestOutgoingText(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		for _, recovery := range []*socketio.Recovery{nil, {}} {
			a := newApp(t, socketio.Options{Recovery: recovery})
			raw := json.RawMessage("\"caf\xe9\"")
			const text = "caf\uFFFD"
			a.UseFunc(func(_ context.Context, s *socketio.Socket) error {
				if s.Handshake().Query().Has("no") {
					return &socketio.ConnectError{Message: "caf\xe9", Data: raw}
				}
				return s.Emit("early", raw)
			})
			a.On("ack", func() json.RawMessage { return raw })
			a.On("fail", func() error {
				return &socketio.Error{Code: "caf\xe9", Message: "caf\xe9", Data: map[string]any{"x": raw}}
			})
			a.On("nothing", func() any { return []any{raw, []byte("\xe9")} })
			conn := siotest.Open(t, a, o)
			expect := func(part string) {
				t.Helper()
				for {
					got := conn.Next()
					assert.True(t, got, utf8.ValidString(got))
					if got = strings.ReplaceAll(got, `\ufffd`, "\uFFFD"); strings.Contains(got, part) {
						return
					}
				}
			}
			assert.NoError(t, conn.Send("40"))
			expect(`["early","` + text + `"`)
			s := a.Sockets()[0]
			assert.NoError(t, s.Join("room"))
			assert.NoError(t, s.Emit("caf\xe9", raw))
			expect(`["` + text + `","` + text + `"`)
			assert.NoError(t, a.To("room").Emit("all", []any{raw}, []byte("\xe9")))
			expect(`["all",["` + text + `"],{`)
			synctest.Wait() // for a poll that takes it
			assert.NoError(t, a.Volatile().Emit("volatile", map[string]any{"x": raw}))
			expect(`["volatile",{"x":"` + text + `"}`)
			go func() { _, _ = s.EmitWithAck(t.Context(), "asked", raw) }()
			expect(`["asked","` + text + `"]`)
			assert.NoError(t, conn.Send(`421["ack"]`, `422["fail"]`, `423["nothing"]`))
			expect(`431["` + text + `"]`)
			expect(`432[{"error":{"code":"` + text + `","message":"` + text + `","data":{"x":"` + text + `"}}}]`)
			expect(`461-3[["` + text + `",{`)
			no := o
			no.Query = map[string][]string{"no": {""}}
			conn = siotest.Open(t, a, no)
			assert.NoError(t, conn.Send("40"))
			expect(`44{"message":"` + text + `","data":"` + text + `"}`)
		}
	})
}

// TestOutgoingLookalike: what clients would take for the placeholder of an
// attachment does not leave beside one, and harms nobody.
func TestOutgoingLookalike(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newApp(t, socketio.Options{})
		alike := map[string]any{"_placeholder": true, "num": 0}
		a.On("pass", func(s *socketio.Socket, v json.RawMessage) error { return s.Broadcast().Emit("passed", v, []byte("b")) })
		a.On("ack", func() any { return []any{alike, []byte("b")} })
		c := a.dial(t)
		s := a.socket(t, c)
		assert.ErrorIs(t, s.Emit("e", alike, []byte("b")), socketio.ErrLookalike)
		assert.ErrorIs(t, a.Emit("e", []byte("b"), []any{alike}), socketio.ErrLookalike)
		assert.ErrorIs(t, a.ServerSideEmit("e", alike, []byte("b")), socketio.ErrLookalike)
		_, err := s.EmitWithAck(t.Context(), "e", alike, []byte("b"))
		assert.ErrorIs(t, err, socketio.ErrLookalike)
		assert.NoError(t, s.Emit("alone", alike))
		var got map[string]any
		c.Expect("alone", &got)
		assert.Equal(t, "as it was", len(got), 2)
		other := a.dial(t)
		var failed struct{ Error struct{ Code string } }
		other.ExpectAck(other.EmitWithAck("pass", alike), &failed)
		assert.Equal(t, "who sends learns it", failed.Error.Code, "internal")
		other.ExpectAck(other.EmitWithAck("ack"), &failed)
		assert.Equal(t, "ack", failed.Error.Code, "internal")
		c.ExpectNone(0)
		a.log.take()
	})
}

// TestApplyPoison: an event of another server that clients could not take is an
// error, and reaches nobody, now or by recovery.
func TestApplyPoison(t *testing.T) {
	for _, recovery := range []*socketio.Recovery{nil, {}} {
		bad := []struct {
			data        string
			attachments [][]byte
		}{
			{"[\"e\",\"\xff\"]", nil},
			{"[\"\xff\"]", nil},
			{`["e",]`, nil},
			{`["e"]["f"]`, nil},
			{`[]`, nil},
			{`[{}]`, nil},
			{`["disconnect"]`, nil},
			{`["e",{"_placeholder":true,"num":1}]`, [][]byte{{1}}},
			{`["e",{"_placeholder":true,"num":-1}]`, [][]byte{{1}}},
			{`["e"]`, [][]byte{{1}}},
			{`["e",` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `]`, nil},
			{`["e"]`, make([][]byte, 11)},
		}
		t.Run("", func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := &broken{}
				a := newApp(t, socketio.Options{
					Recovery: recovery, Adapter: func(l adapter.Local) adapter.Adapter { b.local = l; return b },
				})
				c := a.dial(t)
				for _, test := range bad {
					p := adapter.Packet{Data: []byte(test.data), Attachments: test.attachments}
					assert.True(t, test.data, b.local.Apply(&adapter.Operation{Type: adapter.OpBroadcast, Packet: p}) != nil)
					err := b.local.Respond(t.Context(), &adapter.Operation{Type: adapter.OpCall, Packet: p}, func(*adapter.Response) {
						t.Errorf("%s: answered", test.data)
					})
					assert.True(t, test.data, err != nil)
				}
				c.ExpectNone(0)
				if recovery != nil {
					c = back(t, c, true)
					c.ExpectNone(0)
				}
				for _, data := range []string{`["e"]`, `[7,"x"]`, `["e" , null ]`, `["e",{"_placeholder":true,"num":9}]`} {
					assert.NoError(t, b.local.Apply(&adapter.Operation{Type: adapter.OpBroadcast, Packet: adapter.Packet{Data: []byte(data)}}))
					c.Next()
				}
			})
		})
	}
}

// choosy is a parser that cannot encode what its function says.
type choosy struct {
	standard
	encode func(p *parser.Packet, add func([]byte, bool)) error
}

func (c choosy) Encode(p *parser.Packet, add func([]byte, bool)) error {
	if err := c.encode(p, add); err != nil {
		return err
	}
	return c.standard.Encode(p, add)
}

// TestParserPoison: what a parser cannot encode, or makes broken text of, reaches
// nobody in another form.
func TestParserPoison(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newApp(t, socketio.Options{Parser: choosy{encode: func(p *parser.Packet, add func([]byte, bool)) error {
			if p.Type == parser.Event && p.Event() == "broken" {
				add([]byte("2[\"\xff\"]"), false)
			}
			return nil
		}}})
		c := a.dial(t)
		assert.True(t, "broken text", a.Emit("broken") != nil)
		assert.NoError(t, a.Emit("e"))
		c.Expect("e")
	})
}

// TestParserPoisonOffset: with recovery an event is encoded a second time, with
// its offset. When that fails the event goes without, and when that fails, too, to
// nobody: never in the standard form, which other clients do not read.
func TestParserPoisonOffset(t *testing.T) {
	bubble(t, func(t *testing.T) {
		seen := map[string]int{}
		a := newApp(t, socketio.Options{Recovery: &socketio.Recovery{}, Parser: choosy{encode: func(p *parser.Packet, add func([]byte, bool)) error {
			if p.Type != parser.Event {
				return nil
			}
			name := p.Event()
			seen[name]++
			if name == "once" && seen[name] > 1 || name == "short" && len(p.AppendArgs(nil)) > 0 {
				return errors.New("no form")
			}
			return nil
		}}})
		c := a.dial(t)
		s := a.socket(t, c)
		for _, emit := range []func(string, ...any) error{a.Emit, s.Emit, a.Volatile().Emit} {
			clear(seen)
			assert.NoError(t, emit("once"))
			assert.NoError(t, emit("short"))
			c.Expect("short")
			c.ExpectNone(0)
		}
		c.Conn().Cut()
		synctest.Wait()
		clear(seen)
		assert.NoError(t, a.Emit("once"))
		assert.NoError(t, a.Emit("e"))
		c = c.Reconnect()
		assert.True(t, "recovered", c.Recovered())
		c.Await("e")
		a.log.take()
	})
}
