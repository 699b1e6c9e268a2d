package socketio_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// account is what the token of the tests' user says.
type account struct {
	Rooms []string `json:"rooms"`
	Role  string   `json:"role,omitempty"`
}

var role = socketio.NewKey[string]("role")

// accounts is a server whose middleware joins the rooms of the token, and sets the
// role, if there is one.
func accounts(t testing.TB) *app {
	a := recovering(t, socketio.Recovery{}, socketio.Options{Limits: socketio.Limits{MiddlewareTimeout: time.Second}})
	a.UseFunc(func(_ context.Context, s *socketio.Socket) error {
		var token account
		if err := s.Handshake().DecodeAuth(&token); err != nil {
			return err
		}
		s.SetIdentity("ada")
		if token.Role != "" {
			role.Set(s, token.Role)
		}
		return s.Join(token.Rooms...)
	})
	return a
}

// TestRecoveryGrants: rooms and values of middleware are those of the new
// handshake, those of the application are restored.
func TestRecoveryGrants(t *testing.T) {
	for _, test := range []struct {
		name          string
		before, after account
		rooms         string
		role          string
		missed        string
	}{
		{"the same", account{[]string{"a"}, "admin"}, account{[]string{"a"}, "admin"}, "a chat", "admin", "1 2 3 4 7"},
		{"another tenant", account{[]string{"a"}, ""}, account{[]string{"b"}, ""}, "b chat", "", "1 3 4"},
		{"one of two", account{[]string{"a", "b"}, ""}, account{[]string{"b"}, ""}, "b chat", "", "1 3 4 5"},
		{"one more", account{[]string{"a"}, ""}, account{[]string{"a", "b"}, ""}, "a b chat", "", "1 2 3 4"},
		{"none any more", account{[]string{"a"}, "admin"}, account{}, "chat", "", "1 3 4 7"},
		{"one that the application has joined", account{}, account{[]string{"chat"}, "admin"}, "chat", "admin", "1 3 4 6 7"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := accounts(t)
				c := siotest.Dial(t, a, siotest.Options{Auth: test.before})
				s := a.socket(t, c)
				assert.NoError(t, s.Join("chat", "a")) // that it is in already makes it no other room
				if slices.Contains(test.before.Rooms, "a") {
					s.Leave("a")
					assert.NoError(t, s.Join("a"))
				} else {
					s.Leave("a")
				}
				c.Conn().Cut()
				synctest.Wait()
				emitAll(t, a)
				c = c.ReconnectWith(comingBack(c, test.after))
				assert.True(t, "recovered", c.Recovered())
				s = a.socket(t, c)
				got, _ := role.Get(s)
				assert.Equal(t, "role", got, test.role)
				assert.Equal(t, "rooms", sorted(s.Rooms()), test.rooms)
				assert.Equal(t, "missed", numbers(c, len(strings.Fields(test.missed))), test.missed)
				for _, room := range []string{"a", "b"} {
					assert.NoError(t, a.To(room).Emit("n", room))
					if s.InRoom(room) {
						c.Expect("n")
					}
					c.ExpectNone(time.Millisecond)
				}
			})
		})
	}
}

// emitAll sends to each of the rooms of TestRecoveryGrants in all ways.
func emitAll(t testing.TB, a *app) {
	for i, to := range []socketio.Broadcast{
		a.To("chat"), a.To("a"), a.To("a", "chat"), a.Except("d"), a.To("b"), a.To("chat").Except("a"), a.To("chat").Except("b"),
	} {
		assert.NoError(t, to.Emit("n", i+1))
	}
}

// comingBack is the auth payload of a client that comes back with another token.
func comingBack(c *siotest.Client, token account) map[string]any {
	m := map[string]any{"pid": c.PID(), "rooms": token.Rooms, "role": token.Role}
	if c.Offset() != "" {
		m["offset"] = c.Offset()
	}
	return m
}

// TestRecoveryExcept: an event that had to reach a client before it was gone does
// so later, whatever room it has by coming back. One from when it was away is not
// for a client that is new in the room, but is for one which has the room by
// every handshake, and which the application had taken out of it.
func TestRecoveryExcept(t *testing.T) {
	for _, test := range []struct {
		before account
		missed string
	}{
		{account{Rooms: []string{"b"}}, "1 2"},
		{account{}, "1"},
	} {
		t.Run(test.missed, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := accounts(t)
				c := siotest.Dial(t, a, siotest.Options{Auth: test.before})
				a.socket(t, c).Leave("b")
				assert.NoError(t, a.Emit("n", 0))
				c.Expect("n")
				auth := comingBack(c, account{Rooms: []string{"b"}}) // before anything more has been read
				assert.NoError(t, a.Except("b").Emit("n", 1))
				c.Conn().Cut()
				synctest.Wait()
				assert.NoError(t, a.Except("b").Emit("n", 2))
				c = c.ReconnectWith(auth)
				assert.True(t, "recovered", c.Recovered())
				assert.Equal(t, "missed", numbers(c, len(strings.Fields(test.missed))), test.missed)
			})
		})
	}
}

// TestRecoveryGrantsLater: what a handshake has not given is not there for
// later ones either, however old the client's offset is, and operations by way of such
// a room give nothing.
func TestRecoveryGrantsLater(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := accounts(t)
		old, other := account{Rooms: []string{"a"}}, account{Rooms: []string{"b"}}
		c := siotest.Dial(t, a, siotest.Options{Auth: old})
		assert.NoError(t, a.To("a").Emit("n", 1))
		a.socket(t, c).Leave("a")
		assert.NoError(t, a.socket(t, c).Join("a"))
		assert.NoError(t, a.To("a").Emit("n", 2))
		offset := comingBack(c, other) // before either has been read
		c.Conn().Cut()
		synctest.Wait()
		assert.NoError(t, a.To("a").SocketsJoin("board"))
		assert.NoError(t, a.In(c.ID()).SocketsJoin("gift"))
		assert.NoError(t, a.To("a").Emit("n", 3))
		c = c.ReconnectWith(offset)
		assert.Equal(t, "rooms", sorted(a.socket(t, c).Rooms()), "b gift")
		c.ExpectNone(time.Millisecond)
		for _, token := range []account{other, {}, other} {
			c.Conn().Cut()
			synctest.Wait()
			assert.NoError(t, a.To("a", "board").Emit("n", 4))
			offset["rooms"] = token.Rooms
			c = c.ReconnectWith(offset)
			assert.True(t, "recovered", c.Recovered())
			assert.True(t, "rooms", !a.socket(t, c).InRoom("a") && !a.socket(t, c).InRoom("board"))
			c.ExpectNone(time.Millisecond)
		}
		c.Conn().Cut()
		synctest.Wait()
		assert.NoError(t, a.To("b").DisconnectSockets(false))
		assert.True(t, "told to leave, by a room that it has not any more", !c.ReconnectWith(comingBack(c, old)).Recovered())
	})
}

// TestRecoveryGrantedValue: a value that middleware has set stays the
// handshake's when a handler changes it; one of a handler's is restored.
func TestRecoveryGrantedValue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, draft := accounts(t), socketio.NewKey[string]("draft")
		c := siotest.Dial(t, a, siotest.Options{Auth: account{Role: "user"}})
		role.Set(a.socket(t, c), "admin")
		draft.Set(a.socket(t, c), "dear")
		for range 2 {
			c = c.ReconnectWith(comingBack(c, account{}))
			assert.True(t, "recovered", c.Recovered())
			_, found := role.Get(a.socket(t, c))
			text, _ := draft.Get(a.socket(t, c))
			assert.True(t, text, !found && text == "dear")
		}
		role.Set(a.socket(t, c), "a handler's")
		c = c.ReconnectWith(comingBack(c, account{Role: "middleware's"}))
		got, _ := role.Get(a.socket(t, c))
		assert.Equal(t, "of both", got, "middleware's")
	})
}

// TestRecoveryEnded: what EndSession has ended is not recovered.
func TestRecoveryEnded(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(s *socketio.Socket, c *siotest.Client)
	}{
		{"while connected", func(s *socketio.Socket, _ *siotest.Client) { s.EndSession(); s.CloseTransport() }},
		{"twice, before the loss", func(s *socketio.Socket, _ *siotest.Client) { s.EndSession(); s.EndSession() }},
		{"while away", func(s *socketio.Socket, c *siotest.Client) {
			c.Conn().Cut()
			synctest.Wait()
			s.EndSession()
		}},
		{"half-open", nil},
		{"in OnDisconnect", func(s *socketio.Socket, _ *siotest.Client) {
			s.Namespace().OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) { s.EndSession() })
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := accounts(t)
				c := siotest.Dial(t, a, siotest.Options{Auth: account{}})
				s := a.socket(t, c)
				assert.NoError(t, s.Join("room"))
				if test.end == nil {
					s.EndSession()
					c2 := c.Resume()
					assert.True(t, "fresh", !c2.Recovered())
					return
				}
				test.end(s, c)
				c.Conn().Cut()
				synctest.Wait()
				assert.NoError(t, a.To("room").Emit("n", 1))
				c2 := c.Reconnect()
				assert.True(t, "fresh", !c2.Recovered() && c2.PID() != c.PID())
				assert.Equal(t, "rooms", len(a.socket(t, c2).Rooms()), 0)
				c2.ExpectNone(time.Millisecond)
			})
		})
	}
	t.Run("in middleware", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, end := recovering(t, socketio.Recovery{}, socketio.Options{}), false
			a.UseFunc(func(_ context.Context, s *socketio.Socket) error {
				if end {
					s.EndSession()
				}
				return nil
			})
			c := a.dial(t)
			end = true
			c2 := back(t, c, false)
			end = false
			back(t, c2, false)
			assert.True(t, "nobody else's session is ended", c.Resume().Recovered())
		})
	})
	t.Run("of the one before", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a := accounts(t)
			c := siotest.Dial(t, a, siotest.Options{Auth: account{}})
			s := a.socket(t, c)
			c = back(t, c, true)
			s.EndSession()
			c = back(t, c, true)
			c.Conn().Cut()
			synctest.Wait()
			s.EndSession()
			back(t, c, true)
		})
	})
	t.Run("without recovery", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a := newApp(t, socketio.Options{})
			s := a.socket(t, a.dial(t))
			s.EndSession()
			s.RecoverIf(func(context.Context, *socketio.Socket) bool { return true })
			assert.True(t, "connected", s.Connected())
		})
	})
}

// TestRecoveryEndedTogether: Disconnect(true) also bars a socket that joins
// another namespace of the connection in that moment.
func TestRecoveryEndedTogether(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := recovering(t, socketio.Recovery{}, socketio.Options{})
		leaves, joined := make(chan struct{}), make(chan struct{})
		a.OnRoom(func(e socketio.RoomEvent) {
			if e.Step == socketio.RoomStepDeleted {
				close(leaves)
				<-joined
			}
		})
		a.Of("/late")
		conn := siotest.Open(t, a, siotest.Options{})
		assert.NoError(t, conn.Send(`40`))
		_ = conn.Next()
		s := a.Sockets()[0]
		assert.NoError(t, s.Join("room"))
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			s.Disconnect(true)
		}()
		<-leaves // only now the other one comes
		assert.NoError(t, conn.Send(`40/late,`))
		var pid string
		for pid == "" {
			if text := conn.Next(); strings.HasPrefix(text, "40/late,") {
				_, text, _ = strings.Cut(text, `"pid":"`)
				pid, _, _ = strings.Cut(text, `"`)
			}
		}
		close(joined) // only now the connection is closed
		<-ended
		next := a.dial(t).Of("/late", map[string]any{"pid": pid})
		assert.True(t, "fresh", !next.Recovered())
	})
}

// TestRecoverIfAtOnce: a condition that holds is never taken for one whose time is over.
func TestRecoverIfAtOnce(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(&socketio.Options{Recovery: &socketio.Recovery{}, Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(srv.Close)
	srv.UseFunc(func(_ context.Context, s *socketio.Socket) error {
		s.RecoverIf(func(context.Context, *socketio.Socket) bool { return true })
		return nil
	})
	c := siotest.Dial(t, srv, siotest.Options{})
	_ = srv.Emit("news") // without an event a client has no offset, and asks for nothing
	c.Expect("news")
	for i := range 500 {
		if c = c.Reconnect(); !c.Recovered() {
			t.Fatalf("not recovered in round %d", i)
		}
	}
}

// TestRecoverIf: all conditions of the lost socket decide, once each, and those of
// a session that was continued are those of its last socket.
func TestRecoverIf(t *testing.T) {
	yes := func(context.Context, *socketio.Socket) bool { return true }
	for _, test := range []struct {
		name string
		may  []func(ctx context.Context, next *socketio.Socket) bool
		want bool
	}{
		{"yes", []func(context.Context, *socketio.Socket) bool{yes, yes}, true},
		{"one no", []func(context.Context, *socketio.Socket) bool{yes, func(context.Context, *socketio.Socket) bool { return false }}, false},
		{"panic", []func(context.Context, *socketio.Socket) bool{func(context.Context, *socketio.Socket) bool { panic("no") }}, false},
		{"too late", []func(context.Context, *socketio.Socket) bool{func(ctx context.Context, _ *socketio.Socket) bool {
			<-ctx.Done()
			return true
		}}, false},
		{"what the new handshake says", []func(context.Context, *socketio.Socket) bool{func(_ context.Context, next *socketio.Socket) bool {
			got, _ := role.Get(next)
			return got == "user" && next.InRoom("b") && next.Identity() == "ada" && !next.Connected()
		}}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := accounts(t)
				c := siotest.Dial(t, a, siotest.Options{Auth: account{}})
				var asked atomic.Int32 // also by what has not returned when the client has its answer
				for _, may := range test.may {
					a.socket(t, c).RecoverIf(func(ctx context.Context, next *socketio.Socket) bool {
						asked.Add(1)
						return may(ctx, next)
					})
				}
				c = c.ReconnectWith(comingBack(c, account{Rooms: []string{"b"}, Role: "user"}))
				assert.Equal(t, "recovered", c.Recovered(), test.want)
				assert.Equal(t, "asked", int(asked.Load()), len(test.may))
				assert.True(t, "not asked again", c.ReconnectWith(comingBack(c, account{})).Recovered() && int(asked.Load()) == len(test.may))
				a.log.take()
			})
		})
	}
	t.Run("never answers", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a := recovering(t, socketio.Recovery{}, socketio.Options{Limits: socketio.Limits{MiddlewareTimeout: time.Second, Namespaces: 2}})
			a.On("echo", func(v int) int { return v })
			a.Of("/other")
			c := a.dial(t)
			hang := make(chan struct{})
			a.socket(t, c).RecoverIf(func(context.Context, *socketio.Socket) bool { <-hang; return true })
			c.Conn().Cut()
			synctest.Wait()
			start := time.Now()
			c = back(t, c, false)
			assert.Equal(t, "waited", time.Since(start), time.Second)
			assert.Equal(t, "echo", c.Call("echo", 1).String(), "[1]")
			assert.NoError(t, c.Conn().Send("40/other,"))
			synctest.Wait()
			assert.Equal(t, "it counts as another socket", a.Stats().Namespaces["/other"].Sockets, 0)
			close(hang)
			synctest.Wait()
			assert.Equal(t, "and then no more", a.Stats().Namespaces["/other"].Sockets, 1)
		})
	})
	t.Run("ends its goroutine", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a := accounts(t)
			c := siotest.Dial(t, a, siotest.Options{Auth: account{}})
			a.socket(t, c).RecoverIf(func(context.Context, *socketio.Socket) bool { runtime.Goexit(); return true })
			assert.True(t, "fresh", !c.ReconnectWith(comingBack(c, account{})).Recovered())
			a.log.one(t, "runtime.Goexit")
		})
	})
	t.Run("ended meanwhile", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a := accounts(t)
			c := siotest.Dial(t, a, siotest.Options{Auth: account{}})
			a.socket(t, c).RecoverIf(func(_ context.Context, next *socketio.Socket) bool {
				next.EndSession()
				return true
			})
			assert.True(t, "fresh", !c.ReconnectWith(comingBack(c, account{})).Recovered())
		})
	})
	t.Run("somebody else", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a := recovering(t, socketio.Recovery{}, socketio.Options{})
			a.UseFunc(func(_ context.Context, s *socketio.Socket) error {
				s.SetIdentity(fmt.Sprint(s.Handshake().Time.UnixNano())) // each is another
				return nil
			})
			c := a.dial(t)
			a.socket(t, c).RecoverIf(func(context.Context, *socketio.Socket) bool {
				t.Error("asked for somebody else")
				return true
			})
			time.Sleep(time.Second)
			back(t, c, false)
		})
	})
	defer func() { assert.Equal(t, "panic", fmt.Sprint(recover()), "socketio: RecoverIf: the function is nil") }()
	new(socketio.Socket).RecoverIf(nil)
}
