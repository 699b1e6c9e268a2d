package breaker_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/breaker"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

const timeout = 100 * time.Millisecond

type question = func(ctx context.Context) (int, error)

var errDown = errors.New("down")

func answers(context.Context) (int, error) { return 7, nil }
func fails(context.Context) (int, error)   { return 0, errDown }

// TestAsk: a store answers, or does not, in any way; nobody waits for longer than the
// timeout.
func TestAsk(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ask  question
		want int
		err  error // nil: see text
		text string
		took time.Duration
	}{
		"answers":      {answers, 7, nil, "", 0},
		"fails":        {fails, 0, errDown, "", 0},
		"just in time": {func(context.Context) (int, error) { time.Sleep(timeout - 1); return 7, nil }, 7, nil, "", timeout - 1},
		"silent":       {func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() }, 0, nil, "", timeout},
		"deaf":         {func(context.Context) (int, error) { time.Sleep(time.Hour); return 7, nil }, 0, breaker.ErrSlow, "", timeout},
		"panics":       {func(context.Context) (int, error) { panic("oops") }, 0, nil, "the store has panicked: oops", 0},
		"exits":        {func(context.Context) (int, error) { runtime.Goexit(); return 7, nil }, 0, nil, "the store has ended its goroutine", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, start := breaker.New(timeout), time.Now()
				got, err := breaker.Ask(t.Context(), b, tt.ask)
				assert.Equal(t, "took", time.Since(start), tt.took)
				assert.Equal(t, "answer", got, tt.want)
				switch {
				case tt.err != nil:
					assert.ErrorIs(t, err, tt.err)
				case tt.text != "":
					assert.True(t, "error: "+err.Error(), strings.Contains(err.Error(), tt.text))
				default:
					assert.Equal(t, "fails", err != nil, tt.want == 0)
				}
				time.Sleep(time.Hour) // the deaf one has returned
			})
		})
	}
}

// ask asks one question after the other.
func ask(t *testing.T, b *breaker.Breaker, all ...question) {
	t.Helper()
	for _, f := range all {
		time.Sleep(time.Millisecond)
		_, _ = breaker.Ask(t.Context(), b, f)
	}
}

// TestAllow: after so many failures in a row nobody asks for a while; then one does, and the
// next one after as long a while, until the store answers.
func TestAllow(t *testing.T) {
	t.Parallel()
	silent := func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() }
	for name, tt := range map[string]struct {
		asked []question
		open  bool
	}{
		"nothing":         {nil, true},
		"two fail":        {[]question{fails, fails}, true},
		"three fail":      {[]question{fails, silent, fails}, false},
		"one between":     {[]question{fails, fails, answers, fails, fails}, true},
		"three after one": {[]question{fails, answers, fails, fails, fails}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := breaker.New(timeout)
				ask(t, b, tt.asked...)
				assert.Equal(t, "allowed", b.Allow(), tt.open)
				if tt.open {
					return
				}
				for range 3 {
					time.Sleep(breaker.Pause - 1)
					assert.True(t, "nobody asks during the pause", !b.Allow())
					time.Sleep(time.Nanosecond)
					assert.True(t, "one asks after the pause", b.Allow())
					assert.True(t, "and no other", !b.Allow())
				}
				ask(t, b, answers)
				for range 3 {
					assert.True(t, "all ask when there was an answer", b.Allow())
				}
			})
		})
	}
}

// TestAtOnce: questions that wait at the same time fail for one reason, and count once; and
// those of clients that have gone say nothing of the store.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := breaker.New(timeout)
		silent := func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() }
		many := func(ctx context.Context) {
			for range 100 {
				go func() { _, _ = breaker.Ask(ctx, b, silent) }()
			}
			time.Sleep(2 * timeout)
		}
		many(t.Context())
		many(t.Context())
		assert.True(t, "twice in a row", b.Allow())
		gone, cancel := context.WithCancel(t.Context())
		time.AfterFunc(timeout/2, cancel)
		many(gone)
		assert.True(t, "clients that have gone", b.Allow())
		many(t.Context())
		assert.True(t, "three times in a row", !b.Allow())
	})
}

// TestStuck: below, at and above the most questions that wait; further ones fail at once,
// and say nothing of the store.
func TestStuck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := breaker.New(time.Hour)
		free := make(chan struct{})
		waits := func(context.Context) (int, error) { <-free; return 7, nil }
		for range breaker.MaxAsking - 1 {
			go func() { _, _ = breaker.Ask(t.Context(), b, waits) }()
		}
		synctest.Wait()
		got, err := breaker.Ask(t.Context(), b, answers)
		assert.NoError(t, err)
		assert.Equal(t, "one more", got, 7)
		go func() { _, _ = breaker.Ask(t.Context(), b, waits) }()
		synctest.Wait()
		for range 10 {
			_, err = breaker.Ask(t.Context(), b, answers)
			assert.ErrorIs(t, err, breaker.ErrStuck)
		}
		assert.True(t, "the store is asked", b.Allow())
		close(free)
		synctest.Wait()
		_, err = breaker.Ask(t.Context(), b, answers)
		assert.NoError(t, err)
	})
}
