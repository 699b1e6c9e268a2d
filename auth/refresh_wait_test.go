package auth_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// hanging is a Watch that does not answer from the nth question on.
type hanging struct {
	questions
	from int32
}

func (h *hanging) Revoked(ctx context.Context, _ auth.Token) (bool, error) {
	if h.asked.Add(1) < h.from {
		return false, nil
	}
	<-ctx.Done()
	return false, ctx.Err()
}

// TestRefreshThatHangs: the handshake's middleware has a limit of time, and so has a
// refresh: the socket's next events wait for it, and a client can have many sockets.
func TestRefreshThatHangs(t *testing.T) {
	t.Parallel()
	for name, from := range map[string]int32{"before the swap": 3, "after the swap": 4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := socketio.NewServer(nil)
				defer srv.Close()
				srv.Use(auth.JWT(with(refreshing(), func(c *config) {
					c.Watch, c.FailuresPerMinute = &hanging{from: from}, 1
				})))
				srv.On("ping", func() string { return "pong" })
				c := siotest.Dial(t, srv, siotest.Options{Auth: until(time.Hour), Timeout: 30 * time.Second})
				begun := time.Now()
				refreshed, pong := c.EmitWithAck("auth:refresh", until(2*time.Hour)), c.EmitWithAck("ping")
				assert.Equal(t, "code", failure(t, c.ExpectAck(refreshed)), auth.CodeUnavailable)
				assert.Equal(t, "after", time.Since(begun), 10*time.Second)
				assert.Equal(t, "next event", c.ExpectAck(pong).String(), `["pong"]`)
			})
		})
	}
}
