package socketio_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
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

// fleet makes adapters, and sees that there is one at a time for each name and
// that none is used when it is closed.
type fleet struct {
	t       testing.TB
	closing func(name string) // may be nil

	mu        sync.Mutex
	live      map[string]*ship
	made      map[string]int
	published []string
}

type ship struct {
	fleet *fleet
	name  string
}

func newFleet(t testing.TB) *fleet {
	return &fleet{t: t, live: make(map[string]*ship), made: make(map[string]int)}
}

func (f *fleet) adapter(l adapter.Local) adapter.Adapter {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.live[l.Namespace()] != nil {
		f.t.Errorf("a second adapter for %s", l.Namespace())
	}
	f.live[l.Namespace()] = &ship{f, l.Namespace()}
	f.made[l.Namespace()]++
	return f.live[l.Namespace()]
}

func (s *ship) check(what string) {
	if s.fleet.live[s.name] != s {
		s.fleet.t.Errorf("%s with a closed adapter of %s", what, s.name)
	}
}

func (s *ship) Publish(op *adapter.Operation) error {
	s.fleet.mu.Lock()
	defer s.fleet.mu.Unlock()
	s.check("publish")
	s.fleet.published = append(s.fleet.published, fmt.Sprintf("%s %d %s", s.name, op.Type, op.Packet.Data))
	return nil
}

func (s *ship) Request(_ context.Context, op *adapter.Operation, _ func(*adapter.Response)) (func() error, error) {
	_ = s.Publish(op)
	return func() error {
		s.fleet.mu.Lock()
		defer s.fleet.mu.Unlock()
		s.check("wait")
		return nil
	}, nil
}

func (s *ship) Close() error {
	if s.fleet.closing != nil {
		s.fleet.closing(s.name)
	}
	s.fleet.mu.Lock()
	defer s.fleet.mu.Unlock()
	s.check("close")
	delete(s.fleet.live, s.name)
	return nil
}

// state returns how many adapters live, how many were made for a name, and
// what has been published since it was asked last.
func (f *fleet) state(name string) (live, made int, published string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	published = strings.Join(f.published, "; ")
	f.published = nil
	return len(f.live), f.made[name], published
}

// TestHandles: what the application holds of a child is good for whichever
// child has the name.
func TestHandles(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		parent := a.OfRegexp(rooms)
		parent.On("ping", func() {})
		o.Namespace = "/room-1"
		early := a.Of("/room-1")
		c := siotest.Dial(t, a, o)
		handles := []*socketio.Namespace{early, a.Of("/room-1"), parent.Child("room-1"), parent.Children()[0]}
		hears := func(c *siotest.Client) {
			t.Helper()
			for i, ns := range handles {
				assert.NoError(t, ns.Emit("e", i))
				c.Expect("e")
				_, ok := ns.Socket(c.ID())
				assert.True(t, "socket", ok && len(ns.Sockets()) == 1)
				assert.NoError(t, ns.SocketsJoin("r"))
				assert.Equal(t, "rooms", strings.Join(ns.Rooms(), " "), "r")
				assert.True(t, "child", ns.Name() == "/room-1" && ns.Parent() == parent)
			}
		}
		hears(c)
		c.Disconnect()
		synctest.Wait()
		for _, ns := range handles {
			assert.NoError(t, ns.Emit("nobody"))
			assert.Equal(t, "sockets", len(ns.Sockets())+len(ns.Rooms())+len(parent.Children()), 0)
		}
		c = siotest.Dial(t, a, o)
		handles = append(handles, a.Of("/room-1"))
		hears(c)
		c.Disconnect()
		synctest.Wait()

		handles[3].On("own", func() string { return "mine" }) // of the first child
		assert.Equal(t, "it is made", names(parent.Children()), "/room-1")
		c = siotest.Dial(t, a, o)
		assert.Equal(t, "own", c.Call("own").String(), `["mine"]`)
		hears(c)
		assert.Equal(t, "second handler", panicText(func() { early.On("own", func() {}) }), `socketio: event "own" has a handler already`+otherwise)
		a.log.none(t)
	})
}

// TestHandleOfATakenName: the name of a function's child may be another
// parent's meanwhile, which is not touched.
func TestHandleOfATakenName(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newApp(t, socketio.Options{})
		parent := a.OfFunc(func(_ string, h *socketio.Handshake) bool { return h.Auth != nil })
		a.OfRegexp(regexp.MustCompile("^/x$")).On("ping", func() {})
		c := siotest.Dial(t, a, siotest.Options{Namespace: "/x"})
		ns := parent.Child("/x")
		assert.NoError(t, ns.Emit("e"))
		assert.Equal(t, "sockets", len(ns.Sockets()), 0)
		assert.NoError(t, ns.DisconnectSockets(true))
		c.Call("ping")
		ns.On("e", func() {})
		a.log.one(t, "is lost")
	})
}

// TestChildAdapters: a child's adapter lives as long as the child; a handle of
// one that is not here still reaches the other servers.
func TestChildAdapters(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		f := newFleet(t)
		a := newApp(t, socketio.Options{Adapter: f.adapter})
		hold := make(chan struct{})
		f.closing = func(name string) {
			if name == "/room-1" {
				<-hold
			}
		}
		parent := a.OfRegexp(rooms)
		expect := func(what string, live, made int, published string) {
			t.Helper()
			synctest.Wait()
			l, m, p := f.state("/room-1")
			assert.Equal(t, what, fmt.Sprint(l, m, " ", p), fmt.Sprint(live, made, " ", published))
		}
		ns := parent.Child("/room-1")
		assert.NoError(t, ns.Local().Emit("local"))
		assert.Equal(t, "sockets", len(ns.Sockets()), 0)
		assert.NoError(t, parent.Emit("e"))
		expect("nobody", 1, 0, "")
		go func() { assert.NoError(t, ns.Emit("e")) }()
		expect("made for the call", 2, 1, `/room-1 1 ["e"]`)
		o.Namespace = "/room-1"
		joined := make(chan *siotest.Client)
		go func() { joined <- siotest.Dial(t, a, o) }()
		expect("its successor waits", 2, 1, "")
		close(hold)
		c := <-joined
		expect("and comes", 2, 2, "")
		assert.NoError(t, parent.Emit("e"))
		expect("a parent's", 2, 2, `/room-1 1 ["e"]`)
		c.Disconnect()
		expect("left", 1, 2, "")
		siotest.Dial(t, a, o)
		expect("again", 2, 3, "")
		assert.NoError(t, a.Shutdown(t.Context()))
		expect("shut down", 0, 3, "")
		a.log.none(t)
	})
}

// TestChildThatCannotBeMade: a panic in what makes a child refuses those who
// wait for it, and the next one has a new child.
func TestChildThatCannotBeMade(t *testing.T) {
	for _, where := range []string{"adapter", "OnNewNamespace", "close"} {
		t.Run(where, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				fail := where
				gate := make(chan struct{})
				f := newFleet(t)
				a := newApp(t, socketio.Options{Adapter: func(l adapter.Local) adapter.Adapter {
					if fail == "adapter" && l.Namespace() != "/" {
						<-gate
						panic("adapter")
					}
					if fail == "close" && l.Namespace() != "/" {
						return &broken{}
					}
					return f.adapter(l)
				}})
				asked := make(chan struct{}, 4)
				parent := a.OfFunc(func(name string, _ *socketio.Handshake) bool {
					asked <- struct{}{}
					return rooms.MatchString(name)
				})
				a.OnNewNamespace(func(ns *socketio.Namespace) {
					if fail == "OnNewNamespace" {
						<-gate
						panic("hook")
					}
					ns.UseFunc(func(context.Context, *socketio.Socket) error { return nil })
				})
				o.Namespace = "/room-1"
				if fail == "close" {
					siotest.Dial(t, a, o).Disconnect()
					synctest.Wait()
					a.log.one(t, "adapter of a removed namespace")
				} else {
					waiting := []*siotest.Conn{siotest.Open(t, a, o), siotest.Open(t, a, o)}
					for _, c := range waiting {
						assert.NoError(t, c.Send("40/room-1,"))
					}
					<-asked
					<-asked
					untilOneWaitsForOnce() // not synctest.Wait, for which a sync.Once is no rest
					close(gate)
					for _, c := range waiting {
						c.Expect(`44/room-1,{"message":"Connection refused"}`)
					}
					synctest.Wait()
					a.log.one(t, "panic")
				}
				assert.Equal(t, "children", names(parent.Children()), "")
				fail = ""
				siotest.Dial(t, a, o)
				a.log.none(t)
			})
		})
	}
}

// TestChildLimit: below, at and above Limits.ChildNamespaces, which is the
// server's; those that exist can be joined.
func TestChildLimit(t *testing.T) {
	for _, keep := range []bool{false, true} {
		t.Run(fmt.Sprint("kept ", keep), func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				a := newApp(t, socketio.Options{KeepEmptyNamespaces: keep, Limits: socketio.Limits{ChildNamespaces: 3}})
				parent := a.OfRegexp(rooms)
				a.OfFunc(func(name string, _ *socketio.Handshake) bool { return strings.HasPrefix(name, "/other") })
				join := func(name string) *siotest.Client {
					t.Helper()
					o.Namespace = name
					return siotest.Dial(t, a, o)
				}
				refused := func(name string) {
					t.Helper()
					o.Namespace = name
					assert.Equal(t, "message", siotest.Refused(t, a, o).Message, "Invalid namespace")
				}
				join("/room-1")
				other := join("/other-1")
				c := join("/room-2")
				refused("/room-3")
				refused("/other-2")
				join("/room-2").Disconnect()
				parent.Child("/room-4").On("e", func() {}) // the application may
				c.Disconnect()
				synctest.Wait()
				refused("/room-3")
				join("/room-4")
				other.Disconnect()
				synctest.Wait()
				if keep {
					refused("/room-3")
				} else {
					join("/room-3")
				}
				a.log.none(t)
			})
		})
	}
}

// TestChildrenUnderStress: clients come, are refused, leave and vanish from all
// sides, while the application uses the children. Nothing of a child is used
// when it is gone, and none is left.
func TestChildrenUnderStress(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	a := newApp(t, socketio.Options{Adapter: f.adapter})
	parent := a.OfRegexp(rooms)
	here := func(s *socketio.Socket) {
		if a.Of(s.Namespace().Name()) != s.Namespace() {
			t.Errorf("a socket is in %s, which is removed", s.Namespace().Name())
		}
	}
	parent.UseFunc(func(_ context.Context, s *socketio.Socket) error {
		here(s)
		if string(s.Handshake().Auth) == `{"refuse":1}` {
			return &socketio.ConnectError{Message: "no"}
		}
		return s.Join("r")
	})
	parent.OnConnect(here)
	parent.OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) {
		here(s)
		_ = s.Broadcast().Emit("left")
	})
	parent.On("say", func(s *socketio.Socket) error { here(s); return s.To("r").Emit("said") })
	t.Run("clients", func(t *testing.T) {
		for worker := range 8 {
			t.Run(fmt.Sprint(worker), func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(1, uint64(worker)))
				for range 12 {
					name := fmt.Sprint("/room-", random.IntN(3))
					o := siotest.Options{Namespace: name, Timeout: 30 * time.Second}
					if random.IntN(5) == 0 {
						o.Auth = map[string]int{"refuse": 1}
						siotest.Refused(t, a, o)
						continue
					}
					c := siotest.Dial(t, a, o)
					if random.IntN(4) > 0 {
						<-c.EmitWithAck("say")
					}
					_ = a.Of(name).To("r").Emit("news")
					_ = parent.Local().Emit("all")
					switch random.IntN(3) {
					case 0:
						c.Disconnect()
					case 1:
						c.Conn().Cut()
					default:
						_ = parent.Child(name).In(c.ID()).DisconnectSockets(true)
					}
				}
			})
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	assert.NoError(t, a.Shutdown(ctx))
	assert.Equal(t, "children", names(parent.Children()), "")
	live, made, _ := f.state("/room-1")
	assert.Equal(t, "adapters", live, 0)
	assert.True(t, "made more than once", made > 1)
	a.log.none(t)
}

// untilOneWaitsForOnce returns when a goroutine of this bubble waits in a sync.Once.
func untilOneWaitsForOnce() {
	buf := make([]byte, 16<<20)
	own, _, _ := strings.Cut(string(buf[:runtime.Stack(buf, false)]), "]:")
	_, bubble, _ := strings.Cut(own, ", ")
	for {
		for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			head, calls, _ := strings.Cut(stack, "]:")
			if strings.HasSuffix(head, bubble) && strings.Contains(head, "Mutex.Lock") && strings.Contains(calls, "sync.(*Once)") {
				return
			}
		}
		runtime.Gosched()
	}
}
