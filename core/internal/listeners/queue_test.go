package listeners_test

import (
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/gosio/gosio/core/internal/listeners"
	"github.com/gosio/gosio/internal/assert"
)

// TestQueue: events are told in their order, one after another, also those that come
// while one is told, and when telling ends the goroutine.
func TestQueue(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var q listeners.Queue[int]
	var told []int
	done := make(chan struct{})
	var tell func(n int)
	tell = func(n int) {
		told = append(told, n)
		if n < 3 {
			mu.Lock()
			q.Add(n + 2)
			mu.Unlock()
			q.Tell(&mu, tell) // returns at once
			assert.True(t, "one at a time", len(told) == n)
		}
		switch n {
		case 2:
			runtime.Goexit()
		case 4:
			close(done)
		}
	}
	q.Add(1)
	q.Add(2)
	assert.True(t, "waiting", q.Waiting())
	go q.Tell(&mu, tell)
	<-done
	assert.Equal(t, "told", told, slices.Collect(func(yield func(int) bool) {
		for n := 1; n <= 4 && yield(n); n++ {
		}
	}))
}
