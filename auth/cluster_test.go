package auth_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
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
	for _, n := range []int{1, 5000, 5001, 12000} {
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

// unsaid is the adapter of a cluster that answers what it is told to, as soon as
// asked or, with an error, when the time is up.
type unsaid struct {
	mu    sync.Mutex
	fails error // Request itself fails
	ends  *adapter.PartialError
	local adapter.Local
}

func (u *unsaid) set(fails error, ends *adapter.PartialError) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.fails, u.ends = fails, ends
}

func (*unsaid) Publish(*adapter.Operation) error { return nil }
func (*unsaid) Close() error                     { return nil }
func (u *unsaid) Request(ctx context.Context, _ *adapter.Operation, _ func(*adapter.Response)) (func() error, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	ends := u.ends
	return func() error {
		if ends == nil {
			return nil
		}
		if errors.Is(ends.Err, context.DeadlineExceeded) {
			<-ctx.Done()
		}
		return ends
	}, u.fails
}

// TestClusterRevocationsUnknown: tokens are refused, in a way that a client repeats,
// until the other servers could be asked. Servers that have no name are Node's, and
// never answer: they are waited for for two seconds, and 300 ms after that.
func TestClusterRevocationsUnknown(t *testing.T) {
	t.Parallel()
	broken := errors.New("no connection")
	tests := []struct {
		name  string
		fails error
		ends  *adapter.PartialError
		after time.Duration // tokens pass; 0: never
	}{
		{"no connection", broken, nil, 0},
		{"the connection is lost meanwhile", nil, &adapter.PartialError{Err: broken}, 0},
		{"the connection is lost, and others are known", nil, &adapter.PartialError{Expected: 2, Err: broken}, 0},
		{"nobody counts the others in time", nil, &adapter.PartialError{Err: context.DeadlineExceeded}, 0},
		{"a server of this module is slow", nil, &adapter.PartialError{Expected: 2, Missing: []string{"b"}, Err: context.DeadlineExceeded}, 0},
		{"Node's servers", nil, &adapter.PartialError{Expected: 2, Err: context.DeadlineExceeded}, 2 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				u := &unsaid{fails: tt.fails, ends: tt.ends}
				srv := socketio.NewServer(&socketio.Options{Adapter: func(l adapter.Local) adapter.Adapter {
					u.local = l
					return u
				}})
				t.Cleanup(srv.Close)
				v := clusterRevocations(t, srv)
				assert.NoError(t, v.Revoke(auth.Revocation{TokenID: "t2"}))
				if tt.after > 0 {
					time.Sleep(tt.after - time.Millisecond)
				} else {
					time.Sleep(time.Minute)
				}
				refusedWith(t, srv, siotest.Options{Auth: withID("t1")}, auth.CodeUnavailable)
				refusedWith(t, srv, siotest.Options{Auth: withID("t2")}, auth.CodeTokenRevoked)
				if tt.after == 0 {
					u.set(nil, nil)
					time.Sleep(8 * time.Second) // the longest pause, and a question under way
				} else {
					time.Sleep(time.Millisecond)
				}
				synctest.Wait()
				siotest.Dial(t, srv, siotest.Options{Auth: withID("t1")})
				u.local.Gap(adapter.Gap{Type: adapter.GapIncoming})
				time.Sleep(300 * time.Millisecond)
				synctest.Wait()
				siotest.Dial(t, srv, siotest.Options{Auth: withID("t3")})
			})
		})
	}
}

// TestClusterRevocationsOfOne: one server that has missed nothing is enough, however slow
// another is.
func TestClusterRevocationsOfOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Bool
		servers := adaptertest.Faulty(t, 3, socketio.Options{}, func(m adaptertest.Message) []time.Duration {
			if slow.Load() && m.From == 2 && m.Response {
				return nil
			}
			return []time.Duration{0}
		})
		first := clusterRevocations(t, servers[0])
		clusterRevocations(t, servers[2])
		synctest.Wait()
		assert.NoError(t, first.Revoke(auth.Revocation{TokenID: "t1"}))
		slow.Store(true)
		clusterRevocations(t, servers[1])
		time.Sleep(1999 * time.Millisecond)
		refusedWith(t, servers[1], siotest.Options{Auth: withID("t2")}, auth.CodeUnavailable)
		time.Sleep(time.Millisecond)
		synctest.Wait()
		siotest.Dial(t, servers[1], siotest.Options{Auth: withID("t2")})
		refusedWith(t, servers[1], siotest.Options{Auth: withID("t1")}, auth.CodeTokenRevoked)
	})
}

// TestClusterRevocationsTogether: a server that has missed something itself is not enough.
func TestClusterRevocationsTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var slow atomic.Bool
		servers := adaptertest.Faulty(t, 3, socketio.Options{}, func(m adaptertest.Message) []time.Duration {
			if slow.Load() && m.From == 2 {
				return nil
			}
			return []time.Duration{0}
		})
		third := clusterRevocations(t, servers[2])
		synctest.Wait()
		assert.NoError(t, third.Revoke(auth.Revocation{TokenID: "t1"}))
		slow.Store(true)
		clusterRevocations(t, servers[0])
		clusterRevocations(t, servers[1])
		time.Sleep(time.Minute)
		for _, srv := range servers[:2] {
			refusedWith(t, srv, siotest.Options{Auth: withID("t2")}, auth.CodeUnavailable)
		}
		slow.Store(false)
		time.Sleep(8 * time.Second)
		synctest.Wait()
		for _, srv := range servers[:2] {
			refusedWith(t, srv, siotest.Options{Auth: withID("t1")}, auth.CodeTokenRevoked)
			siotest.Dial(t, srv, siotest.Options{Auth: withID("t2")})
		}
	})
}

// TestClusterRevocationsEnd: when their context has ended nothing is heard any more, and
// tokens are refused.
func TestClusterRevocationsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := socketio.NewServer(nil)
		t.Cleanup(srv.Close)
		ctx, cancel := context.WithCancel(t.Context())
		v := auth.NewClusterRevocations(ctx, srv, auth.ClusterOptions{MaxAge: time.Hour})
		synctest.Wait()
		_, err := v.Revoked(t.Context(), auth.Token{ID: "t1"})
		assert.NoError(t, err)
		cancel()
		<-v.Done()
		_, err = v.Revoked(t.Context(), auth.Token{ID: "t1"})
		assert.True(t, "it is an error", err != nil)
	})
}
