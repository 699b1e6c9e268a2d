//go:build e2e

package sioredis_test

import (
	"testing"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/redistest"
)

// TestStreamsUnsaved: a session that ends while Redis is away stays with its server, which
// recovers the client; another one does not.
func TestStreamsUnsaved(t *testing.T) {
	t.Parallel()
	for name, own := range map[string]bool{"its own server": true, "another server": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redis := redistest.Start(t)
			p := newProxy(t, redis.Addr)
			opts := socketio.Options{Recovery: &socketio.Recovery{}}
			other := start(t, 1, opts, sioredis.Options{URL: "unix://" + redis.Addr, Mode: sioredis.Streams})[0]
			engine := sioredis.New(&sioredis.Options{URL: "redis://" + p.Addr().String(), Mode: sioredis.Streams})
			opts.Adapter = engine.Adapter
			srv := socketio.NewServer(&opts)
			t.Cleanup(srv.Close)
			c := siotest.Dial(t, srv, siotest.Options{Timeout: patience})
			assert.NoError(t, other.Emit("e"))
			c.Expect("e")
			p.cut(true)
			eventually(t, "the outage is noticed", func() bool { return engine.Ready() != nil })
			c.Cut()
			eventually(t, "the server has noticed", func() bool { return len(srv.Of("/").Sockets()) == 0 })
			p.cut(false)
			eventually(t, "the server is back", func() bool { return engine.Ready() == nil })
			at := other
			if own {
				at = srv
			}
			assert.Equal(t, "recovered", c.ResumeAt(at).Recovered(), own)
		})
	}
}
