package graceful_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/graceful"
	"github.com/gosio/gosio/internal/assert"
)

// site is a service that runs on an App of the test's own.
type site struct {
	srv     *socketio.Server
	service *graceful.Service
	stop    context.CancelFunc
	ended   chan error // what Serve returns
	began   time.Time  // when stop was called

	mu    sync.Mutex
	steps []string // what has happened
}

// note records what has happened.
func (s *site) note(step string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps = append(s.steps, step)
}

// log is what has happened.
func (s *site) log() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.steps)
}

// open serves in virtual time. shutdown is what the App's does before it ends.
func open(t *testing.T, o graceful.Options, so *socketio.Options, shutdown func(context.Context) error) *site {
	t.Helper()
	s := &site{srv: socketio.NewServer(so), ended: make(chan error, 1)}
	if o.Signals == nil {
		o.Signals = []os.Signal{}
	}
	s.service = graceful.New(s.srv, &o)
	ctx, stop := context.WithCancel(context.Background())
	s.stop = func() { s.began = time.Now(); stop() }
	listening := make(chan struct{})
	app := graceful.AppFunc(
		func(net.Listener) error { <-listening; return http.ErrServerClosed },
		func(ctx context.Context) error {
			s.note("app")
			defer close(listening)
			return shutdown(ctx)
		},
	)
	go func() { s.ended <- s.service.Serve(ctx, app, nil) }()
	return s
}

func promptly(context.Context) error { return nil }

// get asks a handler as a browser or a probe does.
func get(h http.Handler, path string) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
	return w.Result()
}

func ready(t *testing.T, s *graceful.Service) (status int, body string) {
	t.Helper()
	res := get(http.HandlerFunc(s.Readyz), "/readyz")
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	assert.NoError(t, err)
	return res.StatusCode, strings.TrimSpace(string(b))
}

// TestOrder: readiness first, then the sockets, then the HTTP server.
func TestOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, graceful.Options{Delay: 5 * time.Second}, nil, promptly)
		s.srv.OnDisconnect(func(*socketio.Socket, socketio.Reason) { s.note("socket") })
		c := siotest.Dial(t, s.srv, siotest.Options{Transport: "polling"})
		status, body := ready(t, s.service)
		assert.Equal(t, "ready", status, http.StatusOK)
		assert.Equal(t, "its body", body, `{"status":"ok"}`)

		s.stop()
		time.Sleep(4 * time.Second)
		status, body = ready(t, s.service)
		assert.Equal(t, "shutting down", status, http.StatusServiceUnavailable)
		assert.Equal(t, "its body", body, `{"status":"shutting down"}`)
		other := siotest.Dial(t, s.srv, siotest.Options{}) // whom a load balancer still sends
		assert.True(t, "an id", other.ID() != "")
		assert.Equal(t, "steps", len(s.log()), 0)

		assert.NoError(t, <-s.ended)
		assert.Equal(t, "took", time.Since(s.began).Round(time.Second), 5*time.Second)
		c.ExpectDisconnect(siotest.TransportClose)
		other.ExpectDisconnect(siotest.TransportClose)
		assert.Equal(t, "steps", s.log(), []string{"socket", "socket", "app"})

		res := get(s.srv, "/socket.io/?EIO=4&transport=polling")
		defer res.Body.Close()
		assert.Equal(t, "a handshake", res.StatusCode, http.StatusServiceUnavailable)
		assert.True(t, "Retry-After", res.Header.Get("Retry-After") != "")
		assert.Equal(t, "Connection", res.Header.Get("Connection"), "close")
		live := get(http.HandlerFunc(s.service.Healthz), "/healthz")
		defer live.Body.Close()
		assert.Equal(t, "alive", live.StatusCode, http.StatusOK)
		assert.Equal(t, "Cache-Control", live.Header.Get("Cache-Control"), "no-store")
	})
}

// TestBounded: nothing of the application's holds the end up, and a handler that
// hangs leaves the HTTP server the last fifth of the time.
func TestBounded(t *testing.T) {
	t.Parallel()
	const timeout = 10 * time.Second
	broken := errors.New("broken")
	for name, tt := range map[string]struct {
		handler bool // hangs
		app     func(ctx context.Context) error
		took    time.Duration
		want    error
		left    time.Duration // of the time, when the App's turn comes
	}{
		"all end":             {false, promptly, 0, nil, timeout},
		"handler":             {true, promptly, 8 * time.Second, context.DeadlineExceeded, 2 * time.Second},
		"requests":            {false, waitFor, timeout - time.Second, context.DeadlineExceeded, timeout},
		"handler, requests":   {true, waitFor, timeout - time.Second, context.DeadlineExceeded, 2 * time.Second},
		"app that waits on":   {false, func(context.Context) error { time.Sleep(time.Hour); return nil }, timeout, context.DeadlineExceeded, timeout},
		"app that fails":      {false, func(context.Context) error { return broken }, 0, broken, timeout},
		"handler, app waits":  {true, func(context.Context) error { time.Sleep(time.Hour); return nil }, timeout, context.DeadlineExceeded, 2 * time.Second},
		"handler, app broken": {true, func(context.Context) error { return broken }, 8 * time.Second, broken, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var left atomic.Int64
				s := open(t, graceful.Options{Timeout: timeout}, nil, func(ctx context.Context) error {
					by, _ := ctx.Deadline()
					left.Store(int64(time.Until(by)))
					return tt.app(ctx)
				})
				hang := make(chan struct{})
				s.srv.On("hang", func() { <-hang })
				c := siotest.Dial(t, s.srv, siotest.Options{})
				if tt.handler {
					c.Emit("hang")
					synctest.Wait()
				}
				s.stop()
				err := <-s.ended
				took := time.Since(s.began)
				if tt.want == nil {
					assert.NoError(t, err)
				} else {
					assert.ErrorIs(t, err, tt.want)
				}
				assert.True(t, "took "+took.String(), took >= tt.took && took < tt.took+time.Second && took <= timeout)
				reserve := time.Duration(left.Load())
				assert.True(t, "left to the app "+reserve.String(), reserve <= tt.left && reserve > tt.left-time.Second)
				close(hang)
				time.Sleep(2 * time.Hour) // the App that waits on has ended, too
			})
		})
	}
}

func waitFor(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

// TestInTime: Serve returns within Timeout, however short, and whatever part of it Delay is.
func TestInTime(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ timeout, delay time.Duration }{
		{time.Millisecond, 0}, {100 * time.Millisecond, 0}, {time.Second, 0}, {25 * time.Second, 24 * time.Second}, {25 * time.Second, 25*time.Second - 1}, {time.Hour, 0},
	} {
		t.Run(fmt.Sprint(tt), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				hang := make(chan struct{})
				s := open(t, graceful.Options{Timeout: tt.timeout, Delay: tt.delay}, nil, func(context.Context) error { <-hang; return nil })
				s.stop()
				assert.ErrorIs(t, <-s.ended, context.DeadlineExceeded)
				assert.Equal(t, "took", time.Since(s.began), tt.timeout)
				close(hang)
			})
		})
	}
}

// TestLongDelay: a Delay that is most of the time leaves some for the sockets.
func TestLongDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, graceful.Options{Delay: 20 * time.Second}, nil, promptly)
		c := siotest.Dial(t, s.srv, siotest.Options{Timeout: time.Minute})
		s.stop()
		assert.NoError(t, <-s.ended)
		c.ExpectDisconnect("")
		took := time.Since(s.began)
		assert.True(t, "took "+took.String(), took >= 20*time.Second && took < 25*time.Second)
	})
}

// TestEndedAtOnce: an App whose Shutdown comes too early to be noticed, as fasthttp's is
// before it serves, ends all the same.
func TestEndedAtOnce(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	serve := func(l net.Listener) error {
		for {
			c, err := l.Accept()
			if err != nil {
				return err
			}
			_ = c.Close()
		}
	}
	start := time.Now()
	service := graceful.New(socketio.NewServer(nil), &graceful.Options{Signals: []os.Signal{}})
	assert.NoError(t, service.Serve(ctx, graceful.AppFunc(serve, promptly), l))
	assert.True(t, "it has not waited for the Timeout", time.Since(start) < 20*time.Second)
}

// TestServeFails: an App that cannot serve, or that somebody else ends, ends the sockets.
func TestServeFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("no listener")
	for name, tt := range map[string]struct{ err, want error }{
		"error": {broken, broken}, "closed": {http.ErrServerClosed, nil}, "nil, as Fiber": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := socketio.NewServer(nil)
				service := graceful.New(srv, &graceful.Options{Signals: []os.Signal{}})
				c := siotest.Dial(t, srv, siotest.Options{})
				serve := func(net.Listener) error { return tt.err }
				err := service.Serve(t.Context(), graceful.AppFunc(serve, promptly), nil)
				assert.Equal(t, "error", err, tt.want)
				c.ExpectDisconnect("")
				status, _ := ready(t, service)
				assert.Equal(t, "ready", status, http.StatusServiceUnavailable)
			})
		})
	}
}

// TestListenAndServe on an http.Server, with a request that does not end.
func TestListenAndServe(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(nil)
	service := graceful.New(srv, &graceful.Options{Timeout: 500 * time.Millisecond})
	began, address := make(chan struct{}), make(chan string, 1)
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.HandleFunc("/hang", func(_ http.ResponseWriter, r *http.Request) { close(began); <-r.Context().Done() })
	app := &http.Server{Addr: "127.0.0.1:0", Handler: mux, ReadHeaderTimeout: time.Second}
	app.BaseContext = func(l net.Listener) context.Context { address <- l.Addr().String(); return context.Background() }
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- service.ListenAndServe(ctx, app) }()
	url, cut := "http://"+<-address, make(chan error, 1)
	go func() {
		res, err := http.Get(url + "/hang")
		if err == nil {
			res.Body.Close()
		}
		cut <- err
	}()
	<-began
	stop()
	assert.ErrorIs(t, <-ended, context.DeadlineExceeded)
	assert.True(t, "the request is cut", <-cut != nil)
	assert.True(t, "an address that is none", service.ListenAndServe(t.Context(), &http.Server{Addr: "nowhere", ReadHeaderTimeout: 1}) != nil)
}

// TestShutdown is for programs whose framework ends the HTTP server.
func TestShutdown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := socketio.NewServer(nil)
		service := graceful.New(srv, &graceful.Options{Delay: 5 * time.Second})
		siotest.Dial(t, srv, siotest.Options{})
		start := time.Now()
		assert.NoError(t, service.Shutdown(t.Context()))
		assert.Equal(t, "took", time.Since(start).Round(time.Second), 5*time.Second)
		assert.NoError(t, service.Shutdown(t.Context()))
		assert.Equal(t, "took with the second", time.Since(start).Round(time.Second), 5*time.Second)

		srv = socketio.NewServer(nil)
		service = graceful.New(srv, &graceful.Options{Delay: 5 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		siotest.Dial(t, srv, siotest.Options{})
		assert.ErrorIs(t, service.Shutdown(ctx), context.DeadlineExceeded)
		assert.Equal(t, "took with little time", time.Since(start).Round(time.Second), time.Second)
	})
}

func TestWiring(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(nil)
	for name, wrong := range map[string]func(){
		"no server":      func() { graceful.New(nil, nil) },
		"timeout":        func() { graceful.New(srv, &graceful.Options{Timeout: -1}) },
		"delay":          func() { graceful.New(srv, &graceful.Options{Delay: -1}) },
		"delay too long": func() { graceful.New(srv, &graceful.Options{Delay: 25 * time.Second}) },
		"no check": func() {
			graceful.New(srv, &graceful.Options{Checks: map[string]func(context.Context) error{"redis": nil}})
		},
		"no serve":    func() { graceful.AppFunc(nil, promptly) },
		"no shutdown": func() { graceful.AppFunc(func(net.Listener) error { return nil }, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				text, _ := recover().(string)
				assert.True(t, "panic: "+text, strings.HasPrefix(text, "socketio: graceful."))
			}()
			wrong()
		})
	}
}
