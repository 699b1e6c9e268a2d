package session_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/session"
)

// TestClusterBus: a logout reaches sockets on every server by nothing but the servers'
// adapter, and what a server has missed it finds by its checks of all, as soon as the
// adapter reports the gap.
func TestClusterBus(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var cut atomic.Bool
		servers := adaptertest.Faulty(t, 2, socketio.Options{}, func(m adaptertest.Message) []time.Duration {
			if cut.Load() && m.To == 1 {
				return nil
			}
			return []time.Duration{0}
		})
		store := session.NewMemory("sid", time.Hour)
		var all []*session.Sessions
		for _, srv := range servers {
			x := session.New(store, session.Config{User: user, Check: -1, Bus: session.NewClusterBus(srv)})
			srv.Use(x)
			all = append(all, x)
		}
		clients, ids := make([]*siotest.Client, 4), make([]string, 4)
		for i := range clients {
			ids[i] = store.Create(map[string]any{"user": "alice"})
			clients[i] = siotest.Dial(t, servers[i%2], cookie(store.Cookie(ids[i])))
		}
		logout := func(i, by int) {
			assert.NoError(t, store.Destroy(t.Context(), ids[i]))
			assert.NoError(t, all[by].Logout(t.Context(), ids[i]))
		}
		logout(0, 1)
		clients[0].Expect("session:ended")
		logout(1, 0)
		clients[1].Expect("session:ended")
		cut.Store(true)
		logout(3, 0)
		clients[3].ExpectNone(time.Minute)
		cut.Store(false)
		logout(2, 0) // the next one shows the gap
		clients[2].Expect("session:ended")
		start := time.Now()
		clients[3].ExpectDisconnect(siotest.TransportClose)
		took := time.Since(start) // the look that decides; the session would expire in an hour
		assert.True(t, "found after "+took.String(), took >= 500*time.Millisecond && took <= 1500*time.Millisecond)
	})
}
