// Command server has rate limits, and handles orders once: limits.test.mjs runs the stock
// client against it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/idempotency"
	"github.com/gosio/gosio/ratelimit"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// order is what clients send until it is acknowledged.
type order struct {
	Key  string `json:"key"`
	List string `json:"list"` // that it is to be written on; "": none
	Slow bool   `json:"slow"`
	Data []byte `json:"data"`
}

// shop counts how often each order was placed.
type shop struct {
	mu     sync.Mutex
	orders map[string]int
	lists  map[string][]string
}

func (s *shop) place(o order) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orders[o.Key]++
	if o.List != "" {
		s.lists[o.List] = append(s.lists[o.List], o.Key)
	}
}

func (s *shop) list(name string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lists[name])
}

func (s *shop) placed(key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.orders[key]
}

func run() error {
	quiet := slog.New(slog.DiscardHandler)
	srv := socketio.NewServer(&socketio.Options{Logger: quiet, PingInterval: time.Second, PingTimeout: time.Second})
	s := &shop{orders: make(map[string]int), lists: make(map[string][]string)}
	srv.UseEvent(idempotency.New(idempotency.Config{Key: idempotency.Field("key"), Logger: quiet}))
	srv.On("order", func(o order) (string, []byte) {
		s.place(o)
		if o.Slow {
			time.Sleep(400 * time.Millisecond) // longer than the client waits for the acknowledgement
		}
		return o.Key, o.Data
	})
	srv.On("placed", s.placed)
	srv.On("list", s.list)

	limited := srv.Of("/limited")
	limited.Use(ratelimit.New(ratelimit.Config{
		Events:     []ratelimit.Rule{{Limit: ratelimit.PerSecond(20, 5)}},
		Handshakes: []ratelimit.Rule{{Limit: ratelimit.Limit{Count: 1, Per: 300 * time.Millisecond, Burst: 1}}},
		Logger:     quiet,
	}))
	limited.On("say", func(n int) int { return n })

	// A server whose connections are limited, at another path.
	few := socketio.NewServer(&socketio.Options{
		Logger:       quiet,
		AllowRequest: ratelimit.Requests(ratelimit.Limit{Count: 1, Per: 100 * time.Millisecond, Burst: 1}),
	})

	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.Handle("/few/", few)
	hs := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- hs.Serve(ln) }() // ends by hs.Close
	fmt.Printf("listening %d\n", ln.Addr().(*net.TCPAddr).Port)
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent ends
	end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, _ = srv.Shutdown(end), few.Shutdown(end) // clients may be stalled on purpose
	_ = hs.Close()
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
