package socketio_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestRecoveryAcross: what happens to the log and its store while a client is away, or is
// there, and whether it is recovered by another server.
func TestRecoveryAcross(t *testing.T) {
	type world struct {
		servers []*socketio.Server
		log     *adaptertest.Log
		emitted int
	}
	emitFrom := func(w *world, at int) { _ = w.servers[at].Emit("n", 1); w.emitted++ }
	emit := func(w *world) { emitFrom(w, 1); synctest.Wait() }
	trim := func(w *world) { w.log.Trim() }
	lose := func(w *world) { w.log.Lose(); synctest.Wait() }
	outage := func(w *world) { // server 0 does not wait for the log
		mend := w.log.Stop()
		emitFrom(w, 0)
		time.Sleep(2 * time.Second)
		mend()
		synctest.Wait()
	}
	short := func(w *world) { // the log is back before anybody has lost patience
		mend := w.log.Stop()
		emitFrom(w, 0)
		emitFrom(w, 1)
		time.Sleep(time.Second / 2)
		mend()
		synctest.Wait()
	}
	flood := func(w *world) { // more than waits
		mend := w.log.Stop()
		for range 1001 {
			_ = w.servers[2].Emit("n", 1)
		}
		mend()
		synctest.Wait()
	}
	hours := func(*world) { time.Sleep(3 * time.Hour) }
	minute := func(*world) { time.Sleep(time.Minute) }
	unread := func(w *world) { // server 1 has not read what is gone
		mend := w.log.Stop()
		_ = w.servers[0].Emit("n", 1)
		mend()
		w.log.Trim()
		synctest.Wait()
	}
	type steps = []func(*world)
	for _, tt := range []struct {
		name        string
		there, away steps
		want        bool
	}{
		{"nothing", steps{emit}, steps{emit}, true},
		{"nothing has ever come", nil, steps{emit}, true},
		{"a minute", steps{emit}, steps{emit, minute}, true},
		{"too long", steps{emit}, steps{hours}, false},
		{"idle for long", steps{emit, hours}, steps{emit}, true},
		{"the log begins anew", steps{emit}, steps{lose}, false},
		{"the log begins anew, and goes on", steps{emit}, steps{lose, emit}, false},
		{"the log has begun anew before", steps{emit, lose}, steps{emit}, false},
		{"the log has begun anew before, and an event of a position that was there before", steps{emit, lose, emit}, steps{emit}, false},
		{"the log has begun anew before, and an event since", steps{emit, lose, emit, emit}, steps{emit}, true},
		{"trimmed, and known here", steps{emit}, steps{emit, trim, emit}, true},
		{"an outage while away", steps{emit}, steps{outage}, true},
		{"a short outage while there", steps{emit, short}, steps{emit}, true},
		{"an outage while there", steps{emit, outage}, steps{emit}, false},
		{"an outage while there, and an event since", steps{emit, outage, emit}, steps{emit}, true},
		{"lost while away", steps{emit}, steps{flood, emit}, false},
		{"lost while there", steps{emit, flood}, steps{emit}, false},
		{"lost while there, and an event since", steps{emit, flood, emit}, steps{emit}, true},
		{"not read while away", steps{emit}, steps{unread}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := &world{}
				w.servers, w.log = homes(t, 3, socketio.Options{Recovery: &socketio.Recovery{MaxDisconnection: time.Hour}})
				c := siotest.Dial(t, w.servers[0], siotest.Options{})
				for _, f := range tt.there {
					f(w)
				}
				synctest.Wait()
				c.Arrived()
				lostAt(c)
				before := w.emitted
				for _, f := range tt.away {
					f(w)
				}
				back := c.ResumeAt(w.servers[1])
				assert.Equal(t, "recovered", back.Recovered(), tt.want)
				synctest.Wait()
				if missed := len(back.Arrived()); tt.want {
					assert.Equal(t, "missed", missed, w.emitted-before)
				}
				for range w.emitted + 1 { // behind all that was there before the log has begun anew
					_ = w.servers[0].Emit("n", 2)
				}
				lostAt(back) // the next time all is well
				back.Arrived()
				_ = w.servers[0].Emit("n", 3)
				again := back.ResumeAt(w.servers[2])
				assert.True(t, "the next time", again.Recovered())
				assert.Equal(t, "events", numbersOf(again), "3")
			})
		})
	}
}

// TestRecoveryFetched: a server that was not there, or whose memory is short, gets what a
// client has missed from the log.
func TestRecoveryFetched(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers, log := homes(t, 2, socketio.Options{Recovery: &socketio.Recovery{MaxPackets: 5000, MaxDisconnection: time.Hour}})
		for _, srv := range servers {
			srv.OfFunc(func(string, *socketio.Handshake) bool { return true }).OnConnect(func(s *socketio.Socket) { _ = s.Join("x") })
		}
		c := siotest.Dial(t, servers[0], siotest.Options{Namespace: "/child"})
		stay := siotest.Dial(t, servers[0], siotest.Options{Namespace: "/child"})
		assert.NoError(t, servers[0].Of("/child").Emit("n", 0))
		lostAt(c)
		want := ""
		for n := range 2500 { // more than are asked for at a time; server 1 has no such namespace
			room := []string{"x", "y"}[n%2]
			assert.NoError(t, servers[0].Of("/child").To(room).Emit("n", n))
			if n%2 == 0 {
				want += fmt.Sprint(n, " ")
			}
		}
		synctest.Wait()
		assert.Equal(t, "entries", log.Entries("/child"), 2501)
		back := c.ResumeAt(servers[1])
		assert.True(t, "recovered", back.Recovered())
		assert.Equal(t, "events", numbersOf(back)+" ", want)
		assert.Equal(t, "of the one that stays", len(stay.Arrived()), 1251)

		lostAt(back) // and the log has lost what would be fetched
		assert.NoError(t, servers[0].Of("/child").Emit("n", 1))
		synctest.Wait()
		log.Trim()
		assert.NoError(t, servers[0].Of("/child").Emit("n", 2))
		synctest.Wait()
		assert.True(t, "not by a server without the rest", !back.ResumeAt(servers[1]).Recovered())
	})
}

// TestRecoveryAcrossUnseen: an event from after a gap that was lost on its way does not help.
func TestRecoveryAcrossUnseen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers, log := homes(t, 2, socketio.Options{})
		c := siotest.Dial(t, servers[0], siotest.Options{})
		assert.NoError(t, servers[1].Emit("n", 1))
		synctest.Wait()
		c.Stall(true)
		mend := log.Stop()
		assert.NoError(t, servers[0].Emit("n", 2)) // at once after a second
		time.Sleep(2 * time.Second)
		mend()
		assert.NoError(t, servers[1].Emit("n", 3))
		lostAt(c)
		assert.Equal(t, "sessions", log.Sessions(), 1)
		assert.True(t, "not recovered", !c.ResumeAt(servers[1]).Recovered())
	})
}

// TestRecoveryPositionsAgain: a log that has begun anew has positions that were there
// before. A client is not taken to have an event because it has an older one of the same
// position.
func TestRecoveryPositionsAgain(t *testing.T) {
	own := func(servers []*socketio.Server) { // the session stays with its server
		servers[0].OnConnect(func(s *socketio.Socket) { secret.Set(s, "x") })
	}
	for _, tt := range []struct {
		name string
		set  func(servers []*socketio.Server)
		at   int
	}{
		{"at its own server", own, 0},
		{"at another server", func([]*socketio.Server) {}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				servers, log := homes(t, 2, socketio.Options{})
				tt.set(servers)
				c := siotest.Dial(t, servers[0], siotest.Options{})
				assert.NoError(t, servers[1].Emit("n", 1))
				assert.NoError(t, servers[1].Emit("n", 2))
				assert.Equal(t, "before", numbersOf(c), "1 2")
				log.Lose()
				synctest.Wait()
				c.Stall(true)
				assert.NoError(t, servers[1].Emit("n", 3))
				assert.NoError(t, servers[1].Emit("n", 4))
				assert.NoError(t, servers[1].Emit("n", 5)) // the last is behind all of before
				lostAt(c)
				fresh := c.ResumeAt(servers[tt.at])
				assert.True(t, "not recovered", !fresh.Recovered())

				fresh.Stall(true) // and the fresh session has an offset of the one before
				log.Lose()
				synctest.Wait()
				assert.NoError(t, servers[0].Emit("n", 6))
				assert.NoError(t, servers[0].Emit("n", 7))
				lostAt(fresh)
				assert.True(t, "not recovered with an offset of before", !fresh.ResumeAt(servers[tt.at]).Recovered())
			})
		})
	}
}

// TestRecoveryFetchedOnce: what a server does not remember is fetched once for all who come.
func TestRecoveryFetchedOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers, log := homes(t, 2, socketio.Options{Recovery: &socketio.Recovery{MaxPackets: 5000}})
		for _, srv := range servers {
			srv.OfFunc(func(string, *socketio.Handshake) bool { return true })
		}
		clients := make([]*siotest.Client, 8)
		for i := range clients {
			clients[i] = siotest.Dial(t, servers[0], siotest.Options{Namespace: "/child"})
		}
		for n := range 600 {
			if n%100 == 99 && n/100 < len(clients)/2 {
				synctest.Wait()
				clients[n/100].Arrived()
				lostAt(clients[n/100])
			}
			assert.NoError(t, servers[0].Of("/child").Emit("n", n))
		}
		for _, c := range clients[len(clients)/2:] {
			lostAt(c)
		}
		assert.NoError(t, servers[0].Of("/child").Emit("n", 600))
		synctest.Wait()
		back := make([]*siotest.Client, len(clients))
		var all sync.WaitGroup
		for i, c := range clients {
			all.Go(func() { back[i] = c.ResumeAt(servers[1]) })
		}
		all.Wait()
		for i, c := range back {
			assert.True(t, "recovered", c.Recovered())
			first := 600
			if i < len(clients)/2 {
				first = 100*i + 99
			}
			got := strings.Fields(numbersOf(c))
			assert.Equal(t, "events", fmt.Sprint(got[0], " ", len(got)), fmt.Sprint(first, " ", 601-first))
		}
		assert.True(t, fmt.Sprint("asked ", log.Replays(), " times"), log.Replays() <= 2*len(clients)+2)
		before := log.Replays()
		for range 3 {
			lostAt(back[0])
			back[0] = clients[0].ResumeAt(servers[1])
		}
		assert.Equal(t, "asked again", log.Replays()-before, 0)
	})
}

// TestRecoveryStaysAcross: a session that its server alone has kept is not recovered across
// a log that has begun anew, though positions have come again.
func TestRecoveryStaysAcross(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers, log := homes(t, 2, socketio.Options{})
		servers[0].OnConnect(func(s *socketio.Socket) { secret.Set(s, "x") }) // so it stays
		c := siotest.Dial(t, servers[0], siotest.Options{})
		for n := range 10 {
			assert.NoError(t, servers[1].Emit("n", n))
			synctest.Wait()
			c.Stall(n >= 5) // some are on their way
		}
		lostAt(c)
		assert.Equal(t, "sessions", log.Sessions(), 0)
		log.Lose()
		for n := range 20 {
			assert.NoError(t, servers[1].Emit("n", n))
		}
		synctest.Wait()
		assert.True(t, "not recovered", !c.ResumeAt(servers[0]).Recovered())
	})
}

// TestRecoveryQuietNamespace: a client of a namespace in which nothing is said misses nothing when
// the log has forgotten what was before: servers know how far they are.
func TestRecoveryQuietNamespace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers, log := homes(t, 2, socketio.Options{})
		quiet, busy := servers[0].Of("/quiet"), servers[0].Of("/busy")
		c := siotest.Dial(t, servers[0], siotest.Options{Namespace: "/quiet"})
		assert.NoError(t, quiet.Emit("n", 1))
		for n := range 100 {
			assert.NoError(t, busy.Emit("n", n))
		}
		log.Tell()
		lostAt(c)
		log.Trim()
		servers[1].Of("/quiet") // follows from here on
		assert.NoError(t, busy.Emit("n", 100))
		log.Tell()
		synctest.Wait()
		assert.NoError(t, quiet.Emit("n", 2))
		synctest.Wait()
		back := c.ResumeAt(servers[1])
		assert.True(t, "recovered", back.Recovered())
		assert.Equal(t, "events", numbersOf(back), "2")
	})
}

// TestRecoveryQuietTogether: many who come back to a server that is behind ask once.
func TestRecoveryQuietTogether(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers, log := homes(t, 2, socketio.Options{})
		busy := servers[0].Of("/busy")
		servers[0].Of("/quiet")
		servers[1].Of("/quiet")
		assert.NoError(t, servers[1].Of("/quiet").Emit("n", 1))
		var clients []*siotest.Client
		for n := range 20 {
			c := siotest.Dial(t, servers[0], siotest.Options{Namespace: "/quiet"})
			assert.NoError(t, servers[0].Of("/quiet").To(c.ID()).Emit("n", n))
			clients = append(clients, c)
		}
		synctest.Wait()
		for n := range 10 {
			assert.NoError(t, busy.Emit("n", n))
		}
		log.Tell(0)
		for _, c := range clients {
			lostAt(c)
		}
		var all sync.WaitGroup
		for _, c := range clients {
			all.Go(func() { assert.True(t, "recovered", c.ResumeAt(servers[1]).Recovered()) })
		}
		all.Wait()
		assert.True(t, fmt.Sprint("asked ", log.Replays(), " times"), log.Replays() <= 2)
	})
}

// TestRecoveryStaysAndFetches: a session that stays with its server is recovered from the
// log, too, when that server does not remember all.
func TestRecoveryStaysAndFetches(t *testing.T) {
	for name, want := range map[string]bool{"": true, "with an event of this server alone": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				servers, log := homes(t, 2, socketio.Options{Recovery: &socketio.Recovery{MaxPackets: 40}})
				servers[0].OnConnect(func(s *socketio.Socket) { secret.Set(s, "x"); _ = s.Join("room") })
				c := siotest.Dial(t, servers[0], siotest.Options{})
				assert.NoError(t, servers[1].Emit("n", 0))
				lostAt(c)
				assert.Equal(t, "sessions", log.Sessions(), 0)
				if !want {
					assert.NoError(t, servers[0].Local().Emit("n", 0))
				}
				events := ""
				for n := range 60 {
					room := []string{"room", "other"}[n%2]
					if assert.NoError(t, servers[1].To(room).Emit("n", n)); n%2 == 0 {
						events += fmt.Sprint(n, " ")
					}
				}
				synctest.Wait()
				back := c.ResumeAt(servers[0])
				if assert.Equal(t, "recovered", back.Recovered(), want); !want {
					return
				}
				assert.Equal(t, "events", numbersOf(back)+" ", events)
				s, _ := servers[0].Socket(back.ID())
				v, _ := secret.Get(s)
				assert.Equal(t, "value and rooms", fmt.Sprint(v, s.Rooms()), "x[room]")
			})
		})
	}
}
