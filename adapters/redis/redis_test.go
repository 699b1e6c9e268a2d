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

// classicVariants and variants are the options by their names.
var classicVariants = map[string]sioredis.Options{"by room": {}, "by pattern": {Mode: sioredis.ClassicByPattern}}

var variants = map[string]sioredis.Options{
	"by room": classicVariants["by room"], "by pattern": classicVariants["by pattern"],
	"sharded": {Mode: sioredis.ShardedDynamic}, "sharded private": {Mode: sioredis.ShardedDynamicPrivate}, "sharded static": {Mode: sioredis.ShardedStatic},
}

// families has one of each family of modes: what they do with a Redis that moves or is
// hidden is the same in all modes of one.
var families = map[string]sioredis.Options{
	"classic": {}, "sharded": {Mode: sioredis.ShardedDynamic}, "streams": {Mode: sioredis.Streams},
}

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

// TestContract: all variants are adapters.
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
