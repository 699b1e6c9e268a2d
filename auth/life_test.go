package auth_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// until is a token of alice that ends after d, in virtual time.
func until(d time.Duration, change ...func(c *claims)) token {
	return token{sign("HS256", secret, nil, good(func(c *claims) {
		c.ExpiresAt = at(d)
		for _, f := range change {
			f(c)
		}
	}))}
}

// ended is when a client was disconnected, and why, in virtual time.
type ended struct {
	after  time.Duration
	reason socketio.Reason
}

// watchEnd reports the end of the sockets of a namespace.
func watchEnd(ns *socketio.Namespace) <-chan ended {
	start, ch := time.Now(), make(chan ended, 10)
	ns.OnDisconnect(func(_ *socketio.Socket, r socketio.Reason) { ch <- ended{time.Since(start), r} })
	return ch
}

// next waits for the next end, and for no more than four virtual hours: without
// one the heartbeats would go on for ever.
func next(t *testing.T, end <-chan ended) ended {
	t.Helper()
	select {
	case e := <-end:
		return e
	case <-time.After(4 * time.Hour):
		t.Fatal("the socket does not end")
	}
	return ended{}
}

// TestExpiry is A-J04: to the nanosecond, at expiry and leeway.
func TestExpiry(t *testing.T) {
	t.Parallel()
	const in = 10 * time.Minute
	tests := []struct {
		name   string
		change func(c *config)
		token  func() token
		want   time.Duration
	}{
		{"default leeway", func(*config) {}, func() token { return until(in) }, in + 30*time.Second},
		{"no leeway", func(c *config) { c.Leeway = -1 }, func() token { return until(in) }, in},
		{"leeway", func(c *config) { c.Leeway = time.Minute }, func() token { return until(in) }, in + time.Minute},
		{"grace", func(c *config) { c.Grace = time.Minute }, func() token { return until(in) }, in + 90*time.Second},
		{"max age", func(c *config) { c.MaxAge = 5 * time.Minute }, func() token { return until(in) }, 4*time.Minute + 30*time.Second}, // issued a minute ago
		{"max age without expiry", func(c *config) { c.MaxAge, c.AllowNoExpiry = 5*time.Minute, true },
			func() token { return until(in, func(c *claims) { c.ExpiresAt = nil }) }, 4*time.Minute + 30*time.Second},
		{"longer than a timer sleeps", func(*config) {}, func() token { return until(3 * time.Hour) }, 3*time.Hour + 30*time.Second},
		{"expired, within the leeway", func(*config) {}, func() token { return until(-10 * time.Second) }, 20 * time.Second},
		{"rechecks in between", func(c *config) { c.Recheck = time.Minute }, func() token { return until(in) }, in + 30*time.Second},
	}
	for _, tt := range tests {
		for _, transport := range []string{"websocket", "polling"} {
			t.Run(tt.name+" "+transport, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					srv := socketio.NewServer(nil)
					defer srv.Close()
					end := watchEnd(srv.Namespace)
					srv.Use(auth.JWT(with(secretConfig(), tt.change)))
					c := siotest.Dial(t, srv, siotest.Options{Auth: tt.token(), Transport: transport, Timeout: time.Hour})
					if tt.name == "grace" {
						start := time.Now()
						var why auth.Error
						c.Expect("auth:expired", &why)
						assert.Equal(t, "warned", time.Since(start), in+30*time.Second)
						assert.Equal(t, "why", why.Code, auth.CodeTokenExpired)
					}
					assert.Equal(t, "end", next(t, end), ended{tt.want, socketio.ReasonForcedClose})
					c.ExpectDisconnect(siotest.TransportClose)
				})
			})
		}
	}
}

// TestPublicNamespaceSurvives: a connection that is not all the guard's is
// not closed.
func TestPublicNamespaceSurvives(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"websocket", "polling"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := socketio.NewServer(nil)
				defer srv.Close()
				srv.Use(auth.JWT(secretConfig()))
				end := watchEnd(srv.Namespace)
				srv.Of("/public").On("ping", func() string { return "pong" })
				c := siotest.Dial(t, srv, siotest.Options{Auth: until(time.Minute), Transport: transport, Timeout: time.Hour})
				public := c.Of("/public", nil)
				var why auth.Error
				c.Expect("auth:ended", &why)
				assert.Equal(t, "why", why, auth.Error{Code: auth.CodeTokenExpired, Message: "token has expired", Retryable: true})
				c.ExpectDisconnect(siotest.ServerDisconnect)
				assert.Equal(t, "end", next(t, end), ended{90 * time.Second, socketio.ReasonServerNamespaceDisconnect})
				var pong string
				public.Call("ping").Decode(&pong)
				assert.Equal(t, "public", pong, "pong")
				back := c.Of("/", until(time.Hour)) // with a fresh token, over the same connection
				back.ExpectNone(time.Minute)
			})
		})
	}
}

// TestGuardsOfOneConnection: all namespaces under one guard go together, those
// under another one stay.
func TestGuardsOfOneConnection(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		other func(g *auth.Guard[claims]) *auth.Guard[claims]
		want  socketio.Reason
	}{
		{"same", func(g *auth.Guard[claims]) *auth.Guard[claims] { return g }, socketio.ReasonForcedClose},
		{"derived", func(g *auth.Guard[claims]) *auth.Guard[claims] {
			return g.Require(auth.Allow(func(*claims) bool { return true }))
		}, socketio.ReasonForcedClose},
		{"another", func(*auth.Guard[claims]) *auth.Guard[claims] { return auth.JWT(secretConfig()) }, socketio.ReasonServerNamespaceDisconnect},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := socketio.NewServer(nil)
				defer srv.Close()
				guard := auth.JWT(secretConfig())
				srv.Use(guard)
				srv.Of("/b").Use(tt.other(guard))
				end := watchEnd(srv.Namespace)
				c := siotest.Dial(t, srv, siotest.Options{Auth: until(time.Minute)})
				other := c.Of("/b", until(time.Hour))
				assert.Equal(t, "end", next(t, end), ended{90 * time.Second, tt.want})
				if tt.want == socketio.ReasonForcedClose {
					other.ExpectDisconnect(siotest.TransportClose)
					return
				}
				other.ExpectNone(30 * time.Minute)
			})
		})
	}
}

func TestActions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := socketio.NewServer(nil)
		defer srv.Close()
		revocations := auth.NewRevocations(time.Hour)
		srv.Of("/leave").Use(auth.JWT(with(secretConfig(), func(c *config) { c.OnExpire, c.EndedEvent = auth.ActionLeaveNamespace, "bye" })))
		srv.Of("/keep").Use(auth.JWT(with(secretConfig(), func(c *config) { c.OnExpire, c.Watch = auth.ActionKeepOpen, revocations })))
		leave := siotest.Dial(t, srv, siotest.Options{Namespace: "/leave", Auth: until(time.Minute), Timeout: time.Hour})
		leave.Expect("bye")
		leave.ExpectDisconnect(siotest.ServerDisconnect)
		refusedWith(t, srv, siotest.Options{Namespace: "/keep", Auth: until(-time.Hour)}, auth.CodeTokenExpired)
		keep := siotest.Dial(t, srv, siotest.Options{Namespace: "/keep", Auth: until(time.Minute)})
		keep.ExpectNone(24 * time.Hour)
		revocations.Revoke(auth.Revocation{Subject: "alice", IssuedBefore: time.Now()})
		keep.ExpectDisconnect(siotest.TransportClose)
	})
}

// TestExpiredAtConnect is A-J04: a connection that is older than its header's
// token, and a token that ends while later middleware takes its time.
func TestExpiredAtConnect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := socketio.NewServer(nil)
		defer srv.Close()
		guard := auth.JWT(secretConfig())
		srv.Of("/late").Use(guard)
		slow := srv.Of("/slow")
		slow.Use(guard)
		slow.UseFunc(func(ctx context.Context, s *socketio.Socket) error {
			assert.NoError(t, s.Join("room"))
			select {
			case <-time.After(15 * time.Second): // time goes by while it decides
			case <-ctx.Done():
			}
			return nil
		})
		slow.On("x", func() { t.Error("handled after the end") })
		end := watchEnd(slow)
		c := siotest.Dial(t, srv, siotest.Options{})
		c.ExpectNone(time.Minute) // the token was good when the connection began
		early := until(-29 * time.Second)
		raw := siotest.Open(t, srv, siotest.Options{})
		assert.NoError(t, raw.Send(`40/slow,{"token":"`+early.Token.(string)+`"}`, `42/slow,["x"]`))
		assert.Equal(t, "end", next(t, end), ended{time.Minute + 15*time.Second, socketio.ReasonForcedClose})
		assert.Equal(t, "room", len(slow.Rooms()), 0)
		refusedWith(t, srv, siotest.Options{Namespace: "/late", Auth: until(-31 * time.Second)}, auth.CodeTokenExpired)
	})
}

// TestQueuedEventsAfterTheEnd: what waits for a handler when the token ends is
// not handled any more.
func TestQueuedEventsAfterTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := socketio.NewServer(nil)
		defer srv.Close()
		var handled atomic.Int32
		srv.Use(auth.JWT(secretConfig()))
		srv.On("slow", func() { time.Sleep(2 * time.Minute) })
		srv.On("x", func() { handled.Add(1) })
		end := watchEnd(srv.Namespace)
		c := siotest.Dial(t, srv, siotest.Options{Auth: until(time.Minute)})
		c.Emit("x")
		c.Emit("slow")
		c.Emit("x")
		assert.Equal(t, "end", next(t, end), ended{2 * time.Minute, socketio.ReasonForcedClose}) // hooks come after handlers
		assert.Equal(t, "handled", handled.Load(), int32(1))
	})
}

// TestGoneSocketsAreForgotten: a timer that still ran would hold the claims.
func TestGoneSocketsAreForgotten(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(nil)
	defer srv.Close()
	freed, gone := make(chan struct{}), make(chan struct{})
	srv.Use(auth.JWT(with(secretConfig(), func(c *config) {
		c.Watch, c.Recheck = auth.NewRevocations(time.Hour), time.Hour
	})))
	srv.OnConnect(func(s *socketio.Socket) {
		id, _ := auth.From[claims](s)
		runtime.AddCleanup(id.Claims, func(ch chan struct{}) { close(ch) }, freed)
	})
	srv.OnDisconnect(func(*socketio.Socket, socketio.Reason) { close(gone) })
	siotest.Dial(t, srv, siotest.Options{Auth: until(time.Hour)}).Disconnect()
	<-gone
	for deadline := time.After(time.Minute); ; runtime.GC() {
		select {
		case <-freed:
			return
		case <-deadline:
			t.Fatal("the claims of a socket that is gone are still held")
		case <-time.After(time.Millisecond):
		}
	}
}
