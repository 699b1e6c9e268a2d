// Command server-go is the contract server (../CONTRACT.md) on gosio.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// config is the one argument of the command.
type config struct {
	Port              int      `json:"port"`
	PingInterval      int      `json:"pingInterval"` // milliseconds
	PingTimeout       int      `json:"pingTimeout"`  // milliseconds
	MaxHTTPBufferSize int64    `json:"maxHttpBufferSize"`
	Transports        []string `json:"transports"`
	Recovery          bool     `json:"recovery"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var c config
	if len(os.Args) > 1 {
		if err := json.Unmarshal([]byte(os.Args[1]), &c); err != nil {
			return fmt.Errorf("read options: %w", err)
		}
	}
	var recovery *socketio.Recovery
	if c.Recovery {
		recovery = &socketio.Recovery{}
	}
	srv := socketio.NewServer(&socketio.Options{
		Recovery:     recovery,
		CORS:         socketio.CORS{Origins: []string{"*"}},
		Transports:   c.Transports,
		PingInterval: time.Duration(c.PingInterval) * time.Millisecond,
		PingTimeout:  time.Duration(c.PingTimeout) * time.Millisecond,
		Limits:       socketio.Limits{MaxHTTPBufferSize: c.MaxHTTPBufferSize},
	})
	st := &state{counted: make(map[string][]any), tries: make(map[string]int)}
	for _, name := range []string{"/", "/custom", "/été", "/guarded"} {
		st.serve(srv.Of(name))
	}
	srv.Of("/guarded").UseFunc(guard)

	mux := http.NewServeMux()
	mux.Handle("/socket.io/", st.polls(srv))
	mux.HandleFunc("GET /state", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]int{"polls": int(st.polling.Load()), "connections": srv.Connections()}) // the asker may be gone
	})
	hs := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", c.Port))
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() { // ends with the parent: its end of the pipe closes
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	served := make(chan error, 1)
	go func() { served <- hs.Serve(ln) }() // ends by hs.Close below
	fmt.Printf("listening %d\n", ln.Addr().(*net.TCPAddr).Port)
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		end, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if err := srv.Shutdown(end); err != nil {
			return err
		}
		return hs.Shutdown(end)
	}
}

// guard lets nobody in without the token.
func guard(_ context.Context, s *socketio.Socket) error {
	var auth struct {
		Token string `json:"token"`
	}
	if err := s.Handshake().DecodeAuth(&auth); err != nil || auth.Token != "secret" {
		data := map[string]any{"code": "E_AUTH", "details": []int{1, 2}}
		return &socketio.ConnectError{Message: "not authorized", Data: data}
	}
	return nil
}

// state is what outlives sockets.
type state struct {
	mu      sync.Mutex
	counted map[string][]any
	tries   map[string]int
	polling atomic.Int32 // polls that wait for an answer
}

// polls counts those polls.
func (st *state) polls(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.Method == http.MethodGet && q.Has("sid") && q.Get("transport") == "polling" {
			st.polling.Add(1)
			defer st.polling.Add(-1)
		}
		next.ServeHTTP(w, r)
	})
}

// serve registers the contract's events on one namespace.
func (st *state) serve(ns *socketio.Namespace) {
	ns.UseEvent(withShape)
	ns.OnConnect(welcome)
	ns.On("echo", echo)
	ns.On("ask", ask)
	ns.On("burst", burst)
	ns.On("count", st.count)
	ns.On("counted", st.list)
	ns.On("third", st.third)
	ns.On("header", func(s *socketio.Socket, name string) any {
		if v := s.Handshake().Header().Get(name); v != "" {
			return v
		}
		return nil
	})
	ns.On("late", func(ms int, value any, ack socketio.Ack) {
		time.AfterFunc(time.Duration(ms)*time.Millisecond, func() { _ = ack(value) }) // the client may be gone
	})
	ns.On("never", func(socketio.Ack) {})
	ns.On("join", func(s *socketio.Socket, room string) error { return s.Join(room) })
	ns.On("tell", func(room, event string, args ...any) error { return ns.To(room).Emit(event, args...) })
	ns.On("leave-me", func(s *socketio.Socket) { s.Disconnect(false) })
	ns.On("kick", func(s *socketio.Socket) { s.Disconnect(true) })
	ns.On("cut", func(s *socketio.Socket) { s.CloseTransport() })
}

func welcome(s *socketio.Socket) {
	auth := map[string]any{}
	if err := s.Handshake().DecodeAuth(&auth); err != nil || auth == nil {
		auth = map[string]any{}
	}
	query := map[string]string{}
	for key, values := range s.Handshake().Query() {
		query[key] = values[len(values)-1]
	}
	_ = s.Emit("welcome", map[string]any{"id": s.ID(), "auth": auth, "query": query})
}

// shape tells echo what its parameters cannot: how many arguments came, and whether the client waits for an answer.
type shape struct {
	n        int
	wantsAck bool
}

type shapeKey struct{}

func withShape(next socketio.EventHandler) socketio.EventHandler {
	return func(ctx context.Context, in *socketio.Incoming) error {
		return next(context.WithValue(ctx, shapeKey{}, shape{in.Len(), in.WantsAck()}), in)
	}
}

// echo takes up to twelve arguments: a handler with an Ack cannot be variadic.
func echo(ctx context.Context, s *socketio.Socket, a, b, c, d, e, f, g, h, i, j, k, l *any, ack socketio.Ack) {
	sh, _ := ctx.Value(shapeKey{}).(shape)
	args := make([]any, 0, sh.n)
	for _, arg := range []*any{a, b, c, d, e, f, g, h, i, j, k, l}[:min(sh.n, 12)] {
		if arg == nil { // a JSON null
			args = append(args, nil)
			continue
		}
		args = append(args, *arg)
	}
	if sh.wantsAck {
		_ = ack(args...) // the client may be gone
		return
	}
	_ = s.Emit("echo", args...)
}

// ask asks the client, outside the handler, and passes the answer on.
func ask(s *socketio.Socket, args ...any) {
	go func() { // ends with the answer, the timeout or the socket
		reply, err := s.EmitWithAck(context.Background(), "question", args...)
		if err != nil {
			return
		}
		answer := make([]any, reply.Len())
		dst := make([]any, reply.Len())
		for i := range answer {
			dst[i] = &answer[i]
		}
		if reply.Decode(dst...) == nil {
			_ = s.Emit("answer", answer...)
		}
	}()
}

func burst(s *socketio.Socket, n, size int) {
	filler := strings.Repeat("x", size)
	for i := range n {
		if s.Emit("n", i, filler) != nil {
			return
		}
	}
}

// count takes whatever follows the number: ballast.
func (st *state) count(key string, i any, _ ...any) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.counted[key] = append(st.counted[key], i)
}

func (st *state) list(key string) []any {
	st.mu.Lock()
	defer st.mu.Unlock()
	return append([]any{}, st.counted[key]...)
}

func (st *state) third(key string, ack socketio.Ack) {
	st.mu.Lock()
	st.tries[key]++
	n := st.tries[key]
	st.mu.Unlock()
	if n >= 3 {
		_ = ack(n)
	}
}
