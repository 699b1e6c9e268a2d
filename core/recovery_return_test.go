package socketio_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
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

// TestRecoveryRooms: an event is for those who were in the room when it was sent.
func TestRecoveryRooms(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := recovering(t, socketio.Recovery{}, socketio.Options{Limits: socketio.Limits{Rooms: 4}})
		c := a.dial(t)
		s := a.socket(t, c)
		auth := map[string]any{"pid": c.PID()} // nothing of all this arrives
		n := 0
		tell := func(b socketio.Broadcast) {
			n++
			assert.NoError(t, b.Emit("n", n))
		}
		tell(a.To("r")) // 1: not in
		assert.NoError(t, s.Join("r", "x"))
		tell(a.To("r"))             // 2
		tell(a.To("r").Except("x")) // 3: not for it
		s.Leave("r")
		tell(a.To("r"))      // 4: not in
		tell(a.To("r", "x")) // 5
		assert.NoError(t, s.Emit("n", 100))
		s.Leave("x")
		assert.NoError(t, s.Join("r"))
		tell(a.To("r").Except("x")) // 6
		tell(s.To("r"))             // 7: not for itself
		assert.Equal(t, "live", numbers(c, 4), "2 5 100 6")
		c.Conn().Cut()
		synctest.Wait()
		tell(a.To("x"))                                            // 8: not in
		assert.NoError(t, a.To("r").SocketsJoin("away", "r"))      // it is away
		assert.NoError(t, a.To("nobody").SocketsJoin("elsewhere")) // not for it
		tell(a.To("away"))                                         // 9
		assert.NoError(t, a.To("away").SocketsLeave("r", "never"))
		tell(a.To("r"))        // 10: no longer in
		tell(a.Except("away")) // 11: not for it
		tell(a.Except("r"))    // 12
		assert.NoError(t, a.Local().SocketsJoin("a", "b", "c", "one too many"))
		c2 := siotest.Dial(t, a, siotest.Options{Auth: auth})
		assert.Equal(t, "missed", numbers(c2, 6), "2 5 100 6 9 12")
		s2 := a.socket(t, c2)
		assert.Equal(t, "rooms", sorted(s2.Rooms()), "a away b c")

		s2.Leave("a") // and once more, of which nothing arrives either
		tell(a.To("a"))
		assert.NoError(t, s2.Join("r"))
		tell(a.To("r"))
		c2.Conn().Cut()
		synctest.Wait()
		c3 := siotest.Dial(t, a, siotest.Options{Auth: auth})
		assert.Equal(t, "missed twice", numbers(c3, 7), "2 5 100 6 9 12 14")
		assert.Equal(t, "rooms", sorted(a.socket(t, c3).Rooms()), "away b c r")
	})
}

// TestRecoveryMoves: a socket that joins and leaves without end is remembered
// only so far.
func TestRecoveryMoves(t *testing.T) {
	for _, test := range []struct {
		moves int
		want  bool
	}{{400, true}, {5000, false}} {
		t.Run(fmt.Sprint(test.moves), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := recovering(t, socketio.Recovery{}, socketio.Options{})
				c := a.dial(t)
				s := a.socket(t, c)
				assert.NoError(t, a.Emit("n", 1))
				c.Expect("n")
				for range test.moves / 2 {
					assert.NoError(t, s.Join("loop"))
					s.Leave("loop")
				}
				offset := c.Offset()
				assert.NoError(t, a.Emit("n", 2))
				c.Expect("n")
				c.Conn().Cut()
				synctest.Wait()
				early := siotest.Dial(t, a, siotest.Options{Auth: map[string]any{"pid": c.PID()}})
				assert.Equal(t, "from the start", early.Recovered(), test.want)
				if !test.want {
					exact := siotest.Dial(t, a, siotest.Options{Auth: map[string]any{"pid": c.PID(), "offset": offset}})
					assert.True(t, "from behind the moves", exact.Recovered())
					assert.Equal(t, "missed", numbers(exact, 1), "2")
				}
			})
		})
	}
}

// TestRecoveryHalfOpen: the client is back before the server has noticed.
func TestRecoveryHalfOpen(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := recovering(t, socketio.Recovery{}, socketio.Options{})
		var hooks []string // one after another
		other := make(chan socketio.Reason, 1)
		a.OnConnect(func(s *socketio.Socket) { hooks = append(hooks, fmt.Sprint(s.Recovered())) })
		a.OnDisconnect(func(_ *socketio.Socket, r socketio.Reason) { hooks = append(hooks, string(r)) })
		a.Of("/other").OnDisconnect(func(_ *socketio.Socket, r socketio.Reason) { other <- r })
		c := siotest.Dial(t, a, o)
		c.Of("/other", nil)
		assert.NoError(t, a.Emit("n", 1))
		c.Expect("n")
		c.Conn().Stall(true)
		assert.NoError(t, a.Emit("n", 2))
		c2 := c.Resume()
		assert.True(t, "recovered", c2.Recovered() && c2.ID() == c.ID())
		assert.Equal(t, "missed", numbers(c2, 1), "2")
		assert.Equal(t, "one socket", len(a.Sockets()), 1)
		synctest.Wait()
		assert.Equal(t, "its other namespace", <-other, socketio.ReasonTransportClose)
		assert.Equal(t, "hooks", strings.Join(hooks, ", "), "false, transport close, true")
		assert.NoError(t, a.To(c.ID()).Emit("n", 3))
		assert.Equal(t, "new", numbers(c2, 1), "3")
	})
}

// TestRecoveryTwice: of two connections that ask for one session the later gets it,
// whoever's middleware is ready first; never do both live.
func TestRecoveryTwice(t *testing.T) {
	for _, firstIsSlow := range []bool{true, false} {
		t.Run(fmt.Sprint(firstIsSlow), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := recovering(t, socketio.Recovery{}, socketio.Options{})
				a.UseFunc(func(ctx context.Context, s *socketio.Socket) error {
					var auth struct{ Wait time.Duration }
					_ = s.Handshake().DecodeAuth(&auth)
					time.Sleep(auth.Wait)
					return nil
				})
				c := a.dial(t)
				c.Conn().Cut()
				synctest.Wait()
				auth := func(wait time.Duration) siotest.Options {
					return siotest.Options{Auth: map[string]any{"pid": c.PID(), "wait": wait}}
				}
				waits := []time.Duration{time.Second, 3 * time.Second}
				if firstIsSlow {
					waits = []time.Duration{3 * time.Second, time.Second}
				}
				var first, second *siotest.Client
				var both sync.WaitGroup
				both.Go(func() { first = siotest.Dial(t, a, auth(waits[0])) })
				synctest.Wait()
				both.Go(func() { second = siotest.Dial(t, a, auth(waits[1])) })
				both.Wait()
				synctest.Wait()
				assert.True(t, "the second has it", second.Recovered() && second.ID() == c.ID())
				s := a.socket(t, second)
				assert.NoError(t, s.Emit("n", 1))
				assert.Equal(t, "live", numbers(second, 1), "1")
				if firstIsSlow { // a connection that is older gets a fresh session
					assert.True(t, "fresh", !first.Recovered() && first.PID() != c.PID())
					assert.Equal(t, "sockets", len(a.Sockets()), 2)
					return
				}
				first.ExpectDisconnect(siotest.TransportClose)
				assert.Equal(t, "sockets", len(a.Sockets()), 1)
			})
		})
	}
}

// TestRecoveryHandover: what handlers and hooks of the lost connection still do
// is done before the client is back, if it is done in time.
func TestRecoveryHandover(t *testing.T) {
	key := socketio.NewKey[string]("late")
	for _, test := range []struct {
		busy time.Duration
		cut  bool // the client does not wait for it
		want bool
	}{{4 * time.Second, false, true}, {6 * time.Second, false, false}, {4 * time.Second, true, true}} {
		t.Run(fmt.Sprint(test.busy, test.cut), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := recovering(t, socketio.Recovery{}, socketio.Options{})
				var mu sync.Mutex
				var order []string
				note := func(what string) { mu.Lock(); defer mu.Unlock(); order = append(order, what) }
				a.On("slow", func(s *socketio.Socket) { time.Sleep(test.busy); key.Set(s, "set"); s.SetIdentity("") })
				a.OnConnect(func(*socketio.Socket) { note("connect") })
				a.OnDisconnect(func(*socketio.Socket, socketio.Reason) { note("disconnect") })
				c := siotest.Dial(t, a, siotest.Options{Timeout: time.Minute})
				c.Emit("slow")
				synctest.Wait()
				if test.cut {
					conn := siotest.Open(t, a, siotest.Options{})
					assert.NoError(t, conn.Send(`40{"pid":"`+c.PID()+`"}`))
					time.Sleep(time.Second)
					conn.Cut()
					synctest.Wait()
				}
				c2 := c.Resume()
				assert.Equal(t, "recovered", c2.Recovered(), test.want)
				late, _ := key.Get(a.socket(t, c2))
				mu.Lock()
				got := strings.Join(order, " ")
				mu.Unlock()
				if !test.want {
					assert.Equal(t, "order", got, "connect connect")
					time.Sleep(time.Minute)
					return
				}
				assert.Equal(t, "order", got, "connect disconnect connect")
				assert.Equal(t, "value", late, "set")
			})
		})
	}
}

// TestRecoverySlow: a client whose queue runs over is disconnected outside of
// all locks, and may come back.
func TestRecoverySlow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := recovering(t, socketio.Recovery{}, socketio.Options{Limits: socketio.Limits{SendBuffer: 200_000}})
		a.OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) { _ = a.Emit("gone", s.ID()) })
		c, other := a.dial(t), a.dial(t)
		s := a.socket(t, c)
		err := s.Emit("n", 0)
		c.Expect("n")
		c.Conn().Stall(true)
		n := 1
		for ; err == nil; n++ {
			err = s.Emit("n", n, strings.Repeat("x", 10_000))
		}
		assert.ErrorIs(t, err, socketio.ErrSlowConsumer)
		assert.True(t, "disconnected", !s.Connected())
		other.Expect("gone")
		c.Conn().Cut()
		synctest.Wait()
		assert.NoError(t, a.Emit("n", n))
		from := n - 5 // more would be more than half of what may wait
		offset := c.Offset()[:6] + strconv.FormatInt(int64(from), 36)
		c2 := siotest.Dial(t, a, siotest.Options{Auth: map[string]any{"pid": c.PID(), "offset": offset}})
		assert.True(t, "recovered", c2.Recovered())
		for i := from; i <= n; i++ {
			var got int
			m := c2.Next()
			if m.Event == "gone" {
				m = c2.Next()
			}
			m.Decode(&got)
			assert.Equal(t, "number", got, i)
		}
	})
}

// TestRecoveryAdapter: what other servers send is kept, too, and an adapter is
// never called under a lock.
func TestRecoveryAdapter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var local adapter.Local
		a := recovering(t, socketio.Recovery{}, socketio.Options{Adapter: func(l adapter.Local) adapter.Adapter {
			local = l
			return &asking{local: l}
		}})
		c := a.dial(t)
		assert.NoError(t, a.socket(t, c).Join("room"))
		assert.True(t, "nobody is elsewhere", local.HasRoom("room") && local.HasRoom(c.ID()) && !local.HasRoom("elsewhere"))
		c.Conn().Cut()
		synctest.Wait()
		assert.True(t, "the session is in the room", local.HasRoom("room"))
		for i, target := range []string{"room", "elsewhere"} {
			assert.NoError(t, local.Apply(&adapter.Operation{
				Type: adapter.OpBroadcast, Target: adapter.Target{Rooms: []string{target}},
				Packet: adapter.Packet{Data: fmt.Appendf(nil, `["n",%d]`, i)},
			}))
		}
		c2 := back(t, c, true)
		assert.Equal(t, "missed", numbers(c2, 1), "0")
		assert.NoError(t, a.Emit("n", 3))
		assert.NoError(t, a.SocketsLeave("room"))
		assert.True(t, "left", !local.HasRoom("room"))
	})
}

// asking is an adapter alone in its cluster that asks its namespace back.
type asking struct{ local adapter.Local }

func (a *asking) Publish(*adapter.Operation) error {
	a.local.HasRoom("room")
	return a.local.Apply(&adapter.Operation{Type: adapter.OpJoin, Rooms: []string{"asked"}})
}
func (a *asking) Request(context.Context, *adapter.Operation, func(*adapter.Response)) (func() error, error) {
	return func() error { return nil }, nil
}
func (a *asking) Close() error                                   { return nil }
func (a *asking) SubscribeRooms(context.Context, []string) error { return a.Publish(nil) }
func (a *asking) UnsubscribeRooms([]string)                      { _ = a.Publish(nil) }

// TestRecoveryStorm sends from many goroutines while connections are lost with
// events in flight: each client gets what it was sent, once and in order.
func TestRecoveryStorm(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := recovering(t, socketio.Recovery{}, socketio.Options{})
		a.OnConnect(func(s *socketio.Socket) { _ = s.Join("room") })
		const clients, senders, events = 6, 4, 300
		var all [clients]*siotest.Client
		var next [clients][senders]int
		for i := range all {
			all[i] = siotest.Dial(t, a, siotest.Options{Transport: []string{"websocket", "polling"}[i%2]})
		}
		synctest.Wait()
		var sending sync.WaitGroup
		for sender := range senders {
			sending.Go(func() {
				for n := range events {
					if err := a.To("room").Emit("n", sender, n, "text"); err != nil {
						t.Error(err)
					}
					for _, s := range a.Sockets() {
						_ = s.Volatile().Emit("v", "text")
					}
					time.Sleep(time.Millisecond)
				}
			})
		}
		take := func(i int) {
			for _, m := range all[i].Arrived() {
				if m.Event == "v" {
					continue
				}
				var sender, n int
				m.Decode(&sender, &n)
				assert.Equal(t, "number", n, next[i][sender])
				next[i][sender]++
			}
		}
		random := rand.New(rand.NewPCG(3, 4))
		for range 250 {
			i := random.IntN(clients)
			all[i].Conn().Stall(random.IntN(2) == 0)
			time.Sleep(time.Duration(random.IntN(2000)) * time.Microsecond)
			if random.IntN(2) == 0 {
				all[i].Conn().Cut()
			} else {
				all[i].Conn().Mute(true) // and the server does not notice
				all[i].Conn().Stall(true)
			}
			synctest.Wait()
			c := all[i].Resume()
			assert.True(t, "recovered", c.Recovered())
			synctest.Wait()
			take(i)
			all[i] = c
		}
		sending.Wait()
		synctest.Wait()
		for i := range all {
			take(i)
			for sender := range senders {
				assert.Equal(t, "all", next[i][sender], events)
			}
		}
	})
}
