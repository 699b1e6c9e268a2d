package engine_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/assert"
)

// goroutines returns the stacks of the goroutines of this test's bubble that
// run code of package engine.
func goroutines() (n int) {
	buf := make([]byte, 4<<20)
	stacks := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
	head, _, _ := strings.Cut(stacks[0], "\n") // this one's
	_, mine, _ := strings.Cut(head, "synctest bubble ")
	mine, _, _ = strings.Cut(mine, "]")
	for _, s := range stacks[1:] {
		head, body, _ := strings.Cut(s, "\n")
		if strings.Contains(head, "synctest bubble "+mine+"]") && strings.Contains(body, "core/engine.(") {
			n++
		}
	}
	return n
}

// TestIdle counts what sessions with nothing to do cost: a goroutine on
// WebSocket, none on polling between polls, and the handler's own in a poll.
func TestIdle(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, setup{})
		count := func(label string, want int) {
			t.Helper()
			synctest.Wait()
			assert.Equal(t, label, goroutines(), want)
		}
		count("at first", 0)
		var sids []string
		for range 10 {
			sids = append(sids, h.open())
			h.posted(sids[len(sids)-1], "4x")
		}
		count("polling sessions", 0)
		for range 10 {
			c, _ := h.wsOpen("")
			c.send("4x")
			c.expect("4x")
		}
		count("WebSocket sessions", 10)
		for _, sid := range sids {
			h.get(sid) // what they have queued
			h.poll(sid)
		}
		count("and polls", 20)
		for _, sid := range sids {
			c := h.probe(sid)
			c.send("5", "4x")
			c.expect("4x")
		}
		count("upgraded", 20)
		h.srv.Close()
		count("at last", 0)
	})
}

// TestIdleMemory: sessions that have been busy hold no buffers. What a client
// costs, in this same process, is part of the number.
func TestIdleMemory(t *testing.T) { //nolint:paralleltest // it looks at the whole heap
	h := serve(t, setup{opts: engine.Options{PingInterval: time.Hour}})
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	const n = 200
	clients := make([]*client, n)
	for i := range clients {
		clients[i], _ = h.wsOpen("")
		clients[i].send("4" + strings.Repeat("x", 20_000))
		clients[i].expect("4" + strings.Repeat("x", 20_000))
		clients[i].br = nil
	}
	each := (heap() - before) / n
	assert.True(t, fmt.Sprintf("at most 4 KB of heap per session, got %d", each), each <= 4096)
}
