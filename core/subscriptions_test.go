package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// subscriber is an adapter that subscribes, alone in its cluster. Each subscription
// takes a second, or err fails it at once.
type subscriber struct {
	reporting

	mu      sync.Mutex
	calls   []string
	under   int // calls under way
	err     error
	stuck   bool
	closed  bool
	problem string
	gone    int // names, in all
}

func (s *subscriber) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

func (s *subscriber) call(sign string, names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.under++
	switch {
	case s.under > 1:
		s.problem = "two calls at a time"
	case s.closed:
		s.problem = "a call after Close"
	case len(names) == 0 || len(names) > adapter.MaxNames:
		s.problem = fmt.Sprint(len(names), " names")
	}
	if sign == "-" {
		s.gone += len(names)
	}
	names = slices.Sorted(slices.Values(names))
	if len(names) > 3 {
		names = []string{fmt.Sprint(len(names))}
	}
	s.calls = append(s.calls, sign+strings.Join(names, ","))
}

func (s *subscriber) done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.under--
}

func (s *subscriber) SubscribeRooms(ctx context.Context, rooms []string) error {
	s.call("+", rooms)
	defer s.done()
	switch {
	case s.err != nil:
		return s.err
	case s.stuck:
		<-ctx.Done()
		return ctx.Err()
	}
	time.Sleep(time.Second)
	return nil
}

func (s *subscriber) UnsubscribeRooms(rooms []string) { s.call("-", rooms); s.done() }

// take returns the calls since the last time, when all have ended that are under way.
func (s *subscriber) take(t *testing.T) string {
	t.Helper()
	time.Sleep(10 * time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := strings.Join(s.calls, " ")
	s.calls = nil
	assert.Equal(t, "problem", s.problem, "")
	return calls
}

func newSubscriber(t testing.TB, o socketio.Options) (*subscriber, *app) {
	sub := &subscriber{}
	o.Adapter = func(l adapter.Local) adapter.Adapter { sub.local = l; return sub }
	return sub, newApp(t, o)
}

// TestSubscriptions: a join is seen when the adapter has subscribed, and the names of
// those that join meanwhile gather.
func TestSubscriptions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub, a := newSubscriber(t, socketio.Options{Limits: socketio.Limits{Rooms: -1, RoomName: 10}})
		s, s2 := a.socket(t, a.dial(t)), a.socket(t, a.dial(t))
		start := time.Now()
		time.AfterFunc(time.Second/2, func() { assert.True(t, "not there yet", !sub.local.HasRoom("a") && len(s.Rooms()) == 0) })
		assert.NoError(t, s.Join("a", "b"))
		assert.Equal(t, "took", time.Since(start), time.Second)
		assert.True(t, "there", sub.local.HasRoom("a") && sub.local.HasRoom("b"))
		start = time.Now()
		assert.NoError(t, s2.Join("a"))
		assert.NoError(t, s.Join("a"))
		assert.Equal(t, "known already", time.Since(start), 0)
		assert.Equal(t, "calls", sub.take(t), "+a,b")
		s.Leave("a")
		assert.Equal(t, "one is left", sub.take(t), "")
		s2.Leave("a")
		assert.Equal(t, "nobody is left", sub.take(t), "-a")
		assert.ErrorIs(t, s.Join("b2", "too long a name"), socketio.ErrRoomName)
		assert.Equal(t, "refused before the adapter hears of it", sub.take(t), "")

		var joins sync.WaitGroup
		for i := range 1000 {
			joins.Go(func() { assert.NoError(t, s.Join(fmt.Sprint("r", i))) })
			if i == 0 {
				synctest.Wait()
			}
		}
		joins.Wait()
		assert.Equal(t, "gathered", sub.take(t), "+r0 +512 +487")
		start = time.Now()
		go func() { assert.NoError(t, s2.Join("short")) }()
		synctest.Wait()
		assert.NoError(t, sub.local.Apply(&adapter.Operation{Type: adapter.OpJoin, Rooms: []string{"remote"}}))
		assert.NoError(t, sub.local.Apply(&adapter.Operation{Type: adapter.OpLeave, Rooms: []string{"remote"}}))
		assert.NoError(t, sub.local.Apply(&adapter.Operation{Type: adapter.OpJoin, Rooms: []string{"stays"}}))
		assert.Equal(t, "an adapter does not wait for itself", time.Since(start), 0)
		assert.Equal(t, "calls", sub.take(t), "+short +stays")
		start = time.Now()
		assert.NoError(t, a.SocketsJoin("all"))
		assert.Equal(t, "who joins sockets waits", time.Since(start), time.Second)
		s.Disconnect(false)
		s2.Disconnect(false)
		calls := sub.take(t)
		assert.True(t, calls, strings.HasPrefix(calls, "+all -"))
		assert.Equal(t, "nobody is there", sub.gone, 1005)
		assert.NoError(t, a.Shutdown(t.Context()))
		assert.Equal(t, "nothing after the end", sub.take(t), "")
	})
}

// TestSubscriptionsFail: who joins waits for five seconds at most, and not for an
// adapter that knows that it cannot subscribe; local events reach the socket.
func TestSubscriptionsFail(t *testing.T) {
	for _, tt := range []struct {
		name  string
		err   error
		takes time.Duration
	}{{"stuck", nil, 5 * time.Second}, {"down", errors.New("down"), 0}} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				sub, a := newSubscriber(t, socketio.Options{})
				sub.err, sub.stuck = tt.err, tt.err == nil
				c := a.dial(t)
				s := a.socket(t, c)
				start := time.Now()
				assert.NoError(t, s.Join("a"))
				assert.Equal(t, "took", time.Since(start), tt.takes)
				assert.NoError(t, a.To("a").Emit("e"))
				c.Expect("e")
				assert.Equal(t, "calls", sub.take(t), "+a")
				a.log.one(t, "the adapter could not subscribe in time")
				s.Leave("a")
				assert.Equal(t, "it is taken back", sub.take(t), "-a")
				go func() { _ = s.Join("b") }()
				synctest.Wait()
				start = time.Now()
				assert.NoError(t, a.Shutdown(t.Context()))
				assert.True(t, "Shutdown does not wait for it", time.Since(start) < 5*time.Second)
			})
		})
	}
}

// ids is a subscriber to sockets alone.
type ids struct {
	adapter.Adapter
	sub *subscriber
}

func (s *ids) SubscribeSockets(ctx context.Context, ids []string) error {
	return s.sub.SubscribeRooms(ctx, ids)
}
func (s *ids) UnsubscribeSockets(ids []string) { s.sub.UnsubscribeRooms(ids) }

// TestSubscriptionsOfSockets: a client learns that it has joined when what is sent to
// its id arrives; a session that is kept stays subscribed.
func TestSubscriptionsOfSockets(t *testing.T) {
	for _, recovery := range []*socketio.Recovery{nil, {MaxDisconnection: time.Minute}} {
		t.Run(fmt.Sprint("recovery ", recovery != nil), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				sub := &subscriber{}
				a := newApp(t, socketio.Options{Recovery: recovery, Adapter: func(l adapter.Local) adapter.Adapter {
					sub.local = l
					return &ids{sub, sub}
				}})
				start := time.Now()
				c := a.dial(t)
				assert.Equal(t, "took", time.Since(start), time.Second)
				assert.Equal(t, "calls", sub.take(t), "+"+c.ID())
				c.Conn().Cut()
				if recovery == nil {
					assert.Equal(t, "gone", sub.take(t), "-"+c.ID())
					return
				}
				assert.Equal(t, "kept", sub.take(t), "")
				c = c.Resume()
				assert.True(t, "recovered", c.Recovered())
				calls := sub.take(t) // of the id that it would have had
				assert.True(t, calls, len(strings.Fields(calls)) == 2 && strings.HasPrefix(calls, "+") && strings.Contains(calls, " -") && !strings.Contains(calls, c.ID()))
				c.Conn().Cut()
				time.Sleep(time.Minute)
				assert.Equal(t, "not kept any more", sub.take(t), "-"+c.ID())
			})
		})
	}
}

// TestSubscriptionsOfSessions: the rooms of a session that is kept stay subscribed to,
// those from [Broadcast.SocketsJoin] included, and go with it.
func TestSubscriptionsOfSessions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sub, a := newSubscriber(t, socketio.Options{Recovery: &socketio.Recovery{MaxDisconnection: time.Minute}})
		a.UseFunc(func(_ context.Context, s *socketio.Socket) error { return s.Join("given") })
		start := time.Now()
		c := siotest.Dial(t, a, siotest.Options{})
		assert.Equal(t, "took", time.Since(start), time.Second)
		assert.NoError(t, a.socket(t, c).Join("room"))
		assert.Equal(t, "calls", sub.take(t), "+given +room")
		c.Conn().Cut()
		assert.Equal(t, "kept", sub.take(t), "")
		apply := func(op adapter.Operation) { assert.NoError(t, sub.local.Apply(&op)) }
		apply(adapter.Operation{Type: adapter.OpJoin, Rooms: []string{"late"}})
		assert.Equal(t, "put into it while away", sub.take(t), "+late")
		apply(adapter.Operation{Type: adapter.OpBroadcast, Target: adapter.Target{Rooms: []string{"late"}}, Packet: adapter.Packet{Data: []byte(`["n",1]`)}})
		a.dial(t).Conn().Cut() // a session that stays away for the rest of the test
		synctest.Wait()
		c = c.Resume()
		assert.True(t, "recovered", c.Recovered())
		c.Expect("n")
		assert.Equal(t, "nothing new", sub.take(t), "")
		c.Disconnect()
		assert.Equal(t, "left", sub.take(t), "-room")
		time.Sleep(time.Minute)
		assert.Equal(t, "nobody is away who could be in late; nobody is away", sub.take(t), "-late -given")
	})
}
