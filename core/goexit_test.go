package socketio_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/integrations/mount"
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
		var hook, hear bool
		later := 0
		a.OnAny(func(*socketio.Socket, *socketio.Incoming) { exit(hear) })
		a.OnConnect(func(*socketio.Socket) { exit(hook) })
		a.OnConnect(func(*socketio.Socket) { later++ })
		a.OnDisconnect(func(*socketio.Socket, socketio.Reason) { exit(hook) })
		a.OnDisconnect(func(*socketio.Socket, socketio.Reason) { later++ })
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
		synctest.Wait() // what is held is given back behind the acknowledgement
		assert.Equal(t, "nothing is held", a.Stats().ReceiveBytes, 0)

		hear = true
		assert.True(t, "it has failed", c.Call("echo", 1).Failure() != nil)
		hear = false
		synctest.Wait()
		assert.Equal(t, "nothing is held", a.Stats().ReceiveBytes, 0)

		c.RefusedOf("/closed", nil)
		w.expect(t, "ns /closed refused socketio: panicked")

		later, hook = 0, true
		second := siotest.Dial(t, a, o)
		second.Call("echo", 1)
		second.Disconnect()
		time.Sleep(time.Minute)
		w.check(t, 3, "ns / joined", "ns / left client namespace disconnect")
		assert.Equal(t, "in the namespace", a.Stats().Namespaces["/"].Sockets, 1)
		assert.Equal(t, "hooks behind it", later, 2)
		hook = false

		lines := a.log.take()
		assert.Equal(t, "lines", len(lines), 5)
		for _, line := range lines {
			assert.True(t, line, strings.Contains(line, "runtime.Goexit"))
		}
	})
}

// exiting is an observer that ends the goroutine that calls it.
type exiting struct {
	socketio.NopObserver
	step socketio.NamespaceStep
}

func (o exiting) Namespace(e socketio.NamespaceEvent) {
	if e.Step == o.step {
		runtime.Goexit()
	}
}

// TestGoexitObserver: the socket's steps are taken all the same.
func TestGoexitObserver(t *testing.T) {
	for _, step := range []socketio.NamespaceStep{socketio.NamespaceStepJoined, socketio.NamespaceStepRefused, socketio.NamespaceStepLeft} {
		t.Run(string(step), func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				a := newApp(t, socketio.Options{Observer: exiting{step: step}})
				a.Of("/closed").UseFunc(func(context.Context, *socketio.Socket) error { return errors.New("closed") })
				c := siotest.Dial(t, a, o)
				c.RefusedOf("/closed", nil)
				c.Disconnect()
				time.Sleep(time.Minute)
				assert.Equal(t, "connections", a.Connections(), 0)
				assert.NoError(t, a.Shutdown(t.Context()))
				a.log.take()
			})
		})
	}
}

// TestGoexitClosePanicked: a handler that has failed in that way ends the
// connection where a panic does.
func TestGoexitClosePanicked(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{ClosePanicked: true})
		a.On("exit", func() { runtime.Goexit() })
		c := siotest.Dial(t, a, o)
		assert.True(t, "it has failed", c.Call("exit").Failure() != nil)
		time.Sleep(time.Minute)
		assert.Equal(t, "connections", a.Connections(), 0)
		a.log.take()
	})
}

// TestGoexitOnRoom: the events of rooms go on.
func TestGoexitOnRoom(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, said := newApp(t, socketio.Options{}), new(journal)
		a.OnRoom(func(e socketio.RoomEvent) {
			if said.note("%s %s", e.Step, e.Room); e.Step == socketio.RoomStepCreated && e.Room == "a" {
				runtime.Goexit()
			}
		})
		a.On("join", func(s *socketio.Socket, room string) error { return s.Join(room) })
		c := siotest.Dial(t, a, siotest.Options{})
		assert.True(t, "it has failed", c.Call("join", "a").Failure() != nil)
		c.Call("join", "b")
		assert.Equal(t, "told", strings.Count(said.take(), ";"), 3)
		a.log.take()
	})
}

// TestGoexitOnCaller: where a session runs on the goroutine of the request, that
// one stays until the connection has ended: its caller would close it.
func TestGoexitOnCaller(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newApp(t, socketio.Options{})
		a.On("exit", func() { runtime.Goexit() })
		a.On("echo", func(v int) int { return v })
		var gone atomic.Bool
		conn := siotest.Open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Upgrade") != "" {
				defer gone.Store(true)
				r = r.WithContext(mount.OnCaller(r.Context()))
			}
			a.ServeHTTP(w, r)
		}), siotest.Options{Transport: "polling"})
		assert.NoError(t, conn.Send("40"))
		assert.True(t, "joined", strings.HasPrefix(conn.Next(), "40{"))
		conn.Upgrade()
		assert.NoError(t, conn.Send(`420["exit"]`))
		assert.Equal(t, "it has failed", conn.Next(), `430[{"error":{"code":"internal","message":"internal error"}}]`)
		assert.NoError(t, conn.Send(`421["echo",7]`))
		assert.Equal(t, "echo", conn.Next(), `431[7]`)
		assert.True(t, "the caller waits", !gone.Load())
		a.Close()
		synctest.Wait()
		assert.True(t, "and returns", gone.Load())
		a.log.take()
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
