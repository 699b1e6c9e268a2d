package auth_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/integrations/mount"
	"github.com/gosio/gosio/internal/assert"
)

// limited returns a server whose verifier takes a moment of virtual time, as a
// provider's does, and the count of tokens that were verified. For a bubble of
// synctest only: there all that come together are waiting before the moment ends.
func limited(limit int) (srv *socketio.Server, verified *atomic.Int32) {
	verified = new(atomic.Int32)
	srv = socketio.NewServer(nil)
	srv.Use(auth.Custom(auth.VerifierFunc[claims](func(_ context.Context, token string) (*auth.Identity[claims], error) {
		verified.Add(1)
		time.Sleep(10 * time.Millisecond)
		switch token {
		case "good":
			return &auth.Identity[claims]{Subject: "alice", Claims: &claims{}, ExpiresAt: time.Now().Add(time.Hour)}, nil
		case "panic":
			panic("verifier is broken")
		}
		return nil, auth.ErrTokenInvalid
	}), config{FailuresPerMinute: limit, RefreshEvent: "auth:refresh"}))
	return srv, verified
}

// together sends the tokens at once, each on a connection of its own, and counts
// the answers that hold want.
func together(t *testing.T, srv *socketio.Server, n int, token, want string) (count int) {
	t.Helper()
	conns := make([]*siotest.Conn, n)
	for i := range conns {
		conns[i] = siotest.Open(t, srv, siotest.Options{Timeout: time.Minute})
	}
	for _, c := range conns {
		assert.NoError(t, c.Send(`40{"token":"`+token+`"}`))
	}
	for _, c := range conns {
		if strings.Contains(c.Next(), want) {
			count++
		}
		c.Cut()
	}
	return count
}

// TestFailuresAtOnce is A-J08: tokens that come together are no more than those
// that come one after another.
func TestFailuresAtOnce(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, token string
		limit, n    int
		want        string
		count       int
		verified    int32
	}{
		{"wrong ones", "bad", 5, 200, "rate_limited", 195, 5},
		{"as many as may fail", "bad", 5, 5, "token_invalid", 5, 5},
		{"one more", "bad", 5, 6, "token_invalid", 5, 5},
		{"good ones wait for each other", "good", 5, 200, `"sid"`, 200, 200},
		{"no bound", "bad", 0, 200, "token_invalid", 200, 200},
		{"a verifier that panics", "panic", 5, 20, "rate_limited", 15, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, verified := limited(tt.limit)
				defer srv.Close()
				assert.Equal(t, tt.want, together(t, srv, tt.n, tt.token, tt.want), tt.count)
				assert.Equal(t, "verified", verified.Load(), tt.verified)
				time.Sleep(time.Minute) // and the next minute is another
				siotest.Dial(t, srv, siotest.Options{Auth: token{"good"}})
			})
		})
	}
}

// TestFailedRefreshesCount: a socket that is signed in does not try tokens for
// its address either.
func TestFailedRefreshesCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv, verified := limited(5)
		defer srv.Close()
		var clients []*siotest.Client
		for range 20 {
			clients = append(clients, siotest.Dial(t, srv, siotest.Options{Auth: token{"good"}}))
		}
		codes := make(map[auth.Code]int)
		for _, c := range clients {
			codes[failure(t, c.Call("auth:refresh", token{"bad"}))]++
		}
		assert.Equal(t, "refused", codes, map[auth.Code]int{auth.CodeTokenInvalid: 5, auth.CodeRateLimited: 15})
		assert.Equal(t, "verified", verified.Load(), int32(25))
	})
}

// TestFailuresOfNetwork: one client has all addresses of an IPv6 network of 64 bits, and
// of IPv4 one.
func TestFailuresOfNetwork(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		one     string
		another string
		same    bool
	}{
		{"IPv6, one network", "2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true},
		{"IPv6, with a zone", "fe80::1%eth0", "fe80::2", true},
		{"IPv6, two networks", "2001:db8:0:1::1", "2001:db8:0:2::1", false},
		{"IPv4", "192.0.2.1", "192.0.2.2", false},
		{"IPv4 as IPv6", "::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
		{"no addresses", "@", "x", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv, _ := limited(1)
				defer srv.Close()
				from := func(address string) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						srv.ServeHTTP(w, mount.WithUpstream(r, mount.Upstream{Address: address}))
					})
				}
				refusedWith(t, from(tt.one), siotest.Options{Auth: token{"bad"}}, auth.CodeTokenInvalid)
				want := auth.CodeTokenInvalid
				if tt.same {
					want = auth.CodeRateLimited
				}
				refusedWith(t, from(tt.another), siotest.Options{Auth: token{"bad"}}, want)
			})
		})
	}
}

// TestLongAddress: an integration may take any text of a client's for an address.
func TestLongAddress(t *testing.T) {
	t.Parallel()
	var logged buffer
	srv := socketio.NewServer(nil)
	defer srv.Close()
	srv.Use(auth.JWT(with(secretConfig(), func(c *config) { c.Logger = slog.New(slog.NewTextHandler(&logged, nil)) })))
	refusedWith(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		srv.ServeHTTP(w, mount.WithUpstream(r, mount.Upstream{Address: strings.Repeat("x", 3000)}))
	}), siotest.Options{}, auth.CodeTokenMissing)
	text := logged.String()
	assert.True(t, "the address is logged: "+text, strings.Contains(text, strings.Repeat("x", 256)))
	assert.True(t, "and of it 256 bytes", !strings.Contains(text, strings.Repeat("x", 257)))
}
