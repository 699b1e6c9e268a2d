package failures_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/failures"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestLimiter: what fails counts for a minute; what is being tried counts as well.
func TestLimiter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &failures.Limiter{Limit: 2}
		for _, failed := range []bool{true, false, false, true} {
			end, err := l.Begin(t.Context(), "192.0.2.1")
			assert.NoError(t, err)
			end(failed)
		}
		_, err := l.Begin(t.Context(), "192.0.2.1")
		assert.ErrorIs(t, err, failures.ErrTooMany)
		one, err := l.Begin(t.Context(), "192.0.2.2")
		assert.NoError(t, err)
		two, err := l.Begin(t.Context(), "192.0.2.2")
		assert.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = l.Begin(ctx, "192.0.2.2")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		one(true)
		two(true)
		time.Sleep(time.Minute)
		end, err := l.Begin(t.Context(), "192.0.2.1")
		assert.NoError(t, err)
		end(false)
	})
}
