//go:build e2e

package sioredis_test

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/redistest"
)

// enter appends events of a server of this module, with these numbers.
func enter(t *testing.T, redis *redistest.Server, numbers ...int) {
	t.Helper()
	c := raw(t, redis)
	commands := make(rueidis.Commands, len(numbers))
	for i, n := range numbers {
		commands[i] = c.B().Arbitrary("XADD").Keys("socket.io").Args("*", "nsp", "/", "uid", "other", "type", "3", "gosio", fmt.Sprint(n, " 0 0 0"),
			"data", `{"opts":{"rooms":[],"except":[],"flags":{}},"packet":{"type":2,"data":["n",`+strconv.Itoa(n)+`],"nsp":"/"}}`).Build()
	}
	for _, r := range c.DoMulti(context.Background(), commands...) {
		assert.NoError(t, r.Error())
	}
}

// upTo are the numbers from one on to another.
func upTo(from, to int) (list []int) {
	for n := from; n <= to; n++ {
		list = append(list, n)
	}
	return list
}

// TestStreamsTwice: what a server has sent twice, since it did not know whether Redis had
// it and could not end its old connection, a client that comes back gets once, wherever
// the two are.
func TestStreamsTwice(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		before, behind []int // the client loses its connection
		want           []int
		unfenced       bool // this cluster's servers cannot end their old connections, and look behind
	}{
		{"more than are read at once in between", []int{1}, append(upTo(2, 1001), 1001, 1002), upTo(2, 1002), false},
		{"before the client has gone and behind", upTo(1, 3), []int{2, 3, 4}, []int{4}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			redis := redistest.Start(t)
			if tt.unfenced {
				tell(t, redis, "ACL", "SETUSER", "default", "-client|kill", "-client|list", "-client|setname")
			}
			opts, o := socketio.Options{Recovery: &socketio.Recovery{}}, sioredis.Options{URL: "unix://" + redis.Addr, Mode: sioredis.Streams}
			srv := start(t, 1, opts, o)[0]
			c := siotest.Dial(t, srv, siotest.Options{Timeout: patience})
			enter(t, redis, tt.before...)
			for range tt.before {
				c.Expect("n")
			}
			c.Cut()
			eventually(t, "the session is saved", func() bool { return isSaved(t, redis, c) })
			enter(t, redis, tt.behind...)
			back := c.ResumeAt(start(t, 1, opts, o)[0]) // which remembers nothing
			assert.True(t, "recovered", back.Recovered())
			var got []int
			eventually(t, "all come", func() bool {
				for _, m := range back.Arrived() {
					var n int
					m.Decode(&n)
					got = append(got, n)
				}
				return len(got) >= len(tt.want)
			})
			assert.Equal(t, "events", fmt.Sprint(got), fmt.Sprint(tt.want))
		})
	}
}

// TestStreamsAgree: a server whose Redis has come back with less than it had appends
// nothing before it has said so: here the connection that would tell it is half dead.
func TestStreamsAgree(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	srv, _, p := distant(t, redis)
	c := siotest.Dial(t, srv, siotest.Options{Timeout: patience})
	assert.NoError(t, srv.Emit("n", 1))
	c.Expect("n")
	tell(t, redis, "SAVE")
	assert.NoError(t, srv.Emit("n", 2))
	c.Expect("n")
	epoch := func() string {
		return regexp.MustCompile(`last-delivered-id\D+(\d+-\d+)`).FindStringSubmatch(tell(t, redis, "XINFO", "GROUPS", "socket.io"))[1]
	}
	before := epoch()
	p.freeze(true)
	redis.Kill() // what it has saved it reads again
	redis.Run()
	assert.Equal(t, "epoch", epoch(), before)
	had := tell(t, redis, "XLEN", "socket.io")
	assert.NoError(t, srv.Emit("n", 3))
	eventually(t, "the connection that appends is back", func() bool { return strings.Contains(tell(t, redis, "CLIENT", "LIST"), " name=gosio-") })
	for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if has := tell(t, redis, "XLEN", "socket.io"); epoch() == before {
			assert.Equal(t, "entries", has, had)
		}
	}
	p.freeze(false)
	c.Expect("n")
	eventually(t, "then it is appended", func() bool { return tell(t, redis, "XLEN", "socket.io") != had })
	assert.True(t, "in another epoch", epoch() != before)
}

// TestStreamsBurst: a burst of which the stream keeps a small part reaches all clients of
// the server that has sent it. A server that reads too slowly misses some, and says so.
func TestStreamsBurst(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	srv := start(t, 1, socketio.Options{Recovery: &socketio.Recovery{}}, sioredis.Options{
		URL: "unix://" + redis.Addr, Mode: sioredis.Streams, Stream: sioredis.Stream{MaxLen: 1000},
	})[0]
	slow, _, p := distant(t, redis)
	missed := gaps(slow, adapter.GapIncoming)
	near, far := collect(siotest.Dial(t, srv, siotest.Options{Timeout: patience})), collect(siotest.Dial(t, slow, siotest.Options{Timeout: patience}))
	assert.NoError(t, srv.Emit("n", 0))
	near.inOrder(t, 0, 0)
	far.inOrder(t, 0, 0)
	p.limit(50 << 10)
	const most = 6000
	for n := range most {
		assert.NoError(t, srv.Emit("n", n+1))
		if n%500 == 499 {
			eventually(t, "they come", func() bool { return near.len() > n-2000 })
		}
	}
	near.inOrder(t, 0, most)
	p.limit(0)
	got := 0
	eventually(t, "the last one comes", func() bool {
		far.mu.Lock()
		defer far.mu.Unlock()
		got = len(far.list)
		return far.list[got-1] == most
	})
	far.mu.Lock()
	defer far.mu.Unlock()
	for i := range got - 1 {
		assert.True(t, "order", far.list[i] < far.list[i+1])
	}
	assert.Equal(t, "what is missing is a gap", missed.Load() > 0, got < most+1)
}
