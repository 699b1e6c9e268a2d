package graceful_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/graceful"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/pipe"
)

// TestPace: so many connections are accepted that have not sent a request; further ones
// wait for those, 5 ms at most, and those who have sent one wait for nobody.
func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		most := max(8*runtime.GOMAXPROCS(0), 16)
		l := pipe.Listen()
		var mu sync.Mutex
		states := map[http.ConnState]int{}
		server := &http.Server{
			Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }),
			ConnState: func(_ net.Conn, state http.ConnState) {
				mu.Lock()
				defer mu.Unlock()
				states[state]++
			},
		}
		accepted := func() int {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return states[http.StateNew]
		}
		graceful.Pace(server)
		go func() { _ = server.Serve(l) }()
		defer func() {
			_ = server.Close()
			synctest.Wait()
		}()
		dial := func(n int) (conns []net.Conn) {
			for range n {
				go func() {
					conn, err := l.DialContext(context.Background(), "", "")
					assert.NoError(t, err)
					mu.Lock()
					defer mu.Unlock()
					conns = append(conns, conn)
				}()
			}
			synctest.Wait()
			return conns
		}
		silent := dial(most)
		dial(3)
		assert.Equal(t, "accepted at once", accepted(), most)
		_, err := io.WriteString(silent[0], "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		assert.NoError(t, err)
		assert.Equal(t, "after a request", accepted(), most+1)
		assert.NoError(t, silent[1].Close())
		assert.Equal(t, "after one has gone", accepted(), most+2)
		time.Sleep(5 * time.Millisecond)
		assert.Equal(t, "after a while", accepted(), most+3)
		dial(most)
		time.Sleep(10 * time.Millisecond)
		assert.Equal(t, "later", accepted(), 2*most+3)
	})
}
