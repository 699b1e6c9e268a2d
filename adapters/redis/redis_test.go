//go:build e2e

package sioredis_test

import (
	"testing"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/internal/leak"
	"github.com/gosio/gosio/internal/redistest"
)

func TestMain(m *testing.M) { leak.Main(m) }

// variants are the options by their names.
var variants = map[string]sioredis.Options{"by room": {}, "by pattern": {Mode: sioredis.ClassicByPattern}}

// start starts servers on a Redis. They end with the test.
func start(t *testing.T, n int, opts socketio.Options, o sioredis.Options) []*socketio.Server {
	t.Helper()
	servers := make([]*socketio.Server, n)
	for i := range servers {
		opts.Adapter = sioredis.New(&o).Adapter
		servers[i] = socketio.NewServer(&opts)
		t.Cleanup(servers[i].Close)
	}
	return servers
}

// TestContract: both variants are adapters.
func TestContract(t *testing.T) {
	t.Parallel()
	for name, o := range variants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			adaptertest.Run(t, func(t *testing.T, n int, opts socketio.Options) []*socketio.Server {
				o := o
				o.URL = "unix://" + redistest.Start(t).Addr
				return start(t, n, opts, o)
			})
		})
	}
}
