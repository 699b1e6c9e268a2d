//go:build e2e

package sioredis_test

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/redistest"
)

// numbers collects the numbers of events "n" that a client gets.
type numbers struct {
	mu   sync.Mutex
	list []int
}

func collect(c *siotest.Client) *numbers {
	l := new(numbers)
	c.On("n", func(m *siotest.Message) {
		var n int
		m.Decode(&n)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.list = append(l.list, n)
	})
	return l
}

func (l *numbers) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.list)
}

// inOrder checks that they are those from one on to another one, each once.
func (l *numbers) inOrder(t *testing.T, from, to int) {
	t.Helper()
	eventually(t, fmt.Sprint("event ", to), func() bool { return l.len() > to-from })
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, n := range l.list {
		if n != from+i {
			t.Fatalf("event %d came when %d was due: %v", n, from+i, l.list)
		}
	}
}

// TestStreamsLessAppended: Redis comes back with less than it had, and somebody appends
// before the servers have looked: also a server that had not read what is gone knows.
func TestStreamsLessAppended(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	opts := socketio.Options{Recovery: &socketio.Recovery{}}
	var servers []*socketio.Server
	var proxies []*proxy
	for range 2 {
		p := newProxy(t, redis.Addr)
		proxies = append(proxies, p)
		servers = append(servers, start(t, 1, opts, sioredis.Options{URL: "redis://" + p.Addr().String(), Mode: sioredis.Streams})...)
	}
	missed := gaps(servers[1], adapter.GapIncoming)
	first, second := siotest.Dial(t, servers[0], siotest.Options{Timeout: patience}), siotest.Dial(t, servers[1], siotest.Options{Timeout: patience})
	assert.NoError(t, servers[0].Emit("n", 1))
	first.Expect("n")
	second.Expect("n")
	tell(t, redis, "SAVE")
	proxies[1].cut(true) // reads no more
	assert.NoError(t, servers[0].Emit("n", 2))
	first.Expect("n")
	proxies[0].cut(true)
	redis.Kill() // what it has saved it reads again
	redis.Run()
	tell(t, redis, "XADD", "socket.io", "*", "nsp", "/", "uid", "other", "type", "3",
		"data", `{"opts":{"rooms":[],"except":[],"flags":{}},"packet":{"type":2,"data":["n",3],"nsp":"/"}}`)
	proxies[1].cut(false)
	second.Expect("n")
	assert.Equal(t, "gaps of one who cannot know", missed.Load(), int64(0))
	proxies[0].cut(false)
	eventually(t, "the other one says so", func() bool { return missed.Load() > 0 })
	first.Expect("n")
}

// TestStreamsEarly: what is emitted before Redis is there for the first time arrives.
func TestStreamsEarly(t *testing.T) {
	t.Parallel()
	redis := redistest.StartDurable(t)
	redis.Kill()
	var servers []*socketio.Server
	var all []*sioredis.Engine
	var starting sync.WaitGroup
	var mu sync.Mutex
	for range 2 {
		starting.Go(func() { // each waits for Redis for some seconds
			engine := sioredis.New(&sioredis.Options{URL: "unix://" + redis.Addr, Mode: sioredis.Streams})
			srv := socketio.NewServer(&socketio.Options{Adapter: engine.Adapter})
			mu.Lock()
			defer mu.Unlock()
			servers, all = append(servers, srv), append(all, engine)
		})
	}
	starting.Wait()
	for _, srv := range servers {
		t.Cleanup(srv.Close)
	}
	lost := gaps(servers[0], adapter.GapOutgoing)
	for n := range 50 {
		assert.NoError(t, servers[0].Emit("n", n))
	}
	redis.Run()
	eventually(t, "all is sent and found", func() bool { return all[0].Ready() == nil && all[0].Stats().Waiting == 0 })
	assert.Equal(t, "lost", all[0].Stats().Lost, uint64(0))
	assert.Equal(t, "gaps", lost.Load(), int64(0))
	assert.Equal(t, "published", all[0].Stats().Published >= 50, true)
}

// TestStreamsMarks: the others hear of what is lost though the first connection after the
// outage breaks, and what marks the loss waits for longer than Patience.
func TestStreamsMarks(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	p := newProxy(t, redis.Addr)
	opts := socketio.Options{Recovery: &socketio.Recovery{}}
	o := sioredis.Options{Mode: sioredis.Streams, URL: "redis://" + p.Addr().String(), Stream: sioredis.Stream{Patience: time.Second}}
	srv := start(t, 1, opts, o)[0]
	other := start(t, 1, opts, sioredis.Options{URL: "unix://" + redis.Addr, Mode: sioredis.Streams})[0]
	lost, missed := gaps(srv, adapter.GapOutgoing), gaps(other, adapter.GapIncoming)
	c := siotest.Dial(t, other, siotest.Options{Timeout: patience})
	got := collect(c)
	p.cut(true)
	assert.NoError(t, srv.Emit("n", 0))
	time.Sleep(1200 * time.Millisecond) // for longer than Patience
	tell(t, redis, "CLIENT", "PAUSE", "60000", "WRITE")
	p.cut(false)
	onItsWay := regexp.MustCompile(` name=gosio-.* cmd=xadd `)
	eventually(t, "the mark is on its way", func() bool { return onItsWay.MatchString(tell(t, redis, "CLIENT", "LIST")) })
	p.cut(true)
	time.Sleep(1200 * time.Millisecond)
	tell(t, redis, "CLIENT", "UNPAUSE")
	p.cut(false)
	eventually(t, "both know", func() bool { return lost.Load() > 0 && missed.Load() > 0 })
	assert.NoError(t, srv.Emit("n", 1))
	got.inOrder(t, 1, 1)
	assert.Equal(t, "losses", lost.Load(), int64(1))
}

// TestStreamsBacklog: a client that goes to another server when its own says that
// something is lost gets nothing twice: what was emitted later is there by then.
func TestStreamsBacklog(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	p := newProxy(t, redis.Addr)
	opts := socketio.Options{Recovery: &socketio.Recovery{}}
	o := sioredis.Options{Mode: sioredis.Streams, URL: "redis://" + p.Addr().String(), OutboxSize: 4 << 20}
	srv := start(t, 1, opts, o)[0]
	other := start(t, 1, opts, sioredis.Options{URL: "unix://" + redis.Addr, Mode: sioredis.Streams})[0]
	far := collect(siotest.Dial(t, other, siotest.Options{Timeout: patience}))
	entries := func() int { return int(mustInt(tell(t, redis, "XLEN", "socket.io"))) }
	before := entries()
	p.cut(true)
	assert.NoError(t, srv.Emit("n", 0))
	assert.ErrorIs(t, srv.Emit("n", -1, strings.Repeat("x", o.OutboxSize)), sioredis.ErrOutboxFull)
	const most = 3000
	behind := make(chan int, 1)
	srv.OnGap(func(e socketio.GapEvent) {
		if e.Type == adapter.GapOutgoing {
			select {
			case behind <- entries() - before:
			default:
			}
		}
	})
	pad := strings.Repeat("x", 500)
	for n := 1; n < most; n++ {
		assert.NoError(t, srv.Emit("n", n, pad))
	}
	p.cut(false)
	assert.Equal(t, "what is there then: the events, and the mark", <-behind, most+1)
	far.inOrder(t, 0, most-1)
}

func mustInt(text string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// TestStreamsRefused: while Redis takes nothing the servers wait, ask seldom, and are not
// ready; when it does again all is there.
func TestStreamsRefused(t *testing.T) {
	t.Parallel()
	for name, how := range map[string][2][]string{
		"no memory":        {{"CONFIG", "SET", "maxmemory", "1"}, {"CONFIG", "SET", "maxmemory", "0"}},
		"no right":         {{"ACL", "SETUSER", "default", "-xadd"}, {"ACL", "SETUSER", "default", "+xadd"}},
		"too few replicas": {{"CONFIG", "SET", "min-replicas-to-write", "1"}, {"CONFIG", "SET", "min-replicas-to-write", "0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redis := redistest.Start(t)
			servers, all := engines(t, 2, sioredis.Options{URL: "unix://" + redis.Addr, Mode: sioredis.Streams})
			lost, missed := gaps(servers[0], adapter.GapOutgoing), gaps(servers[1], adapter.GapIncoming)
			far := collect(siotest.Dial(t, servers[1], siotest.Options{Timeout: patience}))
			tell(t, redis, how[0]...)
			for n := range 20 {
				assert.NoError(t, servers[0].Emit("n", n))
			}
			eventually(t, "it is not ready", func() bool { return all[0].Ready() != nil })
			err := all[0].Ready()
			if name == "no right" {
				assert.ErrorIs(t, err, sioredis.ErrRefused)
			}
			tries := func() int {
				m := regexp.MustCompile(`cmdstat_xadd:.*rejected_calls=(\d+)`).FindStringSubmatch(tell(t, redis, "INFO", "commandstats"))
				if m == nil {
					return 0
				}
				return int(mustInt(m[1]))
			}
			eventually(t, "it is tried", func() bool { return tries() > 0 })
			time.Sleep(3 * time.Second)
			before := tries()
			time.Sleep(6 * time.Second)
			assert.True(t, fmt.Sprint("asked ", tries()-before, " times for 20 entries"), tries()-before <= 5*20)
			tell(t, redis, how[1]...)
			far.inOrder(t, 0, 19)
			eventually(t, "it is ready", func() bool { return all[0].Ready() == nil })
			assert.Equal(t, "gaps", lost.Load()+missed.Load(), int64(0))
		})
	}
}

// TestStreamsUnwanted: an operation that Redis never takes holds up nothing: that alone is
// lost, and all servers say so.
func TestStreamsUnwanted(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	tell(t, redis, "CONFIG", "SET", "proto-max-bulk-len", "1048576")
	servers, _ := engines(t, 2, sioredis.Options{URL: "unix://" + redis.Addr, Mode: sioredis.Streams})
	lost, missed := gaps(servers[0], adapter.GapOutgoing), gaps(servers[1], adapter.GapIncoming)
	far := collect(siotest.Dial(t, servers[1], siotest.Options{Timeout: patience}))
	begin := time.Now()
	n := 0
	for range 5 {
		for range 20 {
			assert.NoError(t, servers[0].Emit("n", n))
			n++
		}
		assert.NoError(t, servers[0].Emit("large", strings.Repeat("x", 2<<20)))
	}
	assert.NoError(t, servers[0].Emit("n", n))
	far.inOrder(t, 0, n)
	assert.True(t, "nothing waits for Patience", time.Since(begin) < 30*time.Second)
	eventually(t, "all say so", func() bool { return lost.Load() > 0 && missed.Load() > 0 })
}

// TestStreamsVolatile: what is volatile does not wait for Redis.
func TestStreamsVolatile(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	p := newProxy(t, redis.Addr)
	for name, opts := range map[string]socketio.Options{"recovery": {Recovery: &socketio.Recovery{}}, "no recovery": {}} {
		srv := start(t, 1, opts, sioredis.Options{URL: "redis://" + p.Addr().String(), Mode: sioredis.Streams, Prefix: name, Stream: sioredis.Stream{Name: name}})[0]
		other := start(t, 1, opts, sioredis.Options{URL: "unix://" + redis.Addr, Mode: sioredis.Streams, Prefix: name, Stream: sioredis.Stream{Name: name}})[0]
		lost := gaps(srv, adapter.GapOutgoing)
		far := collect(siotest.Dial(t, other, siotest.Options{Timeout: patience}))
		assert.NoError(t, srv.Volatile().Emit("n", 0))
		far.inOrder(t, 0, 0)
		p.cut(true)
		eventually(t, "it is told", func() bool { return errors.Is(srv.Volatile().Emit("n", -1), sioredis.ErrNotConnected) })
		assert.NoError(t, srv.Emit("n", 1))
		p.cut(false)
		eventually(t, "it is back", func() bool { return srv.Stats().Cluster.Ready })
		assert.NoError(t, srv.Volatile().Emit("n", 2))
		far.inOrder(t, 0, 2)
		assert.Equal(t, "gaps", lost.Load(), int64(0))
	}
}

// TestStreamsForged: an entry in the name of a server, with a number that this has not
// reached, does not silence it.
func TestStreamsForged(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	servers, _ := engines(t, 2, sioredis.Options{URL: "unix://" + redis.Addr, Mode: sioredis.Streams})
	far := collect(siotest.Dial(t, servers[1], siotest.Options{Timeout: patience}))
	assert.NoError(t, servers[0].Emit("n", 0))
	far.inOrder(t, 0, 0)
	entry := tell(t, redis, "XREVRANGE", "socket.io", "+", "-", "COUNT", "1")
	uid := regexp.MustCompile(`"uid".*?"Value":"([0-9a-z]{20})"|uid[" ,]+([0-9a-z]{20})`).FindStringSubmatch(entry)
	assert.True(t, "an entry: "+entry, uid != nil)
	for _, number := range []string{"18446744073709551615", "9007199254740993"} {
		tell(t, redis, "XADD", "socket.io", "*", "nsp", "/", "uid", uid[1]+uid[2], "type", "3", "gosio", number+" 0 0 0",
			"data", `{"opts":{"rooms":["nobody"],"except":[],"flags":{}},"packet":{"type":2,"data":["n",3],"nsp":"/"}}`)
	}
	assert.NoError(t, servers[0].Emit("n", 1))
	assert.NoError(t, servers[0].Emit("n", 2))
	far.inOrder(t, 0, 2)
}

// TestStreamsSmallOutbox: one operation may be larger than OutboxSize.
func TestStreamsSmallOutbox(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	servers, _ := engines(t, 2, sioredis.Options{URL: "unix://" + redis.Addr, Mode: sioredis.Streams, OutboxSize: 100})
	far := collect(siotest.Dial(t, servers[1], siotest.Options{Timeout: patience}))
	for n := range 3 {
		assert.NoError(t, servers[0].Emit("n", n, strings.Repeat("x", 200)))
		far.inOrder(t, 0, n)
		eventually(t, "nothing waits", func() bool { return servers[0].Stats().Cluster.Waiting == 0 })
	}
}

// TestStreamsSlowly: a server that is far behind, and reads slowly, gets everything.
func TestStreamsSlowly(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	p := newProxy(t, redis.Addr)
	opts := socketio.Options{Recovery: &socketio.Recovery{}}
	srv := start(t, 1, opts, sioredis.Options{URL: "unix://" + redis.Addr, Mode: sioredis.Streams})[0]
	slow := start(t, 1, opts, sioredis.Options{URL: "redis://" + p.Addr().String(), Mode: sioredis.Streams})[0]
	missed := gaps(slow, adapter.GapIncoming)
	far := collect(siotest.Dial(t, slow, siotest.Options{Timeout: time.Minute}))
	assert.NoError(t, srv.Emit("n", 0))
	far.inOrder(t, 0, 0)
	p.cut(true)
	const most = 250
	for n := range most {
		assert.NoError(t, srv.Emit("n", n+1, strings.Repeat("x", 64<<10)))
	}
	p.limit(2 << 20)
	p.cut(false)
	far.inOrder(t, 0, most)
	assert.Equal(t, "gaps", missed.Load(), int64(0))
}

// TestStreamsShort: a short stream has no gaps in normal running.
func TestStreamsShort(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	o := sioredis.Options{URL: "unix://" + redis.Addr, Mode: sioredis.Streams, Stream: sioredis.Stream{MaxLen: 500}}
	servers, _ := engines(t, 2, o)
	missed := gaps(servers[1], adapter.GapIncoming)
	far := collect(siotest.Dial(t, servers[1], siotest.Options{Timeout: time.Minute}))
	const most = 3000
	for n := range most {
		assert.NoError(t, servers[0].Emit("n", n, strings.Repeat("x", 2<<10)))
		if n%50 == 49 {
			eventually(t, "they come", func() bool { return far.len() > n-10 })
		}
	}
	far.inOrder(t, 0, most-1)
	assert.Equal(t, "gaps", missed.Load(), int64(0))
	defer func() { assert.True(t, "fewer are refused", recover() != nil) }()
	sioredis.New(&sioredis.Options{Mode: sioredis.Streams, Stream: sioredis.Stream{MaxLen: 99}})
}
