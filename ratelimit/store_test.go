package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
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
					assert.True(t, "it took no longer than three timeouts", time.Since(start) <= 300*time.Millisecond)
					assert.Equal(t, "questions", store.asked.Swap(0), int64(3))
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

// TestRefused: nobody is over a limit because the store is away: clients hear when to try
// again and keep their connections, whatever the rule's answer, and OnLimited hears nothing.
func TestRefused(t *testing.T) {
	t.Parallel()
	for _, answer := range []ratelimit.Answer{ratelimit.AnswerRefuse, ratelimit.AnswerDrop, ratelimit.AnswerDelay, ratelimit.AnswerDisconnect} {
		t.Run(fmt.Sprint(answer), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := &failing{Memory: ratelimit.NewMemory(0)}
				store.fail(func(context.Context) error { return errors.New("no Redis") })
				a := newApp(t)
				rule := ratelimit.Rule{By: ratelimit.Address, Limit: ratelimit.PerHour(1, 1)}
				a.Of("/chat").Use(a.limit(ratelimit.Config{Store: store, Unavailable: ratelimit.UnavailableRefuse, Handshakes: []ratelimit.Rule{rule}}))
				rule.Answer = answer
				a.Use(a.limit(ratelimit.Config{Store: store, Unavailable: ratelimit.UnavailableRefuse, Events: []ratelimit.Rule{rule}}))
				c := a.dial(t, "ann", "192.0.2.1")
				retry := any(map[string]any{"retryAfter": 1000.0})
				for range 5 {
					f := c.Call("say").Failure()
					assert.Equal(t, "code", f.Code, socketio.CodeTimeout)
					assert.Equal(t, "data", f.Data, retry)
				}
				e := c.RefusedOf("/chat", nil)
				assert.Equal(t, "message", e.Message, "try again later")
				assert.Equal(t, "its data", e.Data, retry)
				assert.Equal(t, "over a limit", len(a.reports()), 0)
				assert.Equal(t, "handled", a.count("say"), 0)
				store.how.Store(nil)
				time.Sleep(time.Second)
				assert.True(t, "passes when the store is back", passes(t, c, "say"))
			})
		})
	}
}

// TestSlowOnce: a store that is slow once, for however many clients at a time, is asked
// again at once. If it stays so it has a pause.
func TestSlowOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &failing{Memory: ratelimit.NewMemory(0)}
		a := newApp(t)
		a.Use(a.limit(ratelimit.Config{Store: store, Unavailable: ratelimit.UnavailableAllow, Events: []ratelimit.Rule{
			{By: ratelimit.Address, Limit: ratelimit.PerHour(1, 1)},
		}}))
		var all []*siotest.Client
		for i := range 20 {
			all = append(all, a.dial(t, "", fmt.Sprint("192.0.2.", i)))
		}
		last := all[len(all)-1]
		slow := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		for range 3 {
			store.fail(slow)
			for _, c := range all {
				c.Emit("say")
			}
			time.Sleep(200 * time.Millisecond)
			store.how.Store(nil)
			passes(t, last, "say")
			assert.True(t, "counts at once", !passes(t, last, "say"))
		}
		store.fail(slow)
		for range 3 {
			assert.True(t, "by the policy", passes(t, last, "say"))
		}
		store.how.Store(nil)
		assert.True(t, "a pause", passes(t, last, "say"))
		time.Sleep(time.Second)
		assert.True(t, "after the pause", !passes(t, last, "say"))
	})
}

// TestCrowd: a store that stands still once while more than 1,000 clients ask is asked again
// at once.
func TestCrowd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &failing{Memory: ratelimit.NewMemory(0)}
		a := newApp(t)
		a.Use(a.limit(ratelimit.Config{Store: store, Unavailable: ratelimit.UnavailableRefuse, Events: []ratelimit.Rule{
			{By: ratelimit.Namespace, Limit: ratelimit.PerHour(5000, 5000)},
		}}))
		var all []*siotest.Client
		for range 1100 {
			all = append(all, a.dial(t, "", "192.0.2.1"))
		}
		store.fail(func(context.Context) error { time.Sleep(150 * time.Millisecond); return nil })
		for _, c := range all {
			c.Emit("say")
		}
		time.Sleep(200 * time.Millisecond)
		assert.Equal(t, "questions", store.asked.Load(), int64(1000))
		assert.Equal(t, "handled", a.count("say"), 0)
		store.how.Store(nil)
		assert.True(t, "is asked at once", passes(t, all[0], "say"))
	})
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
		assert.Equal(t, "over a limit", len(a.reports()), 0)
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
