package ratelimit

import (
	"context"
	"log/slog"
	"time"

	"github.com/gosio/gosio/internal/breaker"
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

// guard asks a store, and decides what holds when that fails.
type guard struct {
	store   Store // nil: this server is alone
	local   *Memory
	policy  Unavailable
	breaker *breaker.Breaker
	log     *slog.Logger
	noted   loglimit.Limiter
}

// taken is what Store.Take returns.
type taken struct {
	wait time.Duration
	ok   bool
}

// take is Store.Take that does not fail.
func (g *guard) take(ctx context.Context, r *Rule, name string, cost int, maxWait time.Duration) (wait time.Duration, ok bool) {
	if g.store == nil || r.By.local {
		return g.local.take(name, r.Limit, cost, maxWait)
	}
	if g.breaker.Allow() {
		t, err := breaker.Ask(ctx, g.breaker, func(ctx context.Context) (t taken, err error) {
			t.wait, t.ok, err = g.store.Take(ctx, name, r.Limit, cost, maxWait)
			return t, err
		})
		switch {
		case err == nil:
			return t.wait, t.ok
		case ctx.Err() != nil: // the client has gone
			return -1, false
		}
		g.noted.Log(g.log, slog.LevelWarn, "store", "ratelimit: the store does not answer, Config.Unavailable holds", slog.Any("error", err))
	}
	switch g.policy {
	case UnavailableAllow:
		return 0, true
	case UnavailableRefuse:
		return breaker.Pause, false
	}
	return g.local.take(name, r.Limit, cost, maxWait)
}
