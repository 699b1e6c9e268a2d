//go:build e2e

package sioredis_test

import (
	"crypto/rand"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/internal/redistest"
)

// TestCluster: both variants are adapters on a Redis Cluster, too.
func TestCluster(t *testing.T) {
	t.Parallel()
	addrs := redistest.Cluster(t, 3)
	url := "redis://" + addrs[0] + "?addr=" + addrs[1] + "&addr=" + addrs[2]
	t.Run("variants", func(t *testing.T) { // the cluster ends behind them
		for name, o := range variants {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				adaptertest.Run(t, func(t *testing.T, n int, opts socketio.Options) []*socketio.Server {
					o := o
					o.URL, o.Prefix = url, rand.Text() // one cluster for all
					return start(t, n, opts, o)
				})
			})
		}
	})
}
