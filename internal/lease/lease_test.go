package lease

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestStates is the whole table: what is not in it changes nothing.
func TestStates(t *testing.T) {
	t.Parallel()
	type key struct {
		state state
		event event
	}
	changes := map[key]state{
		{stateLive, eventWarn}: stateGrace,

		{stateLive, eventRenew}: stateLive, {stateGrace, eventRenew}: stateLive,
		{stateLive, eventEnd}: stateEnded, {stateGrace, eventEnd}: stateEnded,
		{stateEnded, eventLeave}: stateLeft,

		{stateLive, eventGone}: stateGone, {stateGrace, eventGone}: stateGone, {stateEnded, eventGone}: stateGone, {stateLeft, eventGone}: stateGone,
	}
	for s := stateLive; s <= stateGone; s++ {
		for e := eventWarn; e <= eventGone; e++ {
			next, ok := s.next(e)
			want, allowed := changes[key{s, e}]
			if !allowed {
				want = s
			}
			if next != want || ok != allowed {
				t.Errorf("state %d, event %d: state %d, %t; want %d, %t", s, e, next, ok, want, allowed)
			}
		}
	}
}

// TestCheckStates is the whole table.
func TestCheckStates(t *testing.T) {
	t.Parallel()
	type key struct {
		state checkState
		event checkEvent
	}
	changes := map[key]checkState{
		{checkIdle, checkWanted}: checkQueued, {checkRunning, checkWanted}: checkAgain,
		{checkIdle, checkUrgent}: checkUrgently, {checkQueued, checkUrgent}: checkUrgently,
		{checkQueued, checkStarted}: checkRunning, {checkUrgently, checkStarted}: checkRunning,
		{checkRunning, checkDone}: checkIdle, {checkAgain, checkDone}: checkQueued,
	}
	for s := checkIdle; s <= checkAgain; s++ {
		for e := checkWanted; e <= checkDone; e++ {
			next, ok := s.next(e)
			want, allowed := changes[key{s, e}]
			if !allowed {
				want = s
			}
			if next != want || ok != allowed {
				t.Errorf("state %d, event %d: state %d, %t; want %d, %t", s, e, next, ok, want, allowed)
			}
		}
	}
}

var (
	errExpired = errors.New("expired")
	errRevoked = errors.New("revoked")
)

// owner is one whose answers a test sets. It notes when what is called.
type owner struct {
	connected bool
	ctx       context.Context

	mu        sync.Mutex
	began     time.Time
	warn, end time.Duration // since began; zero: never
	expired   error
	check     func(ctx context.Context) Verdict
	failed    Verdict
	calls     []string
	at        []time.Duration
}

func (o *owner) Connected() bool          { return o.connected }
func (o *owner) Context() context.Context { return o.ctx }

func (o *owner) Times() (warn, end time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.warn > 0 {
		warn = o.began.Add(o.warn)
	}
	if o.end > 0 {
		end = o.began.Add(o.end)
	}
	return warn, end
}

func (o *owner) note(call string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls, o.at = append(o.calls, call), append(o.at, time.Since(o.began))
}

func (o *owner) Warn()                { o.note("warn") }
func (o *owner) Expired() error       { return o.expired }
func (o *owner) Failed() Verdict      { return o.failed }
func (o *owner) Panicked(any, []byte) { o.note("panic") }
func (o *owner) Final(why error)      { o.note("final " + why.Error()) }
func (o *owner) Leave(why error)      { o.note("leave " + why.Error()) }

func (o *owner) Check(ctx context.Context) Verdict {
	o.note("check")
	if o.check == nil {
		return Verdict{}
	}
	return o.check(ctx)
}

// TestLease: what happens when, in virtual time.
func TestLease(t *testing.T) {
	t.Parallel()
	const min = time.Minute
	down := func(n int) func(context.Context) Verdict { // for n checks
		return func(context.Context) Verdict {
			if n--; n >= 0 {
				return Verdict{Retry: RetryAfter}
			}
			return Verdict{}
		}
	}
	for _, tt := range []struct {
		name  string
		owner *owner
		every time.Duration
		after func(l *Lease, o *owner) // of ten minutes
		want  []string
		at    []time.Duration // of the calls; nil: not looked at
	}{
		{name: "nothing to do", owner: &owner{connected: true}},
		{name: "a token", owner: &owner{connected: true, end: 5 * min, expired: errExpired},
			want: []string{"final expired", "leave expired"}, at: []time.Duration{5 * min, 5 * min}},
		{name: "with grace", owner: &owner{connected: true, warn: 4 * min, end: 5 * min, expired: errExpired},
			want: []string{"warn", "final expired", "leave expired"}, at: []time.Duration{4 * min, 5 * min, 5 * min}},
		{name: "a session that goes on", owner: &owner{connected: true, end: 9 * min, check: func(context.Context) Verdict { return Verdict{} }},
			want: slices.Repeat([]string{"check"}, 61)}, // at the end, and then each second as its owner says no other time
		{name: "a session that has ended", owner: &owner{connected: true, end: 5 * min, check: func(context.Context) Verdict { return Verdict{End: errExpired} }},
			want: []string{"check", "final expired", "leave expired"}, at: []time.Duration{5 * min, 5 * min, 5 * min}},
		{name: "a store that is down", owner: &owner{connected: true, check: down(2)}, after: func(l *Lease, _ *owner) { l.Check() },
			want: []string{"check", "check", "check"}},
		{name: "a check that panics", owner: &owner{connected: true, failed: Verdict{Retry: RetryAfter}}, after: func(l *Lease, o *owner) {
			o.check = func(context.Context) Verdict { o.check = nil; panic("broken") }
			l.Check()
		}, want: []string{"check", "panic", "check"}},
		{name: "a check that calls Goexit", owner: &owner{connected: true, failed: Verdict{Retry: RetryAfter}}, after: func(l *Lease, o *owner) {
			o.check = func(context.Context) Verdict { o.check = nil; runtime.Goexit(); return Verdict{} }
			l.Check()
		}, want: []string{"check", "check"}},
		{name: "a check at the end that panics", owner: &owner{connected: true, end: 5 * min, failed: Verdict{End: errExpired}, check: func(context.Context) Verdict { panic("broken") }},
			want: []string{"check", "panic", "final expired", "leave expired"}, at: []time.Duration{5 * min, 5 * min, 5 * min, 5 * min}},
		{name: "a check at the end that calls Goexit", owner: &owner{connected: true, end: 5 * min, failed: Verdict{End: errExpired}, check: func(context.Context) Verdict { runtime.Goexit(); return Verdict{} }},
			want: []string{"check", "final expired", "leave expired"}, at: []time.Duration{5 * min, 5 * min, 5 * min}},
		{name: "a check at the end that does not heed its context", owner: &owner{connected: true, end: 5 * min, failed: Verdict{End: errExpired}, check: func(context.Context) Verdict { time.Sleep(4 * min); return Verdict{} }},
			want: []string{"check", "final expired", "leave expired"}, at: []time.Duration{5 * min, 5*min + Patience, 5*min + Patience}},
		{name: "a check before the end that does not heed its context", owner: &owner{connected: true, end: 15 * min, failed: Verdict{End: errExpired}, check: func(context.Context) Verdict { time.Sleep(9 * min); return Verdict{} }},
			after: func(l *Lease, _ *owner) { l.Check() },
			want:  []string{"check", "final expired", "leave expired"}, at: []time.Duration{10 * min, 15 * min, 15 * min}},
		{name: "ended twice", owner: &owner{connected: true}, after: func(l *Lease, _ *owner) { l.End(errRevoked); l.End(errExpired) },
			want: []string{"final revoked", "leave revoked", "final expired"}},
		{name: "ended while it connects", owner: &owner{}, after: func(l *Lease, o *owner) {
			l.End(errRevoked)
			l.Joined()
			o.note("connected")
			o.connected = true
			l.Joined()
			l.Joined()
		}, want: []string{"final revoked", "final revoked", "connected", "final revoked", "leave revoked", "final revoked"}},
		{name: "gone", owner: &owner{connected: true, end: 15 * min, expired: errExpired}, every: 30 * min, after: func(l *Lease, o *owner) {
			l.Stop(func() { o.note("stopped") })
			l.Stop(func() { o.note("stopped twice") })
			l.Check()
			l.Begin(func() { o.note("began again") })
			l.Renew(func() { o.note("renewed") })
			l.End(errRevoked) // for what is kept for its return
		}, want: []string{"stopped", "final revoked"}},
		{name: "renewed in the grace", owner: &owner{connected: true, warn: 9 * min, end: 12 * min, expired: errExpired}, after: func(l *Lease, o *owner) {
			l.Renew(func() { o.warn, o.end = 15*min, 16*min })
		}, want: []string{"warn", "warn", "final expired", "leave expired"}, at: []time.Duration{9 * min, 15 * min, 16 * min, 16 * min}},
		{name: "renewed too late", owner: &owner{connected: true, end: 10 * min, expired: errExpired}, after: func(l *Lease, o *owner) {
			l.Renew(func() { o.note("renewed") })
		}, want: []string{"final expired", "leave expired"}},
		{name: "longer than the timer sleeps", owner: &owner{connected: true, end: 3*time.Hour + 1, expired: errExpired}, after: func(*Lease, *owner) { time.Sleep(3 * time.Hour) },
			want: []string{"final expired", "leave expired"}, at: []time.Duration{3*time.Hour + 1, 3*time.Hour + 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var q Queue
				o := tt.owner
				ctx, cancel := context.WithCancel(t.Context())
				o.ctx, o.began = ctx, time.Now()
				l := New(o, o, &q, tt.every)
				assert.True(t, "begun", l.Begin(func() {}))
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				if tt.after != nil {
					tt.after(l, o)
					time.Sleep(10 * time.Minute)
				}
				synctest.Wait()
				o.mu.Lock()
				assert.Equal(t, "calls", o.calls, tt.want)
				if tt.at != nil {
					assert.Equal(t, "at", o.at, tt.at)
				}
				o.mu.Unlock()
				cancel()
				l.Stop(func() {})
			})
		})
	}
}

// TestRegularChecks come a tenth earlier or later, and not for sockets that came
// together at one moment.
func TestRegularChecks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var q Queue
		var owners []*owner
		for range 100 {
			o := &owner{connected: true, ctx: t.Context(), began: time.Now()}
			l := New(o, o, &q, time.Minute)
			l.Begin(func() {})
			defer l.Stop(func() {})
			owners = append(owners, o)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		moments := make(map[time.Duration]bool)
		for _, o := range owners {
			assert.True(t, "nine to eleven checks", len(o.at) >= 9 && len(o.at) <= 11)
			assert.True(t, "the first after "+o.at[0].String(), o.at[0] >= 54*time.Second && o.at[0] <= 66*time.Second)
			moments[o.at[0]] = true
		}
		assert.True(t, "not together", len(moments) > 50)
	})
}

// TestExpiredWhileCounted: the end counts from its moment, and not from the
// timer's.
func TestExpiredWhileCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var q Queue
		o := &owner{connected: true, ctx: t.Context(), began: time.Now(), end: time.Minute, expired: errExpired}
		l := New(o, o, &q, 0) // the clock has not begun: no timer
		time.Sleep(time.Minute - 1)
		assert.NoError(t, l.Ended())
		time.Sleep(time.Nanosecond)
		assert.ErrorIs(t, l.Ended(), errExpired)
		assert.True(t, "renewed too late", !l.Renew(func() { t.Error("changed") }))
	})
}

// TestEndDoesNotQueue: a session that ends is checked at once, however many
// sockets wait for their turn.
func TestEndDoesNotQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var q Queue
		free := make(chan struct{})
		for range 10 * AtOnce {
			q.Add(func() { <-free }, func() {})
		}
		o := &owner{connected: true, ctx: t.Context(), began: time.Now(), end: time.Minute}
		o.check = func(context.Context) Verdict { return Verdict{End: errExpired} }
		l := New(o, o, &q, time.Second)
		l.Begin(func() {})
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, "calls", o.calls, []string{"check", "final expired", "leave expired"})
		assert.Equal(t, "at", o.at[0], time.Minute)
		close(free)
		synctest.Wait()
		assert.Equal(t, "checks", len(o.calls), 3) // not once more when its turn comes
	})
}

// TestQueue: a few at a time, in order, the urgent ones first, whatever they do.
func TestQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := Queue{Report: func(int, bool) { t.Error("abandoned, though it has ended") }}
		var mu sync.Mutex
		var order []int
		running, most := 0, 0
		refused := func() { t.Error("refused") }
		do := func(i int) func() {
			return func() {
				mu.Lock()
				running++
				most = max(most, running)
				order = append(order, i)
				mu.Unlock()
				time.Sleep(time.Duration(i%100+1) * 100 * time.Millisecond)
				mu.Lock()
				running--
				mu.Unlock()
				if i%2 == 0 {
					runtime.Goexit()
				}
			}
		}
		for i := range 2 * AtOnce {
			q.Add(do(i), refused)
		}
		synctest.Wait()
		q.AddUrgent(do(1050), refused)
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Equal(t, "at once", most, AtOnce)
		assert.Equal(t, "all", len(order), 2*AtOnce+1)
		assert.Equal(t, "the urgent one", order[AtOnce], 1050)
		assert.True(t, "in order", slices.IsSorted(order[AtOnce+1:]))
		done := false
		q.Add(func() { done = true }, refused) // Goexit has not taken the places
		synctest.Wait()
		assert.True(t, "afterwards", done)
	})
}
