package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
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

// busy counts the calls of the application that run at a time, until it is opened.
type busy struct {
	mu     sync.Mutex
	now    int
	most   int
	calls  int
	opened chan struct{}
}

func newBusy() *busy { return &busy{opened: make(chan struct{})} }

func (b *busy) call() {
	b.mu.Lock()
	b.now++
	b.calls++
	b.most = max(b.most, b.now)
	b.mu.Unlock()
	<-b.opened // whatever happens to the client
	b.mu.Lock()
	b.now--
	b.mu.Unlock()
}

func (b *busy) numbers() (now, most, calls int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now, b.most, b.calls
}

// drive sends cycles of packets, one at a time, until the server does not read on.
// # stands for the cycle's number.
func drive(packets chan<- string, cycle string, n int) {
	for i := range n {
		for _, p := range strings.Fields(strings.ReplaceAll(cycle, "#", fmt.Sprint(i))) {
			select {
			case packets <- p:
				time.Sleep(10 * time.Millisecond) // a reader that runs a handler is taken over after that
			default:
				return
			}
		}
	}
}

// alone is the adapter of a server that has no others; closing it takes as long
// as closing does.
type alone struct {
	adapter.Adapter
	close func()
}

func (a alone) Publish(*adapter.Operation) error { return nil }

func (a alone) Close() error { a.close(); return nil }

// TestTurns: a client that leaves and joins as fast as it sends has the
// application work for so many of its sockets at a time as it may be in namespaces.
func TestTurns(t *testing.T) {
	const limit = 3
	main := func(a *app) *socketio.Namespace { return a.Namespace }
	children := func(a *app) *socketio.Namespace { return a.OfRegexp(regexp.MustCompile("^/room-")) }
	for _, tt := range []struct {
		name  string
		cycle string // of packets; # is its number
		busy  func(a *app, b *busy)
		o     socketio.Options
	}{
		{"middleware", "40 41", func(a *app, b *busy) {
			a.UseFunc(func(context.Context, *socketio.Socket) error { b.call(); return nil })
		}, socketio.Options{}},
		{"middleware that refuses", "40 41", func(a *app, b *busy) {
			a.UseFunc(func(context.Context, *socketio.Socket) error { b.call(); return errors.New("no") })
		}, socketio.Options{}},
		{"middleware of children", "40/room-#, 41/room-#,", func(a *app, b *busy) {
			children(a).UseFunc(func(context.Context, *socketio.Socket) error { b.call(); return nil })
		}, socketio.Options{}},
		{"middleware with recovery", "40 41", func(a *app, b *busy) {
			a.UseFunc(func(context.Context, *socketio.Socket) error { b.call(); return nil })
		}, socketio.Options{Recovery: &socketio.Recovery{}}},
		{"middleware, another auth each time", `40{"n":#}`, func(a *app, b *busy) {
			a.UseFunc(func(context.Context, *socketio.Socket) error { b.call(); return nil })
		}, socketio.Options{}},
		{"handlers", `40 42["e"] 41`, func(a *app, b *busy) { main(a).On("e", b.call) }, socketio.Options{}},
		{"handlers of children", `40/room-#, 42/room-#,["e"] 41/room-#,`, func(a *app, b *busy) { children(a).On("e", b.call) }, socketio.Options{}},
		{"handlers that disconnect", `40 42["e"]`, func(a *app, b *busy) {
			a.On("e", func(s *socketio.Socket) { s.Disconnect(false); b.call() })
		}, socketio.Options{}},
		{"OnConnect", "40 41", func(a *app, b *busy) { main(a).OnConnect(func(*socketio.Socket) { b.call() }) }, socketio.Options{}},
		{"OnDisconnect", "40 41", func(a *app, b *busy) {
			main(a).OnDisconnect(func(*socketio.Socket, socketio.Reason) { b.call() })
		}, socketio.Options{}},
		{"adapters", "40/room-#, 41/room-#,", func(a *app, _ *busy) { children(a) }, socketio.Options{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				b := newBusy()
				options := tt.o
				options.Limits.Namespaces = limit
				if tt.name == "adapters" {
					options.Adapter = func(l adapter.Local) adapter.Adapter {
						if !strings.HasPrefix(l.Namespace(), "/room-") {
							return alone{close: func() {}}
						}
						return alone{close: b.call}
					}
				}
				a := newApp(t, options)
				tt.busy(a, b)
				a.Of("/bystander").On("ping", func() string { return "pong" })
				bystander := siotest.Dial(t, a, siotest.Options{Transport: o.Transport, Namespace: "/bystander"})
				c := siotest.Open(t, a, o)
				packets, sent := make(chan string), make(chan struct{})
				go func() {
					defer close(sent)
					for p := range packets {
						_ = c.Send(p)
					}
				}()
				synctest.Wait()
				drive(packets, tt.cycle, 200)
				close(packets)
				now, _, _ := b.numbers()
				assert.Equal(t, "at a time", now, limit)
				assert.Equal(t, "bystander", bystander.Call("ping").String(), `["pong"]`)
				close(b.opened)
				<-sent
				synctest.Wait()
				now, most, calls := b.numbers()
				assert.Equal(t, "afterwards", now, 0)
				assert.Equal(t, "most", most, limit)
				assert.True(t, "the others came later, or left before", calls >= limit)
				if strings.HasPrefix(tt.cycle, "40{") { // may join twice once there is an answer
					a.log.take()
					return
				}
				assert.Equal(t, "connections", a.Connections(), 2)
				assert.NoError(t, c.Send("40/bystander,", `42/bystander,7["ping"]`))
				for p := ""; !strings.HasPrefix(p, "43/bystander,7"); {
					p = c.Next()
				}
				a.log.take()
			})
		})
	}
}

// TestTurnsOfOnePost: one POST, or one burst on a WebSocket, is enough for thousands.
func TestTurnsOfOnePost(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		b := newBusy()
		a.UseFunc(func(context.Context, *socketio.Socket) error { b.call(); return nil })
		c := siotest.Open(t, a, o)
		all := make([]string, 20_001) // in the end it has joined
		for i := range all {
			all[i] = []string{"40", "41"}[i%2]
		}
		sent := make(chan struct{})
		go func() { defer close(sent); _ = c.Send(all...) }()
		synctest.Wait()
		now, _, _ := b.numbers()
		assert.True(t, fmt.Sprint("at a time: ", now), now > 0 && now <= 32)
		waits := a.Stats().ReceiveBytes
		assert.True(t, fmt.Sprint("waits: ", waits), waits <= 64*128)
		close(b.opened)
		<-sent
		synctest.Wait()
		_, most, _ := b.numbers()
		assert.True(t, fmt.Sprint("most: ", most), most <= 32)
		assert.Equal(t, "waits", a.Stats().ReceiveBytes, 0)
		assert.True(t, "joined", strings.HasPrefix(c.Next(), "40{"))
	})
}

// TestGoneBeforeItsTurn: the middleware does not run for a client that has left,
// or closed, before it could; its events are forgotten with it.
func TestGoneBeforeItsTurn(t *testing.T) {
	for _, how := range []string{"leaves", "closes", "is cut"} {
		t.Run(how, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				a := newApp(t, socketio.Options{Limits: socketio.Limits{Namespaces: 2}})
				b := newBusy()
				a.OnDisconnect(func(*socketio.Socket, socketio.Reason) { b.call() })
				asked, handled := 0, 0
				a.Of("/late").UseFunc(func(context.Context, *socketio.Socket) error { asked++; return nil })
				a.Of("/late").On("e", func() { handled++ })
				c := siotest.Open(t, a, o)
				for range 2 {
					assert.NoError(t, c.Send("40"))
					synctest.Wait()
					assert.NoError(t, c.Send("41"))
					synctest.Wait()
				}
				assert.NoError(t, c.Send("40/late,", `42/late,["e"]`))
				synctest.Wait()
				assert.Equal(t, "waits", a.Stats().ReceiveBytes, 2*128+int64(len(`["e"]`)))
				switch how {
				case "leaves":
					assert.NoError(t, c.Send("41/late,"))
				case "closes":
					c.Close()
				case "is cut":
					c.Cut()
				}
				synctest.Wait()
				close(b.opened)
				synctest.Wait()
				assert.Equal(t, "asked", asked, 0)
				assert.Equal(t, "handled", handled, 0)
				if how == "leaves" {
					assert.Equal(t, "waits", a.Stats().ReceiveBytes, 0)
					assert.NoError(t, c.Send("40/late,", `42/late,["e"]`))
					synctest.Wait()
					assert.Equal(t, "asked", asked, 1)
					assert.Equal(t, "handled", handled, 1)
				}
			})
		})
	}
}

// TestTurnsHold: a client whose sockets leave before their turns is not read any
// further, until somebody's turn is over.
func TestTurnsHold(t *testing.T) {
	const limit = 2
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{Limits: socketio.Limits{Namespaces: limit}})
		b := newBusy()
		a.UseFunc(func(context.Context, *socketio.Socket) error { b.call(); return nil })
		c := siotest.Open(t, a, o)
		cycle := func() {
			assert.NoError(t, c.Send("40"))
			synctest.Wait()
			assert.NoError(t, c.Send("41"))
			synctest.Wait()
		}
		for range limit + limit - 1 { // have a turn, miss theirs
			cycle()
		}
		assert.Equal(t, "held", a.Stats().ReceiveHeld, 0)
		cycle()
		sent := make(chan struct{})
		go func() { defer close(sent); _ = c.Send("41") }() // a POST waits
		synctest.Wait()
		assert.Equal(t, "held", a.Stats().ReceiveHeld, 1)
		close(b.opened)
		synctest.Wait()
		<-sent
		assert.Equal(t, "held", a.Stats().ReceiveHeld, 0)
	})
}

// TestDropped: what waits behind middleware that takes too long is given back,
// also what has come before the middleware began.
func TestDropped(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{Limits: socketio.Limits{Namespaces: 1, MiddlewareTimeout: time.Second}})
		b, hang := newBusy(), make(chan struct{})
		a.OnDisconnect(func(*socketio.Socket, socketio.Reason) { b.call() })
		handled := 0
		a.Of("/late").UseFunc(func(context.Context, *socketio.Socket) error { <-hang; return nil })
		a.Of("/late").On("e", func() { handled++ })
		c := siotest.Open(t, a, o)
		for _, p := range []string{"40", "41", "40/late,", `42/late,["e"]`} { // that waits for the hook
			assert.NoError(t, c.Send(p))
			synctest.Wait()
		}
		close(b.opened)
		synctest.Wait()
		assert.NoError(t, c.Send(`42/late,["e"]`))
		synctest.Wait()
		assert.Equal(t, "waits", a.Stats().ReceiveBytes, 2*(128+int64(len(`["e"]`))))
		time.Sleep(2 * time.Second)
		assert.Equal(t, "given back", a.Stats().ReceiveBytes, 0)
		close(hang)
		synctest.Wait()
		assert.Equal(t, "given back", a.Stats().ReceiveBytes, 0)
		assert.Equal(t, "handled", handled, 0)
		assert.NoError(t, c.Send("40"))
		for p := ""; !strings.HasPrefix(p, "40{"); {
			p = c.Next()
		}
		a.log.take()
	})
}
