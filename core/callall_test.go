package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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

// nodes is one server, or the servers of a cluster, and clients of them all:
// client i is at server i modulo their number. What a test does to a namespace
// it does to that of the first server.
type nodes struct {
	*socketio.Server
	t       *testing.T
	servers []*socketio.Server
	clients []*siotest.Client
	sockets []*socketio.Socket
}

// onNodes runs a test in virtual time on one server, and on a cluster of
// three, with clients over that many connections.
func onNodes(t *testing.T, clients int, o socketio.Options, test func(n *nodes)) {
	t.Parallel()
	for _, servers := range []int{1, 3} {
		for _, transport := range []string{"websocket", "polling"} {
			t.Run(fmt.Sprint(servers, "/", transport), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					n := &nodes{t: t}
					if servers == 1 {
						n.servers = []*socketio.Server{newApp(t, o).Server} // no adapter at all
					} else {
						n.servers = adaptertest.Cluster(t, servers, o)
					}
					n.Server = n.servers[0]
					for i := range clients {
						srv := n.servers[i%servers]
						c := siotest.Dial(t, srv, siotest.Options{Transport: transport})
						synctest.Wait()
						s, _ := srv.Socket(c.ID())
						n.clients, n.sockets = append(n.clients, c), append(n.sockets, s)
					}
					test(n)
				})
			})
		}
	}
}

// answer has client i answer the event after i+1 seconds, with its number.
func (n *nodes) answer(event string) {
	for i, c := range n.clients {
		c.On(event, func(m *siotest.Message) {
			time.AfterFunc(time.Duration(i+1)*time.Second, func() { m.Ack(i) })
		})
	}
}

// partial checks what an error says. event is how its text begins.
func partial(t *testing.T, err error, event string, expected, answered int, cause error) {
	t.Helper()
	var p *socketio.PartialError
	if !errors.As(err, &p) {
		t.Fatalf("error is %v, want a PartialError", err)
	}
	assert.Equal(t, "answered of expected", fmt.Sprint(p.Answered, " of ", p.Expected), fmt.Sprint(answered, " of ", expected))
	assert.ErrorIs(t, err, cause)
	assert.Equal(t, "text", err.Error(), fmt.Sprintf("socketio: %s%d of %d have answered: %v", event, answered, expected, p.Err))
}

// TestEmitWithAckOrder: one reply per client, with all its arguments, in the
// order in which they come; of two acknowledgements the first counts.
func TestEmitWithAckOrder(t *testing.T) {
	onNodes(t, 4, socketio.Options{}, func(n *nodes) {
		for i, c := range n.clients {
			c.On("q", func(m *siotest.Message) {
				time.AfterFunc(time.Duration(4-i)*time.Second, func() {
					if i == 1 {
						m.Ack()
						return
					}
					m.Ack(i, []byte{byte(i)}, map[string]any{"deep": []any{[]byte("b")}})
					m.Ack("again")
				})
			})
		}
		start := time.Now()
		replies, err := n.EmitWithAck(n.t.Context(), "q", "?", []byte{1})
		assert.NoError(n.t, err)
		assert.Equal(n.t, "no longer than it takes", time.Since(start), 4*time.Second)
		got := ""
		for _, r := range replies {
			if r.Len() == 0 {
				got += "-/"
				continue
			}
			var i int
			var b []byte
			var deep struct{ Deep [][]byte }
			assert.NoError(n.t, r.Decode(&i, &b, &deep))
			got += fmt.Sprintf("%d %v%s%d/", i, b, deep.Deep[0], r.Len())
		}
		assert.Equal(n.t, "replies", got, "3 [3]b3/2 [2]b3/-/0 [0]b3/")
	})
}

// TestEmitWithAckTargets: who is asked.
func TestEmitWithAckTargets(t *testing.T) {
	onNodes(t, 5, socketio.Options{}, func(n *nodes) {
		n.answer("q")
		for i, s := range n.sockets {
			assert.NoError(n.t, s.Join([]string{"even", "odd"}[i%2]))
		}
		id := n.clients[4].ID()
		for _, tt := range []struct {
			name string
			to   socketio.GroupCaller
			want string
		}{
			{"server", n.Server, "[0 1 2 3 4]"},
			{"namespace", n.Namespace, "[0 1 2 3 4]"},
			{"room", n.To("odd"), "[1 3]"},
			{"rooms, once each", n.In("odd", "even", id), "[0 1 2 3 4]"},
			{"except", n.To("even").Except(n.clients[0].ID()), "[2 4]"},
			{"nobody", n.To("none"), "[]"},
			{"all but the sender", n.sockets[0].Broadcast(), "[1 2 3 4]"},
			{"an id", n.To(id), "[4]"},
			{"the sender by its id", n.sockets[0].To(n.sockets[0].ID()), "[]"},
			{"local", n.Local(), map[int]string{1: "[0 1 2 3 4]", 3: "[0 3]"}[len(n.servers)]},
			{"volatile", n.Volatile(), "[0 1 2 3 4]"},
		} {
			synctest.Wait() // all polls wait: what is volatile arrives
			start := time.Now()
			got, err := socketio.CallAll[int](n.t.Context(), tt.to, "q")
			assert.NoError(n.t, err)
			assert.Equal(n.t, tt.name, fmt.Sprint(got), tt.want)
			if len(got) == 0 {
				assert.Equal(n.t, "at once", time.Since(start), 0)
			}
		}
		_, err := n.EmitWithAck(n.t.Context(), "q", make(chan int))
		assert.True(n.t, "does not encode", err != nil)
		var p *socketio.PartialError
		assert.True(n.t, "is no part", !errors.As(err, &p))
	})
}

// TestEmitWithAckLeaving: clients that leave are neither waited for nor expected.
func TestEmitWithAckLeaving(t *testing.T) {
	onNodes(t, 6, socketio.Options{}, func(n *nodes) {
		n.answer("q")
		start := time.Now()
		for i, c := range n.clients {
			if i >= 3 {
				c.On("q", func(*siotest.Message) {})
			}
		}
		time.AfterFunc(time.Second/2, n.clients[3].Disconnect)
		time.AfterFunc(time.Second/2, n.clients[4].Conn().Cut)
		time.AfterFunc(time.Second/2, func() { n.sockets[5].Disconnect(false) })
		got, err := socketio.CallAll[int](n.t.Context(), n, "q")
		assert.NoError(n.t, err)
		assert.Equal(n.t, "answers", fmt.Sprint(got), "[0 1 2]")
		assert.Equal(n.t, "no longer than it takes", time.Since(start), 3*time.Second)
	})
}

// TestEmitWithAckDeadline: what there is comes with the error, nothing is
// awaited afterwards, and late answers do no harm.
func TestEmitWithAckDeadline(t *testing.T) {
	onNodes(t, 4, socketio.Options{AckTimeout: 2500 * time.Millisecond, Limits: socketio.Limits{PendingAcks: 1}}, func(n *nodes) {
		n.answer("q")
		known, over := 4, false
		ask := func(ctx context.Context, want string, took time.Duration, cause error) {
			n.t.Helper()
			start := time.Now()
			got, err := socketio.CallAll[int](ctx, n, "q")
			assert.Equal(n.t, "took", time.Since(start), took)
			assert.Equal(n.t, "answers", fmt.Sprint(got), want)
			if p := new(socketio.PartialError); over && errors.As(err, &p) { // each of the two others may still have said that it asks one
				assert.True(n.t, "clients that were heard of", p.Expected >= 2 && p.Expected <= 4)
				known = p.Expected
			}
			partial(n.t, err, `event "q": `, known, len(got), cause)
			synctest.Wait() // the other servers hear that nobody waits any more
			for i, s := range n.sockets {
				_, err := s.EmitWithAck(short(n.t), "none") // one acknowledgement may be awaited
				assert.ErrorIs(n.t, err, context.DeadlineExceeded)
				n.clients[i].Expect("none")
			}
			time.Sleep(10 * time.Second) // all late ones come
		}
		ctx, cancel := context.WithTimeout(n.t.Context(), 3500*time.Millisecond)
		defer cancel()
		ask(ctx, "[0 1 2]", 3500*time.Millisecond, context.DeadlineExceeded)
		ask(n.t.Context(), "[0 1]", 2500*time.Millisecond, context.DeadlineExceeded)
		cause := errors.New("changed my mind")
		cancelled, stop := context.WithCancelCause(n.t.Context())
		time.AfterFunc(1500*time.Millisecond, func() { stop(cause) })
		ask(cancelled, "[0]", 1500*time.Millisecond, cause)
		over = len(n.servers) > 1
		ask(cancelled, "[]", 0, cause) // it is over before it begins
	})
}

// short is a context that ends soon.
func short(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// TestEmitWithAckLimit: a socket of which enough is awaited gets the event and
// counts as not answered, at once; the others answer.
func TestEmitWithAckLimit(t *testing.T) {
	onNodes(t, 3, socketio.Options{Limits: socketio.Limits{PendingAcks: 2}}, func(n *nodes) {
		n.answer("q")
		for full := range n.clients {
			c := n.clients[full]
			arrived := make(chan struct{}, 9)
			c.On("q", func(*siotest.Message) { arrived <- struct{}{} })
			var waiting sync.WaitGroup
			for range 2 {
				waiting.Go(func() { _, _ = n.sockets[full].EmitWithAck(n.t.Context(), "busy") }) // ends with AckTimeout
			}
			c.Expect("busy")
			c.Expect("busy")
			start := time.Now()
			got, err := socketio.CallAll[int](n.t.Context(), n, "q")
			assert.Equal(n.t, "answers", len(got), 2)
			cause := socketio.ErrTooManyAcks
			if len(n.servers) > 1 && full > 0 {
				var p *socketio.PartialError
				assert.True(n.t, "partial", errors.As(err, &p))
				cause = p.Err
			}
			partial(n.t, err, `event "q": `, 3, 2, cause)
			assert.True(n.t, "without waiting for it", time.Since(start) <= 3*time.Second)
			<-arrived
			waiting.Wait()
			n.answer("q")
			got, err = socketio.CallAll[int](n.t.Context(), n, "q")
			assert.NoError(n.t, err)
			assert.Equal(n.t, "all again", len(got), 3)
		}
	})
}

// TestEmitWithAckInHandler: a handler may ask its own client, together with
// others whose handlers do the same.
func TestEmitWithAckInHandler(t *testing.T) {
	onNodes(t, 3, socketio.Options{}, func(n *nodes) {
		for _, srv := range n.servers {
			srv.On("ask", func(ctx context.Context, s *socketio.Socket) (int, error) {
				got, err := socketio.CallAll[int](ctx, s.Namespace(), "q")
				return len(got), err
			})
		}
		for i, c := range n.clients {
			c.On("q", func(m *siotest.Message) { m.Ack(i) })
		}
		var acks []<-chan *siotest.Message
		for _, c := range n.clients {
			acks = append(acks, c.EmitWithAck("ask"), c.EmitWithAck("ask"))
		}
		start := time.Now()
		for _, ack := range acks {
			assert.Equal(n.t, "answers", (<-ack).String(), "[3]")
		}
		assert.True(n.t, "without a timeout", time.Since(start) < time.Second)
	})
}

// TestEmitWithAckIDs: broadcasts and single calls at the same time get their
// own answers.
func TestEmitWithAckIDs(t *testing.T) {
	onNodes(t, 3, socketio.Options{}, func(n *nodes) {
		for _, c := range n.clients {
			c.On("echo", func(m *siotest.Message) {
				var v int
				m.Decode(&v)
				time.AfterFunc(time.Duration(v%7)*time.Millisecond, func() { m.Ack(v) })
			})
		}
		var all sync.WaitGroup
		for i := range 60 {
			to := n.servers[i%len(n.servers)]
			all.Go(func() {
				got, err := socketio.CallAll[int](n.t.Context(), to, "echo", i)
				assert.NoError(n.t, err)
				assert.Equal(n.t, "broadcast", fmt.Sprint(got), fmt.Sprint([]int{i, i, i}))
			})
			all.Go(func() {
				got, err := socketio.Call[int](n.t.Context(), n.sockets[i%3], "echo", 1000+i)
				assert.NoError(n.t, err)
				assert.Equal(n.t, "single", got, 1000+i)
			})
		}
		all.Wait()
	})
}

// TestEmitWithAckVolatile: clients that are skipped are not expected.
func TestEmitWithAckVolatile(t *testing.T) {
	onNodes(t, 3, socketio.Options{}, func(n *nodes) {
		n.answer("q")
		for skipped, c := range n.clients[:2] { // of the first server and of another one
			c.Conn().Stall(true)
			big := strings.Repeat("x", 1<<20) // more than the pipe holds
			assert.NoError(n.t, n.sockets[skipped].Emit("big", big))
			synctest.Wait()
			got, err := socketio.CallAll[int](n.t.Context(), n.Volatile(), "q")
			assert.NoError(n.t, err)
			assert.Equal(n.t, "answers", len(got), 2)
			c.Conn().Stall(false)
			c.Expect("big")
			synctest.Wait()
			got, err = socketio.CallAll[int](n.t.Context(), n.Volatile(), "q")
			assert.NoError(n.t, err)
			assert.Equal(n.t, "all again", len(got), 3)
		}
	})
}

// TestEmitWithAckBacklog: a client whose connection is not read, because of
// the very handler that asks, is not waited for.
func TestEmitWithAckBacklog(t *testing.T) {
	onNodes(t, 3, socketio.Options{Limits: socketio.Limits{ReceiveBuffer: 4 << 10}}, func(n *nodes) {
		n.answer("q")
		for _, held := range []int{0, 1} {
			errs := make(chan error, 1)
			n.servers[held%len(n.servers)].On(fmt.Sprint("ask", held), func(*socketio.Socket, string) {
				time.Sleep(time.Minute) // until so much has come that the connection is not read
				_, err := n.EmitWithAck(context.Background(), "q")
				errs <- err
			})
			n.clients[held].Emit(fmt.Sprint("ask", held), "")
			for range 4 {
				go n.clients[held].Emit("more", strings.Repeat("x", 2<<10))
			}
			err := <-errs
			var p *socketio.PartialError
			assert.True(n.t, "partial", errors.As(err, &p))
			cause := socketio.ErrBacklog
			if held > 0 && len(n.servers) > 1 {
				cause = p.Err
			}
			partial(n.t, err, `event "q": `, 3, 2, cause)
			time.Sleep(2 * time.Minute) // all that came has been handled
		}
	})
}

// TestCallAllFits: answers of another shape are left out, and told.
func TestCallAllFits(t *testing.T) {
	onNodes(t, 3, socketio.Options{AckTimeout: time.Second}, func(n *nodes) {
		n.clients[0].On("q", func(m *siotest.Message) { m.Ack("a string") })
		n.clients[1].On("q", func(m *siotest.Message) { m.Ack(7) })
		n.clients[2].On("q", func(m *siotest.Message) { m.Ack() })
		got, err := socketio.CallAll[int](n.t.Context(), n, "q")
		assert.Equal(n.t, "answers", fmt.Sprint(got), "[7]")
		var p *socketio.PartialError
		assert.True(n.t, "partial", errors.As(err, &p))
		partial(n.t, err, `event "q": `, 3, 1, p.Err)
		n.clients[2].On("q", func(*siotest.Message) {})
		got, err = socketio.CallAll[int](n.t.Context(), n, "q")
		assert.Equal(n.t, "answers", fmt.Sprint(got), "[7]")
		assert.True(n.t, "partial", errors.As(err, &p) && p.Expected == 3 && p.Answered == 1)
		assert.ErrorIs(n.t, err, context.DeadlineExceeded)
		assert.True(n.t, "both reasons", strings.Contains(err.Error(), "does not fit"))
	})
}

// TestEventCallAll: the typed form.
func TestEventCallAll(t *testing.T) {
	type vote struct{ For bool }
	ask := socketio.NewEvent[string, vote]("vote")
	ping := socketio.NewEvent[socketio.None, socketio.None]("ping")
	onNodes(t, 3, socketio.Options{}, func(n *nodes) {
		for i, c := range n.clients {
			c.On("vote", func(m *siotest.Message) {
				var motion string
				m.Decode(&motion)
				m.Ack(map[string]any{"For": i > 0 && motion == "lunch"})
			})
			c.On("ping", func(m *siotest.Message) { m.Ack() })
		}
		votes, err := ask.CallAll(n.t.Context(), n, "lunch")
		assert.NoError(n.t, err)
		in := 0
		for _, v := range votes {
			if v.For {
				in++
			}
		}
		assert.Equal(n.t, "votes", in, 2)
		pongs, err := ping.CallAll(n.t.Context(), n.Except("none"), socketio.None{})
		assert.NoError(n.t, err)
		assert.Equal(n.t, "pongs", len(pongs), 3)
	})
}

// TestEmitWithAckChurn: clients come and, after an answer or without one, leave
// in three ways while they are asked. Every broadcast ends, without an error,
// when the last of its clients has answered or left.
func TestEmitWithAckChurn(t *testing.T) {
	onNodes(t, 6, socketio.Options{PingInterval: time.Second, PingTimeout: time.Second}, func(n *nodes) {
		random := rand.New(rand.NewPCG(3, 4))
		var all sync.WaitGroup
		for _, c := range n.clients {
			lives := make([]int, 12)
			for i := range lives {
				lives[i] = random.IntN(60)
			}
			all.Go(func() {
				for _, life := range lives {
					if life%2 == 0 {
						c.On("q", func(m *siotest.Message) { m.Ack(life) })
					}
					time.Sleep(time.Duration(life%5) * time.Millisecond)
					switch life % 3 {
					case 0:
						c.Disconnect()
					case 1:
						c.Conn().Cut()
					default:
						c.Conn().Close()
					}
					c = c.Reconnect()
				}
				c.Disconnect()
			})
		}
		for i := range 4 {
			all.Go(func() {
				for range 15 {
					start := time.Now()
					_, err := n.servers[i%len(n.servers)].EmitWithAck(n.t.Context(), "q")
					assert.NoError(n.t, err)
					assert.True(n.t, "ends when a lost connection is noticed, at the latest", time.Since(start) < 4*time.Second)
					time.Sleep(time.Millisecond)
				}
			})
		}
		all.Wait()
	})
}
