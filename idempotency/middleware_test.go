package idempotency_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/idempotency"
	"github.com/gosio/gosio/internal/assert"
)

// order is an event with a key.
type order struct {
	Key  string `json:"key"`
	Item string `json:"item"`
	Data []byte `json:"data,omitempty"`
}

// app counts what is handled.
type app struct {
	*socketio.Server
	mu      sync.Mutex
	handled []string
	repeats int
	hold    chan struct{} // what "slow" waits for
}

func newApp(t *testing.T, c idempotency.Config) *app {
	t.Helper()
	a := &app{Server: socketio.NewServer(&socketio.Options{Logger: slog.New(slog.DiscardHandler)}), hold: make(chan struct{})}
	t.Cleanup(a.Close)
	if c.Key == nil {
		c.Key = idempotency.Field("key")
	}
	c.OnRepeat = func(*socketio.Incoming) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.repeats++
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	keep := idempotency.New(c)
	for _, ns := range []*socketio.Namespace{a.Namespace, a.Of("/chat")} {
		ns.UseFunc(func(_ context.Context, s *socketio.Socket) error {
			var auth struct{ User string }
			_ = s.Handshake().DecodeAuth(&auth)
			s.SetIdentity(auth.User)
			return nil
		})
		ns.UseEvent(keep)
		ns.On("order", func(o order) (int, order) { return a.note(o.Item), o })
		ns.On("other", func(o order) int { return a.note(o.Item) })
		ns.On("slow", func(o order) int {
			n := a.note(o.Item)
			<-a.hold
			return n
		})
		ns.On("fails", func(o order) (int, error) {
			if n := a.note(o.Item); n > 1 {
				return n, nil
			}
			return 0, errors.New("the first time")
		})
		ns.On("panics", func(o order) int {
			n := a.note(o.Item)
			if n == 1 {
				panic("the first time")
			}
			return n
		})
		ns.On("late", func(o order, ack socketio.Ack) {
			n := a.note(o.Item)
			if o.Item == "never" && n == 1 {
				return
			}
			time.AfterFunc(time.Second, func() { _ = ack(n) })
		})
		ns.On("forgets", func(order, socketio.Ack) {})
		ns.On("goodbye", func(s *socketio.Socket, o order) int {
			if n := a.note(o.Item); n == 1 {
				s.CloseTransport()
			}
			return 1
		})
		ns.On("large", func(o order) string { a.note(o.Item); return strings.Repeat("x", 70_000) })
	}
	return a
}

// note counts an event that is handled, and returns how often it was.
func (a *app) note(item string) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.handled = append(a.handled, item)
	for _, other := range a.handled {
		if other == item {
			n++
		}
	}
	return n
}

func (a *app) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.handled)
}

func dial(t *testing.T, a *app, user string) *siotest.Client {
	t.Helper()
	return siotest.Dial(t, a, siotest.Options{Auth: map[string]string{"user": user}, Timeout: 10 * time.Minute})
}

// TestOnce: an event that comes again has the acknowledgement that it had, to the byte, and
// whatever differs from it in anything that counts is another event.
func TestOnce(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"websocket", "polling"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := newApp(t, idempotency.Config{})
				o := siotest.Options{Auth: map[string]string{"user": "ann"}, Transport: transport}
				c := siotest.Dial(t, a, o)
				tea := order{Key: "1", Item: "tea"}
				first := c.Call("order", tea)
				assert.Equal(t, "again", c.Call("order", tea).String(), first.String())
				again := siotest.Dial(t, a, o) // on another device
				assert.Equal(t, "from another socket", again.Call("order", tea).String(), first.String())
				c.Emit("order", tea)
				c.ExpectIdle()
				assert.Equal(t, "handled", a.count(), 1)
				assert.Equal(t, "repeats", a.repeats, 3)

				pic := order{Key: "2", Item: "pic", Data: []byte{1, 2, 3}}
				c.Call("order", pic)
				var n int
				var same order
				c.Call("order", pic).Decode(&n, &same)
				assert.Equal(t, "binary again", same, pic)
				assert.Equal(t, "handled", a.count(), 2)

				c.Call("other", tea)
				c.Of("/chat", map[string]string{"user": "ann"}).Call("order", tea)
				dial(t, a, "bob").Call("order", tea)
				dial(t, a, "").Call("order", tea)
				c.Call("order", order{Key: "3", Item: "tea"})
				assert.Equal(t, "another event, namespace, user, nobody, key", a.count(), 7)
				for range 2 {
					c.Call("order", order{Item: "tea"})
				}
				assert.Equal(t, "without a key", a.count(), 9)

				f := c.Call("order", order{Key: "1", Item: "coffee"}).Failure()
				assert.Equal(t, "the key of another event", f.Code, socketio.CodeBadRequest)
				f = c.Call("order", order{Key: strings.Repeat("x", 257), Item: "tea"}).Failure()
				assert.Equal(t, "a long key", f.Code, socketio.CodeBadRequest)
				assert.Equal(t, "handled", a.count(), 9)

				time.Sleep(time.Hour)
				c.Call("order", tea)
				assert.Equal(t, "an hour later", a.count(), 10)
			})
		})
	}
}

// TestWhileHandled: whoever comes while an event is handled waits for it, on the same server
// and on another one; other events of other clients do not.
func TestWhileHandled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := idempotency.Config{Store: idempotency.NewMemory(idempotency.MemoryOptions{})}
		a, b := newApp(t, c), newApp(t, c)
		tea := order{Key: "1", Item: "tea"}
		var answers []<-chan *siotest.Message
		clients := []*siotest.Client{dial(t, a, "ann"), dial(t, a, "ann"), dial(t, b, "ann"), dial(t, b, "ann")}
		for _, c := range clients {
			answers = append(answers, c.EmitWithAck("slow", tea))
			synctest.Wait()
		}
		assert.Equal(t, "somebody else", dial(t, a, "bob").Call("order", tea).Failure() == nil, true)
		time.Sleep(30 * time.Second)
		assert.Equal(t, "handled", a.count()+b.count(), 2)
		close(a.hold)
		for i, c := range clients {
			assert.Equal(t, "answer", c.ExpectAck(answers[i]).String(), "[1]")
		}
		assert.Equal(t, "handled", a.count()+b.count(), 2)
	})
}

// TestLease: who waits for longer than a handler may take is not answered, and asks again.
func TestLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, idempotency.Config{Lease: 10 * time.Second})
		tea := order{Key: "1", Item: "tea"}
		one, two := dial(t, a, "ann"), dial(t, a, "ann")
		first := one.EmitWithAck("slow", tea)
		synctest.Wait()
		second := two.EmitWithAck("slow", tea)
		two.ExpectNone(11 * time.Second)
		assert.Equal(t, "answers", len(second), 0)
		close(a.hold)
		assert.Equal(t, "first", one.ExpectAck(first).String(), "[1]")
		assert.Equal(t, "it asks again", two.Call("slow", tea).String(), "[1]")
		assert.Equal(t, "handled", a.count(), 1)
	})
}

// TestFailures: what has failed or panicked is handled again, by whoever has waited, too.
func TestFailures(t *testing.T) {
	t.Parallel()
	for _, event := range []string{"fails", "panics"} {
		synctest.Test(t, func(t *testing.T) {
			a := newApp(t, idempotency.Config{})
			c := dial(t, a, "ann")
			tea := order{Key: "1", Item: "tea"}
			assert.Equal(t, "first", c.Call(event, tea).Failure().Code, socketio.CodeInternal)
			for range 2 {
				assert.Equal(t, "again", c.Call(event, tea).String(), "[2]")
			}
			assert.Equal(t, "handled", a.count(), 2)
			f := c.Call("order", map[string]any{"key": "2", "item": 5}).Failure() // does not decode
			assert.Equal(t, "arguments", f.Code, socketio.CodeBadRequest)
			assert.True(t, "right now", c.Call("order", order{Key: "2", Item: "milk"}).Failure() == nil)
		})
	}
}

// TestLateAck: an event whose handler has returned is handled until it is acknowledged, or
// its lease ends.
func TestLateAck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, idempotency.Config{})
		c := dial(t, a, "ann")
		first := c.EmitWithAck("late", order{Key: "1", Item: "tea"})
		assert.Equal(t, "second", c.Call("late", order{Key: "1", Item: "tea"}).String(), "[1]")
		assert.Equal(t, "first", c.ExpectAck(first).String(), "[1]")
		assert.Equal(t, "handled", a.count(), 1)

		c.EmitWithAck("late", order{Key: "2", Item: "never"})
		c.ExpectNone(time.Minute)
		assert.Equal(t, "when its lease has ended", c.Call("late", order{Key: "2", Item: "never"}).String(), "[2]")
	})
}

// TestManyLateAcks: a client that has handlers return without an acknowledgement, as fast
// as it can, has no more than so many claims held, and takes none of anybody else.
func TestManyLateAcks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := idempotency.NewMemory(idempotency.MemoryOptions{})
		a := newApp(t, idempotency.Config{Store: m})
		c := dial(t, a, "ann")
		for round := range 2 {
			for i := range 1500 {
				c.EmitWithAck("forgets", order{Key: fmt.Sprint(round, i)})
			}
			synctest.Wait()
			if n := m.Len(); n > 1000 {
				t.Fatalf("%d claims are held", n)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			assert.Equal(t, "claims when the lease has ended", m.Len(), 0)
		}
	})
}

// TestManyLeasesEnd: when the leases of many claims end at once, as one client can have it,
// the events of others are still handled.
func TestManyLeasesEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &failing{Memory: idempotency.NewMemory(idempotency.MemoryOptions{})}
		a := newApp(t, idempotency.Config{Store: store})
		ann, bob := dial(t, a, "ann"), dial(t, a, "bob")
		for i := range 1000 {
			ann.EmitWithAck("forgets", order{Key: fmt.Sprint(i)})
		}
		synctest.Wait()
		slow := func(context.Context) error { time.Sleep(100 * time.Millisecond); return nil }
		store.how.Store(&slow)
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, "bob's", bob.Call("order", order{Key: "1", Item: "tea"}).String(), `[1,{"key":"1","item":"tea"}]`)
		assert.Equal(t, "claims", store.Len(), 1)
	})
}

// TestLostAck: a client whose connection breaks before the acknowledgement gets it when it
// is back.
func TestLostAck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, idempotency.Config{})
		c := dial(t, a, "ann")
		answer := c.EmitWithAck("goodbye", order{Key: "1", Item: "tea"})
		c.ExpectDisconnect(siotest.TransportClose)
		assert.Equal(t, "answers", len(answer), 0)
		c = c.Reconnect()
		assert.Equal(t, "again", c.Call("goodbye", order{Key: "1", Item: "tea"}).String(), "[1]")
		assert.Equal(t, "handled", a.count(), 1)
	})
}

// TestLargeAck: an acknowledgement that is too large is sent and not kept, which is logged.
func TestLargeAck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		a := newApp(t, idempotency.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		c := dial(t, a, "ann")
		for range 2 {
			assert.Equal(t, "size", len(c.Call("large", order{Key: "1", Item: "tea"}).String()), 70_004)
		}
		assert.Equal(t, "handled", a.count(), 2)
		assert.Equal(t, "lines", strings.Count(log.String(), "too large to be kept"), 2)
	})
}

// failing is a store that fails.
type failing struct {
	*idempotency.Memory
	how atomic.Pointer[func(ctx context.Context) error]
}

func (f *failing) fail(ctx context.Context) error {
	if how := f.how.Load(); how != nil {
		return (*how)(ctx)
	}
	return nil
}

func (f *failing) Begin(ctx context.Context, id idempotency.ID, token string, lease time.Duration) (idempotency.State, []byte, error) {
	if err := f.fail(ctx); err != nil {
		return 0, nil, err
	}
	return f.Memory.Begin(ctx, id, token, lease)
}

func (f *failing) End(ctx context.Context, id idempotency.ID, token string, record []byte, keep time.Duration) error {
	if err := f.fail(ctx); err != nil {
		return err
	}
	return f.Memory.End(ctx, id, token, record, keep)
}

func (f *failing) Release(ctx context.Context, id idempotency.ID, token string) error {
	if err := f.fail(ctx); err != nil {
		return err
	}
	return f.Memory.Release(ctx, id, token)
}

// TestUnavailable: while the store fails in any way nothing is handled, or everything, as
// was asked for; afterwards events are handled once again.
func TestUnavailable(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]func(ctx context.Context) error{
		"error":       func(context.Context) error { return errors.New("no Redis") },
		"panic":       func(context.Context) error { panic("no Redis") },
		"silence":     func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"deaf to ctx": func(context.Context) error { time.Sleep(time.Minute); return errors.New("too late") },
	} {
		for _, anyway := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					defer time.Sleep(time.Hour) // the deaf wake up
					store := &failing{Memory: idempotency.NewMemory(idempotency.MemoryOptions{})}
					store.how.Store(&how)
					a := newApp(t, idempotency.Config{Store: store, HandleAnyway: anyway})
					c := dial(t, a, "ann")
					tea := order{Key: "1", Item: "tea"}
					want := 0
					for range 2 {
						answer := c.EmitWithAck("order", tea)
						c.ExpectNone(5 * time.Second)
						if anyway {
							want++
						}
						assert.Equal(t, "handled", a.count(), want)
						assert.Equal(t, "answered", len(answer) == 1, anyway)
					}
					store.how.Store(nil)
					for range 2 {
						c.Call("order", tea)
					}
					assert.Equal(t, "handled when it is back", a.count(), want+1)
				})
			})
		}
	}
}

// TestPause: a store that fails is not asked for each event, and a second later it is.
func TestPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &failing{Memory: idempotency.NewMemory(idempotency.MemoryOptions{})}
		var asked atomic.Int64
		how := func(context.Context) error { asked.Add(1); time.Sleep(time.Millisecond); return errors.New("no Redis") }
		store.how.Store(&how)
		a := newApp(t, idempotency.Config{Store: store, HandleAnyway: true})
		var all []*siotest.Client
		for range 3 {
			all = append(all, dial(t, a, "ann"))
		}
		for i := range 100 {
			for _, c := range all {
				c.EmitWithAck("order", order{Key: fmt.Sprint(i), Item: "tea"})
			}
		}
		time.Sleep(500 * time.Millisecond)
		assert.Equal(t, "handled", a.count(), 300)
		if n := asked.Load(); n > 10 {
			t.Errorf("the store was asked %d times", n)
		}
		store.how.Store(nil)
		time.Sleep(time.Second)
		for _, c := range all {
			c.EmitWithAck("order", order{Key: "0", Item: "tea"})
		}
		time.Sleep(time.Second)
		assert.Equal(t, "handled when it is back", a.count(), 301)
	})
}

// TestStuck: a store that answers nobody does not collect goroutines without end.
func TestStuck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &failing{Memory: idempotency.NewMemory(idempotency.MemoryOptions{})}
		free := make(chan struct{})
		defer close(free)
		var asked atomic.Int64
		how := func(context.Context) error { asked.Add(1); <-free; return nil }
		store.how.Store(&how)
		a := newApp(t, idempotency.Config{Store: store})
		c := dial(t, a, "ann")
		for i := range 1005 {
			c.EmitWithAck("order", order{Key: fmt.Sprint(i)})
			time.Sleep(3 * time.Second)
		}
		assert.Equal(t, "questions", asked.Load(), 1000)
		assert.Equal(t, "handled", a.count(), 0)
	})
}

// TestNotKept: when the store fails in the middle the client has its answer.
func TestNotKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &failing{Memory: idempotency.NewMemory(idempotency.MemoryOptions{})}
		a := newApp(t, idempotency.Config{Store: store})
		c := dial(t, a, "ann")
		answer := c.EmitWithAck("slow", order{Key: "1", Item: "tea"})
		synctest.Wait()
		how := func(context.Context) error { return errors.New("no Redis") }
		store.how.Store(&how)
		close(a.hold)
		assert.Equal(t, "answer", c.ExpectAck(answer).String(), "[1]")
	})
}

func TestWiring(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]idempotency.Config{
		"Config.Key is needed": {},
		"are not negative":     {Key: idempotency.Arg(1), Keep: -1},
	} {
		func() {
			defer func() {
				if p, _ := recover().(string); !strings.HasPrefix(p, "idempotency: ") || !strings.Contains(p, want) {
					t.Errorf("panic %q, want %q", p, want)
				}
			}()
			idempotency.New(c)
		}()
	}
}
