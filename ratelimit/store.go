package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/gosio/gosio/internal/loglimit"
)

// Store keeps what has been used up of limits, for all servers that share it. Package
// ratelimit/redis has one. Its authors test theirs with ratelimittest.Run. Take may be
// called concurrently.
type Store interface {
	// Take takes cost from what a name has under a limit. It is one step: of two
	// concurrent calls only one gets the last of it. If there is less left than cost,
	// ok is true only if there is so within maxWait, which may be zero, and it is taken
	// in advance. wait is the time until there is so much, zero if there is now, and
	// negative if the name never has so much at once; then ok is false. When ok is
	// false nothing is taken. ctx has a deadline.
	//
	// limit has no zero fields and cost is above zero. A name has any length and
	// characters; it is of a single limit.
	Take(ctx context.Context, name string, limit Limit, cost int, maxWait time.Duration) (wait time.Duration, ok bool, err error)
}

// Unavailable says what holds while a [Store] fails or does not answer.
type Unavailable uint8

// What holds while the store is unavailable.
const (
	// UnavailableLocal: this server counts alone, from the full limit.
	UnavailableLocal Unavailable = iota
	// UnavailableAllow: everything passes that only the store counts.
	UnavailableAllow
	// UnavailableRefuse: nothing passes that the store counts.
	UnavailableRefuse
)

// The times of a store that fails.
const (
	retryStore = time.Second // from a failure until the store is asked again
	maxAsking  = 1000        // questions that the store has not answered; further ones fail
)

var (
	errSlow  = errors.New("no answer in time (Config.StoreTimeout)")
	errStuck = errors.New("too many questions are not answered")
)

// guard asks a store, and decides when the store fails.
type guard struct {
	store   Store // nil: this server is alone
	local   *Memory
	policy  Unavailable
	timeout time.Duration
	log     *slog.Logger
	noted   loglimit.Limiter
	began   time.Time
	down    atomic.Int64 // when to ask again, since began; 0: the store answers
	asking  atomic.Int64
}

// take is Store.Take that does not fail.
func (g *guard) take(ctx context.Context, r *Rule, name string, cost int, maxWait time.Duration) (wait time.Duration, ok bool) {
	if g.store == nil || r.By.local {
		return g.local.take(name, r.Limit, cost, maxWait)
	}
	if g.reachable() {
		t := g.ask(ctx, name, r.Limit, cost, maxWait)
		switch {
		case t.err == nil:
			g.down.Store(0)
			return t.wait, t.ok
		case ctx.Err() != nil: // the client has gone
			return -1, false
		}
		g.down.Store(int64(time.Since(g.began) + retryStore))
		g.noted.Log(g.log, slog.LevelWarn, "store", "ratelimit: the store does not answer, Config.Unavailable holds", slog.Any("error", t.err))
	}
	switch g.policy {
	case UnavailableAllow:
		return 0, true
	case UnavailableRefuse:
		return retryStore, false
	}
	return g.local.take(name, r.Limit, cost, maxWait)
}

// reachable reports whether the store is to be asked. While it is down one question in
// retryStore is.
func (g *guard) reachable() bool {
	down := g.down.Load()
	if down == 0 {
		return true
	}
	now := int64(time.Since(g.began))
	return now >= down && g.down.CompareAndSwap(down, now+int64(retryStore))
}

type taken struct {
	wait time.Duration
	ok   bool
	err  error
}

// ask waits for the store, but not for longer than the timeout: clients of Redis need not
// heed a context.
func (g *guard) ask(ctx context.Context, name string, l Limit, cost int, maxWait time.Duration) taken {
	if g.asking.Add(1) > maxAsking {
		g.asking.Add(-1)
		return taken{err: errStuck}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, g.timeout, errSlow)
	result := make(chan taken, 1)
	go func() { // ends when the store answers; the channel has room
		defer g.asking.Add(-1)
		defer cancel()
		t := taken{err: errors.New("the store has ended its goroutine")}
		defer func() {
			if p := recover(); p != nil {
				t.err = fmt.Errorf("the store has panicked: %s", loglimit.Clip(fmt.Sprint(p)))
			}
			result <- t
		}()
		t.wait, t.ok, t.err = g.store.Take(ctx, name, l, cost, maxWait)
	}()
	select {
	case t := <-result:
		return t
	case <-ctx.Done():
		select {
		case t := <-result:
			return t
		default:
			return taken{err: context.Cause(ctx)}
		}
	}
}
