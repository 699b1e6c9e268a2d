//go:build e2e

package sioredis_test

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/redistest"
)

// tell has a Redis do a command.
func tell(t *testing.T, redis *redistest.Server, command ...string) string {
	t.Helper()
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{redis.Addr}, DialCtxFn: dialUnix, DisableCache: true, ForceSingleClient: true,
	})
	assert.NoError(t, err)
	defer client.Close()
	r := client.Do(t.Context(), client.B().Arbitrary(command...).Build())
	assert.NoError(t, r.Error())
	m, _ := r.ToMessage()
	text, err := m.ToString()
	if n, e := m.AsInt64(); err != nil && e == nil {
		return strconv.FormatInt(n, 10)
	}
	if err != nil {
		text = m.String()
	}
	return text
}

// TestStreamsOutage: what is said while Redis is away, or one server is cut off, arrives
// afterwards, and clients of before are recovered.
func TestStreamsOutage(t *testing.T) {
	t.Parallel()
	t.Run("Redis", func(t *testing.T) {
		t.Parallel()
		adaptertest.RunOutage(t, func(t *testing.T, n int, opts socketio.Options) ([]*socketio.Server, func() func()) {
			redis := redistest.StartDurable(t)
			o := sioredis.Options{URL: "unix://" + redis.Addr, Mode: sioredis.Streams}
			return start(t, n, opts, o), func() func() { redis.Kill(); return redis.Run }
		})
	})
	t.Run("one server", func(t *testing.T) {
		t.Parallel()
		adaptertest.RunOutage(t, func(t *testing.T, _ int, opts socketio.Options) ([]*socketio.Server, func() func()) {
			redis := redistest.Start(t)
			p := newProxy(t, redis.Addr)
			servers := start(t, 1, opts, sioredis.Options{URL: "unix://" + redis.Addr, Mode: sioredis.Streams})
			servers = append(servers, start(t, 1, opts, sioredis.Options{URL: "redis://" + p.Addr().String(), Mode: sioredis.Streams})...)
			return servers, func() func() { p.cut(true); return func() { p.cut(false) } }
		})
	})
}

// flood is what two servers say to all at the same time, 250 events a second each, and
// what a client of each has got of it, in its order.
type flood struct {
	servers []*socketio.Server
	sent    [2]int

	mu  sync.Mutex
	got [2][2][]int // by client, then by server
}

func newFlood(t *testing.T, servers []*socketio.Server) *flood {
	f := &flood{servers: servers}
	for place, srv := range servers {
		siotest.Dial(t, srv, siotest.Options{Timeout: patience}).On("n", func(m *siotest.Message) {
			var from, n int
			m.Decode(&from, &n)
			f.mu.Lock()
			f.got[place][from] = append(f.got[place][from], n)
			f.mu.Unlock()
		})
	}
	return f
}

func (f *flood) run(t *testing.T, d time.Duration) {
	t.Helper()
	tick := time.NewTicker(4 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); <-tick.C {
		for from, srv := range f.servers {
			f.sent[from]++
			begin := time.Now()
			assert.NoError(t, srv.Emit("n", from, f.sent[from]))
			if took := time.Since(begin); took > prompt {
				t.Errorf("an event took %v", took)
			}
		}
	}
}

// check waits until all has come, and checks that it is all, once and in order.
func (f *flood) check(t *testing.T) {
	t.Helper()
	eventually(t, "all arrive", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		for place := range f.got {
			for from, list := range f.got[place] {
				if len(list) < f.sent[from] {
					return false
				}
			}
		}
		return true
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	for place := range f.got {
		for from, list := range f.got[place] {
			for i, n := range list {
				if n != i+1 {
					t.Fatalf("the client of server %d got event %d of server %d when %d was due", place, n, from, i+1)
				}
			}
		}
	}
}

// TestStreamsTenSeconds: Redis is away for ten seconds under 500 events a second between
// two servers, also while it runs it is killed: nothing is lost, doubled or reordered.
func TestStreamsTenSeconds(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]socketio.Options{"recovery": {Recovery: &socketio.Recovery{}}, "no recovery": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redis := redistest.StartDurable(t)
			servers := start(t, 2, opts, sioredis.Options{URL: "unix://" + redis.Addr, Mode: sioredis.Streams})
			lost := gaps(servers[0], adapter.GapOutgoing)
			missed := gaps(servers[1], adapter.GapIncoming)
			f := newFlood(t, servers)
			f.run(t, time.Second)
			var killing sync.WaitGroup
			killing.Go(func() {
				redis.Kill()
				time.Sleep(10 * time.Second)
				redis.Run()
			})
			f.run(t, 12*time.Second)
			killing.Wait()
			f.run(t, time.Second)
			f.check(t)
			assert.Equal(t, "gaps", lost.Load()+missed.Load(), 0)
		})
	}
}

// TestStreamsUnclear: connections break all the time, so servers do not know whether
// Redis has got what they have sent.
func TestStreamsUnclear(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	p := newProxy(t, redis.Addr)
	servers := start(t, 2, socketio.Options{Recovery: &socketio.Recovery{}}, sioredis.Options{URL: "redis://" + p.Addr().String(), Mode: sioredis.Streams})
	f := newFlood(t, servers)
	for range 15 {
		f.run(t, 200*time.Millisecond)
		p.cut(true)
		p.cut(false)
	}
	f.check(t)
}

// TestStreamsStopped: a Redis that is stopped does later what it was sent before, when the
// servers have given up that connection.
func TestStreamsStopped(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	servers := start(t, 2, socketio.Options{Recovery: &socketio.Recovery{}}, sioredis.Options{URL: "unix://" + redis.Addr, Mode: sioredis.Streams})
	f := newFlood(t, servers)
	f.run(t, time.Second)
	_, rest, _ := strings.Cut(tell(t, redis, "INFO", "server"), "process_id:")
	number, _, _ := strings.Cut(rest, "\r\n")
	pid, err := strconv.Atoi(number)
	assert.NoError(t, err)
	process, err := os.FindProcess(pid)
	assert.NoError(t, err)
	assert.NoError(t, process.Signal(syscall.SIGSTOP))
	defer func() { _ = process.Signal(syscall.SIGCONT) }()
	f.run(t, 8*time.Second)
	assert.NoError(t, process.Signal(syscall.SIGCONT))
	f.run(t, time.Second)
	f.check(t)
}

// TestStreamsPatience: what waits for Redis for too long, or is too much, is reported.
func TestStreamsPatience(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]sioredis.Options{
		"time": {Stream: sioredis.Stream{Patience: time.Second}},
		"size": {OutboxSize: 2000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redis := redistest.Start(t)
			p := newProxy(t, redis.Addr)
			o.Mode, o.URL = sioredis.Streams, "redis://"+p.Addr().String()
			opts := socketio.Options{Recovery: &socketio.Recovery{}}
			srv := start(t, 1, opts, o)[0]
			other := start(t, 1, opts, sioredis.Options{URL: "unix://" + redis.Addr, Mode: sioredis.Streams})[0]
			lost, missed := gaps(srv, adapter.GapOutgoing), gaps(other, adapter.GapIncoming)
			c := siotest.Dial(t, other, siotest.Options{Timeout: patience})
			c.Cut()
			p.cut(true)
			for n := range 20 {
				_ = srv.Emit("n", n)
			}
			if name == "size" {
				assert.ErrorIs(t, srv.Emit("n", 20), sioredis.ErrOutboxFull)
			} else {
				time.Sleep(2 * time.Second)
			}
			p.cut(false)
			eventually(t, "both know", func() bool { return lost.Load() > 0 && missed.Load() > 0 })
			assert.True(t, "not recovered", !c.Resume().Recovered())
		})
	}
}

// TestStreamsGone: nobody is recovered across what the stream has not any more, and who
// misses something says so.
func TestStreamsGone(t *testing.T) {
	t.Parallel()
	opts := socketio.Options{Recovery: &socketio.Recovery{}}
	for name, command := range map[string][]string{
		"trimmed": {"XTRIM", "socket.io", "MAXLEN", "0"}, "deleted": {"DEL", "socket.io"}, "flushed": {"FLUSHALL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redis := redistest.Start(t)
			o := sioredis.Options{URL: "unix://" + redis.Addr, Mode: sioredis.Streams}
			servers := start(t, 2, opts, o)
			missed := gaps(servers[1], adapter.GapIncoming)
			c, stays := siotest.Dial(t, servers[0], siotest.Options{Timeout: patience}), siotest.Dial(t, servers[0], siotest.Options{Timeout: patience})
			assert.NoError(t, servers[0].Emit("n", 1))
			c.Expect("n")
			c.Cut()
			eventually(t, "the session is saved", func() bool { return strings.Contains(tell(t, redis, "KEYS", "*"), "sio:session:") })
			assert.NoError(t, servers[0].Emit("n", 2))
			stays.Expect("n")
			stays.Expect("n")
			tell(t, redis, command...)
			if name != "trimmed" {
				eventually(t, "it is said", func() bool { return missed.Load() > 0 })
			}
			fresh := start(t, 1, opts, o)[0] // which has nothing in its memory
			assert.True(t, "not recovered", !c.ResumeAt(fresh).Recovered())
			assert.NoError(t, fresh.Emit("n", 3))
			stays.Expect("n")
		})
	}
	t.Run("overrun", func(t *testing.T) {
		t.Parallel()
		redis := redistest.Start(t)
		p := newProxy(t, redis.Addr)
		srv := start(t, 1, opts, sioredis.Options{URL: "unix://" + redis.Addr, Mode: sioredis.Streams})[0]
		late := start(t, 1, opts, sioredis.Options{URL: "redis://" + p.Addr().String(), Mode: sioredis.Streams})[0]
		missed := gaps(late, adapter.GapIncoming)
		c, stays := siotest.Dial(t, late, siotest.Options{Timeout: patience}), siotest.Dial(t, srv, siotest.Options{Timeout: patience})
		assert.NoError(t, srv.Emit("n", 0))
		c.Expect("n")
		c.Cut()
		p.cut(true)
		for n := range 10 {
			assert.NoError(t, srv.Emit("n", n+1))
		}
		for range 11 {
			stays.Expect("n")
		}
		tell(t, redis, "XTRIM", "socket.io", "MAXLEN", "5")
		p.cut(false)
		eventually(t, "it is said", func() bool { return missed.Load() > 0 })
		assert.True(t, "not recovered", !c.ResumeAt(late).Recovered())
		c2 := siotest.Dial(t, late, siotest.Options{Timeout: patience})
		assert.NoError(t, srv.Emit("n", 11))
		c2.Expect("n")
	})
}

// TestStreamsLess: a Redis that comes back with less than it had is another log.
func TestStreamsLess(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	opts := socketio.Options{Recovery: &socketio.Recovery{}}
	servers := start(t, 2, opts, sioredis.Options{URL: "unix://" + redis.Addr, Mode: sioredis.Streams})
	missed := []func() int64{gaps(servers[0], adapter.GapIncoming).Load, gaps(servers[1], adapter.GapIncoming).Load}
	c := siotest.Dial(t, servers[0], siotest.Options{Timeout: patience})
	assert.NoError(t, servers[0].Emit("n", 1))
	c.Expect("n")
	tell(t, redis, "SAVE")
	assert.NoError(t, servers[0].Emit("n", 2))
	c.Expect("n")
	redis.Kill() // what it has saved it reads again
	redis.Run()
	eventually(t, "it is said", func() bool { return missed[0]() > 0 && missed[1]() > 0 })
	eventually(t, "it goes on", func() bool {
		_ = servers[1].Emit("n", 3)
		for _, m := range c.Arrived() {
			var n int
			if m.Decode(&n); n == 3 {
				return true
			}
		}
		return false
	})
}

func dialUnix(ctx context.Context, addr string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
	return d.DialContext(ctx, "unix", addr)
}

// TestStreamsLastWords: what a child namespace has sent with its last client, and before
// Redis is back, arrives, and nothing is taken for lost when it does.
func TestStreamsLastWords(t *testing.T) {
	t.Parallel()
	redis := redistest.StartDurable(t)
	servers, all := engines(t, 2, sioredis.Options{URL: "unix://" + redis.Addr, Mode: sioredis.Streams})
	var parents []*socketio.Namespace
	for _, srv := range servers {
		parent := srv.OfRegexp(regexp.MustCompile("^/room-[0-9]$"))
		parent.OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) { _ = s.Broadcast().Emit("bye") })
		parents = append(parents, parent)
	}
	c := siotest.Dial(t, servers[0], siotest.Options{Timeout: patience, Namespace: "/room-1"})
	other := siotest.Dial(t, servers[1], siotest.Options{Namespace: "/room-1", Timeout: time.Minute})
	assert.NoError(t, parents[0].Emit("hello"))
	other.Expect("hello")
	redis.Kill()
	c.Disconnect()
	eventually(t, "the child is removed", func() bool { return len(parents[0].Children()) == 0 })
	redis.Run()
	other.Expect("bye")
	eventually(t, "nothing waits", func() bool { return all[0].Stats().Waiting == 0 })
	assert.Equal(t, "lost", all[0].Stats().Lost, uint64(0))
}

// TestStreamsLateRedis: a server that has served clients before Redis was there has
// missed what the others have sent, and says so.
func TestStreamsLateRedis(t *testing.T) {
	t.Parallel()
	redis := redistest.StartDurable(t)
	redis.Kill()
	opts := socketio.Options{Recovery: &socketio.Recovery{}}
	engine := sioredis.New(&sioredis.Options{URL: "unix://" + redis.Addr, Mode: sioredis.Streams})
	opts.Adapter = engine.Adapter
	srv := socketio.NewServer(&opts) // waits for Redis for some seconds
	t.Cleanup(srv.Close)
	missed := gaps(srv, adapter.GapIncoming)
	c := siotest.Dial(t, srv, siotest.Options{Timeout: time.Minute})
	assert.NoError(t, srv.Local().Emit("local"))
	c.Expect("local")
	redis.Run()
	eventually(t, "what it has missed is a gap", func() bool { return missed.Load() > 0 })
	eventually(t, "it is in the cluster", func() bool { return engine.Ready() == nil })
	assert.NoError(t, srv.Emit("e"))
	c.Expect("e")
}
