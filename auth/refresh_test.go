package auth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

func refreshing() config {
	return with(secretConfig(), func(c *config) { c.RefreshEvent = "auth:refresh" })
}

// failure is the code that a failed acknowledgement carries.
func failure(t *testing.T, m *siotest.Message) auth.Code {
	t.Helper()
	f := m.Failure()
	if f == nil {
		t.Fatalf("acknowledged: %s", m)
	}
	text, err := json.Marshal(f.Data)
	assert.NoError(t, err)
	var e auth.Error
	assert.NoError(t, json.Unmarshal(text, &e))
	return e.Code
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := socketio.NewServer(nil)
		defer srv.Close()
		end := watchEnd(srv.Namespace)
		srv.Use(auth.JWT(refreshing()))
		srv.On("roles", func(s *socketio.Socket) []string {
			id, _ := auth.From[claims](s)
			return id.Claims.Roles
		})
		c := siotest.Dial(t, srv, siotest.Options{Auth: until(time.Minute), Timeout: time.Hour})
		c.ExpectNone(50 * time.Second)
		fresh := until(10*time.Minute, func(c *claims) { c.Roles = []string{"admin"} })
		var r auth.Refreshed
		c.Call("auth:refresh", fresh).Decode(&r)
		assert.Equal(t, "exp", r.ExpiresAt, time.Now().Add(10*time.Minute).Unix())
		var roles []string
		c.Call("roles").Decode(&roles)
		assert.Equal(t, "roles", roles, []string{"admin"})
		c.Call("auth:refresh", until(5*time.Minute)).Decode(&r) // shorter than before: the last one counts
		assert.Equal(t, "end", next(t, end), ended{50*time.Second + 5*time.Minute + 30*time.Second, socketio.ReasonForcedClose})
	})
}

func TestRefreshRefused(t *testing.T) {
	t.Parallel()
	revocations := auth.NewRevocations(24 * time.Hour)
	revocations.Revoke(auth.Revocation{TokenID: "stolen"})
	tests := []struct {
		name string
		with any
		want auth.Code
	}{
		{"another subject", until(time.Hour, func(c *claims) { c.Subject = "bob" }), auth.CodeTokenInvalid},
		{"expired", until(-time.Hour), auth.CodeTokenExpired},
		{"badly signed", token{tokenOf("alice") + "x"}, auth.CodeTokenInvalid},
		{"no token", token{""}, auth.CodeTokenMalformed},
		{"policy", until(time.Hour, func(c *claims) { c.User = "other" }), auth.CodeForbidden},
		{"revoked", until(time.Hour, func(c *claims) { c.User, c.ID = "a", "stolen" }), auth.CodeTokenRevoked},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := socketio.NewServer(nil)
			defer srv.Close()
			guard := auth.JWT(with(refreshing(), func(c *config) { c.Watch = revocations }))
			srv.Use(guard.Require(auth.Allow(func(c *claims) bool { return c.User == "a" })))
			srv.On("whoami", func(s *socketio.Socket) string { return s.Identity() })
			c := siotest.Dial(t, srv, siotest.Options{Auth: until(time.Hour, func(c *claims) { c.User = "a" })})
			assert.Equal(t, "code", failure(t, c.Call("auth:refresh", tt.with)), tt.want)
			var who string
			c.Call("whoami").Decode(&who) // the old token still counts
			assert.Equal(t, "identity", who, "alice")
		})
	}
}

// TestRefreshOfAnonymous: who has no identity cannot get one on a live socket.
func TestRefreshOfAnonymous(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(nil)
	defer srv.Close()
	srv.Use(auth.JWT(with(refreshing(), func(c *config) { c.Optional = true })))
	c := siotest.Dial(t, srv, siotest.Options{})
	assert.Equal(t, "code", failure(t, c.Call("auth:refresh", until(time.Hour))), auth.CodeTokenInvalid)
}

// TestRefreshIsLimited is a part of A-J08.
func TestRefreshIsLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var verified atomic.Int32
		srv := socketio.NewServer(nil)
		defer srv.Close()
		srv.Use(auth.Custom(auth.VerifierFunc[claims](func(_ context.Context, token string) (*auth.Identity[claims], error) {
			if verified.Add(1) > 1 {
				return nil, auth.ErrTokenInvalid
			}
			return &auth.Identity[claims]{Subject: token, Claims: &claims{}, ExpiresAt: time.Now().Add(time.Hour)}, nil
		}), config{RefreshEvent: "auth:refresh"}))
		c := siotest.Dial(t, srv, siotest.Options{Auth: token{"alice"}})
		for i := range 1000 {
			want := auth.CodeTokenInvalid
			if i >= 5 {
				want = auth.CodeRateLimited
			}
			m := c.Call("auth:refresh", token{"x"})
			assert.Equal(t, "code", failure(t, m), want)
		}
		assert.Equal(t, "verified", verified.Load(), int32(1+5))
		c.ExpectNone(2 * time.Second)
		assert.Equal(t, "code", failure(t, c.Call("auth:refresh", token{"x"})), auth.CodeTokenInvalid)
	})
}

// TestRefreshInGrace: the warning is in time to be answered.
func TestRefreshInGrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := socketio.NewServer(nil)
		defer srv.Close()
		end := watchEnd(srv.Namespace)
		srv.Use(auth.JWT(with(refreshing(), func(c *config) { c.Grace = 10 * time.Second })))
		c := siotest.Dial(t, srv, siotest.Options{Auth: until(time.Minute), Timeout: time.Hour})
		for range 3 {
			c.Expect("auth:expired")
			var r auth.Refreshed
			c.Call("auth:refresh", until(time.Minute)).Decode(&r)
		}
		c.Expect("auth:expired")
		assert.Equal(t, "end", next(t, end), ended{4*90*time.Second + 10*time.Second, socketio.ReasonForcedClose})
	})
}

// TestRefreshAgainstExpiry: whichever comes first wins, and wins wholly. The
// refresh is verified while the token ends.
func TestRefreshAgainstExpiry(t *testing.T) {
	t.Parallel()
	for _, takes := range []time.Duration{30*time.Second - 1, 30 * time.Second, 30*time.Second + 1} {
		t.Run(fmt.Sprint(takes), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := socketio.NewServer(nil)
				defer srv.Close()
				end, start, expiry := watchEnd(srv.Namespace), time.Now(), make(chan time.Duration, 1)
				srv.OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) {
					id, _ := auth.From[claims](s)
					expiry <- id.ExpiresAt.Sub(start)
				})
				first := true
				srv.Use(auth.Custom(auth.VerifierFunc[claims](func(context.Context, string) (*auth.Identity[claims], error) {
					if !first {
						time.Sleep(takes)
					}
					first = false
					return &auth.Identity[claims]{Subject: "alice", Claims: &claims{}, ExpiresAt: time.Now().Add(time.Minute)}, nil
				}), config{RefreshEvent: "auth:refresh"}))
				c := siotest.Dial(t, srv, siotest.Options{Auth: token{"t"}, Timeout: time.Hour})
				c.ExpectNone(time.Minute)
				ack := c.EmitWithAck("auth:refresh", token{"t"})
				if takes < 30*time.Second {
					assert.Equal(t, "accepted", (<-ack).Failure() == nil, true)
					assert.Equal(t, "end", next(t, end), ended{time.Minute + takes + 90*time.Second, socketio.ReasonForcedClose})
					return
				}
				e := next(t, end)
				assert.Equal(t, "reason", e.reason, socketio.ReasonForcedClose)
				assert.Equal(t, "after the refresh has come back", e.after, time.Minute+takes)
				assert.Equal(t, "expiry of the claims", <-expiry, time.Minute)
			})
		})
	}
}

// TestRefreshAgainstDisconnect is for the race detector, and for what a late
// refresh leaves behind: no timer, no place in the index.
func TestRefreshAgainstDisconnect(t *testing.T) {
	t.Parallel()
	revocations := auth.NewRevocations(time.Hour)
	srv := socketio.NewServer(nil)
	defer srv.Close()
	srv.Use(auth.JWT(with(refreshing(), func(c *config) { c.Watch, c.Recheck = revocations, time.Millisecond })))
	srv.On("who", func(s *socketio.Socket) string { id, _ := auth.From[claims](s); return id.TokenID })
	var group sync.WaitGroup
	for i := range 40 {
		id := fmt.Sprint("t", i)
		c := siotest.Dial(t, srv, siotest.Options{Auth: until(time.Hour, func(c *claims) { c.ID = id })})
		c.Call("who") // the server knows the socket by then
		s, _ := srv.Socket(c.ID())
		for n := range 3 {
			fresh := until(time.Hour, func(c *claims) { c.ID = fmt.Sprint(id, "-", n) })
			c.Emit("auth:refresh", fresh)
			c.Emit("who")
		}
		group.Go(func() {
			switch i % 4 {
			case 0:
				c.Conn().Cut()
			case 1:
				s.Disconnect(false)
			case 2:
				revocations.Revoke(auth.Revocation{TokenID: id + "-2"})
				s.CloseTransport()
			case 3:
				c.Disconnect()
			}
		})
		group.Go(func() { <-s.Context().Done() })
	}
	group.Wait()
	srv.Close()
	assert.NoError(t, srv.Shutdown(context.Background()))
	assert.Equal(t, "sockets", len(srv.Sockets()), 0)
}

// questions is a Watch that answers each question in its own way.
type questions struct {
	asked  atomic.Int32
	answer func(n int32) (bool, error)
}

func (q *questions) Watch(func(auth.Revocation)) {}
func (q *questions) Revoked(context.Context, auth.Token) (bool, error) {
	return q.answer(q.asked.Add(1))
}

// TestRefreshThatIsNotConfirmed: a revocation that came between the look at the
// new token and its place on the socket is found, also if nobody can be asked then.
func TestRefreshThatIsNotConfirmed(t *testing.T) {
	t.Parallel()
	const confirm = 4 // after two questions in the handshake, and one for the new token
	never := func(int32) (bool, error) { return false, nil }
	down := func(n int32) (bool, error) {
		if n == confirm {
			return false, errors.New("store is down")
		}
		return n > confirm, nil
	}
	for _, tt := range []struct {
		name       string
		one, other func(n int32) (bool, error)
	}{
		{"the store is down", down, never},
		{"the store panics", func(n int32) (bool, error) {
			if n == confirm {
				panic("a nil map, perhaps")
			}
			return n > confirm, nil
		}, never},
		{"another guard's store is down", never, down},
		{"another guard's token is revoked", func(n int32) (bool, error) {
			if n == confirm {
				return false, errors.New("store is down")
			}
			return false, nil
		}, func(n int32) (bool, error) { return n >= confirm, nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := socketio.NewServer(nil)
				defer srv.Close()
				for i, answer := range []func(int32) (bool, error){tt.one, tt.other} {
					srv.Use(auth.JWT(with(secretConfig(), func(c *config) {
						c.Watch = &questions{answer: answer}
						if i == 0 {
							c.RefreshEvent = "auth:refresh"
						}
					})))
				}
				c := siotest.Dial(t, srv, siotest.Options{Auth: until(time.Hour), Timeout: time.Minute})
				ack := c.EmitWithAck("auth:refresh", until(2*time.Hour))
				c.ExpectDisconnect("")
				if m, ok := <-ack; ok && m != nil {
					assert.True(t, "not acknowledged as good: "+m.String(), m.Failure() != nil)
				}
			})
		})
	}
}

// TestRefreshToAnotherTenant: what was made of the old claims follows the new
// ones before the refresh is acknowledged.
func TestRefreshToAnotherTenant(t *testing.T) {
	t.Parallel()
	tenant := func(name string) token { return until(time.Hour, func(c *claims) { c.Scope = name }) }
	byTenant := func(id *auth.Identity[claims]) string { return "tenant:" + id.Claims.Scope }
	for _, tt := range []struct {
		name   string
		change func(c *config)
		to     token
		want   []string // rooms, but the socket's own
		code   auth.Code
	}{
		{"without a hook rooms stay", func(*config) {}, tenant("b"), []string{"team:a"}, ""},
		{"room", func(c *config) { c.Room = byTenant }, tenant("b"), []string{"team:a", "tenant:b"}, ""},
		{"room of the same name", func(c *config) { c.Room = byTenant }, tenant("a"), []string{"team:a", "tenant:a"}, ""},
		{"hook", func(c *config) {
			c.OnRefresh = func(s *socketio.Socket, before, after *auth.Identity[claims]) {
				if id, _ := auth.From[claims](s); id != after {
					t.Error("the hook comes before the swap")
				}
				s.Leave("team:" + before.Claims.Scope)
				assert.NoError(t, s.Join("team:"+after.Claims.Scope))
			}
		}, tenant("b"), []string{"team:b"}, ""},
		{"refused", func(c *config) {
			c.Room = byTenant
			c.OnRefresh = func(*socketio.Socket, *auth.Identity[claims], *auth.Identity[claims]) { t.Error("called") }
		}, token{"no token"}, []string{"team:a", "tenant:a"}, auth.CodeTokenMalformed},
		{"the subject names the tenant", func(c *config) {
			c.Room, c.Subject = byTenant, func(c *claims) string { return c.Scope + "/" + c.Subject }
		}, tenant("b"), []string{"team:a", "tenant:a"}, auth.CodeTokenInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := socketio.NewServer(nil)
			defer srv.Close()
			srv.Use(auth.JWT(with(refreshing(), tt.change)))
			srv.OnConnect(func(s *socketio.Socket) {
				id, _ := auth.From[claims](s)
				assert.NoError(t, s.Join("team:"+id.Claims.Scope))
			})
			first := tenant("a")
			c := siotest.Dial(t, srv, siotest.Options{Auth: first, Timeout: time.Minute})
			answer := c.Call("auth:refresh", tt.to)
			if tt.code != "" {
				assert.Equal(t, "code", failure(t, answer), tt.code)
			} else {
				answer.Decode(new(auth.Refreshed))
			}
			s, _ := srv.Socket(c.ID())
			rooms := slices.DeleteFunc(s.Rooms(), func(r string) bool { return r == s.ID() })
			slices.Sort(rooms)
			assert.Equal(t, "rooms", rooms, tt.want)
		})
	}
}

// TestRoomOfTwoLives: a room that the guard of the parent has named, too, is left
// when both have named another.
func TestRoomOfTwoLives(t *testing.T) {
	t.Parallel()
	room := func(c *config) {
		c.Room = func(id *auth.Identity[claims]) string { return "tenant:" + id.Claims.Scope }
	}
	fixed := func(c *config) { c.Room = func(*auth.Identity[claims]) string { return "tenant:a" } }
	for _, tt := range []struct {
		name   string
		parent func(c *config)
		want   []string
	}{
		{"both move", room, []string{"tenant:b"}},
		{"one stays", fixed, []string{"tenant:a", "tenant:b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := socketio.NewServer(nil)
			defer srv.Close()
			srv.OfRegexp(regexp.MustCompile("^/org-[0-9]$")).Use(auth.JWT(with(secretConfig(), tt.parent)))
			ns := srv.Of("/org-1")
			ns.Use(auth.JWT(with(refreshing(), room)))
			c := siotest.Dial(t, srv, siotest.Options{Namespace: "/org-1", Auth: until(time.Hour, func(c *claims) { c.Scope = "a" }), Timeout: time.Minute})
			c.Call("auth:refresh", until(time.Hour, func(c *claims) { c.Scope = "b" })).Decode(new(auth.Refreshed))
			s, _ := ns.Socket(c.ID())
			rooms := slices.DeleteFunc(s.Rooms(), func(r string) bool { return r == s.ID() })
			slices.Sort(rooms)
			assert.Equal(t, "rooms", rooms, tt.want)
		})
	}
}

// TestRefreshInAFullHouse: the room of the old tenant is left whatever becomes of
// the new one's, and gives its place to it. Who cannot have the new one goes.
func TestRefreshInAFullHouse(t *testing.T) {
	t.Parallel()
	byTenant := func(id *auth.Identity[claims]) string {
		switch id.Claims.Scope {
		case "":
			return ""
		case "broken":
			panic("a nil map, perhaps")
		}
		return "tenant:" + id.Claims.Scope
	}
	tenant := func(name string) token { return until(time.Hour, func(c *claims) { c.Scope = name }) }
	down := func(n int32) (bool, error) { // when the new token is asked about once more
		if n == 4 {
			return false, errors.New("store is down")
		}
		return false, nil
	}
	broken := func(n int32) (bool, error) {
		if n == 4 {
			panic("a nil map, perhaps")
		}
		return false, nil
	}
	for _, tt := range []struct {
		name         string
		from, to     string
		watch        func(n int32) (bool, error)
		guards       int
		joined, want []string // rooms; nil: the socket has gone
		hooks        int32
	}{
		{"room for one", "a", "b", nil, 1, []string{"r0", "r1"}, []string{"r0", "r1", "tenant:b"}, 1},
		{"room for one, of two lives", "a", "b", nil, 2, []string{"r0", "r1"}, []string{"r0", "r1", "tenant:b"}, 2},
		{"no room", "", "b", nil, 1, []string{"r0", "r1", "r2"}, nil, 0},
		{"no room that exists", "a", strings.Repeat("b", 2000), nil, 1, nil, nil, 0},
		{"to no tenant", "a", "", nil, 1, []string{"r0"}, []string{"r0"}, 1},
		{"to a tenant without a name", "a", "broken", nil, 1, []string{"r0"}, []string{"r0", "tenant:a"}, 0},
		{"the store is down", "a", "b", down, 1, []string{"r0"}, []string{"r0", "tenant:b"}, 1},
		{"the store panics", "a", "b", broken, 1, []string{"r0"}, []string{"r0", "tenant:b"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := socketio.NewServer(&socketio.Options{Limits: socketio.Limits{Rooms: 3}})
			defer srv.Close()
			var hooks atomic.Int32
			for i := range tt.guards {
				srv.Use(auth.JWT(with(refreshing(), func(c *config) {
					c.Room, c.OnRefresh = byTenant, func(*socketio.Socket, *auth.Identity[claims], *auth.Identity[claims]) { hooks.Add(1) }
					if i > 0 {
						c.RefreshEvent = "other:refresh"
					}
					if tt.watch != nil {
						c.Watch = &questions{answer: tt.watch}
					}
				})))
			}
			srv.OnConnect(func(s *socketio.Socket) { assert.NoError(t, s.Join(tt.joined...)) })
			gone := make(chan *socketio.Socket, 1)
			srv.OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) { gone <- s })
			c := siotest.Dial(t, srv, siotest.Options{Auth: tenant(tt.from), Timeout: 20 * time.Second})
			ack := c.EmitWithAck("auth:refresh", tenant(tt.to))
			if tt.want == nil {
				c.ExpectDisconnect("")
				s := <-gone
				assert.True(t, "left the old tenant", !s.InRoom("tenant:"+tt.from))
			} else {
				<-ack
				s, _ := srv.Socket(c.ID())
				rooms := s.Rooms()
				slices.Sort(rooms)
				assert.Equal(t, "rooms", rooms, tt.want)
				id, _ := auth.From[claims](s)
				assert.Equal(t, "in the room of its identity", s.InRoom("tenant:"+id.Claims.Scope), tt.to != "")
			}
			assert.Equal(t, "hooks", hooks.Load(), tt.hooks)
		})
	}
}
