package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"time"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
)

// rooms that clients are in.
const rooms = 10

// about is what the server says of itself.
type about struct {
	Connections, Goroutines, Files int
	Heap                           uint64
}

// runServer serves until ctx ends: it says n to each room ten times a second, and answers.
func runServer(ctx context.Context, address, socket string) error {
	o := &socketio.Options{Recovery: &socketio.Recovery{}}
	if socket != "" {
		quiet := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
		o.Adapter = sioredis.New(&sioredis.Options{URL: "unix://" + socket, Mode: sioredis.Streams, Logger: quiet}).Adapter
		o.Logger = quiet
	}
	srv := socketio.NewServer(o)
	srv.On("move", func(s *socketio.Socket, from, to int) (int, error) {
		s.Leave(fmt.Sprint(from))
		return to, s.Join(fmt.Sprint(to))
	})
	srv.On("ask", func(n int) int { return n })
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.HandleFunc("/about", func(w http.ResponseWriter, _ *http.Request) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		files, _ := os.ReadDir("/proc/self/fd")
		_ = json.NewEncoder(w).Encode(about{srv.Connections(), runtime.NumGoroutine(), len(files), m.HeapAlloc})
	})
	web := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		var said [rooms]voice
		for {
			select {
			case <-tick.C:
			case <-ctx.Done():
				srv.Close()
				_ = web.Close()
				return
			}
			for room := range said {
				said[room].say(srv, room)
			}
		}
	}()
	if err := web.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// voice is what a server says to one room: numbers, in a life of their own, which ends when
// Emit has said that one may be lost.
type voice struct {
	life string
	n    int
}

func (v *voice) say(srv *socketio.Server, room int) {
	if v.life == "" {
		v.life, v.n = rand.Text()[:12], 0
	}
	v.n++
	if srv.To(fmt.Sprint(room)).Emit("n", room, v.life, v.n) != nil {
		v.life = ""
	}
}
