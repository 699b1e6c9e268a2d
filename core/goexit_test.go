package socketio_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestGoexit: an application that ends the goroutine by which it is called, as
// FailNow of a test does, has failed, and everything else goes on.
func TestGoexit(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a, w := watched(t, socketio.Options{}, "ns handled")
		exit := func(when bool) {
			if when {
				runtime.Goexit()
			}
		}
		a.On("exit", func() { runtime.Goexit() })
		a.On("echo", func(v int) int { return v })
		var hook bool
		a.OnConnect(func(*socketio.Socket) { exit(hook) })
		a.OnDisconnect(func(*socketio.Socket, socketio.Reason) { exit(hook) })
		a.Of("/closed").UseFunc(func(context.Context, *socketio.Socket) error { runtime.Goexit(); return nil })

		c := siotest.Dial(t, a, o)
		w.expect(t, "ns / joined")
		ack := c.EmitWithAck("exit")
		for i := range 3 { // they wait behind it
			var got int
			c.Call("echo", i).Decode(&got)
			assert.Equal(t, "echo", got, i)
		}
		assert.True(t, "it has failed", c.ExpectAck(ack).Failure() != nil)
		w.check(t, 4, "handled exit socketio: panicked 0s", "handled echo <nil> 0s")
		assert.Equal(t, "nothing is held", a.Stats().ReceiveBytes, 0)

		c.RefusedOf("/closed", nil)
		w.expect(t, "ns /closed refused socketio: panicked")

		hook = true
		second := siotest.Dial(t, a, o)
		second.Call("echo", 1)
		second.Disconnect()
		time.Sleep(time.Minute)
		w.check(t, 3, "ns / joined", "ns / left client namespace disconnect")
		assert.Equal(t, "in the namespace", a.Stats().Namespaces["/"].Sockets, 1)
		hook = false

		lines := a.log.take()
		assert.Equal(t, "lines", len(lines), 4)
		for _, line := range lines {
			assert.True(t, line, strings.Contains(line, "runtime.Goexit"))
		}
	})
}

// TestGoexitServerSide is TestGoexit for events of other servers.
func TestGoexitServerSide(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers := adaptertest.Cluster(t, 2, socketio.Options{})
		servers[1].OnServerSide("exit", func() { runtime.Goexit() })
		servers[1].OnServerSide("echo", func(v int) int { return v })
		for i := range 3 {
			for event, fails := range map[string]bool{"exit": true, "echo": false} {
				replies, err := servers[0].ServerSideEmitWithAck(t.Context(), event, i)
				assert.NoError(t, err)
				assert.Equal(t, "replies", len(replies), 1)
				var answer any
				assert.NoError(t, replies[0].Decode(&answer))
				_, failed := answer.(map[string]any)
				assert.Equal(t, event+" has failed", failed, fails)
			}
		}
	})
}
