package webtransport

import (
	"context"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// idle ends a connection that has carried nobody for requestTimeout. The
// library's own limit ends with the first byte of a request, and whoever sends
// no second one would keep the connection for ever.
type idle struct {
	after time.Duration
	timer *time.Timer

	mu       sync.Mutex
	handlers int
}

type idleKey struct{}

// watch begins with a connection; its requests find the idle in their context.
func watch(ctx context.Context, c *quic.Conn, after time.Duration) context.Context {
	i := &idle{after: after}
	i.timer = time.AfterFunc(after, func() {
		_ = c.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "idle timeout")
	})
	context.AfterFunc(c.Context(), func() { i.timer.Stop() })
	return context.WithValue(ctx, idleKey{}, i)
}

// begin stops the time while somebody is served.
func (i *idle) begin() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.handlers++
	i.timer.Stop()
}

func (i *idle) end() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.handlers--; i.handlers == 0 {
		i.timer.Reset(i.after)
	}
}
