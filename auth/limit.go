package auth

import (
	"context"
	"sync"
	"time"

	"github.com/gosio/gosio/internal/subnet"
)

// failures counts refused tokens by address, in windows of a minute.
type failures struct {
	limit int // 0: do not count

	mu    sync.Mutex
	begun time.Time
	of    map[string]*address
}

// address is what one address has done in a window. failures.mu guards it.
type address struct {
	failed int
	busy   int           // tokens that are being verified, each of which may fail
	freed  chan struct{} // closed when a token was verified; made on demand
}

// maxAddresses bounds what one window remembers; addresses over it are not
// limited.
const maxAddresses = 100_000

// begin takes a place for a token before the token is verified. An address has as
// many places as tokens of it may still fail; further tokens wait for a place. begin
// fails when too many tokens have failed, and when ctx ends. end gives the place back.
func (f *failures) begin(ctx context.Context, name string) (end func(failed bool), err error) {
	if f.limit == 0 {
		return func(bool) {}, nil
	}
	for {
		a, wait := f.take(name)
		switch {
		case wait != nil:
		case a == nil:
			return nil, reject(ErrRateLimited, "too many failures of this address")
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
func (f *failures) take(name string) (a *address, wait <-chan struct{}) {
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
	case a.failed >= f.limit:
		return nil, nil
	case a.failed+a.busy >= f.limit:
		if a.freed == nil {
			a.freed = make(chan struct{})
		}
		return a, a.freed
	}
	a.busy++
	return a, nil
}

func (f *failures) give(a *address, failed bool) {
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

// attempts lets one socket try five times at once, and then once a second.
type attempts struct {
	left int
	last time.Time
}

const burst = 5

func (a *attempts) take(now time.Time) bool {
	if a.last.IsZero() {
		a.left, a.last = burst, now
	}
	if n := int(now.Sub(a.last) / time.Second); n > 0 {
		a.left, a.last = min(burst, a.left+n), now
	}
	if a.left == 0 {
		return false
	}
	a.left--
	return true
}
