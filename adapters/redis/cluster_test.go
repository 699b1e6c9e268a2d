//go:build e2e

package sioredis_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sioredis "github.com/gosio/gosio/adapters/redis"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/redistest"
)

// unguarded are masters that soon miss one of them, and go on without it.
var unguarded = []string{"--cluster-node-timeout", "2000", "--cluster-require-full-coverage", "no"}

// TestMasterKilled: a master is killed, and its replica takes its place. Until then its
// channels are away, which is reported; those of the other masters are not. Then all is
// as before.
func TestMasterKilled(t *testing.T) {
	t.Parallel()
	for _, mode := range shardedModes {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			masters := redistest.ClusterOf(t, 3, unguarded...)
			_, victim := redistest.Slot(t, masters, "socket.io#/#")
			redistest.ClusterReplica(t, victim, unguarded...)
			other := "" // a namespace that another master has
			for i := 0; other == ""; i++ {
				name := fmt.Sprint("/", i)
				if _, m := redistest.Slot(t, masters, "socket.io#"+name+"#"); m != victim {
					other = name
				}
			}
			servers, all := engines(t, 2, sioredis.Options{URL: urlOf(masters), Mode: mode})
			servers[0].Of(other)
			servers[1].Of(other)
			growing(t, all[0])
			missed, lost := gaps(servers[1], adapter.GapIncoming), gaps(servers[0], adapter.GapOutgoing)
			c, c2 := siotest.Dial(t, servers[1], siotest.Options{Timeout: patience}), siotest.Dial(t, servers[1], siotest.Options{Namespace: other})
			assert.NoError(t, servers[0].Emit("e"))
			c.Expect("e")
			victim.Kill()
			eventually(t, "it is told of", func() bool { return errors.Is(servers[0].Emit("lost"), sioredis.ErrNotConnected) })
			assert.NoError(t, servers[0].Of(other).Emit("still"))
			c2.Expect("still")
			for _, e := range all {
				eventually(t, "the replica has its place", func() bool { return e.Ready() == nil })
			}
			eventually(t, "gaps are reported", func() bool { return missed.Load() > 0 && lost.Load() > 0 })
			assert.NoError(t, servers[0].Emit("after"))
			c.Await("after")
			eventually(t, "the dead master is not asked any more", func() bool {
				list, err := servers[0].FetchSockets(t.Context())
				return err == nil && len(list) == 1
			})
		})
	}
}

// growing fails the test if a counter of an engine becomes less: metrics take that for a
// process that has started again.
func growing(t *testing.T, e *sioredis.Engine) {
	t.Helper()
	var watching sync.WaitGroup
	t.Cleanup(watching.Wait)
	watching.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for last := e.Stats(); t.Context().Err() == nil; {
			<-tick.C
			now := e.Stats()
			if now.Published < last.Published || now.Lost < last.Lost || now.Outages < last.Outages {
				t.Errorf("counters go back: %+v, then %+v", last, now)
				return
			}
			last = now
		}
	})
}

// TestClassicMasterKilled: in the classic modes all masters of a Redis Cluster pass on
// everything, and each server is connected to one of them. Who was connected to one that
// is killed reports a gap and takes another one; the others go on.
func TestClassicMasterKilled(t *testing.T) {
	t.Parallel()
	for name, o := range classicVariants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			masters := redistest.ClusterOf(t, 3, unguarded...)
			o.URL = urlOf(masters)
			servers, all := engines(t, 3, o)
			clients := make([]*siotest.Client, len(servers))
			counts := make([]func() int64, len(servers))
			for i, srv := range servers {
				clients[i] = siotest.Dial(t, srv, siotest.Options{Timeout: patience})
				missed := gaps(srv, adapter.GapIncoming)
				counts[i] = missed.Load
			}
			assert.NoError(t, servers[0].Emit("e"))
			for _, c := range clients {
				c.Expect("e")
			}
			subscribers := func(m *redistest.Process) int {
				return strings.Count(redistest.Ask(t, m.Addr, "CLIENT", "LIST", "TYPE", "pubsub"), "\n")
			}
			victim := slices.MaxFunc(masters, func(a, b *redistest.Process) int { return subscribers(a) - subscribers(b) })
			victim.Kill()
			eventually(t, "who was connected to it reports a gap", func() bool { return counts[0]()+counts[1]()+counts[2]() > 0 })
			for _, e := range all {
				eventually(t, "another master has its place", func() bool { return e.Ready() == nil })
			}
			eventually(t, "all hear all again", func() bool {
				for _, srv := range servers {
					if srv.Emit("after") != nil {
						return false
					}
				}
				return true
			})
			for _, c := range clients {
				c.Await("after")
			}
		})
	}
}

// TestClassicSlotMoves: channels of the classic modes are in no slot: one that moves is
// nothing to them.
func TestClassicSlotMoves(t *testing.T) {
	t.Parallel()
	for name, o := range classicVariants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			masters := redistest.ClusterOf(t, 3)
			o.URL = urlOf(masters)
			servers, all := engines(t, 2, o)
			missed, lost := gaps(servers[1], adapter.GapIncoming), gaps(servers[0], adapter.GapOutgoing)
			got := follow(siotest.Dial(t, servers[1], siotest.Options{Timeout: patience}))
			slot, from := redistest.Slot(t, masters, "socket.io#/#")
			to := masters[0]
			if from == to {
				to = masters[1]
			}
			const events = 3000
			for i := 1; i <= events; i++ {
				assert.NoError(t, servers[0].Emit("n", i))
				if i == events/3 || i == events*2/3 {
					redistest.MoveSlot(t, masters, slot, from, to)
					from, to = to, from
				}
			}
			got.whole(t, 1, events)
			assert.Equal(t, "gaps", missed.Load()+lost.Load(), int64(0))
			for _, e := range all {
				assert.NoError(t, e.Ready())
			}
		})
	}
}
