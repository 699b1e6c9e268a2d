package socketio_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestRecoveryAloneInFlight: an event that only one server has, and that was on its way when
// the connection was lost, is not taken for received by another server.
func TestRecoveryAloneInFlight(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(servers []*socketio.Server, c *siotest.Client)
		at   int
		want bool
	}{
		{"none", func([]*socketio.Server, *siotest.Client) {}, 1, true},
		{"it has come", func(servers []*socketio.Server, _ *siotest.Client) { _ = servers[0].Local().Emit("n", 5) }, 1, true},
		{"on its way", func(servers []*socketio.Server, c *siotest.Client) {
			c.Stall(true)
			_ = servers[0].Local().Emit("n", 5)
		}, 1, false},
		{"on its way, and its own server", func(servers []*socketio.Server, c *siotest.Client) {
			c.Stall(true)
			_ = servers[0].Local().Emit("n", 5)
		}, 0, true},
		{"the first has come", func(servers []*socketio.Server, c *siotest.Client) {
			_ = servers[0].Local().Emit("n", 5)
			synctest.Wait()
			c.Stall(true)
			_ = servers[0].Local().Emit("n", 6)
		}, 1, false},
		{"and one of all behind it", func(servers []*socketio.Server, c *siotest.Client) {
			_ = servers[0].Local().Emit("n", 5)
			_ = servers[1].Emit("n", 6)
			synctest.Wait()
			c.Stall(true)
			_ = servers[1].Emit("n", 7)
		}, 1, true},
		{"one of all behind it on its way", func(servers []*socketio.Server, c *siotest.Client) {
			c.Stall(true)
			_ = servers[0].Local().Emit("n", 5)
			_ = servers[1].Emit("n", 6)
		}, 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				servers, _ := homes(t, 2, socketio.Options{})
				c := siotest.Dial(t, servers[0], siotest.Options{})
				assert.NoError(t, servers[1].Emit("n", 1))
				synctest.Wait()
				tt.do(servers, c)
				lostAt(c)
				back := c.ResumeAt(servers[tt.at])
				assert.Equal(t, "recovered", back.Recovered(), tt.want)
			})
		})
	}
}

// askingFor is a packet by which a client asks for a session.
func askingFor(c *siotest.Client) string {
	return fmt.Sprintf(`40{"pid":%q,"offset":%q}`, c.PID(), c.Offset())
}

// TestRecoveryTakenForNobody: a session is still there when the client has gone while it was
// taken, or when it was somebody else.
func TestRecoveryTakenForNobody(t *testing.T) {
	t.Run("gone", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			k, a := newKept(t)
			c := a.dial(t)
			lostAt(c)
			hold := make(chan struct{})
			k.with(func() { k.hold = hold })
			conn := siotest.Open(t, a, siotest.Options{})
			assert.NoError(t, conn.Send(askingFor(c)))
			synctest.Wait()
			k.with(func() { assert.Equal(t, "asked", k.asked, 1) })
			conn.Cut()
			synctest.Wait()
			close(hold)
			synctest.Wait()
			k.with(func() { k.hold = nil })
			assert.True(t, "recovered", c.Resume().Recovered())
		})
	})
	t.Run("somebody else", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			k, a := newKept(t)
			a.UseFunc(func(_ context.Context, s *socketio.Socket) error {
				var auth struct{ User string }
				_ = s.Handshake().DecodeAuth(&auth)
				s.SetIdentity(auth.User)
				return nil
			})
			c := siotest.Dial(t, a, siotest.Options{Auth: map[string]string{"user": "ada"}})
			lostAt(c)
			k.with(func() { assert.Equal(t, "saved", len(k.saved), 1) })
			assert.True(t, "not recovered", !c.ResumeAtWith(a, map[string]string{"user": "eve"}).Recovered())
			synctest.Wait()
			assert.True(t, "recovered", c.Resume().Recovered())
		})
	})
}

// TestRecoveryStoreSilent: one client waits a second for a store that does not answer, and
// those that come then do not.
func TestRecoveryStoreSilent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k, a := newKept(t)
		clients := make([]*siotest.Client, 4)
		for i := range clients {
			clients[i] = a.dial(t)
			lostAt(clients[i])
		}
		k.with(func() { k.slow = true })
		for i, want := range []time.Duration{time.Second, 0, 0} {
			start := time.Now()
			assert.True(t, "not recovered", !clients[i].Resume().Recovered())
			assert.Equal(t, "waited", time.Since(start), want)
		}
		a.log.one(t, "has not given a session")
		time.Sleep(time.Second)
		k.with(func() { k.slow = false })
		assert.True(t, "there again", clients[3].Resume().Recovered())
	})
}

// TestRecoveryEndedLate: EndSession of a socket that is gone ends its session, wherever that
// is, and not the one of the socket that has gone on with it.
func TestRecoveryEndedLate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers, log := homes(t, 2, socketio.Options{})
		c := siotest.Dial(t, servers[0], siotest.Options{})
		old, _ := servers[0].Socket(c.ID())
		lostAt(c)
		c = c.ResumeAt(servers[1])
		assert.True(t, "recovered", c.Recovered())
		lostAt(c)
		assert.Equal(t, "sessions", log.Sessions(), 1)
		old.EndSession()
		synctest.Wait()
		assert.Equal(t, "sessions", log.Sessions(), 1)
		c = c.ResumeAt(servers[0])
		assert.True(t, "recovered again", c.Recovered())
	})
	t.Run("on its way back", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			k, a := newKept(t)
			c := a.dial(t)
			s := a.socket(t, c)
			lostAt(c)
			taken, err := k.TakeSession(t.Context(), c.PID()) // by another server, which gives it back
			assert.NoError(t, err)
			s.EndSession()
			synctest.Wait()
			assert.NoError(t, k.SaveSessions(t.Context(), []*adapter.Session{taken}))
			time.Sleep(time.Minute)
			k.with(func() { assert.Equal(t, "saved", len(k.saved), 0) })
		})
	})
}

// TestRecoverySavedLater: a session that ends while the adapter takes none travels when it
// does again, for what is left of its time.
func TestRecoverySavedLater(t *testing.T) {
	for _, tt := range []struct {
		name string
		back func(log *adaptertest.Log, mend func()) // at last
		want int                                     // sessions that are saved
	}{
		{"it is back", func(_ *adaptertest.Log, mend func()) { mend() }, 1},
		{"it is not", func(*adaptertest.Log, func()) {}, 0},
		{"it is back late", func(_ *adaptertest.Log, mend func()) { time.Sleep(40 * time.Second); mend() }, 0},
		{"the log has begun anew", func(log *adaptertest.Log, mend func()) { log.Lose(); mend() }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				servers, log := homes(t, 2, socketio.Options{Recovery: &socketio.Recovery{MaxDisconnection: time.Minute}})
				c := siotest.Dial(t, servers[0], siotest.Options{})
				assert.NoError(t, servers[1].Emit("n", 1))
				assert.Equal(t, "before", numbersOf(c), "1")
				mend := log.Stop()
				lostAt(c)
				time.Sleep(30 * time.Second)
				tt.back(log, mend)
				assert.Equal(t, "saved early", log.Sessions(), 0)
				log.Tell()
				synctest.Wait()
				assert.Equal(t, "saved", log.Sessions(), tt.want)
				if tt.name == "it is not" {
					mend()
				}
				if tt.want == 0 {
					return
				}
				assert.NoError(t, servers[1].Emit("n", 2))
				time.Sleep(29 * time.Second)
				back := c.ResumeAt(servers[1])
				assert.True(t, "recovered", back.Recovered())
				assert.Equal(t, "missed", numbersOf(back), "2")

				mend = log.Stop()
				lostAt(back)
				time.Sleep(30 * time.Second)
				mend()
				log.Tell()
				synctest.Wait()
				assert.Equal(t, "saved again", log.Sessions(), 1)
				time.Sleep(31 * time.Second)
				assert.Equal(t, "when its time is over", log.Sessions(), 0)
			})
		})
	}
}
