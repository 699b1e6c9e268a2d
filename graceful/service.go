package graceful

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/loglimit"
)

// Options are the options of [New]. The zero value takes every default.
type Options struct {
	// Timeout bounds the time from the signal until Serve returns, Delay included.
	// The last fifth of what Delay leaves is the HTTP server's alone, and at the end of it,
	// less than a second before Timeout, what still runs is cut. Give the process more before it is
	// killed: terminationGracePeriodSeconds in Kubernetes, TimeoutStopSec of
	// systemd, stop_grace_period of Docker, which is 10 s there if it is not set.
	// Default 25 s.
	Timeout time.Duration
	// Delay is how long the server still takes new connections after Readyz has
	// begun to refuse: as long as load balancers may send some. 5 s is enough
	// in most Kubernetes clusters, instead of a preStop hook. Default: none.
	Delay time.Duration
	// Signals end Serve. Default, if nil: SIGINT and SIGTERM. None if it is empty:
	// then the context of Serve alone ends it.
	Signals []os.Signal
	// Checks are asked by Readyz, all at once, each by one goroutine at a time. Their
	// context ends after 800 ms; a check that goes on counts as failed until it has
	// returned. A failure is logged when it begins and when it ends.
	// They are named in the answer, their errors are not. For an engine:
	//
	//	"redis": func(context.Context) error { return engine.Ready() }
	Checks map[string]func(context.Context) error
	// Logger hears when the end begins and when it is over, and what Checks say.
	// Default: the warnings go to slog.Default.
	Logger *slog.Logger
}

// defaultTimeout leaves 5 s of the 30 s that Kubernetes gives.
const defaultTimeout = 25 * time.Second

// lastWait is how long Serve waits at most for what should have ended.
const lastWait = 900 * time.Millisecond

// lastWait is how long Serve waits, within Timeout, for what should have ended.
func (o *Options) lastWait() time.Duration { return min(lastWait, (o.Timeout-o.Delay)/10) }

// ErrForced is what Serve returns after a second signal.
var ErrForced = errors.New("graceful: ended by a second signal")

// An App serves HTTP. *http.Server is one; [AppFunc] makes one of two functions. If
// it has a method Close() error, as *http.Server has, that is called when Shutdown
// fails.
type App interface {
	// Serve serves requests until Shutdown, then returns nil or http.ErrServerClosed.
	Serve(l net.Listener) error
	// Shutdown takes no new connections and waits for requests, at most until ctx ends.
	Shutdown(ctx context.Context) error
}

// AppFunc makes an App of two functions. Fiber is
//
//	graceful.AppFunc(func(l net.Listener) error { return app.Listener(siofiber.Listener(l)) }, app.ShutdownWithContext)
//
// and its siofiber.Pace(app) is what [Pace] is for net/http. It has no Close: an app that needs one is a type with three methods. A server with
// certificates has [Service.ListenAndServeTLS].
func AppFunc(serve func(net.Listener) error, shutdown func(context.Context) error) App {
	if serve == nil || shutdown == nil {
		panic("socketio: graceful.AppFunc needs both functions")
	}
	return app{serve, shutdown}
}

type app struct {
	serve    func(net.Listener) error
	shutdown func(context.Context) error
}

func (a app) Serve(l net.Listener) error         { return a.serve(l) }
func (a app) Shutdown(ctx context.Context) error { return a.shutdown(ctx) }

// A Service is a Socket.IO server in an app, from its start to its end. Its methods
// may be called concurrently, Serve once.
type Service struct {
	srv    *socketio.Server
	opts   Options
	checks []*check
	ending atomic.Bool
}

// New returns a Service for srv. o may be nil. It panics with a text that begins
// with "socketio:" on options that cannot work.
func New(srv *socketio.Server, o *Options) *Service {
	if srv == nil {
		panic("socketio: graceful.New needs the server of socketio.NewServer")
	}
	var opts Options
	if o != nil {
		opts = *o
	}
	if opts.Timeout < 0 || opts.Delay < 0 {
		panic("socketio: graceful.Options.Timeout and Delay must not be negative")
	}
	opts.Timeout = cmp.Or(opts.Timeout, defaultTimeout)
	if opts.Delay >= opts.Timeout {
		panic("socketio: graceful.Options.Delay has to be shorter than Timeout, of which Delay is a part")
	}
	if opts.Signals == nil {
		opts.Signals = []os.Signal{os.Interrupt, syscall.SIGTERM}
	}
	if opts.Logger == nil {
		opts.Logger = loglimit.Default()
	}
	return &Service{srv: srv, opts: opts, checks: newChecks(opts)}
}

// ListenAndServe listens on app.Addr, or on ":http" if that is empty, and calls
// [Service.Serve].
func (s *Service) ListenAndServe(ctx context.Context, app *http.Server) error {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", cmp.Or(app.Addr, ":http"))
	if err != nil {
		return err
	}
	return s.Serve(ctx, app, l)
}

// ListenAndServeTLS is ListenAndServe with certificates, or on ":https". The files are
// those of [http.Server.ServeTLS], and may be "" if app.TLSConfig has certificates.
func (s *Service) ListenAndServeTLS(ctx context.Context, app *http.Server, certFile, keyFile string) error {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", cmp.Or(app.Addr, ":https"))
	if err != nil {
		return err
	}
	Pace(app)
	return s.Serve(ctx, &secure{app, certFile, keyFile}, l)
}

// secure is an http.Server that serves TLS.
type secure struct {
	*http.Server
	certFile, keyFile string
}

func (a *secure) Serve(l net.Listener) error { return a.ServeTLS(l, a.certFile, a.keyFile) }

// Serve serves app on l until a signal comes or ctx ends, and ends both in the
// order that the package's documentation gives. It returns nil if all have ended in
// time, [ErrForced] after a further signal half a second after the first or later, and
// what app.Serve returns if that fails by itself. After an error code of the application
// may still run; the process should end. A process that does more after Serve can be
// ended by another signal. l may be nil if app listens by itself. For an *http.Server it
// calls [Pace].
func (s *Service) Serve(ctx context.Context, app App, l net.Listener) error {
	if server, ok := app.(*http.Server); ok {
		Pace(server)
	}
	signals := make(chan os.Signal, 2)
	if len(s.opts.Signals) > 0 { // without any, Notify would take all there are
		signal.Notify(signals, s.opts.Signals...)
		defer signal.Stop(signals)
	}
	served := make(chan error, 1)
	go func() { served <- app.Serve(l) }() // until app.Shutdown; inOrder waits
	select {
	case err := <-served:
		if !over(err) {
			s.ending.Store(true)
			s.srv.Close()
			return err
		}
		served <- nil // somebody else has called app.Shutdown
	case sig := <-signals:
		s.opts.Logger.Info("graceful: shutting down", "signal", sig.String(), "connections", s.srv.Connections())
	case <-ctx.Done():
		s.opts.Logger.Info("graceful: shutting down", "connections", s.srv.Connections())
	}
	start := time.Now()
	err := s.bounded(app, l, served, signals)
	s.opts.Logger.Info("graceful: shut down", "took", time.Since(start).Round(time.Millisecond))
	return err
}

// over reports whether an App has ended because it was told to.
func over(err error) bool { return err == nil || errors.Is(err, http.ErrServerClosed) }
