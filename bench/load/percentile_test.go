package load_test

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/gosio/gosio/bench/load"
)

func TestPercentile(t *testing.T) {
	t.Parallel()
	hundred := make([]int64, 100)
	for i := range hundred {
		hundred[i] = int64(i + 1)
	}
	for _, test := range []struct {
		values []int64
		p      float64
		want   int64
	}{
		{nil, 50, 0},
		{[]int64{7}, 0, 7}, {[]int64{7}, 50, 7}, {[]int64{7}, 100, 7},
		{hundred, 0, 1}, {hundred, 1, 1}, {hundred, 50, 50}, {hundred, 99, 99}, {hundred, 99.1, 100}, {hundred, 100, 100},
		{[]int64{1, 2, 3}, 50, 2}, {[]int64{1, 2, 3, 4}, 75, 3},
	} {
		if got := load.Percentile(test.values, test.p); got != test.want {
			t.Errorf("p%v of %d values: got %d, want %d", test.p, len(test.values), got, test.want)
		}
	}
}

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 2, 9}, 3},
	} {
		if got := load.Median(test.values); got != test.want {
			t.Errorf("median of %v: got %v, want %v", test.values, got, test.want)
		}
	}
}

func TestCurve(t *testing.T) {
	t.Parallel()
	latencies := make([]time.Duration, 10000)
	for i, n := range rand.Perm(len(latencies)) {
		latencies[i] = time.Duration(n+1) * time.Microsecond
	}
	for i, got := range load.Curve(latencies) {
		if want := load.CurvePercents[i] * 100; got < want-0.01 || got > want+1 {
			t.Errorf("p%v: got %v us, want %v", load.CurvePercents[i], got, want)
		}
	}
}

func TestCPUTimeCountsUp(t *testing.T) {
	t.Parallel()
	before, err := load.CPUTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for start := time.Now(); time.Since(start) < 5*time.Millisecond; {
		sum += rand.Float64()
	}
	after, err := load.CPUTime(os.Getpid())
	if err != nil || after <= before || after-before > time.Minute {
		t.Errorf("%v, then %v, %v (%v)", before, after, err, sum)
	}
}

func TestReadMemory(t *testing.T) {
	t.Parallel()
	memory, err := load.ReadMemory(os.Getpid())
	if err != nil || memory.Resident < 1<<20 || memory.Private > memory.Resident {
		t.Errorf("%+v, %v", memory, err)
	}
}
