package socketio_test

import (
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestRoundTrip: the time between a ping and its pong, of the newest pair.
func TestRoundTrip(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{PingInterval: 10 * time.Second, PingTimeout: 10 * time.Second})
		c := siotest.Dial(t, a, o)
		c.Conn().Mute(true) // so that the test answers
		s, _ := a.Socket(c.ID())
		assert.Equal(t, "before the first ping", s.RoundTrip(), 0)
		time.Sleep(9 * time.Second)
		assert.NoError(t, c.Conn().Write("3"))
		synctest.Wait()
		assert.Equal(t, "a pong without a ping", s.RoundTrip(), 0)
		time.Sleep(time.Second)
		for _, took := range []time.Duration{700 * time.Millisecond, 9 * time.Second, 1500 * time.Microsecond} {
			time.Sleep(took)
			assert.NoError(t, c.Conn().Write("3"))
			synctest.Wait()
			assert.Equal(t, "round trip", s.RoundTrip(), took)
			assert.NoError(t, c.Conn().Write("3"))
			synctest.Wait()
			assert.Equal(t, "round trip, after another pong", s.RoundTrip(), took)
			time.Sleep(10 * time.Second)
		}
		c.Conn().Mute(false)
	})
}
