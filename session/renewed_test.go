package session_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/session"
)

// TestCheckedBeforeRenewed: a check between the moment at which the store has the new id
// and the call of Renewed ends nobody; a session that is gone ends within two seconds.
func TestCheckedBeforeRenewed(t *testing.T) {
	t.Parallel()
	for name, told := range map[string]bool{"renewed": true, "gone": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store, bus := session.NewMemory("sid", time.Hour), session.NewBus()
				srv, x := serve(t, store, session.Config{User: user, Bus: bus, Check: -1})
				old := store.Create(map[string]any{"user": "alice", "items": 1})
				c := siotest.Dial(t, srv, cookie(store.Cookie(old)))
				for range 2 { // each id has its second look
					id, err := store.Rotate(old)
					assert.NoError(t, err)
					assert.NoError(t, bus.Publish(t.Context(), session.Event{})) // checks all
					synctest.Wait()
					if !told {
						start := time.Now()
						c.ExpectDisconnect(siotest.TransportClose)
						assert.True(t, "ends soon", time.Since(start) < 2*time.Second)
						return
					}
					c.Call("who")
					assert.NoError(t, x.Renewed(t.Context(), old, id))
					c.ExpectNone(10 * time.Second)
					old = id
				}
				assert.NoError(t, x.Logout(t.Context(), old))
				c.Expect("session:ended")
			})
		})
	}
}
