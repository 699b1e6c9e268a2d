package auth

import (
	"sync"
	"time"
)

// failures counts refused tokens by address, in windows of a minute.
type failures struct {
	limit int // 0: do not count

	mu    sync.Mutex
	begun time.Time
	count map[string]int
}

// maxAddresses bounds what one window remembers; addresses over it are not
// limited.
const maxAddresses = 100_000

// exceeded reports whether an address has failed too often.
func (f *failures) exceeded(address string) bool {
	if f.limit == 0 {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Since(f.begun) < time.Minute && f.count[address] >= f.limit
}

// add counts a failure.
func (f *failures) add(address string) {
	if f.limit == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count == nil || time.Since(f.begun) >= time.Minute {
		f.begun, f.count = time.Now(), make(map[string]int)
	}
	if _, known := f.count[address]; known || len(f.count) < maxAddresses {
		f.count[address]++
	}
}

// attempts lets one socket try a few times at once and then once a second.
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
