package load_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/gosio/gosio/bench/load"
	socketio "github.com/gosio/gosio/core"
)

func listen(t *testing.T, o *socketio.Options) (*socketio.Server, netip.AddrPort) {
	t.Helper()
	srv := socketio.NewServer(o)
	front := httptest.NewServer(srv)
	t.Cleanup(func() { srv.Close(); front.Close() })
	return srv, netip.MustParseAddrPort(front.Listener.Addr().String())
}

// TestStorm: all clients get in, in each way, and go on as the sessions that they were.
func TestStorm(t *testing.T) {
	t.Parallel()
	for _, how := range []load.Return{{}, {Polling: true}, {Recovery: true}, {Polling: true, Recovery: true}} {
		t.Run(fmt.Sprintf("%+v", how), func(t *testing.T) {
			t.Parallel()
			_, at := listen(t, &socketio.Options{Recovery: &socketio.Recovery{}})
			s, err := load.RunStorm(at, 50, how, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			if want := map[bool]int{true: 50}[how.Recovery]; s.Clients != 50 || s.Recovered != want || s.All <= 0 {
				t.Errorf("%+v: want 50 clients, %d recovered", s, want)
			}
		})
	}
}

// TestDeploy: clients of a server that ends connect to the other one.
func TestDeploy(t *testing.T) {
	t.Parallel()
	first, a := listen(t, &socketio.Options{ShutdownSpread: -1})
	second, b := listen(t, nil)
	stop := make(chan struct{})
	ended := make(chan error, 1)
	d, err := load.RunDeploy([]netip.AddrPort{a, b}, 20, time.Minute, func() {
		go func() { // the clients are served meanwhile
			defer close(stop)
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			ended <- first.Shutdown(ctx)
			for second.Connections() < 20 && ctx.Err() == nil { // they come back
				time.Sleep(10 * time.Millisecond)
			}
		}()
	}, stop)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if d.Lost != 10 || d.Failed != 0 || d.PerSecond == 0 || d.All <= 0 {
		t.Errorf("%+v: want 10 that were lost and are back", d)
	}
}
