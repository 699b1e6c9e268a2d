package socketio_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// traveller is a client that moves between servers, and what it has to have got.
type traveller struct {
	c     *siotest.Client
	at    int
	away  bool
	rooms map[string]bool
	want  []int
	got   []int
}

func (tr *traveller) take() {
	for _, m := range tr.c.Arrived() {
		var n int
		m.Decode(&n)
		tr.got = append(tr.got, n)
	}
}

// TestRecoveryAnywhere: clients that lose their connections, with what is on its way, and
// come back to other servers under traffic get each event once, in the one order that all
// servers have.
func TestRecoveryAnywhere(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				wander(t, rand.New(rand.NewPCG(seed, 15)), socketio.Recovery{MaxPackets: []int{0, 400, 0, 40}[seed], MaxDisconnection: time.Hour})
			})
		})
	}
}

func wander(t *testing.T, r *rand.Rand, o socketio.Recovery) {
	servers := adaptertest.Cluster(t, 3, socketio.Options{Recovery: &o})
	all := make([]*traveller, 9)
	for i := range all {
		all[i] = &traveller{at: i % 3, rooms: map[string]bool{}}
		all[i].c = siotest.Dial(t, servers[i%3], siotest.Options{Transport: []string{"websocket", "polling"}[i%2]})
	}
	rooms := []string{"a", "b", "c"}
	moved, fresh := 0, 0
	for n := range 1000 {
		tr, room, other := all[r.IntN(len(all))], rooms[r.IntN(3)], rooms[r.IntN(3)]
		srv := servers[r.IntN(3)]
		meant := func(*traveller) bool { return false }
		var err error
		switch k := r.IntN(20); {
		case k < 4:
			meant = func(*traveller) bool { return true }
			err = srv.Emit("n", n)
		case k < 7:
			meant = func(tr *traveller) bool { return tr.rooms[room] }
			err = srv.To(room).Emit("n", n)
		case k < 8:
			meant = func(x *traveller) bool { return x.rooms[room] && !x.rooms[other] && x != tr }
			err = srv.To(room).Except(other, tr.c.ID()).Emit("n", n)
		case k < 10:
			meant = func(x *traveller) bool { return x == tr }
			err = srv.To(tr.c.ID()).Emit("n", n)
		case k < 11 && !tr.away:
			if s, ok := servers[tr.at].Socket(tr.c.ID()); ok && s.Emit("n", n) == nil {
				meant = func(x *traveller) bool { return x == tr }
			}
		case k < 13:
			tr.rooms[room] = true
			err = srv.To(tr.c.ID()).SocketsJoin(room)
		case k < 14:
			delete(tr.rooms, room)
			err = srv.To(tr.c.ID()).SocketsLeave(room)
		case k < 15 && !tr.away:
			tr.c.Stall(true) // what comes now is lost on its way, if the connection is
		case k < 17 && !tr.away:
			tr.take()
			tr.c.Cut()
			tr.away = true
		case tr.away:
			time.Sleep(time.Minute) // the server has noticed
			tr.take()
			tr.at, tr.away = r.IntN(3), false
			tr.c = tr.c.ResumeAt(servers[tr.at])
			if o.MaxPackets > 0 && !tr.c.Recovered() { // too much has come since
				tr.want, tr.got, tr.rooms = nil, nil, map[string]bool{}
				fresh++
				continue
			}
			assert.True(t, fmt.Sprint("recovered, step ", n), tr.c.Recovered())
			moved++
		case k == 19:
			synctest.Wait()
			for _, x := range all {
				x.take()
			}
		}
		assert.NoError(t, err)
		for _, x := range all {
			if meant(x) {
				x.want = append(x.want, n)
			}
		}
	}
	for _, x := range all { // a server may have lost one that did not read
		synctest.Wait()
		x.take()
		x.c.Cut()
	}
	time.Sleep(time.Minute)
	for i, x := range all {
		x.c = x.c.ResumeAt(servers[(x.at+1)%3])
		synctest.Wait()
		if x.take(); !x.c.Recovered() && o.MaxPackets > 0 {
			continue
		}
		assert.Equal(t, fmt.Sprint("events of client ", i), fmt.Sprint(x.got), fmt.Sprint(x.want))
	}
	assert.True(t, fmt.Sprint("they have moved: ", moved, ", fresh: ", fresh), moved > 30 && fresh < moved)
}

// homes returns servers of a cluster with a log, which follow it: a client that connects
// before its server knows where the log is cannot be recovered by another one.
func homes(t testing.TB, n int, o socketio.Options) ([]*socketio.Server, *adaptertest.Log) {
	if o.Recovery == nil {
		o.Recovery = &socketio.Recovery{}
	}
	servers, log := adaptertest.ClusterWithLog(t, n, o)
	synctest.Wait()
	return servers, log
}

// lostAt cuts a client off and waits until its server has noticed and its session is with
// the adapter.
func lostAt(c *siotest.Client) {
	synctest.Wait()
	c.Cut()
	synctest.Wait()
}

func numbersOf(c *siotest.Client) string {
	synctest.Wait()
	var all []string
	for _, m := range c.Arrived() {
		var n int
		m.Decode(&n)
		all = append(all, fmt.Sprint(n))
	}
	return strings.Join(all, " ")
}

var (
	town   = socketio.NewSharedKey[string]("town")
	secret = socketio.NewKey[string]("secret")
)

// TestRecoveryElsewhere: what goes along to another server, and what does not.
func TestRecoveryElsewhere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers, log := homes(t, 2, socketio.Options{})
		for _, srv := range servers {
			srv.OnConnect(func(s *socketio.Socket) {
				if !s.Recovered() {
					_ = s.Join("room")
					town.Set(s, "Ulm")
				}
			})
		}
		c := siotest.Dial(t, servers[0], siotest.Options{})
		lostAt(c)
		assert.Equal(t, "sessions", log.Sessions(), 1)
		assert.NoError(t, servers[1].To("room").Emit("n", 1))
		assert.NoError(t, servers[0].Emit("n", 2))
		next := c.ResumeAt(servers[1])
		assert.True(t, "recovered", next.Recovered())
		assert.Equal(t, "id", next.ID(), c.ID())
		assert.Equal(t, "events", numbersOf(next), "1 2")
		s, ok := servers[1].Socket(c.ID())
		assert.True(t, "there", ok)
		v, ok := town.Get(s)
		assert.Equal(t, "value", fmt.Sprint(v, " ", ok), "Ulm true")
		assert.Equal(t, "rooms", strings.Join(s.Rooms(), " "), "room")
		assert.Equal(t, "sessions", log.Sessions(), 0)

		lostAt(next) // and back
		assert.NoError(t, servers[1].To("room").Emit("n", 3))
		again := next.ResumeAt(servers[0])
		assert.True(t, "recovered", again.Recovered())
		assert.Equal(t, "events", numbersOf(again), "3")
		s, _ = servers[0].Socket(c.ID())
		v, _ = town.Get(s)
		assert.Equal(t, "value", v, "Ulm")
	})
}

// TestRecoveryTakenOnce: a session is taken once, wherever it is asked for.
func TestRecoveryTakenOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers, _ := homes(t, 3, socketio.Options{})
		c := siotest.Dial(t, servers[0], siotest.Options{})
		assert.NoError(t, servers[0].Emit("n", 1))
		lostAt(c)
		back := make(chan bool, len(servers))
		for _, srv := range servers {
			go func() { back <- c.ResumeAt(srv).Recovered() }()
		}
		got := 0
		for range cap(back) {
			if <-back {
				got++
			}
		}
		assert.Equal(t, "recovered", got, 1)
	})
}

// TestRecoveryStays: a session that cannot travel is recovered by its own server, and by
// no other one.
func TestRecoveryStays(t *testing.T) {
	for name, do := range map[string]func(s *socketio.Socket){
		"a value of this server": func(s *socketio.Socket) { secret.Set(s, "x") },
		"a condition": func(s *socketio.Socket) {
			s.RecoverIf(func(context.Context, *socketio.Socket) bool { return true })
		},
	} {
		for at, want := range []bool{true, false} {
			t.Run(fmt.Sprint(name, at), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					servers, log := homes(t, 2, socketio.Options{})
					servers[0].OnConnect(do)
					c := siotest.Dial(t, servers[0], siotest.Options{})
					assert.NoError(t, servers[1].Emit("n", 1))
					lostAt(c)
					assert.Equal(t, "sessions", log.Sessions(), 0)
					assert.NoError(t, servers[1].Emit("n", 2))
					back := c.ResumeAt(servers[at])
					assert.Equal(t, "recovered", back.Recovered(), want)
					if want {
						assert.Equal(t, "events", numbersOf(back), "2")
					}
				})
			})
		}
	}
}
