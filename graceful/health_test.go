package graceful_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/graceful"
	"github.com/gosio/gosio/internal/assert"
)

type checks = map[string]func(context.Context) error

func TestReadyz(t *testing.T) {
	t.Parallel()
	passes := func(context.Context) error { return nil }
	fails := func(context.Context) error { return errors.New("secret: connection refused") }
	for name, tt := range map[string]struct {
		checks checks
		status int
		body   string
		took   time.Duration
	}{
		"none":      {nil, http.StatusOK, `{"status":"ok"}`, 0},
		"passes":    {checks{"redis": passes}, http.StatusOK, `{"status":"ok"}`, 0},
		"fails":     {checks{"redis": fails, "database": passes}, http.StatusServiceUnavailable, `{"status":"not ready","failed":["redis"]}`, 0},
		"all fail":  {checks{"redis": fails, "database": fails}, http.StatusServiceUnavailable, `{"status":"not ready","failed":["database","redis"]}`, 0},
		"panics":    {checks{"redis": func(context.Context) error { panic("oops") }}, http.StatusServiceUnavailable, `{"status":"not ready","failed":["redis"]}`, 0},
		"exits":     {checks{"redis": func(context.Context) error { runtime.Goexit(); return nil }}, http.StatusServiceUnavailable, `{"status":"not ready","failed":["redis"]}`, 0},
		"too slow":  {checks{"redis": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, "database": passes}, http.StatusServiceUnavailable, `{"status":"not ready","failed":["redis"]}`, 800 * time.Millisecond},
		"as slowly": {checks{"a": slow, "b": slow, "c": slow}, http.StatusOK, `{"status":"ok"}`, 700 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				log := slog.New(slog.DiscardHandler)
				service := graceful.New(socketio.NewServer(nil), &graceful.Options{Checks: tt.checks, Logger: log})
				start := time.Now()
				status, body := ready(t, service)
				assert.Equal(t, "status", status, tt.status)
				assert.Equal(t, "body", body, tt.body)
				assert.Equal(t, "took", time.Since(start), tt.took)
			})
		})
	}
}

func slow(ctx context.Context) error {
	select {
	case <-time.After(700 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestCheckThatHangs: probes that come meanwhile share the one that runs, and its end
// is heard of. The log says when a check begins to fail and when it has ended.
func TestCheckThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var asked atomic.Int32
		hang := make(chan struct{})
		service := graceful.New(socketio.NewServer(nil), &graceful.Options{
			Logger: slog.New(slog.NewTextHandler(&log, nil)),
			Checks: checks{"database": func(context.Context) error { asked.Add(1); <-hang; return nil }},
		})
		for range 5 {
			status, _ := ready(t, service)
			assert.Equal(t, "status", status, http.StatusServiceUnavailable)
		}
		assert.Equal(t, "asked", asked.Load(), 1)
		close(hang)
		synctest.Wait()
		status, _ := ready(t, service)
		assert.Equal(t, "status", status, http.StatusOK)
		assert.Equal(t, "asked", asked.Load(), 2)
		assert.Equal(t, "lines", strings.Count(log.String(), "\n"), 2)
		assert.Equal(t, "failures", strings.Count(log.String(), `level=WARN msg="graceful: not ready" check=database err="context deadline exceeded"`), 1)
		assert.Equal(t, "recoveries", strings.Count(log.String(), `msg="graceful: ready again" check=database`), 1)
	})
}

// TestCheckThatIsLate: a check that takes longer than its time fails, also for a probe that
// comes in the middle and does not wait for so long itself.
func TestCheckThatIsLate(t *testing.T) {
	t.Parallel()
	for took, want := range map[time.Duration]int{
		700 * time.Millisecond: http.StatusOK, 900 * time.Millisecond: http.StatusServiceUnavailable, 1500 * time.Millisecond: http.StatusServiceUnavailable,
	} {
		t.Run(took.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service := graceful.New(socketio.NewServer(nil), &graceful.Options{
					Logger: slog.New(slog.DiscardHandler),
					Checks: checks{"database": func(context.Context) error { time.Sleep(took); return nil }},
				})
				var both sync.WaitGroup
				for _, wait := range []time.Duration{0, took / 2} {
					both.Go(func() {
						time.Sleep(wait)
						status, _ := ready(t, service)
						assert.Equal(t, "of a probe after "+wait.String(), status, want)
					})
				}
				both.Wait()
				time.Sleep(took)
			})
		})
	}
}

// TestProberGone: who does not wait for the answer says nothing of the check.
func TestProberGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		service := graceful.New(socketio.NewServer(nil), &graceful.Options{
			Logger: slog.New(slog.NewTextHandler(&log, nil)),
			Checks: checks{"database": slow},
		})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		service.Readyz(discard{}, requestOf(ctx))
		assert.Equal(t, "log", log.String(), "")
		time.Sleep(time.Second) // the check has returned
	})
}

// discard is the writer of a client that has gone.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

func requestOf(ctx context.Context) *http.Request {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/readyz", http.NoBody)
	if err != nil {
		panic(err) // it is right
	}
	return r
}
