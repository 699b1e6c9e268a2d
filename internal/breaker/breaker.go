// Package breaker asks a store of others, such as Redis, and pauses when that fails again
// and again (a circuit breaker).
package breaker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosio/gosio/internal/loglimit"
)

// The limits.
const (
	Pause     = time.Second // from the last of three failures until the store is asked again
	maxInRow  = 3           // failures in a row, each of a question asked after the one before
	MaxAsking = 1000        // questions that the store has not answered; further ones fail
)

// The errors of questions that have no answer.
var (
	ErrSlow  = errors.New("no answer in time (Config.StoreTimeout)")
	ErrStuck = errors.New("too many questions are not answered")
)

// Breaker knows whether a store answers. Make one with [New]. It may be used concurrently.
type Breaker struct {
	timeout time.Duration
	began   time.Time
	asking  atomic.Int64
	again   atomic.Int64 // when to ask again, since began; 0: the store answers

	inRow atomic.Int64 // failures
	mu    sync.Mutex
	last  time.Duration // the last failure that counted; guarded by mu
}

// New returns a breaker whose questions wait for no longer than timeout.
func New(timeout time.Duration) *Breaker {
	return &Breaker{timeout: timeout, began: time.Now()}
}

// Allow reports whether the store is to be asked. During a pause it is not; after it one
// question is, and then one in each [Pause] until one is answered.
func (b *Breaker) Allow() bool {
	again := b.again.Load()
	if again == 0 {
		return true
	}
	now := int64(time.Since(b.began))
	return now >= again && b.again.CompareAndSwap(again, now+int64(Pause))
}

// Ask calls f, which asks the store, and waits for no longer than the timeout: clients of
// databases need not heed a context. A panic of f is an error. Its error counts unless ctx
// has ended, and [ErrStuck] does not: it says nothing of the store.
func Ask[T any](ctx context.Context, b *Breaker, f func(ctx context.Context) (T, error)) (T, error) {
	asked := time.Since(b.began)
	v, err := ask(ctx, b, f)
	switch {
	case err == nil:
		b.inRow.Store(0)
		b.again.Store(0)
	case ctx.Err() == nil && !errors.Is(err, ErrStuck):
		b.failed(asked)
	}
	return v, err
}

// failed counts a failure. Questions that wait at the same time fail for one reason, and
// count once.
func (b *Breaker) failed(asked time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if asked < b.last {
		return
	}
	b.last = time.Since(b.began)
	if b.inRow.Add(1) >= maxInRow {
		b.again.Store(int64(b.last + Pause))
	}
}

func ask[T any](ctx context.Context, b *Breaker, f func(ctx context.Context) (T, error)) (T, error) {
	type answer struct {
		v   T
		err error
	}
	if b.asking.Add(1) > MaxAsking {
		b.asking.Add(-1)
		return answer{}.v, ErrStuck
	}
	ctx, cancel := context.WithTimeoutCause(ctx, b.timeout, ErrSlow)
	result := make(chan answer, 1)
	go func() { // ends when the store answers; the channel has room
		defer b.asking.Add(-1)
		defer cancel()
		a := answer{err: errors.New("the store has ended its goroutine")}
		defer func() {
			if p := recover(); p != nil {
				a.err = fmt.Errorf("the store has panicked: %s", loglimit.Clip(fmt.Sprint(p)))
			}
			result <- a
		}()
		a.v, a.err = f(ctx)
	}()
	select {
	case a := <-result:
		return a.v, a.err
	case <-ctx.Done():
		select {
		case a := <-result:
			return a.v, a.err
		default:
			return answer{}.v, context.Cause(ctx)
		}
	}
}
