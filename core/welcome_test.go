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

// TestWelcome: a client learns that it has joined when the hooks have run, and
// gets everything in the order in which it was sent; unless a hook waits for
// the client itself, or for too long.
func TestWelcome(t *testing.T) {
	t.Parallel()
	var all []string
	for i := range 70 {
		all = append(all, fmt.Sprint(i))
	}
	tests := []struct {
		name string
		hook func(t *testing.T, a *app, s *socketio.Socket)
		want string        // the events that come
		told time.Duration // after which the client knows
	}{
		{"joins and emits", func(t *testing.T, a *app, s *socketio.Socket) {
			time.Sleep(time.Second - 1)
			assert.NoError(t, s.Emit("n", 1))
			assert.NoError(t, s.Join("room"))
			assert.NoError(t, a.To("room").Emit("n", 2, []byte("binary")))
			assert.NoError(t, s.Volatile().Emit("n", 3))
			assert.NoError(t, a.Volatile().Emit("n", 4))
		}, "1 2 3 4", time.Second - 1},
		{"takes long", func(t *testing.T, _ *app, s *socketio.Socket) {
			assert.NoError(t, s.Emit("n", 1))
			time.Sleep(3 * time.Second)
			assert.NoError(t, s.Emit("n", 2))
		}, "1 2", time.Second},
		{"emits much", func(t *testing.T, _ *app, s *socketio.Socket) {
			for i := range 70 {
				assert.NoError(t, s.Emit("n", i))
			}
			time.Sleep(3 * time.Second)
		}, strings.Join(all, " "), 0},
		{"asks", func(t *testing.T, _ *app, s *socketio.Socket) {
			n, err := socketio.Call[int](t.Context(), s, "ask")
			assert.NoError(t, err)
			assert.NoError(t, s.Emit("n", n))
			time.Sleep(3 * time.Second)
		}, "42", 0},
		{"asks all", func(t *testing.T, a *app, s *socketio.Socket) {
			n, err := socketio.CallAll[int](t.Context(), a, "ask")
			assert.NoError(t, err)
			assert.Equal(t, "answers", n, []int{42})
			time.Sleep(3 * time.Second)
		}, "", 0},
		{"panics", func(*testing.T, *app, *socketio.Socket) { panic("at the door") }, "", 0},
	}
	for _, tt := range tests {
		for _, recovery := range []*socketio.Recovery{nil, {}} {
			t.Run(fmt.Sprint(tt.name, " ", recovery != nil), func(t *testing.T) {
				onBoth(t, func(t *testing.T, o siotest.Options) {
					a := newApp(t, socketio.Options{Recovery: recovery})
					a.OnConnect(func(s *socketio.Socket) { tt.hook(t, a, s) })
					start := time.Now()
					c := siotest.Dial(t, a, o)
					assert.Equal(t, "told after", time.Since(start), tt.told)
					if strings.HasPrefix(tt.name, "asks") {
						c.Expect("ask").Ack(42)
					}
					var got []string
					for range strings.Fields(tt.want) {
						var n int
						c.Await("n", &n)
						got = append(got, fmt.Sprint(n))
					}
					assert.Equal(t, "events", strings.Join(got, " "), tt.want)
					time.Sleep(3 * time.Second) // the hooks are over
					assert.NoError(t, a.Emit("last"))
					c.Expect("last")
					a.log.take()
				})
			})
		}
	}
}

// TestWelcomeThenLeave: what a hook ends is told after what it has begun.
func TestWelcomeThenLeave(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		a.OnConnect(func(s *socketio.Socket) { _ = s.Emit("n", 1); s.Disconnect(false) })
		a.Of("/transport").OnConnect(func(s *socketio.Socket) { s.CloseTransport() })
		c := siotest.Dial(t, a, o)
		c.Expect("n")
		c.ExpectDisconnect("io server disconnect")
		c.Of("/transport", nil).ExpectDisconnect("transport close")
		synctest.Wait()
		assert.Equal(t, "connections", a.Connections(), 0)
	})
}
