package inspector

import (
	"math/bits"
	"sync/atomic"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// The buckets of durations: the first four are of 128 ns each, then each power of two has
// four of the same width, up to more than two minutes. A percentile is the upper end of
// its bucket: too long by a quarter at most.
const (
	unit    = 7 // bits: 128 ns
	buckets = 120
)

// bucketOf returns the bucket of a duration.
func bucketOf(d time.Duration) int {
	n := uint64(max(d, 0)) >> unit
	if n < 4 {
		return int(n)
	}
	power := bits.Len64(n) - 1
	return min((power-1)*4+int(n>>(power-2)&3), buckets-1)
}

// endOf returns the upper end of a bucket.
func endOf(bucket int) time.Duration {
	if bucket < 4 {
		return time.Duration(bucket+1) << unit
	}
	return time.Duration(4+bucket%4+1) << (bucket/4 - 1 + unit)
}

// series counts the results of handling one event.
type series struct {
	count, errors atomic.Uint64
	longest       atomic.Int64 // nanoseconds
	durations     [buckets]atomic.Uint64
	done          func(socketio.EventResult) // made once
}

// newSeries returns one that adds its errors to those of the server, too.
func newSeries(errors *atomic.Uint64) *series {
	s := new(series)
	s.done = func(r socketio.EventResult) {
		s.count.Add(1)
		if r.Err != nil {
			s.errors.Add(1)
			errors.Add(1)
		}
		s.durations[bucketOf(r.Duration)].Add(1)
		for {
			longest := s.longest.Load()
			if int64(r.Duration) <= longest || s.longest.CompareAndSwap(longest, int64(r.Duration)) {
				return
			}
		}
	}
	return s
}

// timed is a series at one moment, as servers tell each other: those of several servers
// are added up.
type timed struct {
	Count  uint64 `json:"count"`
	Errors uint64 `json:"errors"`
	// Longest is in nanoseconds.
	Longest int64 `json:"longest"`
	// Durations has bucket and count in turns, without empty buckets.
	Durations []uint64 `json:"durations"`
}

func (s *series) read() timed {
	t := timed{Count: s.count.Load(), Errors: s.errors.Load(), Longest: s.longest.Load()}
	for i := range s.durations {
		if n := s.durations[i].Load(); n > 0 {
			t.Durations = append(t.Durations, uint64(i), n)
		}
	}
	return t
}

// add adds what another server has counted, if that makes sense.
func (t *timed) add(o timed) {
	t.Count, t.Errors, t.Longest = t.Count+o.Count, t.Errors+o.Errors, max(t.Longest, o.Longest)
	var sum [buckets]uint64
	for _, list := range [][]uint64{t.Durations, o.Durations} {
		for i := 0; i+1 < len(list); i += 2 {
			if list[i] < buckets {
				sum[list[i]] += list[i+1]
			}
		}
	}
	t.Durations = nil
	for i, n := range sum {
		if n > 0 {
			t.Durations = append(t.Durations, uint64(i), n)
		}
	}
}

// percentile returns a duration that so many of a hundred have not exceeded, 0 if there
// are none.
func (t *timed) percentile(p uint64) time.Duration {
	var all uint64
	for i := 1; i < len(t.Durations); i += 2 {
		all += t.Durations[i]
	}
	rank := (all*p + 99) / 100
	var sum uint64
	for i := 0; i+1 < len(t.Durations); i += 2 {
		if sum += t.Durations[i+1]; sum >= rank {
			return min(endOf(int(t.Durations[i])), time.Duration(t.Longest)) //nolint:gosec // add lets no other bucket in
		}
	}
	return 0
}
