// Package failures bounds the attempts to log in of each address.
package failures

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gosio/gosio/internal/subnet"
)

// ErrTooMany says that too much of an address has failed in this minute.
var ErrTooMany = errors.New("too many failures of this address")

// Limiter counts what has failed by address, in windows of a minute. The zero value does
// not count.
type Limiter struct {
	Limit int // 0: do not count

	mu    sync.Mutex
	begun time.Time
	of    map[string]*address
}

// address is what one address has done in a window. Limiter.mu guards it.
type address struct {
	failed int
	busy   int           // tokens that are being verified, each of which may fail
	freed  chan struct{} // closed when a token was verified; made on demand
}

// maxAddresses bounds what one window remembers; addresses over it are not
// limited.
const maxAddresses = 100_000

// Begin takes a place for a token before the token is verified. An address has as
// many places as tokens of it may still fail; further tokens wait for a place. Begin
// fails with ErrTooMany when too many tokens have failed, and when ctx ends. end gives
// the place back.
func (f *Limiter) Begin(ctx context.Context, name string) (end func(failed bool), err error) {
	if f.Limit == 0 {
		return func(bool) {}, nil
	}
	for {
		a, wait := f.take(name)
		switch {
		case wait != nil:
		case a == nil:
			return nil, ErrTooMany
		default:
			return func(failed bool) { f.give(a, failed) }, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// take returns the address with a place taken, what to wait for when others have
// all of them, or nil when too many have failed.
func (f *Limiter) take(name string) (a *address, wait <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.of == nil || time.Since(f.begun) >= time.Minute {
		f.begun, f.of = time.Now(), make(map[string]*address)
	}
	name = subnet.Of(name)
	a = f.of[name]
	if a == nil {
		a = &address{}
		if len(f.of) < maxAddresses {
			f.of[name] = a
		}
	}
	switch {
	case a.failed >= f.Limit:
		return nil, nil
	case a.failed+a.busy >= f.Limit:
		if a.freed == nil {
			a.freed = make(chan struct{})
		}
		return a, a.freed
	}
	a.busy++
	return a, nil
}

func (f *Limiter) give(a *address, failed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a.busy--
	if failed {
		a.failed++
	}
	if a.freed != nil {
		close(a.freed)
		a.freed = nil
	}
}
