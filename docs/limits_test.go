package docs_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// code: rate
// A Bucket holds burst events, and gets rate of them back each second.
type Bucket struct {
	rate, burst float64
	left        float64
	at          time.Time // when left was right
}

func (b *Bucket) Take() bool {
	now := time.Now()
	b.left = min(b.burst, b.left+now.Sub(b.at).Seconds()*b.rate)
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

var buckets = socketio.NewKey[*Bucket]("bucket")

func PerSecond(rate, burst float64) func(socketio.EventHandler) socketio.EventHandler {
	return func(next socketio.EventHandler) socketio.EventHandler {
		return func(ctx context.Context, in *socketio.Incoming) error {
			b, ok := buckets.Get(in.Socket)
			if !ok { // its first event; a socket's events come one after another
				b = &Bucket{rate: rate, burst: burst, left: burst, at: time.Now()}
				buckets.Set(in.Socket, b)
			}
			if !b.Take() {
				return &socketio.Error{Code: socketio.CodeRateLimited, Message: "not so fast"}
			}
			return next(ctx, in)
		}
	}
}

// end

func TestLimits(t *testing.T) {
	t.Parallel()
	// code: limits
	srv := socketio.NewServer(&socketio.Options{Limits: socketio.Limits{
		MaxHTTPBufferSize: 100 << 10, // small messages only
		Rooms:             20,
		PendingAcks:       -1, // as many as you like
	}})
	// end
	defer srv.Close()
}

// TestPerSecond: a burst, then as many as are refilled, and never more than a
// burst; nobody else waits for it.
func TestPerSecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := socketio.NewServer(nil)
		defer srv.Close()
		// code: use
		srv.UseEvent(PerSecond(5, 10)) // five a second, and ten at once
		// end
		srv.On("hi", func() {})
		c, other := dial(t, srv), dial(t, srv)
		passed := func(c *siotest.Client) (n int) {
			for range 30 {
				f := c.Call("hi").Failure()
				if f == nil {
					n++
				} else {
					assert.Equal(t, "code", f.Code, socketio.CodeRateLimited)
				}
			}
			return n
		}
		assert.Equal(t, "at first", passed(c), 10)
		assert.Equal(t, "at once again", passed(c), 0)
		time.Sleep(time.Second) // of the bubble
		assert.Equal(t, "after a second", passed(c), 5)
		time.Sleep(time.Hour)
		assert.Equal(t, "after an hour", passed(c), 10)
		assert.Equal(t, "somebody else", passed(other), 10)
	})
}
