package mounttest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

// flood: a client that joins a namespace and leaves it again, as fast as it can
// send, has the application work for as many sockets as one connection may have,
// and middleware does not run for those that have left before their turn.
func flood(t *testing.T, app *App, c *Client) {
	const rounds, most = 2000, 32 // the default of Limits.Namespaces
	var running, peak atomic.Int64
	begun, open := make(chan struct{}, 2*rounds), make(chan struct{})
	app.Of("/flood").UseFunc(func(context.Context, *socketio.Socket) error {
		n := running.Add(1)
		defer running.Add(-1)
		for old := peak.Load(); n > old && !peak.CompareAndSwap(old, n); old = peak.Load() {
		}
		begun <- struct{}{}
		<-open
		return nil
	})
	ctx, cancel := context.WithCancel(context.Background())
	var senders sync.WaitGroup
	defer senders.Wait()
	defer cancel()

	s := c.Dial()
	senders.Go(func() {
		for i := range 2*rounds + 1 {
			if s.ws.Write(ctx, websocket.MessageText, []byte([2]string{"40/flood,", "41/flood,"}[i%2])) != nil {
				return // the test is over
			}
		}
	})
	polling := c.Open()
	senders.Go(func() { // answered when there is room
		_, _ = c.do(ctx, http.MethodPost, polling.suffix(), strings.Repeat("40/flood,\x1e41/flood,\x1e", rounds)+"40/flood,")
	})
	for range 2 { // the last of each stays; those that leave at once may never be seen
		Wait(t, "middleware", begun)
	}
	c.Dial().Echo("a bystander is served")
	close(open)
	senders.Wait()
	assert.True(t, fmt.Sprint("middleware at a time: ", peak.Load()), peak.Load() <= 2*most)
}
