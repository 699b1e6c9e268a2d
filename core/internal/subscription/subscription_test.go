package subscription_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/internal/subscription"
	"github.com/gosio/gosio/core/internal/tasks"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// fake is an adapter that answers after a second.
type fake struct {
	mu     sync.Mutex
	now    map[string]bool // subscribed to
	sizes  []int           // of the calls
	err    error           // of SubscribeRooms
	failed int             // names
	work   tasks.Group
}

func (f *fake) config(life context.Context) subscription.Config {
	return subscription.Config{
		Subscribe: f.subscribe, Unsubscribe: f.unsubscribe, Work: &f.work, Life: life,
		Guard: func(_ string, call func()) {
			defer func() { _ = recover() }()
			call()
		},
		Failed: func(names int, _ error) { f.failed += names },
	}
}

func (f *fake) subscribe(ctx context.Context, names []string) error {
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sizes = append(f.sizes, len(names))
	for _, name := range names {
		if name == "panic" {
			panic(name)
		}
		f.now[name] = true
	}
	return f.err
}

func (f *fake) unsubscribe(names []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, name := range names {
		delete(f.now, name)
	}
}

func (f *fake) names() (all []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name := range f.now {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// TestHolds: a name is subscribed to from its first hold until its last release, and a
// name that comes and goes before the adapter is asked is not.
func TestHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		life, end := context.WithCancel(t.Context())
		defer end()
		f := &fake{now: map[string]bool{}}
		n := subscription.New(f.config(life))
		n.Hold("a", "b", "a")
		synctest.Wait()
		n.Hold("brief")
		n.Release("brief", "a")
		assert.NoError(t, f.work.Wait(t.Context()))
		assert.Equal(t, "two", f.names(), []string{"a", "b"})
		n.Release("a")
		assert.NoError(t, f.work.Wait(t.Context()))
		assert.Equal(t, "one", f.names(), []string{"b"})
		assert.Equal(t, "calls", f.sizes, []int{2})
	})
}

// TestAwait: Await returns when the adapter has answered, whatever it answers; when it
// does not answer, after Patience; and when ctx ends.
func TestAwait(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		name   string
		ctx    time.Duration
		want   time.Duration
		failed int
	}{
		"answer":  {name: "a", ctx: time.Hour, want: time.Second},
		"error":   {name: "a", err: errors.New("no"), ctx: time.Hour, want: time.Second, failed: 1},
		"panic":   {name: "panic", ctx: time.Hour, want: time.Second, failed: 1},
		"context": {name: "a", ctx: time.Millisecond, want: time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{now: map[string]bool{}, err: c.err}
				n := subscription.New(f.config(t.Context()))
				ctx, cancel := context.WithTimeout(t.Context(), c.ctx)
				defer cancel()
				start := time.Now()
				n.Await(ctx, c.name)
				assert.Equal(t, "waited", time.Since(start), c.want)
				assert.NoError(t, f.work.Wait(t.Context()))
				again := time.Now()
				n.Await(t.Context(), c.name)
				assert.Equal(t, "waits no more", time.Since(again), 0)
				assert.Equal(t, "failed", f.failed, c.failed)
			})
		})
	}
}

// TestCalls: the adapter gets at most adapter.MaxNames names in one call.
func TestCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{now: map[string]bool{}}
		n := subscription.New(f.config(t.Context()))
		names := make([]string, adapter.MaxNames+1)
		for i := range names {
			names[i] = string(rune('0' + i))
		}
		n.Hold(names...)
		assert.NoError(t, f.work.Wait(t.Context()))
		assert.Equal(t, "calls", f.sizes, []int{adapter.MaxNames, 1})
	})
}

// TestEnd: End waits for the call that is under way, lets go of who waits, and ends all
// calls. The nil pointer does nothing.
func TestEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{now: map[string]bool{}}
		n := subscription.New(f.config(t.Context()))
		var awaiting sync.WaitGroup
		awaiting.Go(func() { n.Await(context.Background(), "a") })
		synctest.Wait()
		awaiting.Go(func() { n.Await(context.Background(), "behind") })
		synctest.Wait()
		start := time.Now()
		n.End()
		awaiting.Wait()
		assert.Equal(t, "waited", time.Since(start), 0)
		n.Hold("b")
		n.Release("a", "b")
		assert.NoError(t, f.work.Wait(t.Context()))
		assert.Equal(t, "names", len(f.names()), 0)
	})
	var none *subscription.Names
	none.Hold("a")
	none.Await(t.Context(), "a")
	none.Release("a")
	none.End()
}
