package adaptertest_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestCluster(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, func(t *testing.T, n int, opts socketio.Options) []*socketio.Server {
		return adaptertest.Cluster(t, n, opts)
	})
}

func TestClusterLog(t *testing.T) {
	t.Parallel()
	adaptertest.RunLog(t, func(t *testing.T, n int, opts socketio.Options) []*socketio.Server {
		return adaptertest.Cluster(t, n, opts)
	})
}

func TestClusterByRoom(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, func(t *testing.T, n int, opts socketio.Options) []*socketio.Server {
		return adaptertest.ClusterByRoom(t, n, opts)
	})
}

// TestInVirtualTime: a cluster works inside a bubble, too.
func TestInVirtualTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		servers := adaptertest.Cluster(t, 2, socketio.Options{})
		c := siotest.Dial(t, servers[1], siotest.Options{})
		assert.NoError(t, servers[0].Emit("e", 1))
		assert.Equal(t, "event", c.Expect("e").String(), `["e",1]`)
	})
}

// TestAfterShutdown: whoever emits on a server that has left the cluster hears
// that the others do not.
func TestAfterShutdown(t *testing.T) {
	t.Parallel()
	servers := adaptertest.Cluster(t, 2, socketio.Options{})
	assert.NoError(t, servers[0].Shutdown(t.Context()))
	assert.True(t, "an error", servers[0].Emit("e") != nil)
	assert.NoError(t, servers[0].Local().Emit("e"))
}

// unreachable is an adapter whose engine is down.
type unreachable struct{}

var errDown = errors.New("the engine is down")

func (unreachable) Publish(*adapter.Operation) error { return errDown }
func (unreachable) Close() error                     { return errDown }
func (unreachable) Request(context.Context, *adapter.Operation, func(*adapter.Response)) (func() error, error) {
	return nil, errDown
}

// TestUnreachable: the clients of this server are served, and the caller is told.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(&socketio.Options{
		Adapter: func(adapter.Local) adapter.Adapter { return unreachable{} },
	})
	c := siotest.Dial(t, srv, siotest.Options{})
	assert.ErrorIs(t, srv.Emit("event"), errDown)
	c.Expect("event")
	assert.NoError(t, srv.Local().Emit("event"))
	c.Expect("event")
	c.Disconnect()
	assert.ErrorIs(t, srv.Shutdown(t.Context()), errDown)
}

// TestFactoryAsksForNamespaces: no lock is held while an adapter is made.
func TestFactoryAsksForNamespaces(t *testing.T) {
	t.Parallel()
	var srv *socketio.Server
	srv = socketio.NewServer(&socketio.Options{Adapter: func(local adapter.Local) adapter.Adapter {
		if local.Namespace() == "/a" {
			srv.Of("/b")
		}
		return quiet{}
	}})
	defer srv.Close()
	assert.Equal(t, "name", srv.Of("/a").Name(), "/a")
}

// quiet is an adapter with nobody at the other end.
type quiet struct{}

func (quiet) Publish(*adapter.Operation) error { return nil }
func (quiet) Close() error                     { return nil }
func (quiet) Request(context.Context, *adapter.Operation, func(*adapter.Response)) (func() error, error) {
	return func() error { return nil }, nil
}

// TestOutage: what the cluster loses it reports, and it reports nothing else.
func TestOutage(t *testing.T) {
	t.Parallel()
	for name, arrivals := range map[string][]time.Duration{"lost": nil, "not lost": {0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			adaptertest.RunOutage(t, func(t *testing.T, n int, opts socketio.Options) ([]*socketio.Server, func() func()) {
				var down atomic.Bool
				servers := adaptertest.Faulty(t, n, opts, func(adaptertest.Message) []time.Duration {
					if down.Load() {
						return arrivals
					}
					return timely
				})
				return servers, func() func() { down.Store(true); return func() { down.Store(false) } }
			})
		})
	}
}
