package auth_test

import (
	"context"
	"regexp"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// twoGuards puts a guard on a parent, and another on each of its children.
func twoGuards(srv *socketio.Server, parent, child socketio.Middleware) *socketio.Namespace {
	p := srv.OfRegexp(regexp.MustCompile(`^/org-\d+$`))
	p.Use(parent)
	srv.OnNewNamespace(func(ns *socketio.Namespace) { ns.Use(child) })
	p.On("ping", func() {})
	return p
}

func role(name string) auth.Policy[claims] {
	return auth.AnyRole(func(c *claims) []string { return c.Roles }, name)
}

func roles(names ...string) func(*claims) { return func(c *claims) { c.Roles = names } }

// oneLife are the ways to put two guards of one token on a parent and its child.
func oneLife(change func(c *config)) map[string]func(srv *socketio.Server) *socketio.Namespace {
	plain := with(secretConfig(), change)
	refreshed := with(refreshing(), change)
	return map[string]func(srv *socketio.Server) *socketio.Namespace{
		"derived": func(srv *socketio.Server) *socketio.Namespace {
			guard := auth.JWT(refreshed)
			return twoGuards(srv, guard.Require(role("user")), guard.Require(role("admin")))
		},
		"of their own": func(srv *socketio.Server) *socketio.Namespace {
			return twoGuards(srv, auth.JWT(refreshed).Require(role("user")), auth.JWT(refreshed).Require(role("admin")))
		},
		"of their own, the parent's refreshes": func(srv *socketio.Server) *socketio.Namespace {
			return twoGuards(srv, auth.JWT(refreshed).Require(role("user")), auth.JWT(plain).Require(role("admin")))
		},
		"of their own, the child's refreshes": func(srv *socketio.Server) *socketio.Namespace {
			return twoGuards(srv, auth.JWT(plain).Require(role("user")), auth.JWT(refreshed).Require(role("admin")))
		},
	}
}

// TestGuardsOfParentAndChild: a socket under two guards has one life. A refresh
// renews it, and the policies of both are asked each time.
func TestGuardsOfParentAndChild(t *testing.T) {
	t.Parallel()
	for name, wire := range oneLife(func(*config) {}) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := socketio.NewServer(nil)
				defer srv.Close()
				end := watchEnd(wire(srv))
				in := func(auth any) siotest.Options {
					return siotest.Options{Namespace: "/org-1", Auth: auth, Timeout: 2 * time.Hour}
				}
				both := roles("user", "admin")
				refusedWith(t, srv, in(until(time.Minute, roles("user"))), auth.CodeForbidden)
				refusedWith(t, srv, in(until(time.Minute, roles("admin"))), auth.CodeForbidden)
				c := siotest.Dial(t, srv, in(until(time.Minute, both)))
				for _, lacks := range []string{"user", "admin"} {
					assert.Equal(t, "refresh with "+lacks+" alone", failure(t, c.Call("auth:refresh", until(10*time.Minute, roles(lacks)))), auth.CodeForbidden)
				}
				var r auth.Refreshed
				c.Call("auth:refresh", until(10*time.Minute, both)).Decode(&r)
				assert.Equal(t, "expiry", r.ExpiresAt, time.Now().Add(10*time.Minute).Unix())
				time.Sleep(5 * time.Minute)
				c.Call("ping") // beyond the old expiry
				c.Call("auth:refresh", until(10*time.Minute, both)).Decode(&r)
				assert.Equal(t, "end", next(t, end), ended{15*time.Minute + 30*time.Second, socketio.ReasonForcedClose})
			})
		})
	}
}

// TestRecheckOfParentAndChild: whichever policy no longer agrees ends the socket.
func TestRecheckOfParentAndChild(t *testing.T) {
	t.Parallel()
	for _, banning := range []string{"parent", "child"} {
		t.Run(banning, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var banned atomic.Bool
				srv := socketio.NewServer(nil)
				defer srv.Close()
				guard := auth.JWT(with(secretConfig(), func(c *config) { c.Recheck = time.Minute }))
				strict := guard.Require(auth.Allow(func(*claims) bool { return !banned.Load() }))
				parent, child := guard, strict
				if banning == "parent" {
					parent, child = strict, guard
				}
				end := watchEnd(twoGuards(srv, parent, child))
				siotest.Dial(t, srv, siotest.Options{Namespace: "/org-1", Auth: until(time.Hour), Timeout: 2 * time.Hour})
				banned.Store(true)
				if e := next(t, end); e.after > 66*time.Second {
					t.Errorf("ended after %s, want at the first check", e.after)
				}
			})
		})
	}
}

// TestOneTokenIsVerifiedOnce: guards that are derived from one another ask once.
func TestOneTokenIsVerifiedOnce(t *testing.T) {
	t.Parallel()
	var verified, rooms atomic.Int32
	guard := auth.Custom(auth.VerifierFunc[claims](func(_ context.Context, token string) (*auth.Identity[claims], error) {
		verified.Add(1)
		return &auth.Identity[claims]{Subject: token, Claims: &claims{Roles: []string{"admin"}}, ExpiresAt: time.Now().Add(time.Hour)}, nil
	}), config{Room: func(*auth.Identity[claims]) string { rooms.Add(1); return "r" }, RefreshEvent: "auth:refresh"})
	srv := socketio.NewServer(nil)
	defer srv.Close()
	twoGuards(srv, guard, guard.Require(role("admin")))
	c := siotest.Dial(t, srv, siotest.Options{Namespace: "/org-1", Auth: token{"alice"}})
	assert.Equal(t, "verified", verified.Load(), int32(1))
	assert.Equal(t, "rooms", rooms.Load(), int32(1))
	c.Call("auth:refresh", token{"alice"})
	assert.Equal(t, "verified", verified.Load(), int32(2))
}

// TestTwoTokens: guards that verify tokens of their own end the socket with the
// first of them, and a refresh is of the one.
func TestTwoTokens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		device := with(secretConfig(), func(c *config) {
			c.Sources, c.RefreshEvent = []auth.Source{auth.FromAuth("device")}, "device:refresh"
		})
		srv := socketio.NewServer(nil)
		defer srv.Close()
		parent := twoGuards(srv, auth.JWT(device), auth.JWT(refreshing()))
		end := watchEnd(parent)
		parent.On("who", func(s *socketio.Socket) string {
			id, _ := auth.From[claims](s)
			return s.Identity() + " " + id.Subject
		})
		named := func(name string) func(*claims) { return func(c *claims) { c.Subject = name } }
		phone := func(d time.Duration) any { return until(d, named("phone")).Token }
		c := siotest.Dial(t, srv, siotest.Options{Namespace: "/org-1", Timeout: 2 * time.Hour,
			Auth: map[string]any{"device": phone(10 * time.Minute), "token": until(time.Minute).Token}})
		assert.Equal(t, "who", c.Call("who").String(), `["alice alice"]`) // the child's
		c.Call("auth:refresh", until(time.Hour)).Decode(new(auth.Refreshed))
		assert.Equal(t, "another's token", failure(t, c.Call("device:refresh", until(time.Hour))), auth.CodeTokenInvalid)
		assert.Equal(t, "end", next(t, end).after, 10*time.Minute+30*time.Second)
	})
}

// TestAnonymousOnAChild: who may be nobody on a parent may not on a child.
func TestAnonymousOnAChild(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(nil)
	defer srv.Close()
	guard := auth.JWT(with(secretConfig(), func(c *config) { c.Optional = true }))
	twoGuards(srv, guard, guard.Require(role("admin")))
	refusedWith(t, srv, siotest.Options{Namespace: "/org-1"}, auth.CodeTokenMissing)
	siotest.Dial(t, srv, siotest.Options{Namespace: "/org-1", Auth: until(time.Hour, roles("admin"))})
}

// TestTwoDerivedGuardsOnOneNamespace share a life, too.
func TestTwoDerivedGuardsOnOneNamespace(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(nil)
	defer srv.Close()
	guard := auth.JWT(secretConfig())
	srv.Use(guard.Require(role("user")))
	srv.Use(guard.Require(role("admin")))
	refusedWith(t, srv, siotest.Options{Auth: until(time.Hour, roles("user"))}, auth.CodeForbidden)
	siotest.Dial(t, srv, siotest.Options{Auth: until(time.Hour, roles("user", "admin"))})
}
