package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/examples/parts/chattest"
	"github.com/gosio/gosio/examples/parts/check"
)

func TestMain(m *testing.M) { check.Main(m) }

func TestApp(t *testing.T) { chattest.Run(t, run) }

// TestMetrics: what a client does is counted, and scraped.
func TestMetrics(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- run(ctx, l) }()

	var dialer net.Dialer
	dial := func(ctx context.Context) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", l.Addr().String()) }
	c := siotest.Dial(t, nil, siotest.Options{Dial: dial, Timeout: time.Minute, Auth: map[string]string{"name": "ada"}})
	c.Call("join", "lobby")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	res, err := client.Get("http://" + l.Addr().String() + "/metrics")
	check.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	check.NoError(t, err)
	_ = res.Body.Close()
	for _, line := range []string{
		`socketio_connections{transport="websocket"} 1`,
		`socketio_sockets{namespace="/"} 1`,
		`socketio_events_received_total{event="join",namespace="/"} 1`,
		"go_goroutines ",
	} {
		check.True(t, line+" is in "+string(body), strings.Contains(string(body), "\n"+line))
	}
	c.Cut()
	stop()
	check.NoError(t, <-done)
}
