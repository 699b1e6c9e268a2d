package ratelimit

import (
	"fmt"
	"math"
	"time"
)

// Limit is Count in each Per, evenly spread, of which Burst may come at once.
type Limit struct {
	// Count is how much is allowed in each Per: of events whose cost is 1, that many.
	// Required.
	Count int
	// Per is the time in which Count is allowed. Required.
	Per time.Duration
	// Burst is how much may come at once after a pause. Default: Count. What costs more
	// than Burst never passes.
	Burst int
}

// PerSecond is a limit of n a second, of which burst may come at once.
func PerSecond(n, burst int) Limit { return Limit{n, time.Second, burst} }

// PerMinute is a limit of n a minute, of which burst may come at once.
func PerMinute(n, burst int) Limit { return Limit{n, time.Minute, burst} }

// PerHour is a limit of n an hour, of which burst may come at once.
func PerHour(n, burst int) Limit { return Limit{n, time.Hour, burst} }

// each is the time in which one is allowed, rounded up to whole nanoseconds.
func (l Limit) each() time.Duration {
	n := time.Duration(l.Count)
	return (l.Per + n - 1) / n
}

// longest bounds the time in which a limit is whole again, and a wait for it.
const longest = 365 * 24 * time.Hour

// check returns the limit with its defaults. It panics on one that cannot work.
func (l Limit) check(rule string) Limit {
	if l.Burst == 0 {
		l.Burst = l.Count
	}
	switch {
	case l.Count <= 0 || l.Per <= 0 || l.Burst < 0:
		panic(fmt.Sprintf("ratelimit: rule %q: Limit needs a Count and a Per above zero, as ratelimit.PerSecond(10, 20) has", rule))
	case l.Count > math.MaxInt32 || float64(l.Burst)*float64(l.Per)/float64(l.Count) > float64(longest):
		panic(fmt.Sprintf("ratelimit: rule %q: a Burst takes more than a year to be whole again: use a smaller Per or Burst", rule))
	}
	return l
}

// advance takes cost from a name. at is when the name is whole again, now the present,
// both on any one clock, each the time in which one is allowed. If the name has less left
// than cost, ok is true only if it has so within maxWait. wait is the time until it has,
// or negative if it never has so much. next is at after that.
func advance(at, now, each time.Duration, burst, cost int, maxWait time.Duration) (next, wait time.Duration, ok bool) {
	if cost > burst {
		return at, -1, false
	}
	next = max(at, now) + each*time.Duration(cost)
	wait = max(0, next-each*time.Duration(burst)-now)
	if wait > maxWait {
		return at, wait, false
	}
	return next, wait, true
}
