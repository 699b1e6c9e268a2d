package adaptertest_test

import (
	"context"
	"errors"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adaptertest"
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

// unreachable is an adapter whose engine is down.
type unreachable struct{}

var errDown = errors.New("the engine is down")

func (unreachable) Publish(context.Context, *socketio.Operation) error { return errDown }
func (unreachable) Close() error                                       { return errDown }

// TestUnreachable: the clients of this server are served, and the caller is told.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(&socketio.Options{
		Adapter: func(*socketio.Local) socketio.Adapter { return unreachable{} },
	})
	c := siotest.Dial(t, srv, siotest.Options{})
	assert.ErrorIs(t, srv.Emit("event"), errDown)
	c.Expect("event")
	assert.NoError(t, srv.Local().Emit("event"))
	c.Expect("event")
	c.Disconnect()
	assert.ErrorIs(t, srv.Shutdown(t.Context()), errDown)
}
