package auth_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// clusterRevocations returns those of a server, and guards the server with them.
func clusterRevocations(t *testing.T, srv *socketio.Server) *auth.ClusterRevocations {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	v := auth.NewClusterRevocations(ctx, srv, auth.ClusterOptions{MaxAge: 24 * time.Hour, Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() { cancel(); <-v.Done() })
	srv.Use(auth.JWT(with(secretConfig(), func(c *config) { c.Watch = v })))
	return v
}

func withID(id string) token {
	return until(time.Hour, func(c *claims) { c.ID = id })
}

// TestClusterRevocations: a revocation ends sockets and refuses tokens on every
// server, by nothing but the servers' adapter.
func TestClusterRevocations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		servers := adaptertest.Cluster(t, 3, socketio.Options{})
		all := make([]*auth.ClusterRevocations, len(servers))
		for i, srv := range servers {
			all[i] = clusterRevocations(t, srv)
		}
		synctest.Wait()
		var gone, stay []*siotest.Client
		for _, srv := range servers {
			gone = append(gone, siotest.Dial(t, srv, siotest.Options{Auth: withID("t1")}))
			stay = append(stay, siotest.Dial(t, srv, siotest.Options{Auth: withID("t2")}))
		}
		assert.NoError(t, all[1].Revoke(auth.Revocation{TokenID: "t1"}))
		for _, c := range gone {
			c.ExpectDisconnect(siotest.TransportClose)
		}
		for _, srv := range servers {
			refusedWith(t, srv, siotest.Options{Auth: withID("t1")}, auth.CodeTokenRevoked)
		}
		assert.NoError(t, all[2].Revoke(auth.Revocation{Subject: "alice"}))
		for _, c := range stay {
			c.ExpectDisconnect(siotest.TransportClose)
		}
		assert.ErrorIs(t, all[0].Revoke(auth.Revocation{}), auth.ErrNothingRevoked)
	})
}

// TestClusterRevocationsOfLatecomer: a server that starts later learns all that the
// others know, however much that is, and keeps it no longer than they do.
func TestClusterRevocationsOfLatecomer(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 1000, 1001, 4000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				servers := adaptertest.Cluster(t, 3, socketio.Options{})
				first := clusterRevocations(t, servers[0])
				synctest.Wait()
				assert.NoError(t, first.Revoke(auth.Revocation{Subject: "bob"}))
				for i := range n - 1 {
					assert.NoError(t, first.Revoke(auth.Revocation{TokenID: fmt.Sprint("t", i)}))
				}
				time.Sleep(23 * time.Hour)
				late := clusterRevocations(t, servers[1]) // servers[2] has none: it does not count
				synctest.Wait()
				revoked := func(token auth.Token) bool {
					is, err := late.Revoked(t.Context(), token)
					assert.NoError(t, err)
					return is
				}
				for i := range n - 1 {
					assert.True(t, "revoked", revoked(auth.Token{ID: fmt.Sprint("t", i)}))
				}
				assert.True(t, "subject", revoked(auth.Token{Subject: "bob"}))
				assert.True(t, "another", !revoked(auth.Token{Subject: "carol", ID: "u"}))
				time.Sleep(time.Hour)
				last := clusterRevocations(t, servers[2])
				synctest.Wait()
				is, err := last.Revoked(t.Context(), auth.Token{Subject: "bob"})
				assert.NoError(t, err)
				assert.True(t, "a day later it is forgotten", !is)
			})
		})
	}
}

// TestClusterRevocationsAfterGap: what a server has missed it asks for, as soon as its
// adapter reports the gap; until it knows, no token passes.
func TestClusterRevocationsAfterGap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var cut atomic.Bool
		servers := adaptertest.Faulty(t, 2, socketio.Options{}, func(m adaptertest.Message) []time.Duration {
			if cut.Load() && m.To == 1 {
				return nil
			}
			return []time.Duration{0}
		})
		first, second := clusterRevocations(t, servers[0]), clusterRevocations(t, servers[1])
		synctest.Wait()
		c := siotest.Dial(t, servers[1], siotest.Options{Auth: withID("t1")})
		synctest.Wait()
		cut.Store(true)
		assert.NoError(t, first.Revoke(auth.Revocation{TokenID: "t1"}))
		synctest.Wait()
		is, err := second.Revoked(t.Context(), auth.Token{ID: "t1"})
		assert.True(t, "missed", !is && err == nil)
		cut.Store(false)
		assert.NoError(t, first.Revoke(auth.Revocation{TokenID: "t2"})) // shows the gap
		c.ExpectDisconnect(siotest.TransportClose)
		is, err = second.Revoked(t.Context(), auth.Token{ID: "t1"})
		assert.True(t, "known", is && err == nil)
	})
}

// unsaid is the adapter of a cluster that cannot be asked until it is ready.
type unsaid struct{ ready atomic.Bool }

func (*unsaid) Publish(*adapter.Operation) error { return nil }
func (*unsaid) Close() error                     { return nil }
func (u *unsaid) Request(context.Context, *adapter.Operation, func(*adapter.Response)) (func() error, error) {
	if !u.ready.Load() {
		return nil, errors.New("no connection")
	}
	return func() error { return nil }, nil
}

// TestClusterRevocationsUnknown: tokens are refused, in a way that a client repeats,
// until the other servers could be asked. Those that never answer are not waited for
// longer than two seconds.
func TestClusterRevocationsUnknown(t *testing.T) {
	t.Parallel()
	t.Run("no connection", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			u := &unsaid{}
			srv := socketio.NewServer(&socketio.Options{Adapter: func(adapter.Local) adapter.Adapter { return u }})
			t.Cleanup(srv.Close)
			v := clusterRevocations(t, srv)
			time.Sleep(time.Minute)
			refusedWith(t, srv, siotest.Options{Auth: withID("t1")}, auth.CodeUnavailable)
			assert.NoError(t, v.Revoke(auth.Revocation{TokenID: "t2"}))
			refusedWith(t, srv, siotest.Options{Auth: withID("t2")}, auth.CodeTokenRevoked)
			u.ready.Store(true)
			time.Sleep(5 * time.Second)
			synctest.Wait()
			siotest.Dial(t, srv, siotest.Options{Auth: withID("t1")})
		})
	})
	t.Run("no answer", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			servers := adaptertest.Faulty(t, 2, socketio.Options{}, func(adaptertest.Message) []time.Duration { return nil })
			clusterRevocations(t, servers[0])
			time.Sleep(1999 * time.Millisecond)
			refusedWith(t, servers[0], siotest.Options{Auth: withID("t1")}, auth.CodeUnavailable)
			time.Sleep(time.Millisecond)
			synctest.Wait()
			siotest.Dial(t, servers[0], siotest.Options{Auth: withID("t1")})
		})
	})
}
