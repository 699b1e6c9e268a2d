package load_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/gosio/gosio/bench/load"
)

// serveWebSocket starts a bare WebSocket server; answer gets the number of the
// message on its connection and says what to send.
func serveWebSocket(t *testing.T, answer func(n int, text string) []string) load.Target {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer conn.CloseNow()
		for n := 0; ; n++ {
			_, text, err := conn.Read(context.Background())
			if err != nil {
				return
			}
			for _, reply := range answer(n, string(text)) {
				if conn.Write(context.Background(), websocket.MessageText, []byte(reply)) != nil {
					return
				}
			}
		}
	}))
	t.Cleanup(srv.Close)
	address, err := netip.ParseAddrPort(strings.TrimPrefix(srv.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	return load.Target{Address: address, Kind: load.BareEcho, PID: os.Getpid()}
}

func short(patience time.Duration) load.Params {
	params := load.Levels["shortest"]
	params.Patience = patience
	return params
}

func TestEveryFaultIsFound(t *testing.T) {
	t.Parallel()
	var held string
	for _, test := range []struct {
		name, want string
		answer     func(n int, text string) []string
	}{
		{"lost", "got", func(n int, text string) []string {
			if n == 5 {
				return nil
			}
			return []string{text}
		}},
		{"last one lost", "did not answer", func(n int, text string) []string {
			if n >= 5 {
				return nil
			}
			return []string{text}
		}},
		{"doubled", "got", func(n int, text string) []string {
			if n == 5 {
				return []string{text, text}
			}
			return []string{text}
		}},
		{"out of order", "got", func(n int, text string) []string {
			switch n {
			case 5:
				held = text
				return nil
			case 6:
				return []string{text, held}
			}
			return []string{text}
		}},
		{"altered", "got", func(n int, text string) []string {
			if n == 5 {
				text = strings.Replace(text, "a", "b", 1)
			}
			return []string{text}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := load.Run("echo32-pipelined", serveWebSocket(t, test.answer), short(300*time.Millisecond))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the fault was not found: %v", err)
			}
		})
	}
}

func TestHonestServer(t *testing.T) {
	t.Parallel()
	for _, scenario := range load.Scenarios {
		if !scenario.Fits(load.BareEcho) {
			continue
		}
		t.Run(scenario.Name, func(t *testing.T) {
			t.Parallel()
			target := serveWebSocket(t, func(_ int, text string) []string { return []string{text} })
			result, err := load.Run(scenario.Name, target, short(20*time.Second))
			if err != nil || result.Values[load.Count] == 0 {
				t.Errorf("%v, %v", result, err)
			}
		})
	}
}

// A server that stalls once must be charged for every message that was due
// meanwhile, not only for those that had been sent before: no coordinated
// omission.
func TestStallIsCharged(t *testing.T) {
	t.Parallel()
	const stall = 100 * time.Millisecond
	var once sync.Once
	var all sync.Mutex
	target := serveWebSocket(t, func(n int, text string) []string {
		all.Lock()
		defer all.Unlock()
		if n == 2 { // the load is past its warm-up
			once.Do(func() { <-time.After(stall) })
		}
		return []string{text}
	})
	params := short(20 * time.Second)
	params.Measure = 2 * stall
	result, err := load.Run("latency-echo", target, params)
	if err != nil {
		t.Fatal(err)
	}
	for i, percent := range load.CurvePercents {
		if percent == 75 && result.Curve[i] < 20e3 {
			t.Errorf("p75 is %.0f us although half of the messages met a stall of %v", result.Curve[i], stall)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	if _, err := load.Run("nothing", load.Target{}, load.Params{}); err == nil {
		t.Error("an unknown scenario runs")
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	address := netip.MustParseAddrPort(strings.TrimPrefix(gone.URL, "http://"))
	target := load.Target{Address: address, Kind: load.SocketIO, PID: os.Getpid()}
	if _, err := load.Run("echo1", target, short(time.Second)); err == nil || !strings.Contains(fmt.Sprint(err), "no WebSocket") {
		t.Errorf("a server without WebSocket: %v", err)
	}
	gone.Close()
	if _, err := load.Run("echo1", target, short(time.Second)); err == nil {
		t.Error("no server at all, and no error")
	}
}
