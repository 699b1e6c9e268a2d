package mounttest

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// Origin is the one foreign origin that the servers of [NewApp] allow.
const Origin = "https://app.example"

// patience bounds each wait for something that has to happen at once. It is
// below the ping timeout, so that the heartbeat cannot pass for anything else.
const patience = 15 * time.Second

// App is a server with one handler, "echo", that emits its argument back.
type App struct {
	*socketio.Server
	// Connected gets every socket, Gone the reason of every disconnect.
	Connected chan *socketio.Socket
	Gone      chan socketio.Reason
	// Log holds what the server has logged.
	Log *Log
}

// NewApp returns a server that is closed when the test ends.
func NewApp(t testing.TB) *App {
	return NewAppWith(t, socketio.Options{})
}

// NewAppWith is NewApp with options. The allowed origin and the logger are
// filled in.
func NewAppWith(t testing.TB, o socketio.Options) *App {
	a := &App{Connected: make(chan *socketio.Socket, 64), Gone: make(chan socketio.Reason, 64), Log: new(Log)}
	o.CORS.Origins = append(o.CORS.Origins, Origin)
	o.Logger = slog.New(slog.NewTextHandler(a.Log, nil))
	a.Server = socketio.NewServer(&o)
	a.OnConnect(func(s *socketio.Socket) { a.Connected <- s })
	a.OnDisconnect(func(_ *socketio.Socket, r socketio.Reason) { a.Gone <- r })
	a.On("echo", func(s *socketio.Socket, v any) error { return s.Emit("echo", v) })
	t.Cleanup(a.Close)
	return a
}

// Wait receives from c, or fails the test.
func Wait[T any](t testing.TB, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
	}
	return v
}

// Log is an io.Writer that keeps lines.
type Log struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	written chan struct{} // closed by the next write; nil: nobody waits
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.written != nil {
		close(l.written)
		l.written = nil
	}
	return l.buf.Write(p)
}

// Expect waits until text is in the log count times. It fails if it is there
// more often: a line may be written after the client has its answer.
func (l *Log) Expect(t testing.TB, text string, count int) {
	t.Helper()
	timeout := time.After(patience)
	for {
		l.mu.Lock()
		got := strings.Count(l.buf.String(), text)
		if l.written == nil {
			l.written = make(chan struct{})
		}
		written := l.written
		l.mu.Unlock()
		if got > count {
			t.Fatalf("%q is in the log %d times, want %d", text, got, count)
		}
		if got == count {
			return
		}
		select {
		case <-written:
		case <-timeout:
			t.Fatalf("%q is in the log %d times, want %d:\n%s", text, got, count, l)
		}
	}
}

// String returns all of it.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
