package socketio_test

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// slowSubscriber takes a second for each call, and keeps what was called and closed.
type slowSubscriber struct {
	reporting
	mu    sync.Mutex
	calls []string
}

func (s *slowSubscriber) note(call string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call)
}

func (s *slowSubscriber) SubscribeRooms(_ context.Context, rooms []string) error {
	for i := range rooms { // an adapter may do so: the names are its own
		rooms[i] = "prefix:" + rooms[i]
	}
	s.note("begin +" + strings.Join(rooms, ","))
	time.Sleep(time.Second)
	s.note("end +")
	return nil
}

func (s *slowSubscriber) UnsubscribeRooms(rooms []string) {
	s.note("begin -" + strings.Join(rooms, ","))
	time.Sleep(time.Second)
	s.note("end -")
}

func (s *slowSubscriber) Close() error {
	s.note("close")
	return nil
}

// TestSubscriptionsEnd: the adapter of a child is closed when the last call has ended,
// and is not called afterwards.
func TestSubscriptionsEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub := &slowSubscriber{}
		a := newApp(t, socketio.Options{Adapter: func(l adapter.Local) adapter.Adapter {
			if l.Namespace() == "/" {
				return &reporting{local: l}
			}
			sub.local = l
			return sub
		}})
		a.OfFunc(func(string, *socketio.Handshake) bool { return true }).OnConnect(func(s *socketio.Socket) {
			assert.NoError(t, s.Join("room"))
		})
		c := siotest.Dial(t, a, siotest.Options{Namespace: "/child"})
		time.Sleep(10 * time.Second)
		c.Disconnect()
		time.Sleep(time.Minute)
		sub.mu.Lock()
		defer sub.mu.Unlock()
		got := strings.Join(sub.calls, "; ")
		assert.True(t, got, strings.HasPrefix(got, "begin +prefix:room; end +; ") && strings.HasSuffix(got, "close") &&
			strings.Count(got, "begin") == strings.Count(got, "end"))
	})
}

// TestSubscriptionsDuringShutdown: sockets that are still there join rooms of the cluster.
func TestSubscriptionsDuringShutdown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub, a := newSubscriber(t, socketio.Options{ShutdownSpread: time.Hour})
		sockets := make([]*socketio.Socket, 300) // each is told at a moment of 3 seconds
		for i := range sockets {
			sockets[i] = a.socket(t, a.dial(t))
		}
		ended := make(chan error)
		go func() { ended <- a.Shutdown(t.Context()) }()
		synctest.Wait()
		for _, s := range sockets {
			go func() { _ = s.Join("late") }() // it may have been told
		}
		assert.Equal(t, "calls", sub.take(t), "+late -late")
		assert.NoError(t, <-ended)
	})
}

// TestSubscriptionsWhileMade: an adapter may deliver on a goroutine of its own before the
// function that makes the adapter has returned. The race detector notices.
func TestSubscriptionsWhileMade(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub := &subscriber{}
		var delivered sync.WaitGroup
		a := newApp(t, socketio.Options{Recovery: &socketio.Recovery{}, Adapter: func(l adapter.Local) adapter.Adapter {
			sub.local = l
			delivered.Go(func() { assert.NoError(t, l.Apply(&adapter.Operation{Type: adapter.OpJoin, Rooms: []string{"r"}})) })
			return sub
		}})
		a.socket(t, a.dial(t))
		delivered.Wait()
		time.Sleep(2 * time.Second) // if the socket was there, the adapter hears of its room, and takes a second for that
	})
}

// TestSubscriptionsOfNobody: rooms that sessions were put into while they were away are
// given back with the last session, also when sessions are kept for ever.
func TestSubscriptionsOfNobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub, a := newSubscriber(t, socketio.Options{Recovery: &socketio.Recovery{MaxDisconnection: -1}})
		c := a.dial(t)
		s := a.socket(t, c)
		c.Conn().Cut()
		synctest.Wait()
		assert.NoError(t, sub.local.Apply(&adapter.Operation{Type: adapter.OpJoin, Rooms: []string{"late"}}))
		assert.Equal(t, "expected", sub.take(t), "+late")
		s.EndSession()
		assert.Equal(t, "given back", sub.take(t), "-late")
	})
}

// TestSubscriptionsAfterGoexit: a listener that ends the goroutine of a socket that joins
// leaves no subscription behind.
func TestSubscriptionsAfterGoexit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub, a := newSubscriber(t, socketio.Options{})
		a.UseFunc(func(_ context.Context, s *socketio.Socket) error { return s.Join("given") })
		a.OnRoom(func(e socketio.RoomEvent) {
			if e.Step == socketio.RoomStepJoined && e.Room == "given" {
				runtime.Goexit()
			}
		})
		c := siotest.Open(t, a, siotest.Options{})
		assert.NoError(t, c.Send("40"))
		time.Sleep(10 * time.Second)
		c.Cut()
		assert.Equal(t, "calls", sub.take(t), "+given -given")
	})
}

// TestSubscriptionsRefused: the adapter does not hear of a name that is too long, nor of
// a room that a socket cannot join as it is in too many.
func TestSubscriptionsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub, a := newSubscriber(t, socketio.Options{Limits: socketio.Limits{Rooms: 1, RoomName: 10}})
		s := a.socket(t, a.dial(t))
		assert.ErrorIs(t, a.SocketsJoin("a", "too long a name"), socketio.ErrRoomName)
		assert.ErrorIs(t, s.Join("too long a name"), socketio.ErrRoomName)
		assert.Equal(t, "too long", sub.take(t), "")
		assert.NoError(t, s.Join("a"))
		assert.ErrorIs(t, s.Join("b"), socketio.ErrTooManyRooms)
		assert.Equal(t, "too many", sub.take(t), "+a")
	})
}
