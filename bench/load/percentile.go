package load

import (
	"math"
	"slices"
	"time"
)

// Percentile returns the nearest-rank percentile p (0 to 100) of sorted
// values: the smallest one that at least p percent do not exceed. It returns 0
// for no values.
func Percentile[T ~int64 | ~float64](sorted []T, p float64) T {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// Median returns the middle of values (the mean of the two middle ones if their
// number is even), and 0 for none. It does not change values.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	mid := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[mid]
	}
	return (sorted[mid-1] + sorted[mid]) / 2
}

// CurvePercents are the percentiles of a latency curve, closer together
// towards the slow end.
var CurvePercents = []float64{1, 10, 25, 50, 75, 90, 95, 98, 99, 99.5, 99.8, 99.9, 99.95, 99.99, 100}

// Curve returns the latencies at CurvePercents in microseconds. It sorts
// latencies in place.
func Curve(latencies []time.Duration) []float64 {
	slices.Sort(latencies)
	curve := make([]float64, len(CurvePercents))
	for i, p := range CurvePercents {
		curve[i] = float64(Percentile(latencies, p)) / 1e3
	}
	return curve
}
