// Command server sends numbered events, with recovery on, in such a way that
// each client can tell whether one is missing, came twice or too early.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	socketio "github.com/gosio/gosio/core"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	srv := socketio.NewServer(&socketio.Options{
		PingInterval: time.Second,
		PingTimeout:  2 * time.Second,
		Recovery:     &socketio.Recovery{MaxPackets: 100_000, MaxBytes: 64 << 20},
	})
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	l := &lab{srv: srv, ctx: ctx, sessions: make(map[string]*session)}
	for i := range 4 {
		r := &room{name: fmt.Sprintf("room-%d", i)}
		l.rooms = append(l.rooms, r)
		go l.broadcast(r) // ends with ctx
	}
	srv.UseFunc(l.greet)
	srv.OnConnect(l.connect)
	srv.On("finish", l.finish)
	srv.On("again", func(s *socketio.Socket) { s.Disconnect(false) })
	traps(srv.Of("/traps"))

	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	hs := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- hs.Serve(ln) }() // ends by hs.Close
	fmt.Printf("listening %d\n", ln.Addr().(*net.TCPAddr).Port)
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent ends
	stop()
	end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = srv.Shutdown(end) // clients may be stalled on purpose
	_ = hs.Close()
	return ignore(<-served)
}

func ignore(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// lab is the server and what it does to its clients.
type lab struct {
	srv   *socketio.Server
	ctx   context.Context
	rooms []*room

	mu       sync.Mutex
	sessions map[string]*session // by the client's name
}

// room counts its events. Who holds mu knows what the next one is.
type room struct {
	name string
	mu   sync.Mutex
	k    int
}

// broadcast sends one numbered event after another to a room.
func (l *lab) broadcast(r *room) {
	for l.ctx.Err() == nil {
		r.mu.Lock()
		r.k++
		_ = l.srv.To(r.name).Emit("room", r.name, r.k, "text")
		r.mu.Unlock()
		_ = l.srv.To(r.name).Volatile().Emit("volatile", r.name)
		time.Sleep(time.Duration(rand.IntN(50)) * time.Millisecond)
	}
}

// session is what one client has to see from its connect on, whatever happens
// to its connections.
type session struct {
	id   string
	stop context.CancelFunc
	ctx  context.Context
	over chan struct{}
	sock atomic.Pointer[socketio.Socket]
	n    int
	in   []*room
}

var sessions = socketio.NewKey[*session]("session")

// greet is middleware: what it sends and joins belongs to each connect.
func (l *lab) greet(_ context.Context, s *socketio.Socket) error {
	s.SetIdentity(name(s))
	_ = s.Emit("greeting", "text")
	return s.Join("greeted")
}

func name(s *socketio.Socket) string {
	var auth struct{ Name string }
	_ = s.Handshake().DecodeAuth(&auth)
	return auth.Name
}

func (l *lab) connect(s *socketio.Socket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.sessions[name(s)]
	if s.Recovered() {
		if x, _ := sessions.Get(s); x != old || s.ID() != old.id || !s.InRoom("greeted") {
			panic("what is recovered is not the client's own session")
		}
		old.sock.Store(s)
		return
	}
	if old != nil && old.sock.Load().Handshake().Time.After(s.Handshake().Time) {
		return // of an older connection, which the client has given up: handlers of two run in any order
	}
	if old != nil {
		old.stop()
	}
	x := &session{id: s.ID(), over: make(chan struct{})}
	x.ctx, x.stop = context.WithCancel(l.ctx)
	x.sock.Store(s)
	sessions.Set(s, x)
	l.sessions[name(s)] = x
	go l.drive(x) // ends with x.ctx
}

// drive does this and that to a session until it is stopped.
func (l *lab) drive(x *session) {
	defer close(x.over)
	for x.ctx.Err() == nil {
		switch rand.IntN(10) {
		case 0, 1, 2:
			l.direct(x, x.sock.Load().Emit)
		case 3, 4:
			l.direct(x, l.srv.To(x.id).Emit)
		case 5:
			_ = x.sock.Load().Volatile().Emit("volatile", "text")
		case 6:
			l.ask(x)
		case 7, 8:
			l.join(x)
		case 9:
			l.leave(x)
		}
		time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond)
	}
}

// direct sends a numbered event. One that fails is not sent: the number is the next one's.
func (l *lab) direct(x *session, emit func(string, ...any) error) {
	args := []any{x.n + 1, "text"}
	if rand.IntN(4) == 0 {
		args[1] = []byte("binary")
	}
	if emit("direct", args...) == nil {
		x.n++
	}
}

// ask sends an event that ends with a string and waits for its acknowledgement.
func (l *lab) ask(x *session) {
	ctx, cancel := context.WithTimeout(x.ctx, 20*time.Millisecond)
	defer cancel()
	_, _ = x.sock.Load().EmitWithAck(ctx, "question", "text")
}

// join and leave tell the client from and to which number it is in a room.
func (l *lab) join(x *session) {
	r := l.rooms[rand.IntN(len(l.rooms))]
	if slices.Contains(x.in, r) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = l.srv.To(x.id).Emit("join", r.name, r.k)
	if s := x.sock.Load(); rand.IntN(2) == 0 && s.Join(r.name) == nil {
		x.in = append(x.in, r)
		return
	}
	_ = l.srv.To(x.id).SocketsJoin(r.name)
	x.in = append(x.in, r)
}

func (l *lab) leave(x *session) {
	if len(x.in) == 0 {
		return
	}
	i := rand.IntN(len(x.in))
	r := x.in[i]
	x.in = slices.Delete(x.in, i, i+1)
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = l.srv.To(x.id).SocketsLeave(r.name)
	_ = l.srv.To(x.id).Emit("leave", r.name, r.k)
}

// finish ends the client's session and says what it must have seen.
func (l *lab) finish(s *socketio.Socket) int {
	l.mu.Lock()
	x := l.sessions[name(s)]
	l.mu.Unlock()
	x.stop()
	<-x.over
	for len(x.in) > 0 {
		l.leave(x)
	}
	_ = s.Emit("end", x.n)
	return x.n
}
