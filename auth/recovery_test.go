package auth_test

import (
	"context"
	"regexp"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestRecovery is A-R04: a client that comes back to its session is
// authenticated as if it came for the first time.
func TestRecovery(t *testing.T) {
	t.Parallel()
	somebody := func(name string) func(*claims) { return func(c *claims) { c.Subject = name } }
	for _, tt := range []struct {
		name    string
		away    time.Duration
		expires time.Duration // of the token that it comes back with
		subject string        // of that token; empty: there is none
		code    auth.Code     // empty: let in
		want    bool          // recovered
	}{
		{"still good", time.Minute, 10 * time.Minute, "alice", "", true},
		{"renewed", 5 * time.Minute, 20 * time.Minute, "alice", "", true},
		{"expired meanwhile", 5 * time.Minute, 4 * time.Minute, "alice", auth.CodeTokenExpired, false},
		{"somebody else's", time.Minute, 10 * time.Minute, "bob", "", false},
		{"none", time.Minute, 0, "", auth.CodeTokenMissing, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				first, second := until(10*time.Minute), token{}
				if tt.subject != "" {
					second = until(tt.expires, somebody(tt.subject))
				}
				srv := socketio.NewServer(&socketio.Options{Recovery: &socketio.Recovery{MaxDisconnection: time.Hour}})
				defer srv.Close()
				srv.Use(auth.JWT(secretConfig()))
				c := siotest.Dial(t, srv, siotest.Options{Auth: first})
				synctest.Wait() // until the server knows the socket
				s, _ := srv.Socket(c.ID())
				assert.NoError(t, s.Join("secrets"))
				c.Conn().Cut()
				synctest.Wait()
				assert.NoError(t, srv.To("secrets").Emit("secret"))
				time.Sleep(tt.away)
				o := siotest.Options{Auth: map[string]any{"pid": c.PID(), "token": second.Token}}
				if tt.code != "" {
					refusedWith(t, srv, o, tt.code)
					return
				}
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

// TestEndedForCause: who was ended by a revocation or a policy gets a fresh
// session after the next login, also if the revocation came while the client was
// away; who let a token expire goes on.
func TestEndedForCause(t *testing.T) {
	t.Parallel()
	revoke := func(r auth.Revocation) func(*auth.Revocations, *atomic.Bool, *siotest.Client) {
		return func(list *auth.Revocations, _ *atomic.Bool, _ *siotest.Client) { _ = list.Revoke(r) }
	}
	type end = func(list *auth.Revocations, banned *atomic.Bool, c *siotest.Client)
	tests := []struct {
		name string
		end  end
		want bool
	}{
		{"token revoked", revoke(auth.Revocation{TokenID: "t1"}), false},
		{"subject revoked", revoke(auth.Revocation{Subject: "alice"}), false},
		{"policy", func(_ *auth.Revocations, banned *atomic.Bool, _ *siotest.Client) {
			banned.Store(true)
			time.Sleep(70 * time.Second) // the next check
			banned.Store(false)
		}, false},
		{"token revoked while away", func(list *auth.Revocations, _ *atomic.Bool, c *siotest.Client) {
			c.Conn().Cut()
			synctest.Wait()
			_ = list.Revoke(auth.Revocation{TokenID: "t1"})
		}, false},
		{"subject revoked while away", func(list *auth.Revocations, _ *atomic.Bool, c *siotest.Client) {
			c.Conn().Cut()
			synctest.Wait()
			_ = list.Revoke(auth.Revocation{Subject: "alice"})
		}, false},
		{"another's revocation while away", func(list *auth.Revocations, _ *atomic.Bool, c *siotest.Client) {
			c.Conn().Cut()
			synctest.Wait()
			_ = list.Revoke(auth.Revocation{Subject: "bob"})
		}, true},
		{"revoked before the loss is noticed", func(list *auth.Revocations, _ *atomic.Bool, c *siotest.Client) {
			go func() { _ = list.Revoke(auth.Revocation{TokenID: "t1"}) }()
			c.Conn().Cut()
		}, false},
		{"expired", func(*auth.Revocations, *atomic.Bool, *siotest.Client) { time.Sleep(15 * time.Minute) }, true},
	}
	for _, tt := range tests {
		for _, namespace := range []string{"/", "/org-1"} {
			t.Run(tt.name+" "+namespace, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var banned atomic.Bool
					list := auth.NewRevocations(time.Hour)
					srv := socketio.NewServer(&socketio.Options{Recovery: &socketio.Recovery{MaxDisconnection: time.Hour}})
					defer srv.Close()
					guard := auth.JWT(with(secretConfig(), func(c *config) { c.Watch, c.Recheck = list, time.Minute }))
					guard = guard.Require(auth.Allow(func(*claims) bool { return !banned.Load() }))
					srv.Use(guard)
					srv.OfRegexp(regexp.MustCompile("^/org-1$")).Use(guard)
					o := siotest.Options{Namespace: namespace, Timeout: 2 * time.Hour, Auth: until(14*time.Minute, func(c *claims) { c.ID = "t1" })}
					c := siotest.Dial(t, srv, o)
					synctest.Wait() // until the server knows the socket
					for _, s := range srv.Of(namespace).Sockets() {
						assert.NoError(t, s.Join("secrets"))
					}
					tt.end(list, &banned, c)
					synctest.Wait()
					time.Sleep(time.Second) // nobody is signed in
					assert.NoError(t, srv.Of(namespace).To("secrets").Emit("secret"))
					login := until(time.Hour, func(c *claims) { c.ID, c.IssuedAt = "t2", at(0) })
					o.Auth = map[string]any{"pid": c.PID(), "token": login.Token}
					back := siotest.Dial(t, srv, o)
					assert.Equal(t, "recovered", back.Recovered(), tt.want)
					if tt.want {
						back.Expect("secret")
					}
					assert.NoError(t, srv.Of(namespace).To("secrets").Emit("secret"))
					if tt.want {
						back.Expect("secret")
					}
					back.ExpectNone(time.Second)
				})
			})
		}
	}
}

// TestTokenThatGivesSomethingElse: a session follows from the claims that it was
// opened with.
func TestTokenThatGivesSomethingElse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		old, next func(c *claims)
		refreshed func(c *claims) // on the live socket; nil: not
		want      bool
	}{
		{"the same", roles("user"), roles("user"), nil, true},
		{"another id and another time", roles("user"), func(c *claims) { c.Roles, c.ID, c.IssuedAt = []string{"user"}, "t2", at(-time.Second) }, nil, true},
		{"demoted", roles("user", "admin"), roles("user"), nil, false},
		{"promoted", roles("user"), roles("user", "admin"), nil, false},
		{"another tenant", func(c *claims) { c.Scope = "a" }, func(c *claims) { c.Scope = "b" }, nil, false},
		{"another audience", func(c *claims) { c.Audience = []string{"a"} }, func(c *claims) { c.Audience = []string{"b"} }, nil, false},
		{"as it was refreshed", roles("user"), roles("admin"), roles("admin"), true},
		{"as it was before the refresh", roles("user"), roles("user"), roles("admin"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := socketio.NewServer(&socketio.Options{Recovery: &socketio.Recovery{}})
				defer srv.Close()
				srv.Use(auth.JWT(refreshing()))
				srv.OnConnect(func(s *socketio.Socket) {
					id, _ := auth.From[claims](s)
					_ = s.Join(append(id.Claims.Roles, "tenant"+id.Claims.Scope)...)
				})
				c := siotest.Dial(t, srv, siotest.Options{Auth: until(time.Hour, tt.old)})
				synctest.Wait() // until the server knows the socket
				if tt.refreshed != nil {
					c.Call("auth:refresh", until(time.Hour, tt.refreshed)).Decode(new(auth.Refreshed))
				}
				c.Conn().Cut()
				synctest.Wait()
				back := siotest.Dial(t, srv, siotest.Options{Auth: map[string]any{"pid": c.PID(), "token": until(time.Hour, tt.next).Token}})
				assert.Equal(t, "recovered", back.Recovered(), tt.want)
			})
		})
	}
}

// recovered reports whether a client that comes back with other claims goes on.
func recovered[T any](t *testing.T, before, after T) (yes bool) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := socketio.NewServer(&socketio.Options{Recovery: &socketio.Recovery{}})
		defer srv.Close()
		srv.Use(auth.Custom(auth.VerifierFunc[T](func(_ context.Context, token string) (*auth.Identity[T], error) {
			c := before
			if token == "after" {
				c = after
			}
			return &auth.Identity[T]{Subject: "alice", Claims: &c, ExpiresAt: time.Now().Add(time.Hour)}, nil
		}), auth.Config[T]{}))
		c := siotest.Dial(t, srv, siotest.Options{Auth: token{"before"}})
		synctest.Wait() // until the server knows the socket
		c.Conn().Cut()
		synctest.Wait()
		yes = siotest.Dial(t, srv, siotest.Options{Auth: map[string]any{"pid": c.PID(), "token": "after"}}).Recovered()
	})
	return yes
}

// The claims of applications of which JSON does not show all.
type (
	tenant struct {
		Number int64 `json:"tenant"`
	}
	closed struct{ tenant string }
	half   struct {
		jwt.RegisteredClaims
		Tenant string `json:"-"`
	}
	inside struct {
		Sub  string    `json:"sub"`
		Orgs []*closed `json:"orgs"`
		Any  any       `json:"any"`
	}
	rank     string
	embedded struct {
		Sub string `json:"sub"`
		rank
	}
	silent struct {
		Sub    string `json:"sub"`
		Secret secretive
	}
	secretive string
	nothing   struct{}
	base      struct{ Team string }
	open      struct {
		base
		jwt.RegisteredClaims
		Since time.Time
	}
)

func (secretive) MarshalText() ([]byte, error) { return []byte("***"), nil }

// TestClaimsThatJSONDoesNotShow: a session is not recovered with other claims,
// however they are kept.
func TestClaimsThatJSONDoesNotShow(t *testing.T) {
	t.Parallel()
	registered := func(id string, d time.Duration) jwt.RegisteredClaims {
		return jwt.RegisteredClaims{Subject: "alice", ID: id, ExpiresAt: at(d), Audience: jwt.ClaimStrings{"chat"}}
	}
	since := time.Now()
	for _, tt := range []struct {
		name string
		got  func(t *testing.T) bool
		want bool
	}{
		{"numbers", func(t *testing.T) bool { return recovered(t, tenant{1234567890123456788}, tenant{1234567890123456789}) }, false},
		{"the same number", func(t *testing.T) bool { return recovered(t, tenant{1234567890123456788}, tenant{1234567890123456788}) }, true},
		{"numbers in a map", func(t *testing.T) bool {
			return recovered(t, map[string]any{"t": int64(1234567890123456788)}, map[string]any{"t": int64(1234567890123456789)})
		}, false},
		{"a map", func(t *testing.T) bool {
			return recovered(t, jwt.MapClaims{"sub": "alice", "exp": 1.0}, jwt.MapClaims{"sub": "alice", "exp": 2.0})
		}, true},
		{"closed", func(t *testing.T) bool { return recovered(t, closed{"a"}, closed{"b"}) }, false},
		{"closed, the same", func(t *testing.T) bool { return recovered(t, closed{"a"}, closed{"a"}) }, true},
		{"half", func(t *testing.T) bool {
			return recovered(t, half{registered("1", time.Hour), "a"}, half{registered("1", time.Hour), "b"})
		}, false},
		{"half, the same", func(t *testing.T) bool {
			return recovered(t, half{registered("1", time.Hour), "a"}, half{registered("2", time.Minute), "a"})
		}, true},
		{"in a list", func(t *testing.T) bool {
			return recovered(t, inside{"alice", []*closed{{"a"}}, nil}, inside{"alice", []*closed{{"b"}}, nil})
		}, false},
		{"in anything", func(t *testing.T) bool {
			return recovered(t, inside{"alice", nil, closed{"a"}}, inside{"alice", nil, closed{"b"}})
		}, false},
		{"in a list, the same", func(t *testing.T) bool {
			return recovered(t, inside{"alice", []*closed{{"a"}}, 1}, inside{"alice", []*closed{{"a"}}, 1})
		}, true},
		{"embedded", func(t *testing.T) bool { return recovered(t, embedded{"alice", "admin"}, embedded{"alice", "user"}) }, false},
		{"encodes itself", func(t *testing.T) bool { return recovered(t, silent{"alice", "a"}, silent{"alice", "b"}) }, false},
		{"nothing", func(t *testing.T) bool { return recovered(t, nothing{}, nothing{}) }, true},
		{"open", func(t *testing.T) bool {
			return recovered(t, open{base{"a"}, registered("1", time.Hour), since}, open{base{"a"}, registered("2", time.Minute), since.Round(0)})
		}, true},
		{"open, another team", func(t *testing.T) bool {
			return recovered(t, open{base{"a"}, registered("1", time.Hour), since}, open{base{"b"}, registered("1", time.Hour), since})
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, "recovered", tt.got(t), tt.want)
		})
	}
}

// TestRecoveryAfterALossDuringTheRefresh: what is kept are the rooms of the old
// claims, which the new ones must not bring back.
func TestRecoveryAfterALossDuringTheRefresh(t *testing.T) {
	t.Parallel()
	cut := func(s *socketio.Socket) { s.CloseTransport(); <-s.Context().Done() }
	for _, tt := range []struct {
		name   string
		to     string
		change func(c *config, live *atomic.Pointer[socketio.Socket])
		want   bool
	}{
		{"in the hook", "b", func(c *config, _ *atomic.Pointer[socketio.Socket]) {
			c.OnRefresh = func(s *socketio.Socket, before, _ *auth.Identity[claims]) {
				cut(s)
				s.Leave("team:" + before.Claims.Scope)
			}
		}, false},
		{"before it moves", "b", func(c *config, live *atomic.Pointer[socketio.Socket]) {
			var calls atomic.Int32
			c.Room = func(id *auth.Identity[claims]) string {
				if calls.Add(1) == 2 { // the first time is the handshake's
					cut(live.Load())
				}
				return "tenant:" + id.Claims.Scope
			}
		}, false},
		{"in the hook, with the same claims", "a", func(c *config, _ *atomic.Pointer[socketio.Socket]) {
			c.OnRefresh = func(s *socketio.Socket, _, _ *auth.Identity[claims]) { cut(s) }
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var live atomic.Pointer[socketio.Socket]
				srv := socketio.NewServer(&socketio.Options{Recovery: &socketio.Recovery{MaxDisconnection: time.Hour}})
				defer srv.Close()
				srv.Use(auth.JWT(with(refreshing(), func(c *config) { tt.change(c, &live) })))
				srv.OnConnect(func(s *socketio.Socket) {
					live.Store(s)
					id, _ := auth.From[claims](s)
					assert.NoError(t, s.Join("team:"+id.Claims.Scope))
				})
				tenant := func(name string) token { return until(time.Hour, func(c *claims) { c.Scope = name }) }
				c := siotest.Dial(t, srv, siotest.Options{Auth: tenant("a")})
				synctest.Wait()
				assert.NoError(t, srv.To("team:a").Emit("one")) // an offset to come back with
				c.Expect("one")
				c.Emit("auth:refresh", tenant(tt.to))
				c.ExpectDisconnect("")
				synctest.Wait()
				back := siotest.Dial(t, srv, siotest.Options{Auth: map[string]any{"pid": c.PID(), "token": tenant(tt.to).Token}})
				assert.Equal(t, "recovered", back.Recovered(), tt.want)
			})
		})
	}
}
