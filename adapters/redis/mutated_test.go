//go:build e2e

package sioredis_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/redistest"
)

// mutatedMessages is how many TestMutated sends in all modes together. MESSAGES=1000000
// is what make hostile-redis sets.
func mutatedMessages(t *testing.T) int {
	t.Helper()
	text := os.Getenv("MESSAGES")
	if text == "" {
		return 60_000
	}
	n, err := strconv.Atoi(text)
	assert.NoError(t, err)
	return n
}

// mutatedSeed is SEED, which ci/e2e sets, or a number that is drawn.
func mutatedSeed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("SEED")
	if text == "" {
		return rand.Uint64()
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	assert.NoError(t, err)
	return seed
}

// command is one of Redis that carries a message: the last words are what is mutated.
type command struct {
	words []string
	fixed int // words that stay
}

// official are the messages of Node's servers and emitters, as conformance/redis/record.mjs
// has recorded them: classic, in envelopes, and as entries of a stream.
func official(t *testing.T) (classic, sharded, streams []command) {
	t.Helper()
	text, err := os.ReadFile("../../internal/clusterwire/testdata/official.jsonl")
	assert.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		var v struct {
			Form, Channel, Hex string
			Fields             map[string]string
		}
		assert.NoError(t, json.Unmarshal([]byte(line), &v))
		payload, err := hex.DecodeString(v.Hex)
		assert.NoError(t, err)
		switch {
		case strings.HasPrefix(v.Form, "classic"):
			classic = append(classic, command{[]string{"PUBLISH", v.Channel, string(payload)}, 1})
		case v.Form == "envelope" && v.Channel != "envelope":
			sharded = append(sharded, command{[]string{"SPUBLISH", v.Channel, string(payload)}, 1})
			streams = append(streams, command{[]string{"PUBLISH", v.Channel, string(payload)}, 1})
		case v.Form == "entry":
			c := command{[]string{"XADD", "socket.io", "*"}, 3}
			for name, value := range v.Fields {
				c.words = append(c.words, name, value)
			}
			streams = append(streams, c)
		}
	}
	return classic, sharded, streams
}

// recorded are the messages of two servers in Go that do everything, on a Redis of their
// own: no id in them is that of a server that lives.
func recorded(t *testing.T, o sioredis.Options) (list []command) {
	t.Helper()
	redis := redistest.Start(t)
	c, err := net.Dial("unix", redis.Addr)
	assert.NoError(t, err)
	defer c.Close()
	_, err = c.Write([]byte("MONITOR\r\n"))
	assert.NoError(t, err)
	lines := bufio.NewScanner(c)
	lines.Buffer(nil, 1<<20)
	assert.True(t, "it listens", lines.Scan())

	o.URL = "unix://" + redis.Addr
	opts := socketio.Options{}
	if o.Mode == sioredis.Streams {
		opts.Recovery = &socketio.Recovery{}
	}
	servers := start(t, 2, opts, o)
	for _, srv := range servers {
		srv.OnServerSide("ask", func(n int) int { return n })
		client := siotest.Dial(t, srv, siotest.Options{Timeout: patience})
		client.On("ask", func(m *siotest.Message) { m.Ack("yes", []byte{1}) })
		s, _ := srv.Socket(client.ID())
		assert.NoError(t, s.Join("room", "b"))
	}
	a := servers[0]
	for _, srv := range servers {
		for _, args := range [][]any{{}, {1, "日本", map[string]any{"a": []int{1, 2}}}, {[]byte{0, 1, 255}, true, nil}} {
			assert.NoError(t, srv.Emit("event", args...))
			assert.NoError(t, srv.To("room").Volatile().Compress(false).Emit("event", args...))
			assert.NoError(t, srv.To("room", "b").Except("c").Emit("event", args...))
		}
		_, err := srv.EmitWithAck(t.Context(), "ask")
		assert.NoError(t, err)
		_, err = srv.To("room").FetchSockets(t.Context())
		assert.NoError(t, err)
		_, err = srv.ServerSideEmitWithAck(t.Context(), "ask", 1)
		assert.NoError(t, err)
		assert.NoError(t, srv.ServerSideEmit("ask", 2))
		assert.NoError(t, srv.To("b").SocketsJoin("x", "y"))
		assert.NoError(t, srv.To("b").SocketsLeave("x"))
	}
	assert.NoError(t, a.To("y").DisconnectSockets(true))
	for _, srv := range servers {
		assert.NoError(t, srv.Shutdown(t.Context()))
	}
	redis.Kill()
	seen := make(map[string]bool)
	for lines.Scan() {
		words := monitored(t, lines.Text())
		key := strings.Join(words, "\x00")
		if len(words) < 3 || seen[key] || strings.Contains(words[1], "-probe#") {
			continue
		}
		seen[key] = true
		switch words[0] {
		case "PUBLISH", "SPUBLISH":
			list = append(list, command{words, 1})
		case "XADD":
			for i, w := range words {
				if w == "*" {
					list = append(list, command{append([]string{"XADD", words[1], "*"}, words[i+1:]...), 3})
					break
				}
			}
		}
	}
	assert.True(t, fmt.Sprint("messages were recorded: ", len(list)), len(list) > 20)
	return list
}

// monitored are the words of a line of MONITOR: time [0 place] "word" "word".
func monitored(t *testing.T, line string) (words []string) {
	t.Helper()
	_, rest, _ := strings.Cut(line, "] ")
	for rest != "" {
		quoted, err := strconv.QuotedPrefix(rest)
		assert.NoError(t, err)
		word, err := strconv.Unquote(quoted)
		assert.NoError(t, err)
		words, rest = append(words, word), strings.TrimPrefix(rest[len(quoted):], " ")
	}
	return words
}

// mutated is a message with bytes changed, cut out, doubled, and parts of others in it.
func (c command) mutated(r *rand.Rand, all []command) []string {
	words := append([]string(nil), c.words...)
	if c.fixed == 1 && r.IntN(20) > 0 { // most channels stay
		c.fixed = 2
	}
	for range 1 + r.IntN(3) {
		at := c.fixed + r.IntN(len(words)-c.fixed)
		other := all[r.IntN(len(all))]
		words[at] = mutate(r, words[at], other.words[len(other.words)-1])
	}
	if words[0] == "XADD" && r.IntN(20) == 0 { // fields that are there twice, or not
		at := c.fixed + 2*r.IntN((len(words)-c.fixed)/2)
		if r.IntN(2) == 0 && len(words)-c.fixed > 2 {
			words = append(words[:at], words[at+2:]...)
		} else {
			words = append(words, words[at], mutate(r, words[at+1], ""))
		}
	}
	return words
}

func mutate(r *rand.Rand, s, other string) string {
	b := []byte(s)
	if len(b) == 0 {
		return string([]byte{byte(r.IntN(256))})
	}
	at := r.IntN(len(b))
	switch to := at + r.IntN(min(len(b)-at, 16)+1); r.IntN(7) {
	case 0:
		b = b[:at]
	case 1:
		b = append(b[:at:at], b[to:]...)
	case 2:
		b = append(b[:to:to], b[at:]...)
	case 3:
		if len(other) > 0 {
			from := r.IntN(len(other))
			b = append(b[:at:at], other[from:from+r.IntN(min(len(other)-from, 64)+1)]...)
			b = append(b, s[at:]...)
		}
	case 4:
		b[at] ^= 1 << r.IntN(8)
	case 5: // a number or a length at its border
		b[at] = []byte{0, 0x7f, 0x80, 0xc0, 0xc1, 0xdf, 0xff, '0', '9', '-', '"', '{', '[', ']', '}', ','}[r.IntN(16)]
	default:
		b[at] = byte(r.IntN(256))
	}
	return string(b)
}

// TestMutated: real messages of servers in Go and Node and of emitters, mutated, do
// nothing to those who are not meant: clients of another namespace miss nothing, requests
// are answered, and neither memory nor goroutines stay behind.
func TestMutated(t *testing.T) { // not parallel: it measures memory
	classic, sharded, streams := official(t)
	modes := []struct {
		o    sioredis.Options
		node []command
	}{
		{sioredis.Options{}, classic},
		{sioredis.Options{Mode: sioredis.ClassicByPattern}, classic},
		{sioredis.Options{Mode: sioredis.ShardedDynamic}, sharded},
		{sioredis.Options{Mode: sioredis.ShardedDynamicPrivate}, sharded},
		{sioredis.Options{Mode: sioredis.ShardedStatic}, sharded},
		{sioredis.Options{Mode: sioredis.Streams}, streams},
	}
	n := mutatedMessages(t)
	for _, m := range modes {
		t.Run(m.o.Mode.String(), func(t *testing.T) {
			all := append(recorded(t, m.o), m.node...)
			assert.True(t, "Node's messages are there", len(m.node) > 25)
			testMutated(t, m.o, all, n/len(modes))
		})
	}
}

func testMutated(t *testing.T, o sioredis.Options, all []command, n int) {
	const batch, namespace = 500, "/bystander"
	redis := redistest.Start(t)
	o.URL = "unix://" + redis.Addr
	opts := socketio.Options{Logger: slog.New(slog.DiscardHandler), AckTimeout: 2 * time.Second}
	if o.Mode == sioredis.Streams {
		opts.Recovery = &socketio.Recovery{}
	}
	var engines [2]*sioredis.Engine
	var servers [2]*socketio.Server
	var bystanders, targets [2]*siotest.Client
	for i := range servers {
		engines[i] = sioredis.New(&o)
		opts.Adapter = engines[i].Adapter
		servers[i] = socketio.NewServer(&opts)
		t.Cleanup(servers[i].Close)
		servers[i].Of(namespace)
		bystanders[i] = siotest.Dial(t, servers[i], siotest.Options{Namespace: namespace, Timeout: patience})
		s, _ := servers[i].Of(namespace).Socket(bystanders[i].ID())
		assert.NoError(t, s.Join("room"))
	}
	aim := func() { // those who may be meant, and disconnected
		for i, srv := range servers {
			if targets[i] != nil {
				targets[i].Cut()
			}
			targets[i] = siotest.Dial(t, srv, siotest.Options{Timeout: patience})
			if s, ok := srv.Socket(targets[i].ID()); ok {
				_ = s.Join("room", "a", "b", "日本")
			}
		}
	}
	node, seed := raw(t, redis), mutatedSeed(t)
	t.Logf("SEED=%d, %d real messages, %d mutated ones", seed, len(all), n)
	r := rand.New(rand.NewPCG(seed, 1))
	sent := func(count int) {
		for ; count > 0; count -= batch {
			cmds := make(rueidis.Commands, batch)
			for i := range cmds {
				words := all[r.IntN(len(all))].mutated(r, all)
				cmds[i] = node.B().Arbitrary(words...).Build()
			}
			for _, reply := range node.DoMulti(context.Background(), cmds...) {
				assert.NoError(t, reply.Error())
			}
			for i, srv := range servers { // each is as far as this
				assert.NoError(t, srv.Of(namespace).To("room").Emit("n", count, i))
			}
			for _, c := range bystanders {
				for range servers {
					var k, from int
					c.Expect("n", &k, &from)
					assert.Equal(t, "event", k, count)
				}
			}
			if count%(40*batch) == 0 {
				aim()
			}
		}
	}
	aim()
	sent(n / 5)
	memory, goroutines := used()
	sent(n - n/5)
	for i, srv := range servers {
		targets[i].Cut()
		list, err := srv.Of(namespace).FetchSockets(t.Context())
		assert.NoError(t, err)
		assert.Equal(t, "sockets", len(list), 2)
		assert.NoError(t, engines[i].Ready())
		bystanders[i].ExpectNone(50 * time.Millisecond)
		st := engines[i].Stats()
		assert.True(t, fmt.Sprint("they are counted: ", st.Dropped), st.Dropped > uint64(n/50))
		assert.Equal(t, "outages", st.Outages, uint64(0))
	}
	eventually(t, "memory and goroutines are given back", func() bool {
		m, g := used()
		return m < memory+16<<20 && g < goroutines+50
	})
	m, g := used()
	t.Logf("heap %d KB after a fifth, %d KB at the end; goroutines %d, %d; dropped %d and %d", memory>>10, m>>10, goroutines, g, engines[0].Stats().Dropped, engines[1].Stats().Dropped)
}

// used is the heap that is in use, and how many goroutines there are.
func used() (heap uint64, goroutines int) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, runtime.NumGoroutine()
}
