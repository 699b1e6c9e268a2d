package ratelimit_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/ratelimit"
)

// failing is a store that does what it is told.
type failing struct {
	*ratelimit.Memory
	how   atomic.Pointer[func(ctx context.Context) error]
	asked atomic.Int64
}

func (f *failing) Take(ctx context.Context, name string, l ratelimit.Limit, cost int, maxWait time.Duration) (time.Duration, bool, error) {
	f.asked.Add(1)
	if how := f.how.Load(); how != nil {
		if err := (*how)(ctx); err != nil {
			return 0, true, err
		}
	}
	return f.Memory.Take(ctx, name, l, cost, maxWait)
}

func (f *failing) fail(how func(ctx context.Context) error) { f.how.Store(&how) }

// TestUnavailable: what holds while a store fails in any way, that nobody waits for it for
// longer than the timeout, that it is asked again after a second, and that it counts again
// when it is back.
func TestUnavailable(t *testing.T) {
	t.Parallel()
	ways := map[string]func(ctx context.Context) error{
		"error":       func(context.Context) error { return errors.New("no Redis") },
		"panic":       func(context.Context) error { panic("no Redis") },
		"goexit":      func(context.Context) error { runtime.Goexit(); return nil },
		"silence":     func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"deaf to ctx": func(context.Context) error { time.Sleep(time.Minute); return errors.New("too late") },
	}
	for policy, passing := range map[ratelimit.Unavailable]int{
		ratelimit.UnavailableLocal: 3, ratelimit.UnavailableAllow: 5, ratelimit.UnavailableRefuse: 0,
	} {
		for way, how := range ways {
			t.Run(way, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					store := &failing{Memory: ratelimit.NewMemory(0)}
					defer time.Sleep(time.Hour) // the deaf wake up
					a, b := newApp(t), newApp(t)
					for _, a := range []*app{a, b} {
						a.Use(a.limit(ratelimit.Config{Store: store, Unavailable: policy, Events: []ratelimit.Rule{
							{Name: "own", Limit: ratelimit.PerHour(100, 100)}, // by socket: not the store's
							{By: ratelimit.Identity, Limit: ratelimit.PerHour(3, 3)},
						}}))
					}
					burst := func(c *siotest.Client) (n int) {
						for range 5 {
							if passes(t, c, "say") {
								n++
							}
						}
						return n
					}
					c := a.dial(t, "ann", "192.0.2.1")
					assert.Equal(t, "while it works", burst(c), 3)
					assert.Equal(t, "on the other server", burst(b.dial(t, "ann", "192.0.2.9")), 0)
					assert.Equal(t, "questions", store.asked.Swap(0), int64(10))

					store.fail(how)
					start := time.Now()
					assert.Equal(t, "while it fails", burst(c), passing)
					assert.True(t, "it took no longer than one timeout", time.Since(start) <= 100*time.Millisecond)
					assert.Equal(t, "questions", store.asked.Swap(0), int64(1))
					time.Sleep(2 * time.Second)
					burst(c)
					assert.Equal(t, "questions later", store.asked.Load(), int64(1))

					store.how.Store(nil)
					time.Sleep(2 * time.Second)
					assert.Equal(t, "when it is back", burst(c), 0)
					assert.Equal(t, "of somebody else", burst(a.dial(t, "bob", "192.0.2.1")), 3)
				})
			})
		}
	}
}

// TestGoneWhileAsked: a client that goes away while the store is asked is not the store's
// failure.
func TestGoneWhileAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &failing{Memory: ratelimit.NewMemory(0)}
		a := newApp(t)
		a.Use(a.limit(ratelimit.Config{Store: store, StoreTimeout: time.Hour, Events: []ratelimit.Rule{{By: ratelimit.Address, Limit: ratelimit.PerHour(1, 1)}}}))
		c, other := a.dial(t, "", "192.0.2.1"), a.dial(t, "", "192.0.2.2")
		store.fail(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		c.Emit("say")
		synctest.Wait()
		c.Disconnect()
		synctest.Wait()
		store.how.Store(nil)
		assert.True(t, "asked again at once", passes(t, other, "say"))
		assert.Equal(t, "questions", store.asked.Load(), int64(2))
		assert.Equal(t, "handled", a.count("say"), 1)
	})
}

// TestStuck: a store that answers nobody does not collect goroutines without end.
func TestStuck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &failing{Memory: ratelimit.NewMemory(0)}
		free := make(chan struct{})
		store.fail(func(context.Context) error { <-free; return nil })
		defer close(free)
		a := newApp(t)
		a.Use(a.limit(ratelimit.Config{Store: store, Events: []ratelimit.Rule{{By: ratelimit.Address, Limit: ratelimit.PerHour(1, 1)}}}))
		c := a.dial(t, "", "192.0.2.1")
		for range 1005 {
			c.Call("say")
			time.Sleep(2 * time.Second)
		}
		if n := store.asked.Load(); n != 1000 {
			t.Errorf("%d questions wait for an answer, want 1000", n)
		}
	})
}
