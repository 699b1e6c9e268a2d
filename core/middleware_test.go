package socketio_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestMiddleware walks what middleware may answer, and what the client hears.
func TestMiddleware(t *testing.T) {
	tests := []struct {
		name    string
		answer  func(ctx context.Context, s *socketio.Socket) error
		message string // empty: let in
		data    any
		log     string // empty: nothing
	}{
		{"agrees", func(context.Context, *socketio.Socket) error { return nil }, "", nil, ""},
		{"refuses", func(context.Context, *socketio.Socket) error { return &socketio.ConnectError{Message: "no"} }, "no", nil, ""},
		{"refuses with data", func(context.Context, *socketio.Socket) error {
			return &socketio.ConnectError{Message: "no", Data: map[string]any{"code": 7}}
		}, "no", map[string]any{"code": 7.0}, ""},
		{"wraps its refusal", func(context.Context, *socketio.Socket) error {
			return errors.Join(errors.New("secret"), &socketio.ConnectError{Message: "no"})
		}, "no", nil, ""},
		{"refuses with data that does not encode", func(context.Context, *socketio.Socket) error {
			return &socketio.ConnectError{Message: "no", Data: make(chan int)}
		}, "no", nil, ""},
		{"fails", func(context.Context, *socketio.Socket) error { return errors.New("secret") }, "Connection refused", nil, "secret"},
		{"panics", func(context.Context, *socketio.Socket) error { panic("secret") }, "Connection refused", nil, "secret"},
		{"waits too long", func(ctx context.Context, _ *socketio.Socket) error { <-ctx.Done(); return nil }, "Connection timed out", nil, ""},
		{"says that it waited too long", func(ctx context.Context, _ *socketio.Socket) error { <-ctx.Done(); return ctx.Err() }, "Connection timed out", nil, ""},
	}
	t.Parallel()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				a := newApp(t, socketio.Options{Limits: socketio.Limits{MiddlewareTimeout: 3 * time.Second}})
				var order []string
				a.Use(socketio.MiddlewareFunc(func(context.Context, *socketio.Socket) error { order = append(order, "1"); return nil }))
				a.UseFunc(func(ctx context.Context, s *socketio.Socket) error {
					order = append(order, "2")
					return tt.answer(ctx, s)
				})
				a.UseFunc(func(context.Context, *socketio.Socket) error { order = append(order, "3"); return nil })
				a.OnConnect(func(*socketio.Socket) { order = append(order, "connected") })
				a.OnDisconnect(func(*socketio.Socket, socketio.Reason) { order = append(order, "disconnected") })
				if tt.message == "" {
					siotest.Dial(t, a, o).Disconnect()
					synctest.Wait()
					assert.Equal(t, "order", strings.Join(order, " "), "1 2 3 connected disconnected")
					return
				}
				e := siotest.Refused(t, a, o)
				assert.Equal(t, "message", e.Message, tt.message)
				assert.Equal(t, "data", e.Data, tt.data)
				assert.Equal(t, "order", strings.Join(order, " "), "1 2")
				assert.Equal(t, "sockets", len(a.Sockets()), 0)
				if tt.log == "" {
					a.log.none(t)
				} else {
					a.log.one(t, tt.log)
				}
			})
		})
	}
}

// TestRefusedEvents: what a client sends behind a CONNECT that is refused is
// never handled, and does not count against the connection for ever.
func TestRefusedEvents(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{Limits: socketio.Limits{ReceiveBuffer: 4000}})
		handled := 0
		ns := a.Of("/guarded")
		ns.UseFunc(func(context.Context, *socketio.Socket) error { return &socketio.ConnectError{Message: "no"} })
		ns.On("evil", func() { handled++ })
		a.On("ping", func() string { return "pong" })
		c := siotest.Open(t, a, o)
		for range 20 { // twice what may wait
			assert.NoError(t, c.Send("40/guarded,", `42/guarded,["evil"]`, `42/guarded,["evil"]`, `42/guarded,["evil"]`))
			c.Expect(`44/guarded,{"message":"no"}`)
		}
		assert.NoError(t, c.Send("40", `420["ping"]`))
		c.Next()
		c.Expect(`430["pong"]`)
		assert.Equal(t, "handled", handled, 0)
	})
}

// TestGoneInMiddleware: a client that goes away while the middleware runs was
// never there, and neither were its events.
func TestGoneInMiddleware(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		cause := make(chan error, 1)
		a.UseFunc(func(ctx context.Context, s *socketio.Socket) error {
			<-ctx.Done()
			cause <- context.Cause(ctx)
			_ = s.Join("room")
			return nil
		})
		handled := 0
		a.On("evil", func() { handled++ })
		a.OnConnect(func(*socketio.Socket) { handled++ })
		a.OnDisconnect(func(*socketio.Socket, socketio.Reason) { handled++ })
		c := siotest.Open(t, a, o)
		assert.NoError(t, c.Send("40", `42["evil"]`))
		synctest.Wait()
		c.Cut()
		assert.ErrorIs(t, <-cause, socketio.ErrClosed)
		synctest.Wait()
		assert.Equal(t, "handled", handled, 0)
		assert.Equal(t, "rooms", len(a.Rooms()), 0)
		assert.Equal(t, "sockets", len(a.Sockets()), 0)
		a.log.none(t)
	})
}

// TestMiddlewareUsesTheSocket: what middleware emits arrives after CONNECT,
// and the rooms it joins are kept.
func TestMiddlewareUsesTheSocket(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		var rooms []string
		a.UseFunc(func(_ context.Context, s *socketio.Socket) error {
			assert.Equal(t, "connected", s.Connected(), false)
			assert.NoError(t, s.Join("a", "b", "a"))
			assert.NoError(t, s.Join("c"))
			s.Leave("b")
			assert.True(t, "in room", s.InRoom("a") && !s.InRoom("b") && s.InRoom(s.ID()))
			rooms = s.Rooms()
			s.SetIdentity("alice")
			assert.NoError(t, s.Emit("early", []byte{1}))
			s.Disconnect(false) // nothing to leave yet
			_, found := a.Socket(s.ID())
			assert.True(t, "not there yet", !found && len(a.Sockets()) == 0 && len(a.Rooms()) == 0)
			return a.To("a").Emit("unreachable")
		})
		a.OnConnect(func(s *socketio.Socket) { _ = s.Emit("welcome", s.Identity(), s.Rooms()) })
		c := siotest.Dial(t, a, o)
		var b []byte
		c.Expect("early", &b)
		assert.Equal(t, "welcome", c.Expect("welcome").String(), `["welcome","alice",["a","c"]]`)
		assert.Equal(t, "rooms", strings.Join(rooms, " "), "a c")
		assert.NoError(t, a.To("c").Emit("reachable"))
		c.Expect("reachable")
	})
}

// TestMiddlewareFloods: more from middleware than the client may leave unread
// disconnects it, and nothing hangs.
func TestMiddlewareFloods(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{Limits: socketio.Limits{SendBuffer: 1000}})
		a.UseFunc(func(_ context.Context, s *socketio.Socket) error {
			for range 10 {
				assert.NoError(t, s.Emit("early", strings.Repeat("x", 100<<10)))
			}
			return nil
		})
		reasons := make(chan socketio.Reason, 1)
		a.OnDisconnect(func(_ *socketio.Socket, r socketio.Reason) { reasons <- r })
		c := siotest.Open(t, a, o)
		c.Stall(true)
		go func() { _ = c.Send("40") }()
		synctest.Wait()
		assert.Equal(t, "connections", len(a.Sockets()), 0)
	})
}

type cookies bool

func (cookies) Handshake(context.Context, *socketio.Socket) error { return nil }
func (c cookies) UsesCookies() bool                               { return bool(c) }

func TestCookiesAndAnyOrigin(t *testing.T) {
	t.Parallel()
	open := newApp(t, socketio.Options{CORS: socketio.CORS{Origins: []string{"*"}}})
	text := panicText(func() { open.Use(cookies(true)) })
	assert.True(t, text, strings.HasPrefix(text, `socketio: CORS.Origins "*"`))
	open.Use(cookies(false))
	newApp(t, socketio.Options{}).Use(cookies(true))
	text = panicText(func() {
		socketio.NewServer(&socketio.Options{CORS: socketio.CORS{Origins: []string{"*"}, Credentials: true}})
	})
	assert.True(t, text, strings.HasPrefix(text, "socketio: "))
}

// TestMiddlewareIgnoresItsContext: the client is refused at the timeout, and
// can go on; what the middleware says later lets nobody in.
func TestMiddlewareIgnoresItsContext(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]error{"agrees": nil, "refuses": &socketio.ConnectError{Message: "late"}, "fails": errors.New("late")} {
		for _, recovery := range []*socketio.Recovery{nil, {}} {
			t.Run(name, func(t *testing.T) {
				onBoth(t, func(t *testing.T, o siotest.Options) {
					a := newApp(t, socketio.Options{
						Recovery: recovery,
						Limits:   socketio.Limits{MiddlewareTimeout: 3 * time.Second, ReceiveBuffer: 2000},
					})
					var s *socketio.Socket
					handled := 0
					release := make(chan struct{})
					ns := a.Of("/slow")
					ns.UseFunc(func(_ context.Context, in *socketio.Socket) error {
						s = in
						<-release
						assert.ErrorIs(t, s.Emit("late"), socketio.ErrClosed)
						assert.ErrorIs(t, s.Join("late"), socketio.ErrClosed)
						return late
					})
					ns.OnConnect(func(*socketio.Socket) { handled++ })
					ns.OnDisconnect(func(*socketio.Socket, socketio.Reason) { handled++ })
					ns.On("evil", func() { handled++ })
					a.On("ping", func() string { return "pong" })
					c := siotest.Open(t, a, o)
					start := time.Now()
					assert.NoError(t, c.Send("40/slow,"))
					synctest.Wait()
					assert.NoError(t, c.Send(`42/slow,["evil","`+strings.Repeat("x", 1500)+`"]`))
					c.Expect(`44/slow,{"message":"Connection timed out"}`)
					assert.Equal(t, "after", time.Since(start), 3100*time.Millisecond)
					synctest.Wait()
					assert.Equal(t, "nothing is held", a.Stats().ReceiveBytes, 0)
					assert.NoError(t, c.Send(`42/slow,["evil"]`, "40", `420["ping"]`))
					c.Next()
					c.Expect(`430["pong"]`)
					close(release)
					synctest.Wait()
					assert.Equal(t, "handled", handled, 0)
					assert.Equal(t, "connected", s.Connected(), false)
					assert.Equal(t, "sockets", len(ns.Sockets()), 0)
					assert.Equal(t, "rooms", len(ns.Rooms()), 0)
					assert.NoError(t, c.Send(`421["ping"]`))
					c.Expect(`431["pong"]`)
					a.log.none(t)
				})
			})
		}
	}
}
