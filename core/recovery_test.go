package socketio_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// recovering returns a server with recovery on.
func recovering(t testing.TB, r socketio.Recovery, o socketio.Options) *app {
	o.Recovery = &r
	return newApp(t, o)
}

// numbers reads the events "n" that have come, and their numbers.
func numbers(c *siotest.Client, count int) string {
	var got []string
	for range count {
		var n int
		c.Expect("n", &n)
		got = append(got, fmt.Sprint(n))
	}
	c.ExpectNone(time.Millisecond)
	return strings.Join(got, " ")
}

// back expects whether a client that comes back is recovered.
func back(t testing.TB, c *siotest.Client, want bool) *siotest.Client {
	t.Helper()
	next := c.Reconnect()
	assert.Equal(t, "recovered", next.Recovered(), want)
	assert.Equal(t, "same id", next.ID() == c.ID(), want)
	return next
}

func TestRecovery(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := recovering(t, socketio.Recovery{}, socketio.Options{})
		key := socketio.NewKey[string]("name")
		var hooks []string
		a.OnConnect(func(s *socketio.Socket) {
			hooks = append(hooks, fmt.Sprintf("connect %t", s.Recovered()))
			_ = s.Emit("hello", s.Recovered())
		})
		a.OnDisconnect(func(_ *socketio.Socket, r socketio.Reason) { hooks = append(hooks, string(r)) })
		c := siotest.Dial(t, a, o)
		c.Expect("hello")
		assert.Equal(t, "pid", len(c.PID()), 22)
		s := a.socket(t, c)
		assert.NoError(t, s.Join("room", "left"))
		key.Set(s, "ada")
		assert.NoError(t, a.Emit("n", 1))
		assert.Equal(t, "live", numbers(c, 1), "1")

		c.Conn().Cut()
		synctest.Wait()
		s.Leave("left") // it is gone: this is not about the session
		assert.NoError(t, a.Emit("n", 2))
		assert.NoError(t, a.To("room").Emit("n", 3, []byte("binary")))
		assert.NoError(t, a.To("elsewhere").Emit("n", 4))
		assert.NoError(t, a.Except("room").Emit("n", 5))
		assert.NoError(t, a.Volatile().Emit("n", 6))
		assert.NoError(t, a.To(c.ID()).Emit("n", 7))
		assert.ErrorIs(t, s.Emit("n", 8), socketio.ErrClosed)
		time.Sleep(2 * time.Minute)
		c2 := back(t, c, true)
		assert.Equal(t, "pid", c2.PID(), c.PID())
		var n int
		var b []byte
		c2.Expect("n", &n)
		assert.Equal(t, "first", n, 2)
		c2.Expect("n", &n, &b)
		assert.Equal(t, "binary", fmt.Sprint(n, " ", string(b)), "3 binary")
		c2.Expect("n", &n)
		assert.Equal(t, "third", n, 7)
		var recovered bool
		c2.Expect("hello", &recovered)
		assert.True(t, "told", recovered)
		s2 := a.socket(t, c2)
		assert.True(t, "Recovered", s2.Recovered() && !s.Recovered())
		assert.Equal(t, "rooms", sorted(s2.Rooms()), "left room")
		name, _ := key.Get(s2)
		assert.Equal(t, "value", name, "ada")
		assert.NoError(t, a.To("room").Emit("n", 9))
		assert.Equal(t, "after", numbers(c2, 1), "9")
		lost := "transport error" // of a poll
		if o.Transport == "websocket" {
			lost = "transport close"
		}
		assert.Equal(t, "hooks", strings.Join(hooks, ", "), "connect false, "+lost+", connect true")
	})
}

// TestRecoveryNot lists when there is nothing to recover.
func TestRecoveryNot(t *testing.T) {
	for _, test := range []struct {
		name  string
		leave func(s *socketio.Socket, c *siotest.Client)
		auth  func(c *siotest.Client) map[string]any // nil: as stock clients
	}{
		{"the client has left", func(_ *socketio.Socket, c *siotest.Client) { c.Disconnect() }, nil},
		{"the server has disconnected it", func(s *socketio.Socket, c *siotest.Client) { s.Disconnect(false) }, nil},
		{"the server has closed it", func(s *socketio.Socket, c *siotest.Client) { s.Disconnect(true) }, nil},
		{"a broadcast has disconnected it", func(s *socketio.Socket, c *siotest.Client) {
			_ = s.Namespace().To(s.ID()).DisconnectSockets(false)
		}, nil},
		{"disconnected while away", func(s *socketio.Socket, c *siotest.Client) {
			c.Conn().Cut()
			synctest.Wait()
			_ = s.Namespace().To("room").DisconnectSockets(false)
		}, nil},
		{"parse error", func(_ *socketio.Socket, c *siotest.Client) {
			_ = c.Conn().Write("x")
			synctest.Wait()
		}, nil},
		{"no pid", nil, func(c *siotest.Client) map[string]any { return map[string]any{"offset": c.Offset()} }},
		{"another pid", nil, func(c *siotest.Client) map[string]any { return map[string]any{"pid": "x" + c.PID()} }},
		{"pid is no string", nil, func(c *siotest.Client) map[string]any { return map[string]any{"pid": []any{c.PID()}} }},
		{"pid is null", nil, func(c *siotest.Client) map[string]any { return map[string]any{"pid": nil} }},
		{"offset is no string", nil, func(c *siotest.Client) map[string]any {
			return map[string]any{"pid": c.PID(), "offset": map[string]any{}}
		}},
		{"offset is broken", nil, func(c *siotest.Client) map[string]any {
			return map[string]any{"pid": c.PID(), "offset": c.Offset() + "!"}
		}},
		{"offset has no position", nil, func(c *siotest.Client) map[string]any {
			return map[string]any{"pid": c.PID(), "offset": c.Offset()[:6]}
		}},
		{"offset is too long", nil, func(c *siotest.Client) map[string]any {
			return map[string]any{"pid": c.PID(), "offset": c.Offset() + strings.Repeat("z", 1000)}
		}},
		{"offset is ahead", nil, func(c *siotest.Client) map[string]any {
			return map[string]any{"pid": c.PID(), "offset": c.Offset()[:6] + "zz"}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := recovering(t, socketio.Recovery{}, socketio.Options{})
				c := a.dial(t)
				s := a.socket(t, c)
				assert.NoError(t, s.Join("room"))
				assert.NoError(t, s.Emit("n", 1))
				c.Expect("n")
				if test.leave != nil {
					test.leave(s, c)
				}
				c.Conn().Cut()
				synctest.Wait()
				assert.NoError(t, a.Emit("n", 2))
				var c2 *siotest.Client
				if test.auth == nil {
					c2 = c.Resume()
				} else {
					c2 = siotest.Dial(t, a, siotest.Options{Auth: test.auth(c)})
				}
				assert.True(t, "a fresh session", !c2.Recovered() && c2.ID() != c.ID() && c2.PID() != c.PID())
				assert.Equal(t, "rooms", len(a.socket(t, c2).Rooms()), 0)
				c2.ExpectNone(time.Second)
				a.log.take()
			})
		})
	}
}

// TestRecoveryReasons: after each of these a client may come back.
func TestRecoveryReasons(t *testing.T) {
	for _, test := range []struct {
		name   string
		lose   func(s *socketio.Socket, c *siotest.Client)
		reason socketio.Reason
	}{
		{"cut", func(_ *socketio.Socket, c *siotest.Client) { c.Conn().Cut() }, socketio.ReasonTransportClose},
		{"closed", func(_ *socketio.Socket, c *siotest.Client) { c.Conn().Close() }, socketio.ReasonTransportClose},
		{"forced", func(s *socketio.Socket, _ *siotest.Client) { s.CloseTransport() }, socketio.ReasonForcedClose},
		{"ping timeout", func(_ *socketio.Socket, c *siotest.Client) {
			c.Conn().Mute(true)
			time.Sleep(50 * time.Second)
		}, socketio.ReasonPingTimeout},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := recovering(t, socketio.Recovery{}, socketio.Options{})
				var reason socketio.Reason
				a.OnDisconnect(func(_ *socketio.Socket, r socketio.Reason) { reason = r })
				c := a.dial(t)
				s := a.socket(t, c)
				test.lose(s, c)
				synctest.Wait()
				assert.Equal(t, "reason", reason, test.reason)
				assert.NoError(t, a.Emit("n", 1))
				c2 := back(t, c, true)
				assert.Equal(t, "missed", numbers(c2, 1), "1")
			})
		})
	}
}

// TestRecoveryLimits goes below, to and over each bound.
func TestRecoveryLimits(t *testing.T) {
	size := func(n int) string { return strings.Repeat("x", n) }
	for _, test := range []struct {
		name string
		r    socketio.Recovery
		lim  socketio.Limits
		away func(t testing.TB, a *app)
		want bool
	}{
		{"time below", socketio.Recovery{MaxDisconnection: time.Second}, socketio.Limits{}, func(testing.TB, *app) { time.Sleep(999 * time.Millisecond) }, true},
		{"time at", socketio.Recovery{MaxDisconnection: time.Second}, socketio.Limits{}, func(testing.TB, *app) { time.Sleep(time.Second) }, true},
		{"time above", socketio.Recovery{MaxDisconnection: time.Second}, socketio.Limits{}, func(testing.TB, *app) { time.Sleep(time.Second + time.Nanosecond) }, false},
		{"time unlimited", socketio.Recovery{MaxDisconnection: -1}, socketio.Limits{}, func(testing.TB, *app) { time.Sleep(1000 * time.Hour) }, true},
		{"packets below", socketio.Recovery{MaxPackets: 3}, socketio.Limits{}, func(_ testing.TB, a *app) { emit(a, "", "") }, true},
		{"packets at", socketio.Recovery{MaxPackets: 3}, socketio.Limits{}, func(_ testing.TB, a *app) { emit(a, "", "", "") }, true},
		{"packets above", socketio.Recovery{MaxPackets: 3}, socketio.Limits{}, func(_ testing.TB, a *app) { emit(a, "", "", "", "") }, false},
		{"packets unlimited", socketio.Recovery{MaxPackets: -1}, socketio.Limits{}, func(_ testing.TB, a *app) { emit(a, make([]string, 11_000)...) }, true},
		{"packets by default", socketio.Recovery{}, socketio.Limits{}, func(_ testing.TB, a *app) { emit(a, make([]string, 10_001)...) }, false},
		{"bytes below", socketio.Recovery{MaxBytes: 2000}, socketio.Limits{}, func(_ testing.TB, a *app) { emit(a, size(1000)) }, true},
		{"bytes of two", socketio.Recovery{MaxBytes: 2000}, socketio.Limits{}, func(_ testing.TB, a *app) { emit(a, size(300), size(300)) }, true},
		{"bytes above", socketio.Recovery{MaxBytes: 2000}, socketio.Limits{}, func(_ testing.TB, a *app) { emit(a, size(1000), size(1000)) }, false},
		{"bytes of one above", socketio.Recovery{MaxBytes: 2000}, socketio.Limits{}, func(_ testing.TB, a *app) { emit(a, size(2000)) }, false},
		{"bytes unlimited", socketio.Recovery{MaxBytes: -1}, socketio.Limits{SendBuffer: -1}, func(_ testing.TB, a *app) { emit(a, size(17<<20)) }, true},
		{"sessions below", socketio.Recovery{MaxSessions: 2}, socketio.Limits{}, func(t testing.TB, a *app) { lose(t, a, 0) }, true},
		{"sessions at", socketio.Recovery{MaxSessions: 2}, socketio.Limits{}, func(t testing.TB, a *app) { lose(t, a, 1) }, true},
		{"sessions above", socketio.Recovery{MaxSessions: 2}, socketio.Limits{}, func(t testing.TB, a *app) { lose(t, a, 2) }, false},
		{"session bytes at one", socketio.Recovery{MaxSessionBytes: 554}, socketio.Limits{}, func(testing.TB, *app) {}, true},
		{"session bytes above one", socketio.Recovery{MaxSessionBytes: 553}, socketio.Limits{}, func(testing.TB, *app) {}, false},
		{"session bytes below", socketio.Recovery{MaxSessionBytes: 3*554 - 1}, socketio.Limits{}, func(t testing.TB, a *app) { lose(t, a, 1) }, true},
		{"session bytes at", socketio.Recovery{MaxSessionBytes: 3 * 554}, socketio.Limits{}, func(t testing.TB, a *app) { lose(t, a, 2) }, true},
		{"session bytes above", socketio.Recovery{MaxSessionBytes: 3*554 - 1}, socketio.Limits{}, func(t testing.TB, a *app) { lose(t, a, 2) }, false},
		{"session bytes unlimited", socketio.Recovery{MaxSessionBytes: -1}, socketio.Limits{}, func(t testing.TB, a *app) { lose(t, a, 9) }, true},
		{"replay at half of the send buffer", socketio.Recovery{}, socketio.Limits{SendBuffer: 2200}, func(_ testing.TB, a *app) { emit(a, size(1000)) }, true},
		{"replay above", socketio.Recovery{}, socketio.Limits{SendBuffer: 2200}, func(_ testing.TB, a *app) { emit(a, size(700), size(500)) }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := recovering(t, test.r, socketio.Options{Limits: test.lim})
				c := a.dial(t)
				c.Conn().Cut()
				synctest.Wait()
				test.away(t, a)
				back(t, c, test.want)
			})
		})
	}
}

// TestRecoveryInTime: a session is dropped when its time is over, and not when that of
// the next event is, which are kept longer.
func TestRecoveryInTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := recovering(t, socketio.Recovery{MaxDisconnection: time.Second}, socketio.Options{})
		c, kept := a.dial(t), func() int { return a.Stats().Namespaces["/"].Sessions }
		emit(a, "") // its timer is set to the event's time below
		time.Sleep(40 * time.Second)
		emit(a, "")
		time.Sleep(10 * time.Second)
		c.Conn().Cut()
		synctest.Wait()
		time.Sleep(time.Second)
		assert.Equal(t, "kept", kept(), 1)
		time.Sleep(2 * time.Millisecond)
		assert.Equal(t, "kept", kept(), 0)
	})
}

func emit(a *app, texts ...string) {
	for _, text := range texts {
		_ = a.Emit("text", text)
	}
}

// lose has n more clients come and lose their connections.
func lose(t testing.TB, a *app, n int) {
	for range n {
		c := siotest.Open(t, a, siotest.Options{})
		_ = c.Send("40")
		c.Next()
		c.Cut()
		synctest.Wait()
	}
}

// TestRecoveryQuiet: the offset of a client that was quiet for long is no
// longer in the log, or it has none at all.
func TestRecoveryQuiet(t *testing.T) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, a *app, c *siotest.Client)
		flow int // events in flight when the connection is lost, of which none arrives
		want bool
	}{
		{"no event yet", func(*testing.T, *app, *siotest.Client) {}, 0, true},
		{"no event yet, some in flight", func(*testing.T, *app, *siotest.Client) {}, 3, true},
		{"one event long ago", func(t *testing.T, a *app, c *siotest.Client) {
			assert.NoError(t, a.Emit("n", 0))
			c.Expect("n")
		}, 0, true},
		{"one event long ago, some in flight", func(t *testing.T, a *app, c *siotest.Client) {
			assert.NoError(t, a.Emit("n", 0))
			c.Expect("n")
		}, 3, true},
		{"much for others", func(t *testing.T, a *app, c *siotest.Client) {
			assert.NoError(t, a.Emit("n", 0))
			c.Expect("n")
			for range 20 {
				assert.NoError(t, a.To("others").Emit("n", 0))
			}
		}, 9, true},
		{"too many in flight", func(t *testing.T, a *app, c *siotest.Client) {}, 11, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := recovering(t, socketio.Recovery{MaxPackets: 10}, socketio.Options{})
				c := a.dial(t)
				test.run(t, a, c)
				time.Sleep(time.Hour)
				offset := c.Offset()
				want := make([]string, test.flow)
				for i := range test.flow {
					assert.NoError(t, a.Emit("n", i))
					c.Expect("n")
					want[i] = fmt.Sprint(i)
				}
				c.Conn().Cut()
				synctest.Wait()
				auth := map[string]any{"pid": c.PID()}
				if offset != "" {
					auth["offset"] = offset
				}
				c2 := siotest.Dial(t, a, siotest.Options{Auth: auth})
				assert.Equal(t, "recovered", c2.Recovered(), test.want)
				if test.want {
					assert.Equal(t, "missed", numbers(c2, test.flow), strings.Join(want, " "))
				}
				c2.ExpectNone(time.Second)
			})
		})
	}
}

// TestRecoveryOffset: nothing of the application looks like an offset.
func TestRecoveryOffset(t *testing.T) {
	for _, test := range []struct {
		name string
		emit func(a *app, s *socketio.Socket)
	}{
		{"string at the end", func(_ *app, s *socketio.Socket) { _ = s.Emit("n", 0, "text") }},
		{"no argument", func(_ *app, s *socketio.Socket) { _ = s.Emit("n") }},
		{"volatile", func(_ *app, s *socketio.Socket) { _ = s.Volatile().Emit("n", 0, "text") }},
		{"volatile broadcast", func(a *app, _ *socketio.Socket) { _ = a.Volatile().Emit("n", 0, "text") }},
		{"volatile binary", func(a *app, _ *socketio.Socket) { _ = a.Volatile().Emit("n", []byte("b"), "text") }},
		{"with an acknowledgement", func(_ *app, s *socketio.Socket) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_, _ = s.EmitWithAck(ctx, "n", 0, "text") // nobody answers
		}},
		{"broadcast with acknowledgements", func(a *app, _ *socketio.Socket) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_, _ = a.EmitWithAck(ctx, "n", 0, "text") // nobody answers
		}},
		{"not to be compressed", func(_ *app, s *socketio.Socket) { _ = s.Compress(false).Emit("n", 0, "text") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := recovering(t, socketio.Recovery{}, socketio.Options{})
				c := a.dial(t)
				assert.NoError(t, a.Emit("n", 1))
				c.Expect("n")
				before := c.Offset()
				test.emit(a, a.socket(t, c))
				c.Expect("n")
				assert.Equal(t, "log's", c.Offset()[:6], before[:6])
				c.Conn().Cut()
				synctest.Wait()
				assert.NoError(t, a.Emit("n", 2))
				assert.Equal(t, "missed", numbers(back(t, c, true), 1), "2")
			})
		})
	}
}

// TestRecoveryIdentity: middleware runs always, and says who it is.
func TestRecoveryIdentity(t *testing.T) {
	type auth = map[string]any
	key := socketio.NewKey[string]("user")
	for _, test := range []struct {
		name          string
		first, second auth
		want          bool
	}{
		{"nobody", auth{}, auth{}, true},
		{"the same", auth{"user": "ada"}, auth{"user": "ada"}, true},
		{"another", auth{"user": "ada"}, auth{"user": "eve"}, false},
		{"nobody any more", auth{"user": "ada"}, auth{}, false},
		{"nobody before", auth{}, auth{"user": "ada"}, false},
	} {
		for _, half := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/half-open %t", test.name, half), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					a := recovering(t, socketio.Recovery{}, socketio.Options{})
					a.UseFunc(func(_ context.Context, s *socketio.Socket) error {
						var auth struct{ User string }
						_ = s.Handshake().DecodeAuth(&auth)
						s.SetIdentity(auth.User)
						key.Set(s, auth.User)
						assert.True(t, "not yet", !s.Recovered())
						_ = s.Emit("middleware")
						return s.Join("middleware")
					})
					c := siotest.Dial(t, a, siotest.Options{Auth: test.first})
					c.Expect("middleware")
					assert.NoError(t, a.socket(t, c).Join("room"))
					key.Set(a.socket(t, c), "changed")
					if !half {
						c.Conn().Cut()
						synctest.Wait()
					}
					assert.NoError(t, a.To("room").Emit("n", 1))
					if half {
						c.Expect("n")
					}
					second := auth{"pid": c.PID()}
					for k, v := range test.second {
						second[k] = v
					}
					c2 := siotest.Dial(t, a, siotest.Options{Auth: second})
					assert.Equal(t, "recovered", c2.Recovered(), test.want)
					s2 := a.socket(t, c2)
					user, _ := key.Get(s2)
					assert.Equal(t, "middleware wins", user, s2.Identity())
					if test.want {
						assert.Equal(t, "rooms", sorted(s2.Rooms()), "middleware room")
						c2.Expect("middleware") // the first time
						c2.Expect("n")
						c2.Expect("middleware")
						return
					}
					assert.Equal(t, "rooms", sorted(s2.Rooms()), "middleware")
					c2.Expect("middleware")
					c2.ExpectNone(time.Second)
					_, live := a.Socket(c.ID())
					assert.Equal(t, "the owner is left alone", live, half)
					c3 := siotest.Dial(t, a, siotest.Options{Auth: merged(test.first, auth{"pid": c.PID(), "offset": c.Offset()})})
					assert.True(t, "the owner still gets it", c3.Recovered())
				})
			})
		}
	}
}

func merged(a, b map[string]any) map[string]any {
	m := map[string]any{}
	for k, v := range a {
		m[k] = v
	}
	for k, v := range b {
		m[k] = v
	}
	return m
}

// TestRecoveryRefused: what middleware refuses is not recovered, and not lost.
func TestRecoveryRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := recovering(t, socketio.Recovery{}, socketio.Options{})
		refuse := false
		a.UseFunc(func(context.Context, *socketio.Socket) error {
			if refuse {
				return &socketio.ConnectError{Message: "expired"}
			}
			return nil
		})
		c := a.dial(t)
		c.Conn().Cut()
		synctest.Wait()
		assert.NoError(t, a.Emit("n", 1))
		refuse = true
		e := siotest.Refused(t, a, siotest.Options{Auth: map[string]any{"pid": c.PID()}})
		assert.Equal(t, "error", e.Message, "expired")
		refuse = false
		assert.Equal(t, "missed", numbers(back(t, c, true), 1), "1")
	})
}
