//go:build e2e

package sioredis_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redis/rueidis"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/redistest"
)

// door holds up what comes by the connection that reads the stream, and counts it.
type door struct {
	mu   sync.RWMutex // held while the door is closed
	came atomic.Int64
}

// gated is one connection of a server.
type gated struct {
	net.Conn
	door  *door
	reads atomic.Bool // the stream
}

func (c *gated) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("XREAD")) {
		c.reads.Store(true)
	}
	return c.Conn.Write(p)
}

func (c *gated) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.reads.Load() {
		c.door.mu.RLock()
		defer c.door.mu.RUnlock()
		c.door.came.Add(int64(n))
	}
	return n, err
}

// TestOwnEntries: a server with a stream reads little of what it has appended itself, and
// all that others have appended in between.
func TestOwnEntries(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	type party struct {
		srv    *socketio.Server
		engine *sioredis.Engine
		heard  chan int
		sent   int
	}
	join := func(dial func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error)) *party {
		p := &party{heard: make(chan int, 10_000), engine: sioredis.New(&sioredis.Options{
			Mode:   sioredis.Streams,
			Client: rueidis.ClientOption{InitAddress: []string{redis.Addr}, DialCtxFn: dial},
		})}
		p.srv = socketio.NewServer(&socketio.Options{Adapter: p.engine.Adapter})
		t.Cleanup(p.srv.Close)
		p.srv.OnServerSide("n", func(n int, _ string) { p.heard <- n })
		return p
	}
	unix := func(ctx context.Context, _ string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
		return d.DialContext(ctx, "unix", redis.Addr)
	}
	var g door
	a := join(func(ctx context.Context, addr string, d *net.Dialer, cfg *tls.Config) (net.Conn, error) {
		c, err := unix(ctx, addr, d, cfg)
		return &gated{Conn: c, door: &g}, err
	})
	b := join(unix)
	text := strings.Repeat("x", 1000)
	say := func(p *party, times int) {
		before := p.engine.Stats().Published
		for range times {
			assert.NoError(t, p.srv.ServerSideEmit("n", p.sent, text))
			p.sent++
		}
		eventually(t, "they are appended", func() bool { return p.engine.Stats().Published >= before+uint64(times) })
	}
	say(a, 1) // with it the reader has begun
	assert.Equal(t, "heard", <-b.heard, 0)
	eventually(t, "it is read", func() bool { return a.engine.Stats().Waiting == 0 })

	g.mu.Lock()
	came := g.came.Load()
	const many = 1500
	for range 3 {
		say(a, many)
		say(b, 10)
	}
	g.mu.Unlock()
	for n := range b.sent {
		assert.Equal(t, "of the other server", <-a.heard, n)
	}
	for n := range a.sent - 1 {
		assert.Equal(t, "of this server", <-b.heard, n+1)
	}
	eventually(t, "all is known to be there", func() bool { return a.engine.Stats().Waiting == 0 })
	came = g.came.Load() - came
	assert.True(t, fmt.Sprint("read of ", 3*many*len(text), " bytes: ", came), came < int64(many*len(text)))
	assert.Equal(t, "lost", a.engine.Stats().Lost, uint64(0))
}
