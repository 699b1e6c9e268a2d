package docs_test

import (
	"context"
	"sync/atomic"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

// code: rate
var Left = socketio.NewKey[*atomic.Int64]("left") // how often this socket may still ask

func Quota(next socketio.EventHandler) socketio.EventHandler {
	return func(ctx context.Context, in *socketio.Incoming) error {
		if left, ok := Left.Get(in.Socket); !ok || left.Add(-1) < 0 {
			return &socketio.Error{Code: socketio.RateLimited, Message: "not so fast"}
		}
		return next(ctx, in)
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
	srv.UseEvent(Quota)
	srv.OnConnect(func(s *socketio.Socket) {
		left := &atomic.Int64{}
		left.Store(2)
		Left.Set(s, left)
	})
	srv.On("hi", func() {})
	c := dial(t, srv)
	c.Call("hi")
	assert.True(t, "twice", c.Call("hi").Failure() == nil)
	assert.Equal(t, "third", c.Call("hi").Failure().Code, socketio.RateLimited)
}
