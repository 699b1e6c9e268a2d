//go:build e2e

package sioredis_test

import (
	"context"
	"log/slog"
	"strconv"
	"testing"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/redistest"
)

// TestManyNamespaces: clients may make thousands of namespaces. After an outage all are
// heard again, in a time that grows with their number. When the time grew with the square
// of the number, so many took two minutes and more.
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
			redis.Kill()
			eventually(t, "not ready", func() bool { return engine.Ready() != nil })
			const namespaces = 20_000
			for i := range namespaces { // which wait for nobody now
				srv.Of("/namespace-" + strconv.Itoa(i))
			}
			redis.Run()
			eventually(t, "ready", func() bool { return engine.Ready() == nil })
			assert.True(t, "all are heard", engine.Stats().Subscriptions >= namespaces)
			redis.Kill() // with it, each says goodbye
			eventually(t, "not ready again", func() bool { return engine.Ready() != nil })
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			assert.NoError(t, srv.Shutdown(ctx))
		})
	}
}
