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

// party is a server that says and hears numbers.
type party struct {
	srv    *socketio.Server
	engine *sioredis.Engine
	heard  chan int
	sent   int
}

// say has a party say its next numbers, and waits until Redis has them.
func (p *party) say(t *testing.T, times int) {
	t.Helper()
	before, text := p.engine.Stats().Published, strings.Repeat("x", spoken)
	for range times {
		assert.NoError(t, p.srv.ServerSideEmit("n", p.sent, text))
		p.sent++
	}
	eventually(t, "they are appended", func() bool { return p.engine.Stats().Published >= before+uint64(times) })
}

// spoken is the size of what a party says.
const spoken = 1000

// twoParties are two servers with a stream. What the first one reads of it comes through
// the door.
func twoParties(t *testing.T, g *door, o sioredis.Stream) (a, b *party) {
	t.Helper()
	redis := redistest.Start(t)
	unix := func(ctx context.Context, _ string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
		return d.DialContext(ctx, "unix", redis.Addr)
	}
	join := func(dial func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error)) *party {
		p := &party{heard: make(chan int, 10_000), engine: sioredis.New(&sioredis.Options{
			Mode: sioredis.Streams, Stream: o,
			Client: rueidis.ClientOption{InitAddress: []string{redis.Addr}, DialCtxFn: dial},
		})}
		p.srv = socketio.NewServer(&socketio.Options{Adapter: p.engine.Adapter})
		t.Cleanup(p.srv.Close)
		p.srv.OnServerSide("n", func(n int, _ string) { p.heard <- n })
		return p
	}
	a = join(func(ctx context.Context, addr string, d *net.Dialer, cfg *tls.Config) (net.Conn, error) {
		c, err := unix(ctx, addr, d, cfg)
		return &gated{Conn: c, door: g}, err
	})
	b = join(unix)
	a.say(t, 1) // with it the reader has begun
	assert.Equal(t, "the first", <-b.heard, 0)
	eventually(t, "it is read", func() bool { return a.engine.Stats().Waiting == 0 })
	return a, b
}

// TestOwnEntries: a server with a stream reads little of what it has appended itself, and
// all that others have appended in between.
func TestOwnEntries(t *testing.T) {
	t.Parallel()
	var g door
	a, b := twoParties(t, &g, sioredis.Stream{})

	g.mu.Lock()
	came := g.came.Load()
	const many = 1500
	for range 3 {
		a.say(t, many)
		b.say(t, 10)
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
	assert.True(t, fmt.Sprint("read of ", 3*many*spoken, " bytes: ", came), came < int64(many*spoken))
	assert.Equal(t, "lost", a.engine.Stats().Lost, uint64(0))
}

// TestOwnTrimmed: an entry of this server is gone before it is read, and others of its own
// are gone with it. What others have appended behind them, and is still there, is read.
func TestOwnTrimmed(t *testing.T) {
	t.Parallel()
	var g door
	a, b := twoParties(t, &g, sioredis.Stream{MaxLen: 100})
	g.mu.Lock()
	a.say(t, 1) // waits at the door
	a.say(t, 1) // is looked for next, and has been trimmed by then
	b.say(t, 3000)
	g.mu.Unlock()
	got := -1
	eventually(t, "the last one comes", func() bool {
		select {
		case n := <-a.heard:
			assert.True(t, fmt.Sprint(n, " behind ", got), n > got)
			got = n
		default:
		}
		return got == b.sent-1
	})
}
