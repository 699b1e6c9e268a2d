package socketio_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestRecoveryFirst: the answer to CONNECT comes before what was missed. Stock
// clients put aside what comes earlier, and still have it after another cut.
func TestRecoveryFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := recovering(t, socketio.Recovery{}, socketio.Options{})
		c := a.dial(t)
		c.Conn().Cut()
		synctest.Wait()
		assert.NoError(t, a.Emit("n", 1))
		conn := siotest.Open(t, a, siotest.Options{})
		assert.NoError(t, conn.Send(`40{"pid":"`+c.PID()+`"}`))
		answer := conn.Next()
		assert.Equal(t, "answer", answer, `40{"sid":"`+c.ID()+`","pid":"`+c.PID()+`"}`)
		event := conn.Next()
		assert.True(t, event, strings.HasPrefix(event, `42["n",1,"`))
	})
}

// TestRecoveryStale: stock clients keep the last offset over a fresh session
// until they get an event.
func TestRecoveryStale(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := recovering(t, socketio.Recovery{}, socketio.Options{})
		elsewhere := recovering(t, socketio.Recovery{}, socketio.Options{})
		assert.NoError(t, elsewhere.Emit("n", 0))
		foreign := elsewhere.dial(t)
		for range 10 {
			assert.NoError(t, elsewhere.Emit("n", 0))
			foreign.Expect("n")
		}
		old := a.dial(t)
		assert.NoError(t, a.Emit("n", 1))
		old.Expect("n")
		assert.NoError(t, a.Emit("n", 2))
		for _, offset := range []string{old.Offset(), foreign.Offset(), "text"} {
			c := a.dial(t)
			c.Conn().Cut()
			synctest.Wait()
			assert.NoError(t, a.Emit("n", 3))
			c2 := siotest.Dial(t, a, siotest.Options{Auth: map[string]any{"pid": c.PID(), "offset": offset}})
			assert.True(t, "recovered", c2.Recovered())
			assert.Equal(t, "since it is there", numbers(c2, 1), "3")
			c2.Disconnect()
		}
	})
}

// TestRecoveryOnce: what was done to a socket while it was there is not done
// again when it comes back.
func TestRecoveryOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := recovering(t, socketio.Recovery{}, socketio.Options{})
		c := a.dial(t)
		s := a.socket(t, c)
		assert.NoError(t, a.Emit("n", 1))
		assert.NoError(t, a.SocketsJoin("a", "b"))
		s.Leave("a")
		assert.NoError(t, a.SocketsLeave("b"))
		assert.NoError(t, s.Join("b"))
		for range 3 { // of what was sent nothing arrives
			c.Conn().Cut()
			synctest.Wait()
			c = siotest.Dial(t, a, siotest.Options{Auth: map[string]any{"pid": c.PID()}})
			assert.Equal(t, "missed", numbers(c, 1), "1")
			assert.Equal(t, "rooms", sorted(a.socket(t, c).Rooms()), "b")
		}
	})
}

// spy is a log whose user looks at the moment at which a session is closed and
// its sockets do not know.
type spy struct {
	slog.Handler
	done   *atomic.Bool
	closed func()
}

func (s spy) Enabled(context.Context, slog.Level) bool { return true }
func (s spy) WithAttrs([]slog.Attr) slog.Handler       { return s }
func (s spy) Handle(_ context.Context, rec slog.Record) error {
	if strings.Contains(rec.Message, "session closed") && s.done.CompareAndSwap(false, true) {
		s.closed()
	}
	return nil
}

func spied(t *testing.T, closed func()) *socketio.Server {
	srv := socketio.NewServer(&socketio.Options{
		Recovery: &socketio.Recovery{}, Logger: slog.New(spy{slog.DiscardHandler, new(atomic.Bool), closed}),
	})
	t.Cleanup(srv.Close)
	return srv
}

// TestRecoveryClosed: an event whose Emit says that the socket is closed never
// arrives; one to a room, or of anybody else, does.
func TestRecoveryClosed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var srv *socketio.Server
		var s *socketio.Socket
		srv = spied(t, func() {
			assert.True(t, "does not know", s.Connected())
			assert.ErrorIs(t, s.Emit("n", 1), socketio.ErrClosed)
			assert.NoError(t, srv.To(s.ID()).Emit("n", 2))
		})
		c := siotest.Dial(t, srv, siotest.Options{})
		s, _ = srv.Socket(c.ID())
		c.Conn().Cut()
		synctest.Wait()
		assert.Equal(t, "missed", numbers(back(t, c, true), 1), "2")
	})
}

// TestRecoveryBarred: a socket that is lost in the moment in which it is to be
// disconnected does not come back.
func TestRecoveryBarred(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var clients []*siotest.Client
		var sockets []*socketio.Socket
		srv := spied(t, func() {
			for i, s := range sockets {
				clients[i].Conn().Cut()
				for s.Connected() {
					time.Sleep(time.Millisecond)
				}
			}
		})
		for range 3 {
			c := siotest.Dial(t, srv, siotest.Options{})
			s, _ := srv.Socket(c.ID())
			clients, sockets = append(clients, c), append(sockets, s)
		}
		assert.NoError(t, srv.DisconnectSockets(true))
		synctest.Wait()
		for i, c := range clients {
			assert.True(t, fmt.Sprint("fresh ", i), !c.Resume().Recovered())
		}
	})
}

// TestRecoveryOfChild: a child of a parent stays for those who may come back,
// and goes with the last session.
func TestRecoveryOfChild(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := recovering(t, socketio.Recovery{}, socketio.Options{})
		parent := a.OfRegexp(rooms)
		children := func(want string) {
			t.Helper()
			synctest.Wait()
			assert.Equal(t, "children", names(parent.Children()), want)
		}
		o.Namespace = "/room-1"
		c := siotest.Dial(t, a, o)
		assert.NoError(t, parent.Emit("n", 1))
		assert.Equal(t, "live", numbers(c, 1), "1")
		c.Conn().Cut()
		children("/room-1")
		assert.NoError(t, parent.Emit("n", 2))
		c2 := back(t, c, true)
		assert.Equal(t, "missed", numbers(c2, 1), "2")
		c2.Conn().Cut()
		time.Sleep(2 * time.Minute)
		children("/room-1")
		time.Sleep(time.Second)
		children("")
		c3 := back(t, c2, false)
		children("/room-1")
		c3.Disconnect()
		children("")
	})
}

// TestRecoveryAfterShutdown: nothing is kept, no timer runs, no child stays.
func TestRecoveryAfterShutdown(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := recovering(t, socketio.Recovery{MaxDisconnection: -1}, socketio.Options{})
		parent := a.OfRegexp(rooms)
		o.Namespace = "/room-1"
		gone := siotest.Dial(t, a, o)
		there := siotest.Dial(t, a, o)
		assert.NoError(t, parent.Emit("n", 1))
		assert.Equal(t, "live", numbers(there, 1), "1")
		gone.Conn().Cut()
		synctest.Wait()
		over := make(chan error, 1)
		go func() { over <- a.Shutdown(t.Context()) }()
		there.ExpectDisconnect(siotest.TransportClose)
		assert.NoError(t, <-over)
		synctest.Wait()
		assert.Equal(t, "children", names(parent.Children()), "")
		assert.NoError(t, parent.Emit("n", 2))
	})
}
