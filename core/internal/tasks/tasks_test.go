package tasks_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/gosio/gosio/core/internal/tasks"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestWait: all who wait return when the last task has ended, or with their context.
func TestWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g tasks.Group
		assert.NoError(t, g.Wait(t.Context()))
		g.Add()
		g.Add()
		ctx, cancel := context.WithCancel(t.Context())
		results := make(chan error, 3)
		for _, ctx := range []context.Context{ctx, t.Context(), t.Context()} {
			go func() { results <- g.Wait(ctx) }()
		}
		synctest.Wait()
		cancel()
		assert.True(t, "the context's error", errors.Is(<-results, context.Canceled))
		g.Done()
		synctest.Wait()
		assert.Equal(t, "one is left", len(results), 0)
		g.Done()
		assert.NoError(t, <-results)
		assert.NoError(t, <-results)
	})
}
