package siofiber_test

import (
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"

	siofiber "github.com/gosio/gosio/integrations/fiberv3"
	"github.com/gosio/gosio/internal/assert"
)

// TestPace: so many connections are accepted that have not sent a request; a further one
// waits for one of those, for 5 ms at most. Who has set ConnState before hears of all.
func TestPace(t *testing.T) {
	t.Parallel()
	app := fiber.New()
	var heard atomic.Int64
	app.Server().ConnState = func(net.Conn, fasthttp.ConnState) { heard.Add(1) }
	synctest.Test(t, func(t *testing.T) {
		siofiber.Pace(app) // in here: its channel belongs to the bubble
		state := app.Server().ConnState
		most := max(8*runtime.GOMAXPROCS(0), 16)
		accept := func() net.Conn {
			c, other := net.Pipe()
			t.Cleanup(func() { _, _ = c.Close(), other.Close() })
			state(c, fasthttp.StateNew)
			return c
		}
		start := time.Now()
		first := accept()
		for range most - 1 {
			accept()
		}
		assert.Equal(t, "those that there may be", time.Since(start), 0)
		go func() {
			time.Sleep(time.Millisecond)
			state(first, fasthttp.StateActive)
		}()
		accept()
		assert.Equal(t, "one more waits for a request", time.Since(start), time.Millisecond)
		accept()
		assert.Equal(t, "and the next one no longer than that", time.Since(start), 5*time.Millisecond)
		synctest.Wait()
		assert.Equal(t, "heard", heard.Load(), int64(most+3))
	})
}
