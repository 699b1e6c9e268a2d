// Package ratelimittest has the contract of a [ratelimit.Store] as tests, for their authors:
//
//	func TestStore(t *testing.T) { ratelimittest.Run(t, newStore(t), newStore(t)) }
package ratelimittest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosio/gosio/ratelimit"
)

// patience is for stores on a busy machine.
const patience = 30 * time.Second

// Run tests a store through two servers of a cluster, which may be the same value. It takes
// about a second of the time that the store goes by.
func Run(t *testing.T, one, two ratelimit.Store) {
	t.Helper()
	c := &contract{one: one, two: two, salt: fmt.Sprint(time.Now().UnixNano())}
	t.Run("burst", c.burst)
	t.Run("refill", c.refill)
	t.Run("cost", c.cost)
	t.Run("wait", c.wait)
	t.Run("names", c.names)
	t.Run("concurrent", c.concurrent)
	t.Run("context", c.context)
}

// contract is one run. salt keeps it apart from others in the same store.
type contract struct {
	one, two ratelimit.Store
	salt     string
}

// hourly hardly refills during a test.
func hourly(n int) ratelimit.Limit { return ratelimit.PerHour(n, n) }

func (c *contract) take(t *testing.T, s ratelimit.Store, name string, l ratelimit.Limit, cost int, maxWait time.Duration) (time.Duration, bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	wait, ok, err := s.Take(ctx, c.salt+name, l, cost, maxWait)
	if err != nil {
		t.Fatalf("Take(%q): %v", name, err)
	}
	return wait, ok
}

func (c *contract) expect(t *testing.T, s ratelimit.Store, name string, l ratelimit.Limit, cost int, want bool) {
	t.Helper()
	if wait, ok := c.take(t, s, name, l, cost, 0); ok != want || ok && wait != 0 {
		t.Fatalf("Take(%q, cost %d) = wait %s, %v; want %v", name, cost, wait, ok, want)
	}
}

// burst: as much as the burst passes at once, whichever server asks, and then the wait is
// that for one.
func (c *contract) burst(t *testing.T) {
	l := hourly(6) // one each ten minutes
	for i := range 6 {
		c.expect(t, []ratelimit.Store{c.one, c.two}[i%2], "burst", l, 1, true)
	}
	for _, s := range []ratelimit.Store{c.one, c.two} {
		wait, ok := c.take(t, s, "burst", l, 1, 0)
		if ok || wait <= 9*time.Minute || wait > 10*time.Minute {
			t.Errorf("the seventh: wait %s, %v; want almost 10m, false", wait, ok)
		}
	}
}

// refill: what was used comes back evenly, and never more than a burst. A busy machine may
// take longer than one takes to come back: then it begins anew.
func (c *contract) refill(t *testing.T) {
	l := ratelimit.Limit{Count: 1, Per: 200 * time.Millisecond, Burst: 2}
	for i := range 100 {
		name, start := fmt.Sprint("refill ", i), time.Now()
		c.expect(t, c.one, name, l, 2, true)
		wait, ok := c.take(t, c.one, name, l, 1, 0)
		if time.Since(start) >= l.Per {
			continue
		}
		if ok || wait <= 0 || wait > l.Per {
			t.Fatalf("at once: wait %s, %v; want at most %s, false", wait, ok, l.Per)
		}
		time.Sleep(wait)
		c.expect(t, c.two, name, l, 1, true)
		time.Sleep(700 * time.Millisecond) // longer than two take
		c.expect(t, c.one, name, l, 3, false)
		c.expect(t, c.one, name, l, 2, true)
		return
	}
	t.Fatalf("the store never answers within %s", l.Per)
}

// cost: what costs more takes more; what is refused takes nothing; what costs more than a
// burst never passes.
func (c *contract) cost(t *testing.T) {
	l := hourly(10)
	c.expect(t, c.one, "cost", l, 7, true)
	c.expect(t, c.two, "cost", l, 4, false)
	c.expect(t, c.two, "cost", l, 3, true)
	if wait, ok := c.take(t, c.one, "cost", l, 11, time.Hour); ok || wait >= 0 {
		t.Errorf("more than a burst: wait %s, %v; want a negative wait, false", wait, ok)
	}
	wait, ok := c.take(t, c.one, "cost", l, 10, 0)
	if ok || wait <= 59*time.Minute || wait > time.Hour {
		t.Errorf("a whole burst after a whole burst: wait %s, %v; want almost 1h, false", wait, ok)
	}
}

// wait: who may wait takes in advance, and the next one waits for longer.
func (c *contract) wait(t *testing.T) {
	l := ratelimit.Limit{Count: 1, Per: time.Minute, Burst: 1}
	c.expect(t, c.one, "wait", l, 1, true)
	for i, tt := range []struct {
		maxWait time.Duration
		ok      bool
		want    time.Duration
	}{
		{90 * time.Second, true, time.Minute},
		{90 * time.Second, false, 2 * time.Minute},
		{3 * time.Minute, true, 2 * time.Minute},
		{0, false, 3 * time.Minute},
	} {
		wait, ok := c.take(t, c.two, "wait", l, 1, tt.maxWait)
		if ok != tt.ok || wait <= tt.want-patience || wait > tt.want {
			t.Errorf("question %d: wait %s, %v; want about %s, %v", i, wait, ok, tt.want, tt.ok)
		}
	}
}

// names: any name is one of its own.
func (c *contract) names(t *testing.T) {
	long := strings.Repeat("é", 5000)
	for _, name := range []string{"", "a", "a:b", "a\x00b", "a b", "{a}", "\xff", long + "1", long + "2", "*", "%s"} {
		c.expect(t, c.one, "names "+name, hourly(1), 1, true)
		c.expect(t, c.two, "names "+name, hourly(1), 1, false)
	}
}

// concurrent: of those who ask at the same time as many get one as there are.
func (c *contract) concurrent(t *testing.T) {
	var passed atomic.Int64
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			if _, ok := c.take(t, []ratelimit.Store{c.one, c.two}[i%2], "concurrent", hourly(25), 1, 0); ok {
				passed.Add(1)
			}
		})
	}
	all.Wait()
	if n := passed.Load(); n != 25 {
		t.Errorf("%d of 40 have passed, want 25", n)
	}
}

// context: a store that is asked too late returns, with an error or an answer.
func (c *contract) context(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	done := make(chan struct{})
	go func() { // ends with the store's answer
		defer close(done)
		_, _, _ = c.one.Take(ctx, c.salt+"context", hourly(1), 1, 0)
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Error("Take with a context that has ended does not return")
	}
}
