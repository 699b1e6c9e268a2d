// Package pressure tells when the memory of this process comes near its limit.
package pressure

import (
	"math"
	"runtime"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	// lookEvery is how long an answer holds. What is admitted meanwhile is little.
	lookEvery = 50 * time.Millisecond
	// collectEvery is the time between two collections that are asked for.
	collectEvery = 2 * time.Second
)

// share is the part of the limit that is used before the process is full. The collector
// needs the rest to work in peace: with 20 % of the heap left it runs five times as often
// as it would with all of it.
const share = 0.8

// Gauge looks at the memory of this process. The zero value is ready, and has the limit of
// the runtime. It may be used concurrently.
type Gauge struct {
	Limit int64 // in bytes; zero: GOMEMLIMIT; less: none

	mu        sync.Mutex
	looked    time.Time
	collected time.Time
	full      bool
}

// Full reports whether the process uses more than 80 % of its limit for what is live: the
// heap as the last collection has left it, stacks, and what the runtime needs. It may run a
// collection to find out, every two seconds at most.
func (g *Gauge) Full() bool {
	if g.Limit < 0 {
		return false
	}
	now := time.Now()
	g.mu.Lock()
	if !g.looked.IsZero() && now.Sub(g.looked) < lookEvery {
		defer g.mu.Unlock()
		return g.full
	}
	g.looked = now
	limit := g.limit()
	if limit == math.MaxInt64 {
		g.full = false
		g.mu.Unlock()
		return false
	}
	used, live := read()
	bound := uint64(float64(limit) * share)
	g.full = used > bound && live > bound
	collect := used > bound && (g.collected.IsZero() || now.Sub(g.collected) >= collectEvery)
	if collect {
		g.collected = now
	}
	full := g.full
	g.mu.Unlock()
	if !collect {
		return full
	}
	// What is live is known from the last collection only. That may be long ago: then much
	// of it has gone, or much has come that is no garbage.
	runtime.GC()
	_, live = read()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.full = live > bound
	return g.full
}

func (g *Gauge) limit() int64 {
	if g.Limit > 0 {
		return g.Limit
	}
	sample := []metrics.Sample{{Name: "/gc/gomemlimit:bytes"}}
	metrics.Read(sample)
	return int64(min(sample[0].Value.Uint64(), math.MaxInt64))
}

// read returns the bytes that the process uses, as GOMEMLIMIT counts them, with garbage and
// without.
func read() (used, live uint64) {
	samples := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/gc/heap/live:bytes"},
	}
	metrics.Read(samples)
	total, released, free, objects, marked := samples[0].Value.Uint64(), samples[1].Value.Uint64(), samples[2].Value.Uint64(), samples[3].Value.Uint64(), samples[4].Value.Uint64()
	used = total - min(released+free, total)
	return used, used - min(objects, used) + min(marked, objects)
}
