//go:build e2e

package hostile

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
)

// patience bounds each wait for what has to happen at once, on a machine that is busy.
const patience = 15 * time.Second

// secret is in whatever attackers send that must not be seen in a log.
const secret = "s3same"

// options are short where a row has to wait for a timeout.
func options(l *logged) socketio.Options {
	return socketio.Options{
		PingInterval: 5 * time.Second, PingTimeout: 5 * time.Second, // sessions of polling that are left end by them
		UpgradeTimeout: 2 * time.Second, ConnectTimeout: 4 * time.Second, AckTimeout: time.Second,
		Limits: socketio.Limits{
			FirstPollTimeout: 3 * time.Second, BodyTimeout: 3 * time.Second, MessageTimeout: 1500 * time.Millisecond,
			AttachmentTimeout: 1500 * time.Millisecond, CloseTimeout: time.Second, WriteTimeout: 3 * time.Second,
		},
		Recovery: &socketio.Recovery{MaxDisconnection: 300 * time.Millisecond},
		Logger:   slog.New(l),
	}
}

// A world is one or two servers behind a framework, and the clients that must not
// notice anything.
type world struct {
	name    string
	wait    time.Duration // for traces to go
	fast    bool          // on fasthttp, which reads a body before anybody sees the request
	servers []*socketio.Server
	addrs   []string
	log     *logged
	faults  faults
	ended   atomic.Int64 // disconnects
	calm    sync.RWMutex // held for reading while a bystander is served
	others  []*bystander
	ticking sync.Mutex
	ticks   int // broadcasts to the bystanders; guarded by ticking
	stop    func()
}

// faults are what the servers did wrong.
type faults struct {
	mu  sync.Mutex
	all []string
}

func (f *faults) add(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.all) < 20 {
		f.all = append(f.all, fmt.Sprintf(format, args...))
	}
}

func (f *faults) take() (err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, text := range f.all {
		err = errors.Join(err, errors.New(text))
	}
	f.all = nil
	return err
}

// newWorld starts a server, or two in a cluster, and its bystanders.
func newWorld(t testing.TB, f front, cluster bool) *world { return worldWith(t, f, cluster, nil) }

// worldWith is newWorld; change may change the options.
func worldWith(t testing.TB, f front, cluster bool, change func(w *world, o *socketio.Options)) *world {
	t.Helper()
	w := &world{name: f.name + ", alone", fast: f.name == "fiber", wait: 3 * patience}
	w.log = &logged{faults: &w.faults}
	o := options(w.log)
	if change != nil {
		change(w, &o)
	}
	if cluster {
		w.name = f.name + ", in a cluster"
		o.Recovery = nil // the log of this cluster, which is for tests, forgets nothing
		w.servers = adaptertest.Cluster(t, 2, o)
	} else {
		w.servers = []*socketio.Server{socketio.NewServer(&o)}
	}
	var ends []func()
	for _, srv := range w.servers {
		w.handle(srv)
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, f.serve(srv, ln, log.New(httpErrors{&w.faults}, "", 0)))
		w.addrs = append(w.addrs, ln.Addr().String())
	}
	w.invite(t)
	w.stop = sync.OnceFunc(func() {
		w.dismiss()
		for i, srv := range w.servers {
			srv.Close()
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			if err := srv.Shutdown(ctx); err != nil {
				t.Errorf("%s: Shutdown: %v", w.name, err)
			}
			cancel()
			ends[i]()
		}
	})
	t.Cleanup(w.stop)
	return w
}

// life is what a socket has behind it.
type life struct{ gone atomic.Bool }

var lifeKey = socketio.NewKey[*life]("life")

// handle is the application: its handlers do what applications do, with whatever
// clients send.
func (w *world) handle(srv *socketio.Server) {
	closed := srv.Of("/closed")
	closed.UseFunc(func(context.Context, *socketio.Socket) error { return &socketio.ConnectError{Message: "closed"} })
	for _, ns := range []*socketio.Namespace{srv.Of("/"), srv.Of("/other")} {
		w.handleOn(ns)
		ns.OnConnect(w.connected)
		ns.OnDisconnect(w.disconnected)
	}
	children := srv.OfRegexp(regexp.MustCompile(`^/child-\d{1,9}$`))
	w.handleOn(children)
	children.OnConnect(w.connected)
	children.OnDisconnect(w.disconnected)
	srv.On("bystander", func(s *socketio.Socket) error { return s.Join("bystanders") })
}

func (w *world) connected(s *socketio.Socket) {
	l := new(life)
	lifeKey.Set(s, l)
}

func (w *world) disconnected(s *socketio.Socket, _ socketio.Reason) {
	w.ended.Add(1)
	if l, ok := lifeKey.Get(s); !ok || l.gone.Swap(true) {
		w.faults.add("a socket has ended twice, or without a beginning")
	}
}

func (w *world) handleOn(r socketio.Registrar) {
	alive := func(s *socketio.Socket) {
		if l, ok := lifeKey.Get(s); !ok || l.gone.Load() {
			w.faults.add("a handler has run before OnConnect, or after OnDisconnect")
		}
	}
	r.On("echo", func(s *socketio.Socket, args ...any) (any, error) {
		alive(s)
		if len(args) == 0 {
			return nil, nil
		}
		return args[0], nil
	})
	r.On("say", func(s *socketio.Socket, args ...any) error { alive(s); return s.Emit("said", args...) })
	r.On("join", func(s *socketio.Socket, room string) error { alive(s); return s.Join(room) })
	r.On("leave", func(s *socketio.Socket, room string) { alive(s); s.Leave(room) })
	r.On("room", func(s *socketio.Socket, room string, v any) error { alive(s); return s.To(room).Emit("said", v) })
	r.On("error", func(s *socketio.Socket, _ ...any) (string, error) { alive(s); return "mine", nil })
	r.On("number", func(s *socketio.Socket, n float64) (float64, error) { alive(s); return n, nil })
	r.On("bye", func(s *socketio.Socket, ack socketio.Ack) { alive(s); s.Disconnect(true); ack("late") })
	r.On("ask", func(ctx context.Context, s *socketio.Socket) error {
		alive(s)
		ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		_, err := s.EmitWithAck(ctx, "question")
		return err
	})
}

// logged is a slog.Handler that looks at each line: nothing long or unprintable of a
// client's may be in it, and nothing secret.
type logged struct {
	faults *faults
	lines  atomic.Int64
	attrs  []slog.Attr
}

// Enabled implements slog.Handler: everything is made, so that everything is seen.
func (l *logged) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs implements slog.Handler.
func (l *logged) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &logged{faults: l.faults, attrs: append(slices.Clone(l.attrs), attrs...)}
}

// WithGroup implements slog.Handler.
func (l *logged) WithGroup(string) slog.Handler { return l }

// Handle implements slog.Handler.
func (l *logged) Handle(_ context.Context, r slog.Record) error {
	l.lines.Add(1)
	look := func(a slog.Attr) bool {
		text := a.Value.Resolve().String()
		switch {
		case a.Key == "stack":
			l.faults.add("a panic: %s", text)
		case strings.Contains(text, secret) && a.Key != "namespace" && a.Key != "event": // names, which are logged
			l.faults.add("log %q: %s has a client's secret: %.300q", r.Message, a.Key, text)
		case len(text) > 300: // 256, and what the server says around
			l.faults.add("log %q: %s has %d bytes: %.300q", r.Message, a.Key, len(text), text)
		case strings.ContainsFunc(text, unicode.IsControl):
			l.faults.add("log %q: %s has control characters: %.300q", r.Message, a.Key, text)
		}
		return true
	}
	for _, a := range l.attrs {
		look(a)
	}
	r.Attrs(look)
	if r.Level >= slog.LevelError && r.Message != "socketio: handler failed" { // as some rows have them fail
		l.faults.add("log at level error: %q", r.Message)
	}
	return nil
}

// httpErrors are the lines of the HTTP server: each is a fault.
type httpErrors struct{ faults *faults }

// Write implements io.Writer.
func (h httpErrors) Write(p []byte) (int, error) {
	h.faults.add("the HTTP server says: %.2000s", p)
	return len(p), nil
}
