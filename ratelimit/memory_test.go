package ratelimit_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
	"github.com/gosio/gosio/ratelimit"
	"github.com/gosio/gosio/ratelimit/ratelimittest"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestMemory(t *testing.T) {
	t.Parallel()
	m := ratelimit.NewMemory(0)
	ratelimittest.Run(t, m, m)
}

func allows(t *testing.T, m *ratelimit.Memory, name string, l ratelimit.Limit, cost int) bool {
	t.Helper()
	_, ok, err := m.Take(context.Background(), name, l, cost, 0)
	assert.NoError(t, err)
	return ok
}

// TestTokenBucket: at any moments and for any costs the decisions are those of a token
// bucket, as golang.org/x/time/rate has one.
func TestTokenBucket(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			l := ratelimit.Limit{Count: 1 + r.IntN(20), Per: time.Duration(1+r.IntN(20)) * 20 * time.Millisecond * 6, Burst: 1 + r.IntN(30)}
			l.Per *= time.Duration(l.Count) // whole nanoseconds for each, which the other need not round
			m, want := ratelimit.NewMemory(0), rate.NewLimiter(rate.Every(l.Per/time.Duration(l.Count)), l.Burst)
			for i := range 500 {
				cost := 1 + r.IntN(l.Burst)
				// Half a microsecond off the moments at which a token is whole, where
				// floating point decides.
				time.Sleep(time.Duration(r.IntN(500))*time.Millisecond + 500)
				assert.Equal(t, fmt.Sprintf("seed %d, %+v: question %d", seed, l, i), allows(t, m, "a", l, cost), want.AllowN(time.Now(), cost))
			}
		})
	}
}

// TestLongestWait: who may wait for ever has a limit, too.
func TestLongestWait(t *testing.T) {
	t.Parallel()
	for _, longest := range []time.Duration{time.Minute, 366 * 24 * time.Hour, math.MaxInt64} {
		synctest.Test(t, func(t *testing.T) {
			m := ratelimit.NewMemory(0)
			for i := range 5 {
				wait, ok, err := m.Take(context.Background(), "a", ratelimit.PerSecond(1, 1), 1, longest)
				assert.NoError(t, err)
				assert.True(t, "allowed", ok)
				assert.Equal(t, "the wait, if that may be "+longest.String(), wait, time.Duration(i)*time.Second)
			}
		})
	}
}

// TestNamesAreBounded: a client that thinks up names fills no memory, and gets no limit
// back that it has used up; nor is a newcomer refused.
func TestNamesAreBounded(t *testing.T) {
	t.Parallel()
	const most = 3200
	m, l := ratelimit.NewMemory(most), ratelimit.PerHour(100, 100)
	for i := range 100 { // many who have used up their limits
		assert.True(t, "the burst", allows(t, m, fmt.Sprint("greedy", i), l, 100))
	}
	for i := range 30 * most {
		if !allows(t, m, fmt.Sprint("name", i), l, 1+i%5) {
			t.Fatal("a newcomer is refused")
		}
	}
	if n := m.Len(); n > most {
		t.Errorf("%d names are remembered, %d is the most", n, most)
	}
	for i := range 100 {
		assert.True(t, "still used up", !allows(t, m, fmt.Sprint("greedy", i), l, 1))
	}
}

// TestMemoryIsGivenBack: names that are whole again are forgotten, and before that none
// is, however late the generation in which it was used.
func TestMemoryIsGivenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, l := ratelimit.NewMemory(0), ratelimit.PerMinute(60, 60)
		for i := range 1000 {
			assert.True(t, "the burst", allows(t, m, fmt.Sprint(i), l, 60))
			time.Sleep(100 * time.Millisecond)
			if i >= 500 { // 50 s after its burst a name has 50 back
				assert.True(t, "used before", !allows(t, m, fmt.Sprint(i-500), l, 52))
			}
		}
		time.Sleep(3 * time.Minute)
		for i := range 200 { // each part of the names is looked at
			allows(t, m, fmt.Sprint("later", i), l, 1)
		}
		assert.Equal(t, "names", m.Len(), 200)
	})
}

// TestNameSize: a name takes no more than it says at NewMemory.
func TestNameSize(t *testing.T) { //nolint:paralleltest // it measures the heap
	const names = 100_000
	l := ratelimit.PerHour(1, 1)
	heap := func() uint64 {
		runtime.GC()
		var st runtime.MemStats
		runtime.ReadMemStats(&st)
		return st.HeapAlloc
	}
	before := heap()
	m := ratelimit.NewMemory(names)
	for i := range 2 * names {
		allows(t, m, fmt.Sprint(i), l, 1)
	}
	grown := heap() - before
	runtime.KeepAlive(m)
	if grown > 6<<20 { // a fifth of 500,000
		t.Errorf("%d names take %d bytes, more than 6 MB", m.Len(), grown)
	}
}

func BenchmarkMemory(b *testing.B) {
	m, l := ratelimit.NewMemory(0), ratelimit.PerSecond(1e6, 1e6)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, _, _ = m.Take(context.Background(), "a name of some length", l, 1, 0)
		}
	})
}
