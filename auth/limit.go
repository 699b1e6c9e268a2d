package auth

import "time"

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
