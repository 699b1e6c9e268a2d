package lease

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/internal/assert"
)

// hang returns a check that ignores its context until the channel is closed, and
// counts the calls.
func hang(free <-chan struct{}, calls *atomic.Int64) func(context.Context) Verdict {
	return func(context.Context) Verdict {
		calls.Add(1)
		<-free
		return Verdict{}
	}
}

// queued is the number of entries that wait for their turn.
func queued(q *Queue) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.expired.Len() + q.urgent.Len() + q.waiting.Len()
}

// TestHungChecks: functions that do not return give their places back.
func TestHungChecks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var reports atomic.Int64
		q := Queue{Report: func(int, bool) { reports.Add(1) }}
		free := make(chan struct{})
		defer close(free)
		refused := func() { t.Error("refused") }
		for range AtOnce {
			q.Add(func() { <-free }, refused)
		}
		begun := time.Now()
		var urgent, waiting atomic.Int64
		q.AddUrgent(func() { urgent.Store(int64(time.Since(begun))) }, refused)
		q.Add(func() { waiting.Store(int64(time.Since(begun))) }, refused)
		time.Sleep(Patience)
		synctest.Wait()
		assert.Equal(t, "before", urgent.Load(), 0)
		assert.Equal(t, "abandoned before", reports.Load(), 0)
		time.Sleep(Margin)
		synctest.Wait()
		assert.Equal(t, "the urgent one", time.Duration(urgent.Load()), Patience+Margin)
		assert.Equal(t, "the other one", time.Duration(waiting.Load()), Patience+Margin)
		assert.Equal(t, "abandoned", reports.Load(), AtOnce)
	})
}

// TestPatientChecks: a check that returns when its context ends is not abandoned.
func TestPatientChecks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := Queue{Report: func(int, bool) { t.Error("abandoned") }}
		o := &owner{connected: true, ctx: t.Context(), began: time.Now()}
		o.check = func(ctx context.Context) Verdict { <-ctx.Done(); return Verdict{} }
		l := New(o, o, &q, 0)
		l.Check()
		time.Sleep(time.Minute)
		l.Stop(func() {})
	})
}

// TestManyHungChecks: however many sockets there are, few goroutines and at most
// one entry per socket are left; credentials end at their expiry, and all sockets
// are checked again when the checks return.
func TestManyHungChecks(t *testing.T) { //nolint:paralleltest // it counts goroutines
	synctest.Test(t, func(t *testing.T) {
		const sockets = 10_000
		var q Queue
		var calls atomic.Int64
		var reports atomic.Int64
		q.Report = func(_ int, refused bool) {
			if !refused {
				reports.Add(1)
			}
		}
		free := make(chan struct{})
		owners, leases := make([]*owner, sockets), make([]*Lease, sockets)
		for i := range sockets {
			o := &owner{connected: true, ctx: t.Context(), began: time.Now(), failed: Verdict{Retry: RetryAfter}, check: hang(free, &calls)}
			if i%2 == 0 {
				o.end, o.failed = 5*time.Minute, Verdict{End: errExpired}
			}
			owners[i], leases[i] = o, New(o, o, &q, time.Minute)
			leases[i].Begin(func() {})
		}
		before := runtime.NumGoroutine()
		limit := MaxAbandoned + AtOnce + AtExpiry
		bounded := func(when string) {
			t.Helper()
			synctest.Wait()
			assert.True(t, when+": at most one entry per socket", queued(&q) <= sockets)
			assert.True(t, when+": goroutines", runtime.NumGoroutine()-before <= limit+1) // and the one that starts them
			assert.True(t, when+": calls", int(calls.Load()) <= limit)
		}
		time.Sleep(4 * time.Minute)
		bounded("hung")
		time.Sleep(time.Minute + Patience)
		bounded("expired")
		for i, o := range owners {
			if ended := leases[i].Ended() != nil; ended != (o.end > 0) {
				t.Fatalf("socket %d: ended %t", i, ended)
			}
		}
		assert.True(t, "abandoned", reports.Load() >= MaxAbandoned && int(reports.Load()) <= limit)
		close(free)
		calls.Store(0)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		assert.True(t, "checked again", calls.Load() >= sockets/2)
		for _, l := range leases {
			l.Stop(func() {})
		}
	})
}

// TestRefused: when too many functions were abandoned the next ones are refused at
// once, and not once some have returned.
func TestRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var reported atomic.Int64
		q := Queue{Report: func(abandoned int, refused bool) {
			if refused {
				reported.Add(1)
				assert.Equal(t, "abandoned", abandoned, MaxAbandoned)
			}
		}}
		free := make(chan struct{})
		for range MaxAbandoned {
			q.Add(func() { <-free }, func() { t.Error("refused") })
		}
		time.Sleep(time.Hour)
		var run, refused atomic.Int64
		q.Add(func() { run.Add(1) }, func() { refused.Add(1) })
		q.AddUrgent(func() { run.Add(1) }, func() { refused.Add(1) })
		o := &owner{connected: true, ctx: t.Context(), began: time.Now(), end: time.Minute, failed: Verdict{End: errExpired}}
		l := New(o, o, &q, 0)
		l.Begin(func() {})
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, "run", run.Load(), 0)
		assert.Equal(t, "refused", refused.Load(), 2)
		assert.Equal(t, "reported", reported.Load(), 3)
		assert.Equal(t, "calls", o.calls, []string{"final expired", "leave expired"})
		assert.Equal(t, "at the expiry", o.at[0], time.Minute)
		close(free)
		synctest.Wait()
		q.Add(func() { run.Add(1) }, func() { refused.Add(1) })
		synctest.Wait()
		assert.Equal(t, "run", run.Load(), 1)
	})
}

// TestGoneSocketsDoNotWait: what waits for its turn is dropped with its socket,
// and when its credential ends.
func TestGoneSocketsDoNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var q Queue
		free := make(chan struct{})
		defer close(free)
		for range AtOnce {
			q.Add(func() { <-free }, func() {})
		}
		var leases []*Lease
		for range 2 {
			o := &owner{connected: true, ctx: t.Context(), began: time.Now()}
			l := New(o, o, &q, time.Second)
			l.Begin(func() {})
			leases = append(leases, l)
		}
		time.Sleep(5 * time.Second)
		assert.Equal(t, "waiting", queued(&q), 2)
		leases[0].Stop(func() {})
		leases[1].End(errRevoked)
		assert.Equal(t, "waiting", queued(&q), 0)
	})
}

// TestGoneDuringCheck: a check that ends after its socket does not bring another
// one, though one was wanted meanwhile.
func TestGoneDuringCheck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var q Queue
		free := make(chan struct{})
		defer close(free)
		for range AtOnce - 1 {
			q.Add(func() { <-free }, func() {})
		}
		o := &owner{connected: true, ctx: t.Context(), began: time.Now()}
		o.check = func(context.Context) Verdict { time.Sleep(2 * time.Second); return Verdict{} }
		l := New(o, o, &q, 0)
		l.Check()
		time.Sleep(time.Second)
		l.Check()
		q.Add(func() { <-free }, func() {}) // takes the place afterwards
		l.Stop(func() {})
		time.Sleep(2 * time.Second)
		assert.Equal(t, "waiting", queued(&q), 0)
	})
}
