//go:build e2e

package sioredis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/clusterwire"
	"github.com/gosio/gosio/internal/redistest"
)

// listen subscribes to a pattern until the test ends, and returns what comes.
func listen(t *testing.T, redis *redistest.Server, pattern string) <-chan rueidis.PubSubMessage {
	t.Helper()
	messages := make(chan rueidis.PubSubMessage, 10_000)
	c, release := raw(t, redis).Dedicate()
	t.Cleanup(release)
	c.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: func(m rueidis.PubSubMessage) { messages <- m }})
	assert.NoError(t, c.Do(context.Background(), c.B().Psubscribe().Pattern(pattern).Build()).Error())
	return messages
}

// next waits for a message.
func next(t *testing.T, messages <-chan rueidis.PubSubMessage) (m rueidis.PubSubMessage) {
	t.Helper()
	select {
	case m = <-messages:
	case <-time.After(patience):
		t.Fatal("no message")
	}
	return m
}

// said is what one of our servers says to others.
func said(t *testing.T, p clusterwire.Peer) string {
	t.Helper()
	b, err := p.Encode()
	assert.NoError(t, err)
	return string(b)
}

// TestAbsent: a server that nobody listens for has left after a while. One that comes
// back meanwhile has not got the request, and is missing.
func TestAbsent(t *testing.T) {
	t.Parallel()
	for name, back := range map[string]bool{"it has left": false, "it is back": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redis := redistest.Start(t)
			fresh := time.Now()
			servers, all := engines(t, 2, sioredis.Options{URL: "unix://" + redis.Addr})
			siotest.Dial(t, servers[1], siotest.Options{Timeout: patience})
			node := raw(t, redis)
			here := listen(t, redis, "socket.io-[rp]e*s*#/#*")
			publish(t, node, "socket.io-peers#/#", said(t, clusterwire.Peer{Type: clusterwire.PeerHello, UID: "absent"}))
			for known := map[string]bool{}; len(known) < len(servers); { // each server answers one way or the other
				p, err := clusterwire.DecodePeer([]byte(next(t, here).Message), nil)
				if err == nil && p.Type == clusterwire.PeerHere {
					known[p.UID] = true
				}
			}

			before := all[0].Stats().Published
			type result struct {
				list []socketio.RemoteSocket
				err  error
				took time.Duration
			}
			results, begin := make(chan result), time.Now()
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				list, err := servers[0].FetchSockets(ctx)
				results <- result{list, err, time.Since(begin)}
			}()
			if back {
				eventually(t, "the request is sent", func() bool { return all[0].Stats().Published > before })
				c, release := node.Dedicate()
				t.Cleanup(release)
				assert.NoError(t, c.Do(t.Context(), c.B().Subscribe().Channel("socket.io-response#/#absent#").Build()).Error())
			}
			r := <-results
			assert.Equal(t, "the others' sockets", len(r.list), 1)
			if !back {
				assert.NoError(t, r.err)
				// For a second, and for two more while the server's own connection is new.
				least := max(900*time.Millisecond, 2900*time.Millisecond-begin.Sub(fresh))
				assert.True(t, fmt.Sprint("it is waited for: ", r.took, " of ", least), r.took > least)
				return
			}
			var partial *adapter.PartialError
			assert.True(t, "missing", errors.As(r.err, &partial) && len(partial.Missing) == 1 && partial.Missing[0] == "absent" && partial.Expected == 2)
			assert.True(t, "why, and not the deadline", strings.Contains(r.err.Error(), "no connection to Redis when it was asked"))
		})
	}
}

// TestManyHellos: servers that start at the same moment are answered together.
func TestManyHellos(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	start(t, 1, socketio.Options{}, sioredis.Options{URL: "unix://" + redis.Addr})
	answers := listen(t, redis, "socket.io-*#/#*")
	const servers = 300
	hellos := make([]string, servers)
	for i := range hellos {
		hellos[i] = said(t, clusterwire.Peer{Type: clusterwire.PeerHello, UID: fmt.Sprint("server", i)})
	}
	publish(t, raw(t, redis), "socket.io-peers#/#", hellos...)
	answered, count := make(map[string]bool), 0
	for !answered["socket.io-peers#/#"] {
		m := next(t, answers)
		if p, err := clusterwire.DecodePeer([]byte(m.Message), nil); err == nil && p.Type == clusterwire.PeerHere {
			answered[m.Channel] = true
			count++
		}
	}
	assert.True(t, "one was answered at once", answered["socket.io-response#/#server0#"])
	assert.True(t, fmt.Sprint("a few messages answer all: ", count), count < 10)
}

// TestBack: after an outage each server tells of all its namespaces in one message, and
// is answered by those who do not know it.
func TestBack(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	servers, all := engines(t, 3, sioredis.Options{URL: "unix://" + redis.Addr})
	clients := make([]*siotest.Client, len(servers))
	for i, srv := range servers {
		for k := range 5 {
			srv.Of(fmt.Sprint("/ns", k))
		}
		clients[i] = siotest.Dial(t, srv, siotest.Options{Timeout: patience})
	}
	redis.Kill()
	before := make([]uint64, len(all))
	for i, e := range all {
		eventually(t, "the outage is found", func() bool { return errors.Is(e.Ready(), sioredis.ErrNotConnected) })
		before[i] = e.Stats().Published
	}
	redis.Run()
	for i, e := range all {
		eventually(t, "it says that it is back", func() bool { return e.Ready() == nil && e.Stats().Published > before[i] })
	}
	for _, srv := range servers {
		assert.NoError(t, srv.Emit("e"))
	}
	for _, c := range clients {
		for range servers {
			c.Expect("e")
		}
	}
	for i, e := range all {
		eventually(t, "the event is counted", func() bool { return e.Stats().Published-before[i] >= 2 })
		assert.Equal(t, "messages of one server", e.Stats().Published-before[i], uint64(2)) // with the event
	}

	node, answers := raw(t, redis), listen(t, redis, "socket.io-response#*#later[#]")
	for range 2 {
		publish(t, node, "socket.io-peers##", said(t, clusterwire.Peer{Type: clusterwire.PeerBack, UID: "x", Nodes: []clusterwire.PeerNode{
			{Namespace: "/ns1", UID: "later"}, {Namespace: "/unknown", UID: "later"},
		}}))
	}
	for range servers {
		assert.Equal(t, "channel", next(t, answers).Channel, "socket.io-response#/ns1#later#")
	}
	publish(t, node, "socket.io-response#/ns1#later#", "done")
	assert.Equal(t, "no more answers", next(t, answers).Message, "done")
	dropped := all[0].Stats().Dropped
	publish(t, node, "socket.io-peers##", "", "{}", said(t, clusterwire.Peer{Type: clusterwire.PeerHello, UID: "x"}))
	eventually(t, "what cannot be read is counted", func() bool { return all[0].Stats().Dropped == dropped+3 })
}
