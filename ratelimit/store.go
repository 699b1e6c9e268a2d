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
	// characters; it is of a single limit. A store whose unit of time is not much smaller
	// than that in which one is allowed, as of a limit of bytes, multiplies by the cost
	// before it rounds.
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
	// UnavailableRefuse: nothing passes that the store counts. The client hears
	// "timeout" and when to try again, whatever Rule.Answer says: it is over no limit, and
	// Config.OnLimited does not hear of it.
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
	wait    time.Duration
	ok      bool
	unknown bool // the store has not answered, and nobody else counts
}

// take is Store.Take that does not fail.
func (g *guard) take(ctx context.Context, r *Rule, name string, cost int, maxWait time.Duration) (t taken) {
	if g.store == nil || r.By.local {
		return g.alone(r, name, cost, maxWait)
	}
	if g.breaker.Allow() {
		t, err := breaker.Ask(ctx, g.breaker, func(ctx context.Context) (t taken, err error) {
			t.wait, t.ok, err = g.store.Take(ctx, name, r.Limit, cost, maxWait)
			return t, err
		})
		switch {
		case err == nil:
			return t
		case ctx.Err() != nil: // the client has gone
			return taken{wait: -1}
		}
		g.noted.Log(g.log, slog.LevelWarn, "store", "ratelimit: the store does not answer, Config.Unavailable holds", slog.Any("error", err))
	}
	switch g.policy {
	case UnavailableAllow:
		return taken{ok: true}
	case UnavailableRefuse:
		return taken{wait: breaker.Pause, unknown: true}
	}
	return g.alone(r, name, cost, maxWait)
}

// alone asks this server's own count.
func (g *guard) alone(r *Rule, name string, cost int, maxWait time.Duration) (t taken) {
	t.wait, t.ok = g.local.take(name, r.Limit, cost, maxWait)
	return t
}
