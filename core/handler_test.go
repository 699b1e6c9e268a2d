package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

type pair struct{ X, Y int }

// TestShapes: every shape that a handler may have. The client calls it with
// args and gets reply.
func TestShapes(t *testing.T) {
	type (
		sock = *socketio.Socket
		ctx  = context.Context
	)
	bad := func(problem string) string {
		return `[{"error":{"code":"bad_request","message":"arguments do not match the event: ` + problem + `"}}]`
	}
	tests := []struct {
		name    string
		handler any
		args    string // JSON, what follows the name
		reply   string
	}{
		{"nothing", func() {}, ``, `[]`},
		{"nothing, extra arguments", func() {}, `,1,2`, `[]`},
		{"context", func(c ctx) bool { return c.Err() == nil }, ``, `[true]`},
		{"socket", func(s sock) bool { return s.Connected() }, ``, `[true]`},
		{"context and socket", func(c ctx, s sock) bool { return c == s.Context() }, ``, `[true]`},
		{"everything", func(c ctx, s sock, a int, b string, ack socketio.Ack) { _ = ack(c != nil, s != nil, a, b) }, `,1,"x"`, `[true,true,1,"x"]`},
		{"socket, string", func(s sock, v string) {}, `,"x"`, `[]`},
		{"socket, string: another type", func(s sock, v string) {}, `,1`, bad("argument 1 has to be a string, not this number")},
		{"socket, raw", func(s sock, v json.RawMessage) {}, `,{"a":1}`, `[]`},
		{"socket, any", func(s sock, v any) {}, `,null`, `[]`},
		{"socket, bytes", func(s sock, v []byte) {}, `,"AQID"`, `[]`},
		{"string, ack", func(v string, ack socketio.Ack) { _ = ack(v) }, `,"x"`, `["x"]`},
		{"string, ack: missing", func(v string, ack socketio.Ack) { _ = ack(v) }, ``, bad("argument 1 is missing; it has to be a string")},
		{"any, ack", func(v any, ack socketio.Ack) { _ = ack(v) }, `,[1,{"a":null}]`, `[[1,{"a":null}]]`},
		{"raw, returned", func(v json.RawMessage) json.RawMessage { return v }, `,{ "a" : 1 }`, `[{ "a" : 1 }]`},
		{"struct", func(p pair) int { return p.X + p.Y }, `,{"x":1,"Y":2}`, `[3]`},
		{"pointer to struct", func(p *pair) bool { return p == nil }, `,{"x":1}`, `[false]`},
		{"pointer, missing", func(p *pair) bool { return p == nil }, ``, `[true]`},
		{"pointer, null", func(p *pair) bool { return p == nil }, `,null`, `[true]`},
		{"the second missing", func(a, b int) int { return a + b }, `,1`, bad("argument 2 is missing; it has to be an integer of type int")},
		{"the second optional", func(a int, b *int) bool { return b == nil }, `,1`, `[true]`},
		{"variadic", func(v ...int) int { return len(v) }, `,1,2,3`, `[3]`},
		{"variadic, none", func(v ...int) int { return len(v) }, ``, `[0]`},
		{"variadic, another type", func(v ...int) int { return len(v) }, `,1,"x"`, bad("argument 2 has to be an integer of type int, not a string")},
		{"variadic behind another", func(s string, v ...any) string { return fmt.Sprint(s, v) }, `,"a",1,null`, `["a[1 <nil>]"]`},
		{"variadic before ack is a slice", func(v []int, ack socketio.Ack) { _ = ack(len(v)) }, `,[1,2]`, `[2]`},
		{"ack before variadic", func(ack socketio.Ack, v ...int) { _ = ack(len(v)) }, `,1,2`, `[2]`},
		{"map", func(m map[string]float64) float64 { return m["a"] }, `,{"a":1.5}`, `[1.5]`},
		{"array", func(m [2]int) int { return m[1] }, `,[1,2]`, `[2]`},
		{"several results", func() (int, string, []int) { return 1, "two", []int{3} }, ``, `[1,"two",[3]]`},
		{"nil error", func() error { return nil }, ``, `[]`},
		{"result and nil error", func() (int, error) { return 1, nil }, ``, `[1]`},
		{"error and ack", func(socketio.Ack) error { return &socketio.Error{Code: "x", Message: "y"} }, ``, `[{"error":{"code":"x","message":"y"}}]`},
		{"event handler", func(_ ctx, in *socketio.Incoming) error {
			return &socketio.Error{Code: "n", Message: fmt.Sprint(in.Event, in.Len())}
		}, `,1,2`, `[{"error":{"code":"n","message":"e2"}}]`},
		{"named event handler", socketio.EventHandler(func(_ ctx, in *socketio.Incoming) error {
			var v int
			if err := in.Arg(0, &v); !errors.Is(err, socketio.ErrMissingArgument) {
				return err
			}
			return &socketio.Error{Code: "missing", Message: fmt.Sprint(in.WantsAck())}
		}), ``, `[{"error":{"code":"missing","message":"true"}}]`},
		{"number too large for its type", func(v int8) int8 { return v }, `,300`, bad("argument 1 has to be an integer of type int8, not this number")},
		{"number too large for a float", func(v float64) float64 { return v }, `,1e400`, bad("argument 1 has to be a number, not this number")},
		{"a boolean", func(v bool) {}, `,null,1`, `[]`},
		{"a boolean: a string", func(v bool) {}, `,"yes"`, bad("argument 1 has to be a boolean, not a string")},
		{"a struct: a string", func(v pair) {}, `,"x"`, bad("argument 1 has to be an object, not a string")},
		{"a struct: an array", func(v *pair) {}, `,[]`, bad("argument 1 has to be an object, not an array")},
		{"a field", func(v struct{ P []pair }) {}, `,{"p":[{"X":1},{"X":"secret"}]}`, bad("field P.X of argument 1 has to be an integer of type int, not a string")},
		{"a field: too large", func(v struct{ N uint8 }) {}, `,{"n":300}`, bad("field N of argument 1 has to be an integer of type uint8, not this number")},
		{"an element", func(v []int) {}, `,[true]`, bad("a part of argument 1 has to be an integer of type int, not a boolean")},
		{"bytes", func(v []byte) {}, `,5`, bad("argument 1 has to be binary, not this number")},
		{"bytes: no base64", func(v []byte) {}, `,"secret!"`, bad("argument 1 has to be binary, not a string")},
		{"a type of its own", func(v time.Time) {}, `,"secret"`, bad("argument 1 has to be a value that fits, not this string")},
		{"case of keys, duplicates", func(p pair) int { return p.X }, `,{"x":1,"X":2}`, `[2]`},
		{"lone surrogate", func(v string) string { return v }, `,"\ud800"`, "[\"\ufffd\"]"},
	}
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		c := siotest.Open(t, a, o)
		assert.NoError(t, c.Send("40"))
		c.Next()
		for _, tt := range tests {
			off := a.On("e", tt.handler)
			assert.NoError(t, c.Send(`425["e"`+tt.args+`]`))
			assert.Equal(t, tt.name, c.Next(), "435"+tt.reply)
			assert.NoError(t, c.Send(`42["e"`+tt.args+`]`)) // nobody waits for an answer
			off()
		}
		a.log.none(t)
	})
}

// TestWiring: what cannot work panics when it is registered, and says where.
func TestWiring(t *testing.T) {
	type sock = *socketio.Socket
	tests := []struct {
		name    string
		handler any
		want    string
	}{
		{"nil", nil, `socketio: handler of "e" is no function`},
		{"no function", 7, `socketio: handler of "e" is no function`},
		{"nil function", (func(int))(nil), `socketio: handler of "e" is no function`},
		{"nil function of a common shape", (func(sock, string))(nil), `socketio: handler of "e" is no function`},
		{"nil event handler", socketio.EventHandler(nil), `socketio: handler of "e" is no function`},
		{"socket before context", func(sock, context.Context) {}, `socketio: handler of "e": context.Context is out of place`},
		{"two sockets", func(_, _ sock) {}, `socketio: handler of "e": *socketio.Socket is out of place`},
		{"ack first", func(socketio.Ack, int) {}, `socketio: handler of "e": socketio.Ack is out of place`},
		{"variadic ack", func(...socketio.Ack) {}, `socketio: handler of "e": no event has an argument of type []socketio.Ack`},
		{"channel", func(chan int) {}, `socketio: handler of "e": no event has an argument of type chan int`},
		{"function", func(func()) {}, `socketio: handler of "e": no event has an argument of type func()`},
		{"interface with methods", func(fmt.Stringer) {}, `socketio: handler of "e": no event has an argument of type fmt.Stringer`},
		{"error", func(error) {}, `socketio: handler of "e": no event has an argument of type error`},
		{"complex", func(complex128) {}, `socketio: handler of "e": no event has an argument of type complex128`},
		{"ack and a result", func(socketio.Ack) int { return 0 }, `socketio: handler of "e": what it returns is the acknowledgement`},
		{"error before a result", func() (error, int) { return nil, 0 }, `socketio: handler of "e": the error has to be the last result`}, //nolint:staticcheck // that is the pair
		{"channel returned", func() chan int { return nil }, `socketio: handler of "e": no acknowledgement has an argument of type chan int`},
		{"function returned", func() func() { return nil }, `socketio: handler of "e": no acknowledgement has an argument of type func()`},
	}
	t.Parallel()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := socketio.NewServer(nil)
			got := panicText(func() { srv.On("e", tt.handler) })
			assert.True(t, fmt.Sprintf("%q begins with %q", got, tt.want), strings.HasPrefix(got, tt.want))
			srv.On("e", func() {}) // the failed one has left nothing behind
		})
	}
}

// TestNamesNobodySends: a handler that no client can reach.
func TestNamesNobodySends(t *testing.T) {
	t.Parallel()
	a := newApp(t, socketio.Options{Limits: socketio.Limits{EventName: 10}})
	begins := func(want string, f func()) {
		t.Helper()
		got := panicText(f)
		assert.True(t, fmt.Sprintf("%q begins with %q", got, want), strings.HasPrefix(got, want) && (want == "") == (got == ""))
	}
	begins("", func() { a.On("0123456789", func() {}) })
	begins(`socketio: handler of "01234567890": the name has 11 bytes`, func() { a.On("01234567890", func() {}) })
	begins(`socketio: handler of "01234567890": the name has 11 bytes`, func() { a.Once("01234567890", func() {}) })
	begins(`socketio: handler of "a\xff": the name is not valid UTF-8`, func() { a.On("a\xff", func() {}) })
	unlimited := newApp(t, socketio.Options{Limits: socketio.Limits{EventName: -1}})
	begins("", func() { unlimited.On(strings.Repeat("x", 1000), func() {}) })
}

func TestWiringOfHooks(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(nil)
	srv.On("e", func() {})
	tests := []struct {
		name string
		wire func()
		want string
	}{
		{"second handler", func() { srv.On("e", func() {}) }, `socketio: event "e" has a handler already` + otherwise},
		{"second handler, typed", func() {
			socketio.NewEvent[int, int]("e").Handle(srv, func(context.Context, *socketio.Socket, int) (int, error) { return 0, nil })
		}, `socketio: event "e" has a handler already` + otherwise},
		{"nil typed handler", func() { socketio.NewEvent[int, int]("f").Handle(srv, nil) }, `socketio: handler of "f" is no function`},
		{"nil middleware", func() { srv.Use(nil) }, `socketio: Use: nil`},
		{"nil middleware function", func() { srv.UseFunc(nil) }, `socketio: UseFunc: nil`},
		{"nil event middleware", func() { srv.UseEvent(nil) }, `socketio: UseEvent: nil`},
		{"nil connect hook", func() { srv.OnConnect(nil) }, `socketio: OnConnect: nil`},
		{"nil disconnecting hook", func() { srv.OnDisconnecting(nil) }, `socketio: OnDisconnecting: nil`},
		{"nil disconnect hook", func() { srv.OnDisconnect(nil) }, `socketio: OnDisconnect: nil`},
		{"unknown transport", func() { socketio.NewServer(&socketio.Options{Transports: []string{"carrier pigeon"}}) }, `socketio: unknown transport carrier pigeon`},
	}
	for _, name := range []string{"connect", "connect_error", "disconnect", "disconnecting", "connection", "newListener", "removeListener"} {
		text := panicText(func() { srv.On(name, func() {}) })
		assert.True(t, text, strings.HasPrefix(text, `socketio: event "`+name+`" is reserved`))
	}
	for _, tt := range tests {
		got := panicText(tt.wire)
		assert.True(t, fmt.Sprintf("%s: %q begins with %q", tt.name, got, tt.want), strings.HasPrefix(got, tt.want))
	}
}

// TestOff: a handler is taken off by what On returned, once, and only that one.
func TestOff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newApp(t, socketio.Options{})
		c := a.dial(t)
		s := a.socket(t, c)
		off := a.On("e", func() string { return "first" })
		assert.Equal(t, "reply", c.Call("e").String(), `["first"]`)
		own := s.On("e", func() string { return "the socket's" })
		assert.Equal(t, "reply", c.Call("e").String(), `["the socket's"]`)
		assert.Equal(t, "panic", panicText(func() { s.On("e", func() {}) }), `socketio: event "e" has a handler already`+otherwise)
		assert.Equal(t, "reply of another socket", a.dial(t).Call("e").String(), `["first"]`)
		own()
		assert.Equal(t, "reply", c.Call("e").String(), `["first"]`)
		off()
		a.On("e", func() string { return "second" })
		off()
		own()
		assert.Equal(t, "reply", c.Call("e").String(), `["second"]`)
	})
}

// TestFailures: what the client hears of a handler that fails, and the log.
func TestFailures(t *testing.T) {
	internal := `[{"error":{"code":"internal","message":"internal error"}}]`
	tests := []struct {
		name    string
		handler any
		reply   string
		log     string // empty: nothing
	}{
		{"an Error", func() error {
			return &socketio.Error{Code: socketio.CodeForbidden, Message: "no", Data: map[string]int{"a": 1}}
		}, `[{"error":{"code":"forbidden","message":"no","data":{"a":1}}}]`, ""},
		{"a wrapped Error", func() error {
			return fmt.Errorf("secret: %w", &socketio.Error{Code: socketio.CodeRateLimited, Message: "slow down"})
		}, `[{"error":{"code":"rate_limited","message":"slow down"}}]`, ""},
		{"another error", func() (int, error) { return 7, errors.New("secret") }, internal, "secret"},
		{"a panic", func() { panic("secret") }, internal, "secret"},
		{"a panic with an error", func() { panic(errors.New("secret")) }, internal, "secret"},
		{"a panic with ErrAbort", func() { panic(fmt.Sprint(nil)) }, internal, "nil"},
		{"a nil map", func() { var m map[string]int; m["a"] = 1 }, internal, "nil map"}, //nolint:staticcheck // that is the point
		{"a result that does not encode", func() float64 { return math.NaN() }, internal, "NaN"},
		{"too much binary in a result", func() [][]byte { return make11() }, internal, "attachments"},
		{"data that does not encode", func() error {
			return &socketio.Error{Code: "x", Message: "y", Data: math.Inf(1)}
		}, internal, "encode"},
		{"a panic behind an acknowledgement", func(ack socketio.Ack) { _ = ack(1); panic("late") }, `[1]`, "late"},
	}
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		a.On("ping", func() string { return "pong" })
		c := siotest.Dial(t, a, o)
		for _, tt := range tests {
			off := a.On("e", tt.handler)
			assert.Equal(t, tt.name, c.Call("e").String(), tt.reply)
			assert.Equal(t, "it lives on", c.Call("ping").String(), `["pong"]`)
			if tt.log == "" {
				a.log.none(t)
			} else {
				a.log.one(t, tt.log)
			}
			c.Emit("e") // the same when nobody waits
			assert.Equal(t, "it lives on", c.Call("ping").String(), `["pong"]`)
			a.log.take()
			off()
		}
	})
}

func make11() [][]byte {
	many := make([][]byte, 11)
	for i := range many {
		many[i] = []byte{byte(i)}
	}
	return many
}

// TestPanicsInHooks: a hook that panics is logged once, and the others run.
func TestPanicsInHooks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newApp(t, socketio.Options{})
		ran := make(chan string, 4)
		a.OnConnect(func(*socketio.Socket) { panic("at the door") })
		a.OnConnect(func(*socketio.Socket) { ran <- "connect" })
		a.OnDisconnect(func(*socketio.Socket, socketio.Reason) { panic("on the way out") })
		a.OnDisconnect(func(*socketio.Socket, socketio.Reason) { ran <- "disconnect" })
		c := a.dial(t)
		assert.Equal(t, "ran", <-ran, "connect")
		a.log.one(t, "at the door")
		c.Disconnect()
		assert.Equal(t, "ran", <-ran, "disconnect")
		a.log.one(t, "on the way out")
	})
}

// TestClosePanicked: the option ends the whole connection instead.
func TestClosePanicked(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{ClosePanicked: true})
		a.On("e", func() { panic("enough") })
		a.Of("/other")
		reasons := make(chan socketio.Reason, 1)
		a.OnDisconnect(func(_ *socketio.Socket, r socketio.Reason) { reasons <- r })
		c := siotest.Dial(t, a, o)
		other := c.Of("/other", nil)
		assert.Equal(t, "reply", c.Call("e").Failure().Code, socketio.CodeInternal)
		c.ExpectDisconnect(siotest.ServerDisconnect)
		other.ExpectDisconnect(siotest.ServerDisconnect)
		c.Conn().ExpectClosed()
		assert.Equal(t, "reason", <-reasons, socketio.ReasonServerNamespaceDisconnect)
		a.log.one(t, "enough")
	})
}

// otherwise is what the panic of a second handler says of other ways.
const otherwise = ": OnAny adds listeners to events, UseEvent puts code around handlers, and the function that On returns takes a handler off"
