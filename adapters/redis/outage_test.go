//go:build e2e

package sioredis_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/redistest"
)

// patience bounds each wait for something that comes by itself.
const patience = time.Minute

// prompt is what waits for nobody, on a busy machine; an answer of Redis is waited for five
// seconds.
const prompt = 3 * time.Second

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !f(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// TestOutage: what is lost while Redis is away is reported.
func TestOutage(t *testing.T) {
	t.Parallel()
	for name, o := range variants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			adaptertest.RunOutage(t, func(t *testing.T, n int, opts socketio.Options) ([]*socketio.Server, func() func()) {
				o, redis := o, redistest.Start(t)
				o.URL = "unix://" + redis.Addr
				return start(t, n, opts, o), func() func() { redis.Kill(); return redis.Run }
			})
		})
	}
}

// TestOwnOutage: a server that alone is cut off from Redis knows that it misses what
// the others, who lose nothing, send meanwhile.
func TestOwnOutage(t *testing.T) {
	t.Parallel()
	for name, o := range variants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			adaptertest.RunOutage(t, func(t *testing.T, _ int, opts socketio.Options) ([]*socketio.Server, func() func()) {
				o, redis := o, redistest.Start(t)
				p := newProxy(t, redis.Addr)
				o.URL = "unix://" + redis.Addr
				servers := start(t, 1, opts, o)
				o.URL = "redis://" + p.Addr().String()
				servers = append(servers, start(t, 1, opts, o)...)
				return servers, func() func() { p.cut(true); return func() { p.cut(false) } }
			})
		})
	}
}

// TestEndOfOutage: a client that has got something since the beginning of an outage
// misses what came after that, and is not recovered.
func TestEndOfOutage(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	p := newProxy(t, redis.Addr)
	other := start(t, 1, socketio.Options{}, sioredis.Options{URL: "unix://" + redis.Addr})[0]
	engine := sioredis.New(&sioredis.Options{URL: "redis://" + p.Addr().String()})
	srv := socketio.NewServer(&socketio.Options{Adapter: engine.Adapter, Recovery: &socketio.Recovery{}})
	t.Cleanup(srv.Close)
	missed := gaps(srv, adapter.GapIncoming)
	c, stays := siotest.Dial(t, srv, siotest.Options{Timeout: patience}), siotest.Dial(t, srv, siotest.Options{Timeout: patience})
	p.cut(true)
	eventually(t, "the outage is noticed", func() bool { return missed.Load() > 0 })
	atOnce := missed.Load()
	assert.NoError(t, srv.Local().Emit("local"))
	c.Expect("local")
	assert.NoError(t, other.Emit("lost"))
	c.Conn().Cut()
	p.cut(false)
	eventually(t, "the server is back", func() bool { return engine.Ready() == nil })
	assert.NoError(t, other.Emit("back"))
	stays.Expect("local")
	stays.Expect("back") // behind the gaps
	// One in front of what comes from the first subscription on, and one when all are confirmed.
	assert.True(t, fmt.Sprint("gaps at the end: ", missed.Load()-atOnce), missed.Load()-atOnce >= 2)
	assert.True(t, "not recovered", !c.Resume().Recovered())
}

// gaps counts the gaps of a server.
func gaps(srv *socketio.Server, typ adapter.GapType) *atomic.Int64 {
	var n atomic.Int64
	srv.OnGap(func(e socketio.GapEvent) {
		if e.Type == typ {
			n.Add(1)
		}
	})
	return &n
}

// TestTenSeconds: Redis is away for ten seconds under 500 events a second. The own
// clients get all of them, in order; the others lose none from before or after.
func TestTenSeconds(t *testing.T) {
	t.Parallel()
	for name, o := range variants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redis := redistest.Start(t)
			o.URL = "unix://" + redis.Addr
			servers := start(t, 2, socketio.Options{}, o)
			incoming, outgoing := gaps(servers[1], adapter.GapIncoming), gaps(servers[0], adapter.GapOutgoing)
			near, far := siotest.Dial(t, servers[0], siotest.Options{Timeout: patience}), siotest.Dial(t, servers[1], siotest.Options{Timeout: patience})
			// By place: 0 nowhere, 1 at the own client, 2 at the other, 3 at both.
			var mu sync.Mutex
			came := make(map[int]int)
			for place, c := range map[int]*siotest.Client{1: near, 2: far} {
				last := 0
				c.On("n", func(m *siotest.Message) {
					var n int
					m.Decode(&n)
					mu.Lock()
					defer mu.Unlock()
					if n <= last {
						t.Errorf("event %d behind event %d", n, last)
					}
					last = n
					came[n] |= place
				})
			}
			n := 0
			emit := func(d time.Duration) (from, to int, failed int) {
				from = n + 1
				tick := time.NewTicker(2 * time.Millisecond)
				defer tick.Stop()
				for end := time.Now().Add(d); time.Now().Before(end); <-tick.C {
					n++
					begin := time.Now()
					if servers[0].Emit("n", n) != nil {
						failed++
					}
					if took := time.Since(begin); took > prompt {
						t.Errorf("an event took %v", took)
					}
				}
				return from, n, failed
			}
			beforeFrom, beforeTo, failed := emit(time.Second)
			assert.Equal(t, "failed before", failed, 0)
			eventually(t, "all of before arrive", func() bool { mu.Lock(); defer mu.Unlock(); return came[beforeTo] == 3 })
			redis.Kill()
			duringFrom, duringTo, failed := emit(10 * time.Second)
			assert.True(t, "the caller is told", failed > (duringTo-duringFrom)/2)
			redis.Run()
			eventually(t, "an event arrives again", func() bool {
				emit(100 * time.Millisecond)
				mu.Lock()
				defer mu.Unlock()
				return came[n-1] == 3
			})
			afterFrom, afterTo, failed := emit(time.Second)
			assert.Equal(t, "failed after", failed, 0)
			eventually(t, "all of after arrive", func() bool { mu.Lock(); defer mu.Unlock(); return came[afterTo] == 3 })
			mu.Lock()
			defer mu.Unlock()
			for i := 1; i <= n; i++ {
				whole := i <= beforeTo || i >= afterFrom
				if came[i]&1 == 0 || whole && came[i] != 3 {
					t.Fatalf("event %d came to %d; %d to %d were before the outage, %d to %d during it, and %d to %d after it",
						i, came[i], beforeFrom, beforeTo, duringFrom, duringTo, afterFrom, afterTo)
				}
			}
			assert.True(t, "gaps are reported", incoming.Load() > 0 && outgoing.Load() > 0)
		})
	}
}

// TestWithoutRedis: a server without Redis serves its own clients, and joins the others
// when Redis is there.
func TestWithoutRedis(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	redis.Kill()
	engine := sioredis.New(&sioredis.Options{URL: "unix://" + redis.Addr})
	assert.ErrorIs(t, engine.Ready(), sioredis.ErrNotConnected)
	srv := socketio.NewServer(&socketio.Options{Adapter: engine.Adapter})
	t.Cleanup(srv.Close)
	missed := gaps(srv, adapter.GapIncoming)
	c := siotest.Dial(t, srv, siotest.Options{Timeout: patience})
	assert.ErrorIs(t, srv.Emit("e"), sioredis.ErrNotConnected)
	c.Expect("e")
	_, err := srv.FetchSockets(t.Context())
	assert.ErrorIs(t, err, sioredis.ErrNotConnected)
	redis.Run()
	eventually(t, "ready", func() bool { return engine.Ready() == nil })
	other := start(t, 1, socketio.Options{}, sioredis.Options{URL: "unix://" + redis.Addr})[0]
	assert.NoError(t, other.To(c.ID()).Emit("e"))
	c.Expect("e")
	assert.True(t, "what was published meanwhile is a gap", missed.Load() > 0)
	assert.NoError(t, srv.Shutdown(t.Context()))
	assert.ErrorIs(t, srv.Emit("e"), sioredis.ErrClosed)
}

// proxy stands between a server and Redis, and can stop to pass anything on.
type proxy struct {
	net.Listener
	target string
	mu     sync.Mutex
	mute   bool
	silent bool // what Redis says is not passed on
	frozen bool // nothing is, where the stream is read; nor that the connection has ended
	away   bool
	speed  int // bytes in a second of each connection; 0: no limit
	conns  []net.Conn
	wake   *sync.Cond
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l, target: target}
	p.wake = sync.NewCond(&p.mu)
	var work sync.WaitGroup
	work.Go(func() { p.serve(&work) })
	t.Cleanup(func() { p.silence(false); p.keepAnswers(false); p.freeze(false); _ = l.Close(); work.Wait() })
	return p
}

func (p *proxy) serve(work *sync.WaitGroup) {
	for {
		a, err := p.Accept()
		if err != nil {
			return
		}
		b, err := net.Dial("unix", p.target)
		if err != nil {
			_ = a.Close()
			continue
		}
		p.mu.Lock()
		if p.conns = append(p.conns, a, b); p.away {
			_, _ = a.Close(), b.Close()
		}
		p.mu.Unlock()
		reads := new(atomic.Bool)
		work.Go(func() { p.pass(a, b, reads, false) })
		work.Go(func() { p.pass(b, a, reads, true) })
	}
}

func (p *proxy) pass(from, to net.Conn, reads *atomic.Bool, answers bool) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if bytes.Contains(buf[:n], []byte("XREAD")) {
			reads.Store(true)
		}
		p.mu.Lock()
		for p.mute || p.silent && answers || p.frozen && reads.Load() {
			p.wake.Wait()
		}
		speed := p.speed
		p.mu.Unlock()
		if speed > 0 {
			time.Sleep(time.Duration(n) * time.Second / time.Duration(speed))
		}
		if _, e := to.Write(buf[:n]); e != nil || err != nil {
			return
		}
	}
}

// cut ends all connections, and those that come, until it is called with false.
func (p *proxy) cut(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away = on; on {
		for _, c := range p.conns {
			_ = c.Close()
		}
		p.conns = nil
	}
}

// limit has it pass on so many bytes in a second.
func (p *proxy) limit(speed int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.speed = speed
}

func (p *proxy) silence(on bool) {
	p.mu.Lock()
	p.mute = on
	p.mu.Unlock()
	p.wake.Broadcast()
}

// TestSilence: a Redis that takes all and says nothing is found out within a minute, and
// holds up nobody; also one that is so from the beginning.
func TestSilence(t *testing.T) {
	t.Parallel()
	for name, o := range variants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testSilence(t, o)
		})
	}
}

func testSilence(t *testing.T, o sioredis.Options) {
	redis := redistest.Start(t)
	p := newProxy(t, redis.Addr)
	o.URL = "redis://" + p.Addr().String()
	engine := sioredis.New(&o)
	srv := socketio.NewServer(&socketio.Options{Adapter: engine.Adapter})
	t.Cleanup(srv.Close)
	assert.NoError(t, engine.Ready())
	missed, lost := gaps(srv, adapter.GapIncoming), gaps(srv, adapter.GapOutgoing)
	c := siotest.Dial(t, srv, siotest.Options{Timeout: patience})

	p.silence(true)
	begin := time.Now()
	assert.NoError(t, srv.Emit("e")) // nobody knows yet
	assert.True(t, "Emit does not wait", time.Since(begin) < prompt)
	c.Expect("e")
	assert.True(t, "the server has the numbers", srv.Stats().Cluster.Ready && srv.Stats().Cluster.RoundTrip > 0)
	eventually(t, "it is noticed", func() bool { return errors.Is(srv.Emit("e"), sioredis.ErrNotConnected) && missed.Load() > 0 })
	assert.True(t, "not ready", engine.Ready() != nil)
	st := srv.Stats().Cluster
	assert.True(t, "the numbers say so", !st.Connected && !st.Ready && st.Outages > 0 && st.Lost > 0 && st.Queued == 0)
	c2 := siotest.Dial(t, srv, siotest.Options{Timeout: patience})
	assert.NoError(t, srv.To(c2.ID()).Local().Emit("e"))
	c2.Expect("e")

	mute := sioredis.New(&o)
	alone := socketio.NewServer(&socketio.Options{Adapter: mute.Adapter})
	c3 := siotest.Dial(t, alone, siotest.Options{Timeout: patience})
	assert.ErrorIs(t, alone.Emit("e"), sioredis.ErrNotConnected)
	c3.Expect("e")
	begin = time.Now()
	alone.Close()
	assert.True(t, "Close does not wait for Redis", time.Since(begin) < prompt)

	p.silence(false)
	eventually(t, "it is back", func() bool { return engine.Ready() == nil })
	eventually(t, "the loss is told", func() bool { return lost.Load() > 0 })
}

// keepAnswers has it keep what Redis says, until it is called with false.
func (p *proxy) keepAnswers(on bool) {
	p.mu.Lock()
	p.silent = on
	p.mu.Unlock()
	p.wake.Broadcast()
}

// freeze has it pass on nothing more of the connections by which the stream is read, nor
// that they have ended, until it is called with false.
func (p *proxy) freeze(on bool) {
	p.mu.Lock()
	p.frozen = on
	p.mu.Unlock()
	p.wake.Broadcast()
}
