package session_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/session"
)

// TestRecovery is A-R04: a client that comes back to its connection's state
// must be signed in, as the same user; what it sees of its session is new.
func TestRecovery(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		away      time.Duration
		meanwhile func(store *session.Memory, id string)
		user      string       // who comes back
		code      session.Code // empty: let in
		want      bool         // recovered
	}{
		{"signed in", time.Minute, nil, "alice", "", true},
		{"session has expired", 2 * time.Hour, nil, "alice", session.CodeMissing, false},
		{"logged out meanwhile", time.Minute, func(store *session.Memory, id string) {
			_ = store.Destroy(context.Background(), id)
		}, "alice", session.CodeMissing, false},
		{"somebody else", time.Minute, nil, "bob", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := session.NewMemory("sid", time.Hour)
				ids := map[string]string{}
				for _, name := range []string{"alice", "bob"} {
					ids[name] = store.Create(map[string]any{"user": name, "items": 1})
				}
				srv := socketio.NewServer(&socketio.Options{Recovery: &socketio.Recovery{MaxDisconnection: 3 * time.Hour}})
				defer srv.Close()
				srv.Use(session.New(store, session.Config{User: user}))
				srv.On("items", func(s *socketio.Socket) int { n, _ := session.Value[int](s, "items"); return n })
				c := siotest.Dial(t, srv, cookie(store.Cookie(ids["alice"])))
				synctest.Wait() // until the server knows the socket
				s, _ := srv.Socket(c.ID())
				assert.NoError(t, s.Join("secrets"))
				c.Conn().Cut()
				synctest.Wait()
				assert.NoError(t, srv.To("secrets").Emit("secret"))
				self := &session.Session{ID: ids[tt.user]}
				assert.NoError(t, store.Update(context.Background(), self, func(v map[string]any) error { v["items"] = 2; return nil }))
				if tt.meanwhile != nil {
					tt.meanwhile(store, ids["alice"])
				}
				time.Sleep(tt.away)
				o := cookie(store.Cookie(ids[tt.user]))
				o.Auth = map[string]any{"pid": c.PID()}
				if tt.code != "" {
					refusedWith(t, srv, o, tt.code)
					return
				}
				back := siotest.Dial(t, srv, o)
				assert.Equal(t, "recovered", back.Recovered(), tt.want)
				if tt.want {
					back.Expect("secret")
				}
				var items int
				back.Call("items").Decode(&items)
				assert.Equal(t, "items", items, 2)
				back.ExpectNone(time.Second)
			})
		})
	}
}

// TestLoginAfterLogout: who logs in again in the same page, as the same user,
// gets nothing of what the session before had; an id that was renewed is the same
// session.
func TestLoginAfterLogout(t *testing.T) {
	t.Parallel()
	forbidden := func(x *session.Sessions, store *session.Memory, id string) {
		assert.NoError(t, store.Update(context.Background(), &session.Session{ID: id}, func(v map[string]any) error { v["banned"] = true; return nil }))
		time.Sleep(2 * time.Minute) // until the check
		assert.NoError(t, store.Update(context.Background(), &session.Session{ID: id}, func(v map[string]any) error { v["banned"] = false; return nil }))
	}
	for _, tt := range []struct {
		name   string
		before func(x *session.Sessions, store *session.Memory, id string) // while it is there
		away   func(x *session.Sessions, store *session.Memory, id string) // while it is not
		login  bool
		want   bool // recovered
	}{
		{"connection lost", nil, nil, false, true},
		{"logged out", func(x *session.Sessions, _ *session.Memory, id string) { _ = x.Logout(context.Background(), id) }, nil, true, false},
		{"logged out while away", nil, func(x *session.Sessions, _ *session.Memory, id string) { _ = x.Logout(context.Background(), id) }, true, false},
		{"deleted without a word while away", nil, func(_ *session.Sessions, store *session.Memory, id string) {
			_ = store.Destroy(context.Background(), id)
		}, true, false},
		{"found gone by a check", func(_ *session.Sessions, store *session.Memory, id string) {
			_ = store.Destroy(context.Background(), id)
			time.Sleep(2 * time.Minute)
		}, nil, true, false},
		{"refused by a check", forbidden, nil, false, false},
	} {
		for _, namespaces := range []int{1, 2} {
			t.Run(fmt.Sprint(tt.name, " ", namespaces), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					store := session.NewMemory("sid", time.Hour)
					login := func() string { return store.Create(map[string]any{"user": "alice"}) }
					srv := socketio.NewServer(&socketio.Options{Recovery: &socketio.Recovery{MaxDisconnection: time.Hour}})
					defer srv.Close()
					x := session.New(store, session.Config{User: user, Require: func(v *session.Session) error {
						if v.Values["banned"] == true {
							return session.ErrForbidden
						}
						return nil
					}})
					srv.Use(x)
					srv.Of("/two").Use(x)
					id := login()
					c := siotest.Dial(t, srv, cookie(store.Cookie(id)))
					synctest.Wait() // until the server knows the socket
					last, ns := c, "/"
					if namespaces == 2 {
						ns = "/two"
						last = c.Of(ns, nil)
						last.On("session:ended", func(*siotest.Message) {}) // one of them is told
					}
					c.On("session:ended", func(*siotest.Message) {})
					s, _ := srv.Of(ns).Socket(last.ID())
					assert.NoError(t, s.Join("secrets"))
					if tt.before != nil {
						tt.before(x, store, id)
					} else {
						c.Conn().Cut()
					}
					synctest.Wait()
					assert.NoError(t, srv.Of(ns).To("secrets").Emit("secret"))
					if tt.away != nil {
						tt.away(x, store, id)
					}
					if tt.login {
						id = login()
					}
					o := cookie(store.Cookie(id))
					o.Namespace = ns
					o.Auth = map[string]any{"pid": last.PID()}
					back := siotest.Dial(t, srv, o)
					assert.Equal(t, "recovered", back.Recovered(), tt.want)
					if tt.want {
						back.Expect("secret")
					}
					assert.NoError(t, srv.Of(ns).To("secrets").Emit("again"))
					if tt.want {
						back.Expect("again")
					}
					back.ExpectNone(time.Second)
				})
			})
		}
	}
}

// TestSameIDAfterLogout: a store may give the next login the id of the session
// before. What was logged out while its client was away is over all the same.
func TestSameIDAfterLogout(t *testing.T) {
	t.Parallel()
	logout := func(id string) func(*testing.T, *session.Sessions, *session.Sessions, session.Bus) {
		return func(t *testing.T, x, _ *session.Sessions, _ session.Bus) {
			assert.NoError(t, x.Logout(t.Context(), id))
		}
	}
	for _, tt := range []struct {
		name string
		away func(t *testing.T, here, there *session.Sessions, bus session.Bus) // while nobody is there
		want bool                                                               // recovered
	}{
		{"connection lost", nil, true},
		{"logged out", logout("alice"), false},
		{"logged out on another node", func(t *testing.T, _, there *session.Sessions, _ session.Bus) {
			assert.NoError(t, there.Logout(t.Context(), "alice"))
		}, false},
		{"somebody else logged out", logout("bob"), true},
		{"a logout may have been missed", func(t *testing.T, _, _ *session.Sessions, bus session.Bus) {
			assert.NoError(t, bus.Publish(t.Context(), session.Event{}))
		}, false},
	} {
		for _, others := range []int{0, 200} { // of whom nobody comes back
			t.Run(fmt.Sprint(tt.name, " ", others), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					store, bus := &byName{in: map[string]bool{"alice": true, "bob": true}}, session.NewBus()
					srv := socketio.NewServer(&socketio.Options{Recovery: &socketio.Recovery{MaxDisconnection: time.Hour}})
					defer srv.Close()
					here, there := session.New(store, session.Config{Bus: bus}), session.New(store, session.Config{Bus: bus})
					srv.Use(here)
					o := cookie(&http.Cookie{Name: "sid", Value: "alice"})
					c := siotest.Dial(t, srv, o)
					synctest.Wait() // until the server knows the socket
					s, _ := srv.Socket(c.ID())
					assert.NoError(t, s.Join("secrets"))
					c.Conn().Cut()
					for range others {
						siotest.Dial(t, srv, cookie(&http.Cookie{Name: "sid", Value: "bob"})).Disconnect()
					}
					synctest.Wait()
					assert.NoError(t, srv.To("secrets").Emit("secret"))
					runtime.GC() // nothing but recovery keeps what is left of the socket
					if tt.away != nil {
						tt.away(t, here, there, bus)
					}
					assert.NoError(t, store.put("alice", true)) // the next login
					o.Auth = map[string]any{"pid": c.PID()}
					back := siotest.Dial(t, srv, o)
					assert.Equal(t, "recovered", back.Recovered(), tt.want)
					if tt.want {
						back.Expect("secret")
					}
					back.ExpectNone(time.Second)
				})
			})
		}
	}
}
