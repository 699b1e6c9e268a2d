package socketio_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestWelcomeTooLate: a client that has left while the hooks ran, and joins
// again, hears nothing of the socket that it had: it would take its id for its own.
func TestWelcomeTooLate(t *testing.T) {
	for _, recovery := range []*socketio.Recovery{nil, {}} {
		t.Run(fmt.Sprint(recovery != nil), func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				a := newApp(t, socketio.Options{Recovery: recovery})
				first := make(chan *socketio.Socket, 1)
				a.OnConnect(func(s *socketio.Socket) {
					select {
					case first <- s:
						_ = s.Emit("n", 1)
						time.Sleep(500 * time.Millisecond)
					default:
					}
				})
				c := siotest.Open(t, a, o)
				assert.NoError(t, c.Send("40"))
				synctest.Wait()
				old := <-first
				first <- nil
				assert.NoError(t, c.Send("41"))
				assert.NoError(t, c.Send("40"))
				connected := c.Next()
				synctest.Wait()
				all := a.Sockets()
				assert.Equal(t, "sockets", len(all), 1)
				assert.True(t, "another socket", all[0] != old)
				assert.True(t, "its id in "+connected, strings.Contains(connected, all[0].ID()))
				time.Sleep(time.Second)
				assert.NoError(t, a.Emit("last"))
				got := c.Next()
				assert.True(t, "the last event, not "+got, strings.Contains(got, `"last"`))
			})
		})
	}
}

// TestWelcomeOverflow: what is held for a client is bounded like what is
// queued; it is not lost without a word because the packet too many is volatile.
func TestWelcomeOverflow(t *testing.T) {
	for _, recovery := range []*socketio.Recovery{nil, {}} {
		t.Run(fmt.Sprint(recovery != nil), func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				a := newApp(t, socketio.Options{Recovery: recovery, Limits: socketio.Limits{SendBuffer: 8 << 10}})
				left := make(chan socketio.Reason, 1)
				a.OnConnect(func(s *socketio.Socket) {
					for range 20 {
						_ = s.Emit("n", strings.Repeat("x", 1<<10))
					}
					for range 100 {
						_ = s.Volatile().Emit("v")
					}
					time.Sleep(10 * time.Second) // a second after the first event the client is told
					assert.True(t, "disconnected", !s.Connected())
				})
				a.OnDisconnect(func(_ *socketio.Socket, r socketio.Reason) { left <- r })
				c := siotest.Open(t, a, o)
				assert.NoError(t, c.Send("40"))
				time.Sleep(20 * time.Second) // less than a ping timeout
				synctest.Wait()
				assert.Equal(t, "disconnected", len(left), 1)
				assert.Equal(t, "reason", <-left, socketio.ReasonTransportError)
				a.log.take()
			})
		})
	}
}
