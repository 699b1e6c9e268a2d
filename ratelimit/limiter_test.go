package ratelimit_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/integrations/mount"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/ratelimit"
)

// app is a server with everything that rules can count by: clients say their identity in
// their auth, their address in a header as a framework knows it, and join a room by asking.
type app struct {
	*socketio.Server
	mu      sync.Mutex
	limited []ratelimit.Limited
	handled map[string]int
}

func newApp(t *testing.T) *app {
	t.Helper()
	a := &app{Server: socketio.NewServer(&socketio.Options{Logger: slog.New(slog.DiscardHandler)}), handled: map[string]int{}}
	t.Cleanup(a.Close)
	for _, ns := range []*socketio.Namespace{a.Namespace, a.Of("/chat")} {
		ns.UseFunc(func(_ context.Context, s *socketio.Socket) error {
			var auth struct{ User string }
			_ = s.Handshake().DecodeAuth(&auth)
			s.SetIdentity(auth.User)
			return nil
		})
		ns.On("join", func(s *socketio.Socket, room string) error { return s.Join(room) })
		for _, event := range []string{"say", "type"} {
			ns.On(event, func(_ *socketio.Socket, _ ...any) {
				a.mu.Lock()
				defer a.mu.Unlock()
				a.handled[event]++
			})
		}
	}
	return a
}

// ServeHTTP is a framework that believes its proxy.
func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.Server.ServeHTTP(w, mount.WithUpstream(r, mount.Upstream{Address: r.Header.Get("X-Address")}))
}

// limit makes a limiter whose reports the app keeps.
func (a *app) limit(c ratelimit.Config) *ratelimit.Limiter {
	c.Logger = slog.New(slog.DiscardHandler)
	c.OnLimited = func(l ratelimit.Limited) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.limited = append(a.limited, l)
	}
	return ratelimit.New(c)
}

// reports are those since the last call, without their sockets.
func (a *app) reports() []ratelimit.Limited {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := a.limited
	a.limited = nil
	for i := range all {
		all[i].Socket = nil
	}
	return all
}

func (a *app) count(event string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.handled[event]
}

func (a *app) dial(t *testing.T, user, address string) *siotest.Client {
	t.Helper()
	return siotest.Dial(t, a, siotest.Options{Auth: map[string]string{"user": user}, Header: http.Header{"X-Address": {address}}})
}

// retryAfter is what a client reads from an answer: -1 if it is no failure.
func retryAfter(t *testing.T, m *siotest.Message) float64 {
	t.Helper()
	f := m.Failure()
	if f == nil {
		return -1
	}
	assert.Equal(t, "code", f.Code, socketio.CodeRateLimited)
	data, _ := f.Data.(map[string]any)
	ms, ok := data["retryAfter"].(float64)
	assert.True(t, "retryAfter is a number", ok)
	return ms
}

func passes(t *testing.T, c *siotest.Client, event string, args ...any) bool {
	t.Helper()
	return c.Call(event, args...).Failure() == nil
}

// TestEvents: the one line of the usual case. A burst, then as many as come back, whoever
// else there is; the answer says when.
func TestEvents(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"websocket", "polling"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := newApp(t)
				a.Use(ratelimit.Events(10, 20))
				c := siotest.Dial(t, a, siotest.Options{Transport: transport})
				burst := func(c *siotest.Client) (n int) {
					for passes(t, c, "say") {
						n++
					}
					return n
				}
				assert.Equal(t, "at once", burst(c), 20)
				assert.Equal(t, "retryAfter", retryAfter(t, c.Call("say")), 100)
				time.Sleep(60 * time.Millisecond)
				assert.Equal(t, "retryAfter later", retryAfter(t, c.Call("say")), 40)
				time.Sleep(40 * time.Millisecond)
				assert.Equal(t, "after retryAfter", burst(c), 1)
				time.Sleep(time.Second)
				assert.Equal(t, "after a second", burst(c), 10)
				time.Sleep(time.Hour)
				assert.Equal(t, "after an hour", burst(c), 20)
				assert.Equal(t, "somebody else", burst(siotest.Dial(t, a, siotest.Options{})), 20)
			})
		})
	}
}

// TestBy: who shares a limit with whom, for each way to count.
func TestBy(t *testing.T) {
	t.Parallel()
	room := ratelimit.Room(func(in *socketio.Incoming) (name string) {
		_ = in.Arg(0, &name)
		return name
	})
	type who struct{ user, address, namespace, event, room string }
	me := who{"ann", "192.0.2.1", "/", "say", "red"}
	for _, tt := range []struct {
		name   string
		by     ratelimit.By
		events []string
		shares []who // one limit with me
		not    []who
	}{
		{name: "connection", not: []who{me}},
		{name: "socket", by: ratelimit.Socket, not: []who{me}},
		{
			name: "identity", by: ratelimit.Identity,
			shares: []who{{"ann", "192.0.2.9", "/", "say", "red"}, {"ann", "192.0.2.1", "/chat", "type", "red"}},
			not:    []who{{"bob", "192.0.2.1", "/", "say", "red"}, {"", "192.0.2.1", "/", "say", "red"}},
		},
		{
			name: "address", by: ratelimit.Address,
			shares: []who{{"bob", "192.0.2.1", "/", "say", "red"}, {"", "::ffff:192.0.2.1", "/chat", "type", "red"}},
			not:    []who{{"ann", "192.0.2.2", "/", "say", "red"}, {"ann", "2001:db8::1", "/", "say", "red"}},
		},
		{
			name: "room", by: room,
			shares: []who{{"bob", "192.0.2.9", "/", "say", "red"}},
			not:    []who{{"ann", "192.0.2.1", "/", "say", "blue"}},
		},
		{
			name: "namespace", by: ratelimit.Namespace,
			shares: []who{{"bob", "192.0.2.9", "/", "type", "red"}},
			not:    []who{{"ann", "192.0.2.1", "/chat", "say", "red"}},
		},
		{
			name: "event", by: ratelimit.Event,
			shares: []who{{"bob", "192.0.2.9", "/chat", "say", "red"}},
			not:    []who{{"ann", "192.0.2.1", "/", "type", "red"}},
		},
		{
			name: "one event", by: ratelimit.Identity, events: []string{"say"},
			shares: []who{{"ann", "192.0.2.9", "/", "say", "red"}},
			not:    []who{{"ann", "192.0.2.1", "/", "type", "red"}},
		},
		{
			name: "func", by: ratelimit.Func("initial", func(s *socketio.Socket, _ *socketio.Incoming) string { return s.Identity()[:1] }),
			shares: []who{{"amy", "192.0.2.9", "/", "say", "red"}},
			not:    []who{{"bob", "192.0.2.1", "/", "say", "red"}},
		},
		{
			name: "each", by: ratelimit.Each(ratelimit.Identity, ratelimit.Event, room),
			shares: []who{{"ann", "192.0.2.9", "/chat", "say", "red"}},
			not:    []who{{"ann", "192.0.2.1", "/", "type", "red"}, {"bob", "192.0.2.1", "/", "say", "red"}, {"ann", "192.0.2.1", "/", "say", "blue"}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := newApp(t)
				events := []string{"say", "type"} // not "join"
				if tt.events != nil {
					events = tt.events
				}
				l := a.limit(ratelimit.Config{Events: []ratelimit.Rule{{By: tt.by, Events: events, Limit: ratelimit.PerHour(1, 1)}}})
				a.Use(l)
				a.Of("/chat").Use(l)
				ask := func(w who) bool {
					o := siotest.Options{Namespace: w.namespace, Auth: map[string]string{"user": w.user}, Header: http.Header{"X-Address": {w.address}}}
					c := siotest.Dial(t, a, o)
					assert.True(t, "joins", c.Call("join", w.room).Failure() == nil)
					return passes(t, c, w.event, w.room)
				}
				for _, w := range tt.not { // each has a limit of its own, which it uses up
					assert.True(t, "the first of somebody", ask(w))
				}
				assert.True(t, "my first", ask(me))
				for _, w := range tt.shares {
					assert.True(t, "somebody that I share with", !ask(w))
				}
			})
		})
	}
}

// TestNamesOfClients: events that have no handler, and rooms that a client is not in, have
// no limit of their own, however many a client thinks up.
func TestNamesOfClients(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t)
		a.Use(a.limit(ratelimit.Config{Events: []ratelimit.Rule{
			{By: ratelimit.Event, Limit: ratelimit.PerHour(3, 3)},
			{Name: "rooms", Events: []string{"say"}, Limit: ratelimit.PerHour(2, 2), By: ratelimit.Room(func(in *socketio.Incoming) (room string) {
				_ = in.Arg(0, &room)
				return room
			})},
		}}))
		c := a.dial(t, "ann", "192.0.2.1")
		for i := range 4 {
			c.Emit(fmt.Sprint("no such event ", i))
		}
		assert.Equal(t, "not in that room", c.Call("say", "theirs").Failure().Code, socketio.CodeForbidden)
		assert.True(t, "no room", passes(t, c, "say"))
		assert.Equal(t, "over the limit", len(a.reports()), 1)
	})
}

// TestRejoin: who leaves a namespace and joins it again has used up what it had.
func TestRejoin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t)
		a.Of("/chat").Use(a.limit(ratelimit.Config{
			Events:     []ratelimit.Rule{{Limit: ratelimit.PerHour(2, 2)}},
			Handshakes: []ratelimit.Rule{{Limit: ratelimit.PerHour(3, 3)}},
		}))
		c := a.dial(t, "ann", "192.0.2.1")
		for range 2 {
			chat := c.Of("/chat", nil)
			assert.True(t, "passes", passes(t, chat, "say"))
			chat.Disconnect()
		}
		chat := c.Of("/chat", nil)
		assert.True(t, "is used up", !passes(t, chat, "say"))
		chat.Disconnect()
		e := c.RefusedOf("/chat", nil)
		assert.Equal(t, "message", e.Message, "too many connections")
		assert.Equal(t, "retryAfter", e.Data, any(map[string]any{"retryAfter": 1200e3}))
		assert.Equal(t, "reports", a.reports(), []ratelimit.Limited{
			{Rule: "connection", RetryAfter: 30 * time.Minute, Event: "say"},
			{Rule: "handshake_connection", RetryAfter: 20 * time.Minute},
		})
	})
}

// TestNamespacesOfParent: a client that joins one namespace of a parent after the other, or
// several at a time, has one limit for all, of events and of handshakes. By Socket it has
// one for each.
func TestNamespacesOfParent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		by   ratelimit.By
		want int
	}{
		{"default", ratelimit.By{}, 3},
		{"connection", ratelimit.Connection, 3},
		{"socket", ratelimit.Socket, 3 * 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := newApp(t)
				parent := a.OfRegexp(regexp.MustCompile(`^/r-\d+$`))
				parent.Use(a.limit(ratelimit.Config{
					Events:     []ratelimit.Rule{{By: tt.by, Limit: ratelimit.PerHour(3, 3)}},
					Handshakes: []ratelimit.Rule{{Limit: ratelimit.PerHour(4, 4)}},
				}))
				parent.On("say", func(...any) {})
				joinAll := func(c *siotest.Client, user string) (n int) {
					for i := range 4 {
						room := c.Of(fmt.Sprint("/r-", i), nil)
						for range 5 {
							if passes(t, room, "say") {
								n++
							}
						}
						if i%2 == 0 {
							room.Disconnect()
						}
					}
					assert.Equal(t, "a fifth namespace of "+user, c.RefusedOf("/r-4", nil).Message, "too many connections")
					return n
				}
				assert.Equal(t, "of ann", joinAll(a.dial(t, "ann", "192.0.2.1"), "ann"), tt.want)
				assert.Equal(t, "of bob", joinAll(a.dial(t, "bob", "192.0.2.1"), "bob"), tt.want)
			})
		})
	}
}

// TestOrder: what a client's own rule refuses is not taken from what all have.
func TestOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t)
		a.Use(a.limit(ratelimit.Config{Events: []ratelimit.Rule{
			{Limit: ratelimit.PerHour(2, 2)},
			{By: ratelimit.Namespace, Limit: ratelimit.PerHour(4, 4)},
		}}))
		c, other := a.dial(t, "", "192.0.2.1"), a.dial(t, "", "192.0.2.2")
		for i := range 10 {
			assert.Equal(t, "greedy", passes(t, c, "say"), i < 2)
		}
		for range 2 {
			assert.True(t, "somebody else", passes(t, other, "say"))
		}
		assert.True(t, "all together", !passes(t, a.dial(t, "", "192.0.2.3"), "say"))
	})
}

// TestCost: an event costs what the function says, nothing at zero, and never passes if
// that is more than there ever is: then there is no retryAfter.
func TestCost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t)
		a.Use(a.limit(ratelimit.Config{Events: []ratelimit.Rule{{
			Limit: ratelimit.PerMinute(60, 10),
			Cost: func(in *socketio.Incoming) (n int) {
				_ = in.Arg(0, &n)
				return n
			},
		}}}))
		c := a.dial(t, "", "192.0.2.1")
		assert.True(t, "6 of 10", passes(t, c, "say", 6))
		assert.Equal(t, "5 of 4", retryAfter(t, c.Call("say", 5)), 1000)
		assert.True(t, "4 of 4", passes(t, c, "say", 4))
		assert.True(t, "nothing", passes(t, c, "say", 0))
		assert.True(t, "less", passes(t, c, "say", -100))
		assert.True(t, "is no gift", !passes(t, c, "say", 1))
		f := c.Call("say", 11).Failure()
		assert.Equal(t, "never", f, &socketio.Error{Code: socketio.CodeRateLimited, Message: "too many events"})
	})
}
