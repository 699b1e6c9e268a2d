package socketio_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestLeavesWhileItJoins: a client that leaves its namespace at the moment at
// which it joins is in none, and has ConnectTimeout for another one.
func TestLeavesWhileItJoins(t *testing.T) {
	t.Parallel()
	leave := map[string]func(c *siotest.Conn, s *socketio.Socket){
		"client": func(c *siotest.Conn, _ *socketio.Socket) { _ = c.Send("41") },
		"server": func(_ *siotest.Conn, s *socketio.Socket) { s.Disconnect(false) },
	}
	for name, leave := range leave {
		for _, recovery := range []*socketio.Recovery{nil, {}} {
			t.Run(name, func(t *testing.T) {
				onBoth(t, func(t *testing.T, o siotest.Options) {
					a := newApp(t, socketio.Options{ConnectTimeout: 10 * time.Second, Recovery: recovery})
					var s *socketio.Socket
					a.UseFunc(func(_ context.Context, in *socketio.Socket) error {
						s = in
						return s.Join("early")
					})
					joining, release := make(chan struct{}), make(chan struct{})
					a.OnRoom(func(e socketio.RoomEvent) {
						switch {
						case e.Step == socketio.RoomStepJoined && !s.Connected():
							_ = s.Join("late") // is joined when it is connected
						case e.Step == socketio.RoomStepJoined && joining != nil:
							close(joining)
							joining = nil
							<-release
						}
					})
					c := siotest.Open(t, a, o)
					joins := joining
					assert.NoError(t, c.Send("40"))
					<-joins
					assert.True(t, "connected", s.Connected())
					leave(c, s)
					synctest.Wait()
					assert.True(t, "left", !s.Connected())
					close(release)
					time.Sleep(9 * time.Second)
					assert.Equal(t, "connections", a.Connections(), 1)
					time.Sleep(2 * time.Second)
					assert.Equal(t, "connections", a.Connections(), 0)
				})
			})
		}
	}
}

// TestJoinsAtConnectTimeout: one that joins at that moment is let in, and has
// the time anew when it leaves.
func TestJoinsAtConnectTimeout(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{ConnectTimeout: 10 * time.Second, Recovery: &socketio.Recovery{}})
		a.UseFunc(func(_ context.Context, s *socketio.Socket) error { return s.Join("room") })
		a.OnRoom(func(e socketio.RoomEvent) {
			if e.Step == socketio.RoomStepJoined {
				time.Sleep(20 * time.Second) // connected, and not noted
			}
		})
		c := siotest.Open(t, a, o)
		assert.NoError(t, c.Send("40"))
		time.Sleep(15 * time.Second)
		assert.NoError(t, c.Send("41"))
		time.Sleep(9 * time.Second)
		assert.Equal(t, "connections", a.Connections(), 1)
		time.Sleep(2 * time.Second)
		assert.Equal(t, "connections", a.Connections(), 0)
	})
}
