package socketio_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// stall has a client not read, and sends it so much that what is sent from now on waits.
func stall(t *testing.T, s *socketio.Socket, c *siotest.Client) {
	t.Helper()
	c.Stall(true)
	assert.NoError(t, s.Emit("much", strings.Repeat("x", 1<<20)))
	synctest.Wait()
}

// waited has a client read on, and returns the events that have waited as "name:arguments".
func waited(t *testing.T, s *socketio.Socket, c *siotest.Client) string {
	t.Helper()
	assert.NoError(t, s.Emit("end"))
	c.Stall(false)
	c.Expect("much")
	var all []string
	for m := c.Next(); m.Event != "end"; m = c.Next() {
		all = append(all, m.Event+":"+firstOf(m))
	}
	return strings.Join(all, " ")
}

// firstOf tells the numbers that an event begins with, and the bytes behind them.
func firstOf(m *siotest.Message) string {
	var n int
	var b []byte
	if strings.HasPrefix(m.Event, "pic") {
		m.Decode(&n, &b)
		return fmt.Sprintf("%d%s", n, b)
	}
	m.Decode(&n)
	return fmt.Sprint(n)
}

// TestLatest: of the events of one name and key that wait for a client only the newest
// arrive, in the order of sending, and all other events arrive.
func TestLatest(t *testing.T) {
	type send func(a *app, s *socketio.Socket, i int) error
	for _, test := range []struct {
		name string
		send send // i is 1, 2 and 3
		want string
	}{
		{"broadcast", func(a *app, _ *socketio.Socket, i int) error { return a.Latest("k").Emit("e", i) }, "e:3"},
		{"to a room", func(a *app, s *socketio.Socket, i int) error { return a.To(s.ID()).Latest("k").Emit("e", i) }, "e:3"},
		{"to a socket", func(_ *app, s *socketio.Socket, i int) error { return s.Latest("k").Emit("e", i) }, "e:3"},
		{"uncompressed", func(_ *app, s *socketio.Socket, i int) error {
			return s.Compress(false).Latest("k").WithContext(t.Context()).Emit("e", i)
		}, "e:3"},
		{"by either", func(a *app, s *socketio.Socket, i int) error {
			_ = s.Latest("k").Emit("e", 10+i)
			return a.Latest("k").Emit("e", i)
		}, "e:3"},
		{"an empty key", func(a *app, _ *socketio.Socket, i int) error { return a.Latest("").Emit("e", i) }, "e:3"},
		{"without a key", func(a *app, _ *socketio.Socket, i int) error { return a.Emit("e", i) }, "e:1 e:2 e:3"},
		{"keys", func(a *app, _ *socketio.Socket, i int) error {
			_ = a.Latest("a").Emit("e", i)
			return a.Latest("b").Emit("e", 10+i)
		}, "e:3 e:13"},
		{"names", func(a *app, _ *socketio.Socket, i int) error {
			_ = a.Latest("b").Emit("a", i)
			_ = a.Latest("ab").Emit("", 20+i)
			return a.Latest("").Emit("ab", 10+i)
		}, "a:3 :23 ab:13"},
		{"others between", func(a *app, s *socketio.Socket, i int) error {
			_ = a.Latest("k").Emit("e", i)
			_ = s.Emit("other", i)
			return a.Emit("e", 10+i)
		}, "other:1 e:11 other:2 e:12 e:3 other:3 e:13"},
		{"binary", func(a *app, _ *socketio.Socket, i int) error {
			_ = a.Latest("k").Emit("pic", i, []byte("abc")[i-1:i])
			return a.Latest("k").Emit("e", i)
		}, "pic:3c e:3"},
		{"binary at times", func(a *app, _ *socketio.Socket, i int) error {
			if i == 2 {
				return a.Latest("k").Emit("e", i)
			}
			return a.Latest("k").Emit("e", i, []byte("x"), []byte("y"))
		}, "e:3"},
		{"two of each", func(a *app, s *socketio.Socket, i int) error {
			_ = s.Newest("k", 2).Emit("e", i)
			return a.Newest("j", 2).Emit("e", 10+i)
		}, "e:2 e:12 e:3 e:13"},
		{"fewer at last", func(a *app, _ *socketio.Socket, i int) error { return a.Newest("k", 4-i).Emit("e", i) }, "e:3"},
		{"none is one", func(a *app, _ *socketio.Socket, i int) error { return a.Newest("k", -i).Emit("e", i) }, "e:3"},
		{"volatile", func(a *app, s *socketio.Socket, i int) error {
			_ = s.Volatile().Latest("j").Emit("e", 10+i)
			_ = s.Volatile().Emit("e", 20+i)
			return a.Volatile().Latest("k").Emit("e", i)
		}, "e:13 e:3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, recover := range []bool{false, true} {
				t.Run(fmt.Sprintf("recovery %t", recover), func(t *testing.T) {
					onBoth(t, func(t *testing.T, o siotest.Options) {
						opts := socketio.Options{}
						if recover {
							opts.Recovery = &socketio.Recovery{}
						}
						a := newApp(t, opts)
						c := siotest.Dial(t, a, o)
						s := a.socket(t, c)
						for range 2 { // the second time the first one has left nothing behind
							stall(t, s, c)
							for i := 1; i <= 3; i++ {
								assert.NoError(t, test.send(a, s, i))
							}
							assert.Equal(t, "what has waited", waited(t, s, c), test.want)
						}
					})
				})
			}
		})
	}
}

// TestLatestBeforeTheWelcome: events of hooks, which wait behind the CONNECT packet.
func TestLatestBeforeTheWelcome(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		a.OnConnect(func(s *socketio.Socket) {
			for i := range 100 { // more than may be held back
				_ = s.Latest("k").Emit("e", i)
			}
		})
		c := siotest.Dial(t, a, o)
		n := -1
		for last := n; n < 99; last = n {
			c.Expect("e", &n)
			assert.True(t, "in order", n > last)
		}
		c.ExpectNone(time.Second)
	})
}

// TestLatestOfNamespaces: a key is one of its namespace, though the sockets share a
// connection.
func TestLatestOfNamespaces(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		other := a.Of("/other")
		c := siotest.Dial(t, a, o)
		s := a.socket(t, c)
		c2 := c.Of("/other", nil)
		stall(t, s, c)
		for i := 1; i <= 3; i++ {
			assert.NoError(t, a.Latest("k").Emit("e", i))
			assert.NoError(t, other.Latest("k").Emit("e", i))
		}
		assert.Equal(t, "here", waited(t, s, c), "e:3")
		var n int
		c2.Expect("e", &n)
		assert.Equal(t, "there", n, 3)
		c2.ExpectNone(time.Second)
	})
}

// TestLatestBounded: a client that reads nothing is not too slow for events of a bounded
// number of keys, however many they are. An observer hears of those that were replaced.
func TestLatestBounded(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		heard := new(drops)
		a := newApp(t, socketio.Options{
			Observer: heard, Limits: socketio.Limits{SendBuffer: 1<<20 + 50_000, WriteTimeout: -1}, PingTimeout: 24 * time.Hour,
		})
		c := siotest.Dial(t, a, o)
		s := a.socket(t, c)
		stall(t, s, c)
		const events, keys = 10_000, 7
		part := strings.Repeat("x", 1000)
		for i := range events {
			assert.NoError(t, a.Latest(fmt.Sprint(i%keys)).Emit("e", i, part))
		}
		assert.True(t, "little waits", a.Stats().SendBytesMax < 1<<20+20_000)
		assert.Equal(t, "told", heard.of(socketio.DropPolicyReplaced), events-keys)
		var want []string
		for i := events - keys; i < events; i++ {
			want = append(want, fmt.Sprint("e:", i))
		}
		assert.Equal(t, "what has waited", waited(t, s, c), strings.Join(want, " "))
		for i := 0; s.Connected(); i++ { // and of as many keys as there are events it is
			_ = a.Latest(fmt.Sprint(i)).Emit("e", i, part)
			c.Stall(true)
		}
		assert.Equal(t, "told", heard.of(socketio.DropPolicySlowConsumer) > 0, true)
	})
}

// drops counts messages that were dropped.
type drops struct {
	socketio.NopObserver
	mu  sync.Mutex
	all map[socketio.DropPolicy]int
}

func (d *drops) Dropped(e socketio.DropEvent) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all == nil {
		d.all = make(map[socketio.DropPolicy]int)
	}
	d.all[e.Policy] += e.Messages
}

func (d *drops) of(p socketio.DropPolicy) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.all[p]
}

// TestLatestRecovered: the offset of an event that has replaced another one stands for
// both, a client that comes back gets the newest of each key, and volatile ones not.
func TestLatestRecovered(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := recovering(t, socketio.Recovery{}, socketio.Options{})
		c := siotest.Dial(t, a, o)
		s := a.socket(t, c)
		assert.NoError(t, a.Emit("n", 1))
		assert.Equal(t, "live", numbers(c, 1), "1")
		emit := func(from int) {
			for i := from; i < from+3; i++ {
				assert.NoError(t, a.Latest("k").Emit("n", 10*i))
				assert.NoError(t, a.Emit("n", i))
				assert.NoError(t, a.To(c.ID()).Latest("j").Emit("n", 100*i, []byte("binary")))
				assert.NoError(t, a.Volatile().Latest("v").Emit("n", -i))
			}
		}
		stall(t, s, c)
		emit(2)
		assert.Equal(t, "what has waited", waited(t, s, c), "n:2 n:3 n:40 n:4 n:400 n:-4")

		c.Conn().Cut()
		synctest.Wait()
		c = back(t, c, true)
		c.ExpectNone(time.Second)

		c.Conn().Cut()
		synctest.Wait()
		emit(5)
		c = back(t, c, true)
		assert.Equal(t, "missed", numbers(c, 5), "5 6 70 7 700")

		stall(t, a.socket(t, c), c) // it is lost with the queue
		emit(8)
		c.Conn().Cut()
		synctest.Wait()
		c.Stall(false)
		c = back(t, c, true)
		c.Expect("much")
		assert.Equal(t, "lost", numbers(c, 5), "8 9 100 10 1000")
		c.Conn().Cut()
		synctest.Wait()
		c = back(t, c, true)
		c.ExpectNone(time.Second)
	})
}

// TestLatestAcknowledged: an event that all clients acknowledge replaces none, and is not
// replaced.
func TestLatestAcknowledged(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		c := siotest.Dial(t, a, o)
		s := a.socket(t, c)
		stall(t, s, c)
		var asking sync.WaitGroup
		asking.Go(func() {
			answer, err := socketio.CallAll[int](t.Context(), a.Latest("k"), "ask", 1)
			assert.NoError(t, err)
			assert.Equal(t, "answers", fmt.Sprint(answer), "[7]")
		})
		synctest.Wait()
		assert.NoError(t, a.Latest("k").Emit("ask", 2))
		assert.NoError(t, a.Latest("k").Emit("ask", 3))
		c.Stall(false)
		c.Expect("much")
		c.Next().Ack(7)
		assert.Equal(t, "the newest", firstOf(c.Next()), "3")
		asking.Wait()
	})
}

// TestLatestOfACluster: every server replaces events for its own clients.
func TestLatestOfACluster(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, o := range []socketio.Options{{}, {Recovery: &socketio.Recovery{}}} {
			servers := adaptertest.Cluster(t, 2, o)
			c := siotest.Dial(t, servers[1], siotest.Options{Transport: "polling"})
			s, _ := servers[1].Socket(c.ID())
			stall(t, s, c)
			for i := range 5 {
				assert.NoError(t, servers[0].Latest("k").Emit("e", i))
				assert.NoError(t, servers[0].Newest("k", 2).Emit("f", i))
			}
			synctest.Wait()
			assert.Equal(t, "what has waited", waited(t, s, c), "f:3 e:4 f:4")
		}
	})
}
