package load

import (
	"reflect"
	"testing"
	"testing/synctest"
	"time"
)

// A message's latency counts from when it was due, however late it was sent;
// those that were due before the measurement began do not count.
func TestSchedule(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		s := &schedule{start: start, interval: 10 * time.Millisecond, from: start.Add(20 * time.Millisecond)}
		for i, want := range []time.Duration{0, 10, 20, 30} {
			if got := s.due(uint64(i)).Sub(start); got != want*time.Millisecond {
				t.Errorf("message %d is due after %v, not %v", i, got, want*time.Millisecond)
			}
		}
		time.Sleep(100 * time.Millisecond) // the bubble's clock: a server that stalls
		for i := range uint64(5) {
			s.arrived(i)
		}
		want := []time.Duration{80 * time.Millisecond, 70 * time.Millisecond, 60 * time.Millisecond}
		if !reflect.DeepEqual(s.latencies, want) {
			t.Errorf("latencies %v, want %v", s.latencies, want)
		}
	})
}

func TestWaited(t *testing.T) {
	t.Parallel()
	begin := sample{cpu: time.Second, locks: map[string]float64{"a": 1, "b": 2}}
	end := sample{cpu: 3 * time.Second, locks: map[string]float64{"a": 1.5, "b": 2, "c": 0.02}}
	if got, want := waited(begin, end), map[string]float64{"a": 25, "c": 1}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := waited(sample{}, sample{cpu: 1}); got != nil {
		t.Errorf("%v of a server that measured nothing", got)
	}
}
