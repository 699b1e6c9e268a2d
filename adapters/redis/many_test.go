//go:build e2e

package sioredis_test

import (
	"log/slog"
	"strconv"
	"testing"
	"time"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/redistest"
)

// TestManyNamespaces: clients may make thousands of namespaces. After an outage all are
// heard again soon, and meanwhile nothing holds up who joins.
func TestManyNamespaces(t *testing.T) {
	t.Parallel()
	for name, o := range families {
		if o.Mode == sioredis.Streams {
			continue // they have the same subscriber as classic
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redis := redistest.Start(t)
			o.URL = "unix://" + redis.Addr
			engine := sioredis.New(&o)
			srv := socketio.NewServer(&socketio.Options{Adapter: engine.Adapter, Logger: slog.New(slog.DiscardHandler)})
			t.Cleanup(srv.Close)
			for i := range 10_000 {
				srv.Of("/namespace-" + strconv.Itoa(i))
			}
			redis.Kill()
			eventually(t, "not ready", func() bool { return engine.Ready() != nil })
			redis.Run()
			began := time.Now()
			eventually(t, "ready", func() bool { return engine.Ready() == nil })
			took := time.Since(began)
			assert.True(t, "ready after "+took.String(), took < 8*time.Second)
		})
	}
}
