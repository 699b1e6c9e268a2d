package auth_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

func TestRevocation(t *testing.T) {
	t.Parallel()
	now := time.Now()
	alice := auth.Token{ID: "t1", Subject: "alice", IssuedAt: now}
	tests := []struct {
		name       string
		revocation auth.Revocation
		token      auth.Token
		want       bool
	}{
		{"token", auth.Revocation{TokenID: "t1"}, alice, true},
		{"other token", auth.Revocation{TokenID: "t2"}, alice, false},
		{"token without an id", auth.Revocation{TokenID: "t2"}, auth.Token{Subject: "alice"}, false},
		{"token id decides alone", auth.Revocation{TokenID: "t2", Subject: "alice", IssuedBefore: now.Add(time.Hour)}, alice, false},
		{"subject, issued earlier", auth.Revocation{Subject: "alice", IssuedBefore: now.Add(1)}, alice, true},
		{"subject, issued then", auth.Revocation{Subject: "alice", IssuedBefore: now}, alice, false},
		{"subject, no time of issue", auth.Revocation{Subject: "alice", IssuedBefore: now}, auth.Token{Subject: "alice"}, true},
		{"other subject", auth.Revocation{Subject: "bob", IssuedBefore: now.Add(1)}, alice, false},
		{"subject, no time", auth.Revocation{Subject: "alice"}, auth.Token{Subject: "alice", IssuedAt: now.Add(-time.Second)}, true},
		{"subject, no time at all", auth.Revocation{Subject: "alice"}, auth.Token{Subject: "alice"}, true},
		{"other subject, no time", auth.Revocation{Subject: "bob"}, alice, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, "of", tt.revocation.Of(tt.token), tt.want)
			list := auth.NewRevocations(time.Hour)
			assert.NoError(t, list.Revoke(tt.revocation))
			revoked, err := list.Revoked(context.Background(), tt.token)
			assert.NoError(t, err)
			assert.Equal(t, "revoked", revoked, tt.want)
		})
	}
}

// TestRevokeWithoutATime withdraws what there is, and not what comes later.
func TestRevokeWithoutATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		list := auth.NewRevocations(time.Hour)
		srv := socketio.NewServer(nil)
		defer srv.Close()
		srv.Use(auth.JWT(with(secretConfig(), func(c *config) { c.Watch = list })))
		o := siotest.Options{Auth: until(time.Hour)}
		c := siotest.Dial(t, srv, o)
		assert.NoError(t, list.Revoke(auth.Revocation{Subject: "alice"}))
		c.ExpectDisconnect(siotest.TransportClose)
		refusedWith(t, srv, o, auth.CodeTokenRevoked)
		time.Sleep(time.Second)
		siotest.Dial(t, srv, siotest.Options{Auth: until(time.Hour, func(c *claims) { c.IssuedAt = at(0) })})
	})
}

// TestRevokeOfNothing is told: a token without an id cannot be revoked by it.
func TestRevokeOfNothing(t *testing.T) {
	t.Parallel()
	list := auth.NewRevocations(time.Hour)
	list.Watch(func(auth.Revocation) { t.Error("told of a revocation of nothing") })
	for _, r := range []auth.Revocation{{}, {IssuedBefore: time.Now()}} {
		assert.ErrorIs(t, list.Revoke(r), auth.ErrNothingRevoked)
		assert.Equal(t, "of", r.Of(auth.Token{}), false)
	}
}

func TestRevocationsAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		list := auth.NewRevocations(time.Hour)
		is := func(token auth.Token) bool { revoked, _ := list.Revoked(context.Background(), token); return revoked }
		list.Revoke(auth.Revocation{TokenID: "t1"})
		list.Revoke(auth.Revocation{Subject: "alice", IssuedBefore: time.Now()})
		list.Revoke(auth.Revocation{Subject: "alice", IssuedBefore: time.Now().Add(-time.Minute)}) // takes nothing back
		assert.Equal(t, "alice", is(auth.Token{Subject: "alice", IssuedAt: time.Now().Add(-time.Second)}), true)
		time.Sleep(59 * time.Minute)
		list.Revoke(auth.Revocation{TokenID: "t2"})
		assert.Equal(t, "t1", is(auth.Token{ID: "t1"}), true)
		time.Sleep(2 * time.Minute)
		list.Revoke(auth.Revocation{TokenID: "t3"})
		assert.Equal(t, "t1 later", is(auth.Token{ID: "t1"}), false)
		assert.Equal(t, "alice later", is(auth.Token{Subject: "alice"}), false)
		assert.Equal(t, "t2 later", is(auth.Token{ID: "t2"}), true)
	})
}

// TestRevokedSockets: live ones end at once, and stay out.
func TestRevokedSockets(t *testing.T) {
	t.Parallel()
	list := auth.NewRevocations(time.Hour)
	srv := socketio.NewServer(nil)
	defer srv.Close()
	srv.Use(auth.JWT(with(refreshing(), func(c *config) { c.Watch = list })))
	dial := func(id, subject string) (*siotest.Client, siotest.Options) {
		o := siotest.Options{Auth: until(time.Hour, func(c *claims) { c.ID, c.Subject = id, subject })}
		return siotest.Dial(t, srv, o), o
	}
	phone, phoneOptions := dial("phone", "alice")
	laptop, _ := dial("laptop", "alice")
	bob, _ := dial("bob", "bob")

	list.Revoke(auth.Revocation{TokenID: "phone"})
	phone.ExpectDisconnect(siotest.TransportClose)
	refusedWith(t, srv, phoneOptions, auth.CodeTokenRevoked)

	var r auth.Refreshed
	laptop.Call("auth:refresh", until(time.Hour, func(c *claims) { c.ID = "laptop2" })).Decode(&r)
	list.Revoke(auth.Revocation{TokenID: "laptop"}) // the one it had: nobody's now
	laptop.Call("auth:refresh", until(time.Hour, func(c *claims) { c.ID = "laptop2" })).Decode(&r)
	list.Revoke(auth.Revocation{Subject: "alice", IssuedBefore: time.Now()})
	laptop.ExpectDisconnect(siotest.TransportClose)
	bob.Call("auth:refresh", until(time.Hour, func(c *claims) { c.ID, c.Subject = "bob2", "bob" })).Decode(&r)
	list.Revoke(auth.Revocation{TokenID: "bob2"})
	bob.ExpectDisconnect(siotest.TransportClose)
}

// slowList revokes while a handshake or a refresh asks.
type slowList struct {
	*auth.Revocations
	during func(n int32)
	asked  atomic.Int32
}

func (l *slowList) Revoked(ctx context.Context, token auth.Token) (bool, error) {
	revoked, err := l.Revocations.Revoked(ctx, token) // knows nothing yet
	l.during(l.asked.Add(1))
	return revoked, err
}

// TestRevokedWhileJoining: there is no moment in which a revocation is missed.
func TestRevokedWhileJoining(t *testing.T) {
	t.Parallel()
	for n := int32(1); n <= 2; n++ { // before the socket is indexed, and after
		list := &slowList{Revocations: auth.NewRevocations(time.Hour)}
		list.during = func(asked int32) {
			if asked == n {
				list.Revoke(auth.Revocation{TokenID: "t1"})
			}
		}
		srv := socketio.NewServer(nil)
		srv.Use(auth.JWT(with(secretConfig(), func(c *config) { c.Watch = list })))
		srv.OnConnect(func(*socketio.Socket) { t.Error("a revoked token has joined") })
		refusedWith(t, srv, siotest.Options{Auth: until(time.Hour, func(c *claims) { c.ID = "t1" })}, auth.CodeTokenRevoked)
		srv.Close()
	}
}

// TestRevokedWhileRefreshing: the same for the token that a refresh brings.
func TestRevokedWhileRefreshing(t *testing.T) {
	t.Parallel()
	list := &slowList{Revocations: auth.NewRevocations(time.Hour)}
	list.during = func(asked int32) {
		if asked == 4 { // 1, 2: the handshake; 3: verified; 4: swapped
			list.Revoke(auth.Revocation{TokenID: "t2"})
		}
	}
	srv := socketio.NewServer(nil)
	defer srv.Close()
	srv.Use(auth.JWT(with(refreshing(), func(c *config) { c.Watch = list })))
	c := siotest.Dial(t, srv, siotest.Options{Auth: until(time.Hour)})
	c.Emit("auth:refresh", until(time.Hour, func(c *claims) { c.ID = "t2" }))
	c.ExpectDisconnect(siotest.TransportClose)
}

// store is a Watch whose store can be cut off, and that only a recheck asks.
type store struct {
	down    atomic.Bool
	revoked atomic.Bool
	tell    atomic.Pointer[func(auth.Revocation)]
}

func (s *store) Watch(f func(auth.Revocation)) { s.tell.Store(&f) }
func (s *store) Revoked(context.Context, auth.Token) (bool, error) {
	if s.down.Load() {
		return false, errors.New("store is down")
	}
	return s.revoked.Load(), nil
}

func TestRecheck(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		then func(s *store, banned *atomic.Bool)
		ends bool
	}{
		{"nothing has changed", func(*store, *atomic.Bool) {}, false},
		{"revoked", func(s *store, _ *atomic.Bool) { s.revoked.Store(true) }, true},
		{"policy no longer agrees", func(_ *store, banned *atomic.Bool) { banned.Store(true) }, true},
		{"store is down", func(s *store, _ *atomic.Bool) { s.down.Store(true); s.revoked.Store(true) }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var s store
				var banned atomic.Bool
				srv := socketio.NewServer(nil)
				defer srv.Close()
				guard := auth.JWT(with(secretConfig(), func(c *config) { c.Watch, c.Recheck = &s, time.Minute }))
				srv.Use(guard.Require(auth.Allow(func(*claims) bool { return !banned.Load() })))
				end := watchEnd(srv.Namespace)
				c := siotest.Dial(t, srv, siotest.Options{Auth: until(time.Hour), Timeout: 2 * time.Hour})
				c.ExpectNone(10 * time.Minute)
				tt.then(&s, &banned)
				e := next(t, end)
				if tt.ends && (e.after < 10*time.Minute || e.after > 10*time.Minute+66*time.Second) {
					t.Errorf("ended after %s, want at the next check", e.after)
				}
				if !tt.ends {
					assert.Equal(t, "end", e.after, time.Hour+30*time.Second) // until expiry, as if nothing were
				}
			})
		})
	}
}

// TestStoreIsDown: an outage says nothing about a token, and ends nobody.
func TestStoreIsDown(t *testing.T) {
	t.Parallel()
	var s store
	srv := socketio.NewServer(nil)
	defer srv.Close()
	srv.Use(auth.JWT(with(refreshing(), func(c *config) { c.Watch = &s })))
	srv.On("ping", func() {})
	c := siotest.Dial(t, srv, siotest.Options{Auth: until(time.Hour)})
	s.down.Store(true)
	data := refusedWith(t, srv, siotest.Options{Auth: until(time.Hour)}, auth.CodeUnavailable)
	assert.Equal(t, "retryable", data.Retryable, true)
	assert.Equal(t, "refresh", failure(t, c.Call("auth:refresh", until(time.Hour))), auth.CodeUnavailable)
	(*s.tell.Load())(auth.Revocation{}) // a resync that finds nothing out
	c.Call("ping")
	s.down.Store(false)
	s.revoked.Store(true)
	(*s.tell.Load())(auth.Revocation{}) // something was missed: all are asked
	c.ExpectDisconnect(siotest.TransportClose)
}

// TestFailuresPerMinute is A-J08: what is not verified costs nothing.
func TestFailuresPerMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var verified int
		srv := socketio.NewServer(nil)
		defer srv.Close()
		srv.Use(auth.Custom(auth.VerifierFunc[claims](func(_ context.Context, token string) (*auth.Identity[claims], error) {
			verified++
			if token != "good" {
				return nil, auth.ErrTokenInvalid
			}
			return &auth.Identity[claims]{Subject: "alice", Claims: &claims{}, ExpiresAt: time.Now().Add(time.Hour)}, nil
		}), config{FailuresPerMinute: 10}))
		for range 50 {
			siotest.Dial(t, srv, siotest.Options{Auth: token{"good"}}) // successes do not count
		}
		for i := range 100 {
			want := auth.CodeTokenInvalid
			if i >= 10 {
				want = auth.CodeRateLimited
			}
			// A-J13: a header that anyone can set is not the address.
			header := map[string][]string{"X-Forwarded-For": {"198.51.100." + string(rune('0'+i%10))}}
			refusedWith(t, srv, siotest.Options{Auth: token{"bad"}, Header: header}, want)
		}
		assert.Equal(t, "verified", verified, 60)
		time.Sleep(time.Minute)
		siotest.Dial(t, srv, siotest.Options{Auth: token{"good"}})
	})
}

// TestRevokedOnEveryServer of a process that shares the list.
func TestRevokedOnEveryServer(t *testing.T) {
	t.Parallel()
	list := auth.NewRevocations(time.Hour)
	o := siotest.Options{Auth: until(time.Hour, func(c *claims) { c.ID = "t1" })}
	var clients []*siotest.Client
	for range 3 {
		srv := socketio.NewServer(nil)
		defer srv.Close()
		srv.Use(auth.JWT(with(secretConfig(), func(c *config) { c.Watch = list })))
		for _, o.Transport = range []string{"polling", "websocket"} {
			clients = append(clients, siotest.Dial(t, srv, o))
		}
	}
	list.Revoke(auth.Revocation{TokenID: "t1"})
	for _, c := range clients {
		c.ExpectDisconnect(siotest.TransportClose)
	}
}

// TestCheckIsMadeUpFor: a store that was down when something may have been
// missed is asked again, without another word.
func TestCheckIsMadeUpFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s store
		srv := socketio.NewServer(nil)
		defer srv.Close()
		srv.Use(auth.JWT(with(secretConfig(), func(c *config) { c.Watch = &s })))
		end := watchEnd(srv.Namespace)
		siotest.Dial(t, srv, siotest.Options{Auth: until(time.Hour)})
		s.down.Store(true)
		s.revoked.Store(true)
		(*s.tell.Load())(auth.Revocation{})
		time.Sleep(8 * time.Second) // the first retry, after 7.5 s at most, fails, too
		s.down.Store(false)
		if e := next(t, end); e.after < 8*time.Second || e.after > 15500*time.Millisecond || e.reason != socketio.ReasonForcedClose {
			t.Errorf("ended after %s by %s, want a retry that follows the last failure within 7.5 s", e.after, e.reason)
		}
	})
}
