package adaptertest_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestCluster(t *testing.T) {
	adaptertest.Run(t, func(t *testing.T, n int) []*socketio.Server {
		servers := adaptertest.Cluster(t, n, nil)
		for _, srv := range servers {
			srv.Of("/other")
		}
		return servers
	})
}

// TestInVirtualTime: a cluster works inside a bubble.
func TestInVirtualTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		servers := adaptertest.Cluster(t, 2, &socketio.Options{})
		c := siotest.Dial(t, servers[1], siotest.Options{})
		assert.NoError(t, servers[0].Emit("e", 1))
		assert.Equal(t, "event", c.Expect("e").String(), `["e",1]`)
	})
}

// TestAfterShutdown: whoever emits on a server that has left the cluster hears
// that the others do not.
func TestAfterShutdown(t *testing.T) {
	t.Parallel()
	servers := adaptertest.Cluster(t, 2, nil)
	assert.NoError(t, servers[0].Shutdown(t.Context()))
	assert.ErrorIs(t, servers[0].Emit("e"), adaptertest.ErrClosed)
	assert.NoError(t, servers[0].Local().Emit("e"))
}

type fataled struct {
	testing.TB
	text string
}

func (f *fataled) Fatal(args ...any) { f.text = fmt.Sprint(args...) }
func (f *fataled) Helper()           {}

func TestAdapterIsSet(t *testing.T) {
	t.Parallel()
	f := &fataled{TB: t}
	adaptertest.Cluster(f, 1, &socketio.Options{Adapter: func(*socketio.Local) socketio.Adapter { return nil }})
	assert.Equal(t, "text", f.text, "adaptertest: Options.Adapter is set, and Cluster has one of its own")
}
