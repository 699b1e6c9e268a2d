// Package webtransport serves Socket.IO by WebTransport: HTTP/3 over QUIC,
// beside the HTTP server that serves polling and WebSocket on the same port of
// TCP. It is a module of its own, so that QUIC is in no program that does not
// ask for it.
//
//	io := socketio.NewServer(&socketio.Options{
//		Transports: []string{"polling", "websocket", "webtransport"},
//	})
//	h3 := webtransport.New(io, webtransport.Options{Addr: ":443", TLSConfig: config})
//	go h3.ListenAndServe()
//
// See https://socket.io/docs/v4/engine-io-protocol/#webtransport.
package webtransport

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	wt "github.com/quic-go/webtransport-go"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/engine"
)

// Options configures a [Server].
type Options struct {
	// Addr is the UDP address of ListenAndServe, host and port. Browsers ask
	// for the port that the page's client connects to by TCP. Default ":443".
	Addr string
	// TLSConfig has the certificate. It is required: there is no WebTransport
	// without TLS. The protocol's name, "h3", is added.
	TLSConfig *tls.Config
	// Path is the one path that is served, with or without the slash at its
	// end. Default "/socket.io/".
	Path string
	// MaxConnections bounds the QUIC connections, each of which carries one
	// client at most; further ones are closed at once. Default 10,000;
	// negative: none.
	MaxConnections int
	// Logger hears of connections that fail. Nil means slog.Default().
	Logger *slog.Logger
}

// What one connection can cost.
const (
	maxHeader      = 32 << 10 // bytes of a request's header
	maxStreams     = 16       // open at a time, of each direction; HTTP/3 needs some
	streamWindow   = 1 << 20  // bytes received and not yet read, of a stream
	connWindow     = 3 << 19  // and of a connection
	idleTimeout    = 30 * time.Second
	keepAlive      = 20 * time.Second
	requestTimeout = 10 * time.Second // a connection that carries nobody
)

// lastWait is how long Shutdown waits, when its context has ended, as long as no
// connection ends: then code of the application is in the way.
const lastWait = 300 * time.Millisecond

// Server serves WebTransport for a Socket.IO server. Its methods may be called
// concurrently. Create one with [New].
type Server struct {
	io   *socketio.Server
	opts Options
	path string // without the slash at its end
	h3   *wt.Server

	mu        sync.Mutex
	listeners map[*listener]struct{}
	conns     int
	handlers  int
	closing   bool
	idle      chan struct{}  // closed when closing and there are no handlers
	over      chan struct{}  // closed when everything is
	served    sync.WaitGroup // connections
}

// listener is one call of Serve.
type listener struct {
	transport *quic.Transport
	conns     *quic.EarlyListener
}

// New returns a server of the clients of io, whose Options.Transports must have
// "webtransport". It panics with a text that begins with "socketio:" on options
// that cannot work.
func New(io *socketio.Server, o Options) *Server {
	o.check(io)
	o = o.withDefaults()
	s := &Server{
		io: io, opts: o, path: strings.TrimSuffix(o.Path, "/"),
		listeners: make(map[*listener]struct{}), idle: make(chan struct{}), over: make(chan struct{}),
	}
	s.h3 = &wt.Server{
		H3: &http3.Server{
			Handler: http.HandlerFunc(s.serveHTTP), MaxHeaderBytes: maxHeader, IdleTimeout: requestTimeout, Logger: o.Logger,
		},
		CheckOrigin: func(*http.Request) bool { return true }, // ServeStream has, by one policy for all transports
	}
	h3 := s.h3.H3
	h3.ConnContext = func(ctx context.Context, c *quic.Conn) context.Context { return watch(ctx, c, h3.IdleTimeout) }
	return s
}

// check panics on what cannot work.
func (o *Options) check(io *socketio.Server) {
	c := o.TLSConfig
	switch {
	case io == nil:
		panic("socketio: webtransport.New: the server is nil")
	case c == nil:
		panic("socketio: webtransport.Options.TLSConfig is missing: there is no WebTransport without TLS")
	case len(c.Certificates) == 0 && c.GetCertificate == nil && c.GetConfigForClient == nil:
		panic("socketio: webtransport.Options.TLSConfig has no certificate: every client would be refused")
	case o.Path != "" && o.Path[0] != '/':
		panic("socketio: webtransport.Options.Path " + o.Path + " matches no request: it begins with a slash")
	}
	if _, allowed := io.Stats().Connections[engine.WebTransport]; !allowed {
		panic(`socketio: webtransport.New: the server refuses WebTransport: add "webtransport" to its Options.Transports`)
	}
}

func (o Options) withDefaults() Options {
	o.TLSConfig = o.TLSConfig.Clone()
	if o.Addr == "" {
		o.Addr = ":443"
	}
	if o.Path == "" {
		o.Path = "/socket.io/"
	}
	if o.MaxConnections == 0 {
		o.MaxConnections = 10_000
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// ListenAndServe serves Options.Addr. It returns [http.ErrServerClosed] when
// Shutdown or Close has ended it, and otherwise what has gone wrong.
func (s *Server) ListenAndServe() error {
	addr, err := net.ResolveUDPAddr("udp", s.opts.Addr)
	if err != nil {
		return err
	}
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // nothing is sent any more
	return s.Serve(conn)
}

// Serve is ListenAndServe for a socket that the caller has opened, and is to
// close after Serve has returned.
func (s *Server) Serve(conn net.PacketConn) error {
	transport := &quic.Transport{Conn: conn}
	early, err := transport.ListenEarly(http3.ConfigureTLSConfig(s.opts.TLSConfig), &quic.Config{
		MaxIdleTimeout: idleTimeout, KeepAlivePeriod: keepAlive,
		MaxIncomingStreams: maxStreams, MaxIncomingUniStreams: maxStreams,
		MaxStreamReceiveWindow: streamWindow, MaxConnectionReceiveWindow: connWindow,
		EnableDatagrams: true, EnableStreamResetPartialDelivery: true, // both are a must for WebTransport
	})
	if err != nil {
		return errors.Join(err, transport.Close())
	}
	ln := &listener{transport, early}
	if !s.enter(ln) {
		_ = early.Close()
		return errors.Join(http.ErrServerClosed, transport.Close())
	}
	for {
		c, err := early.Accept(context.Background())
		if err != nil {
			return s.leave(ln, err)
		}
		if !s.admit() {
			_ = c.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeExcessiveLoad), "")
			continue
		}
		go s.serveConn(c)
	}
}

// enter notes a listener. It reports false when the server is closing.
func (s *Server) enter(ln *listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.listeners[ln] = struct{}{}
	return true
}

// leave is the end of a listener: by Shutdown, whose end it waits for, or
// because its socket has failed.
func (s *Server) leave(ln *listener, err error) error {
	s.mu.Lock()
	closing := s.closing
	if !closing {
		delete(s.listeners, ln)
	}
	s.mu.Unlock()
	if closing {
		<-s.over
		return http.ErrServerClosed
	}
	return errors.Join(err, ln.transport.Close())
}

// admit counts a connection, if there is room for it.
func (s *Server) admit() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || (s.opts.MaxConnections > 0 && s.conns >= s.opts.MaxConnections) {
		return false
	}
	s.conns++
	s.served.Add(1)
	return true
}

func (s *Server) serveConn(c *quic.Conn) {
	defer s.served.Done()
	if err := s.h3.ServeQUICConn(c); err != nil && !errors.Is(err, http.ErrServerClosed) {
		s.opts.Logger.Debug("webtransport: connection failed", "error", err.Error())
		_ = c.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeInternalError), "")
	}
	<-c.Context().Done()
	s.mu.Lock()
	s.conns--
	s.mu.Unlock()
}

// serveHTTP serves the requests of a connection: those for WebTransport, on
// one path.
func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.TrimSuffix(r.URL.Path, "/") != s.path:
		http.NotFound(w, r)
	case r.Method != http.MethodConnect:
		w.Header().Set("Allow", http.MethodConnect)
		w.WriteHeader(http.StatusMethodNotAllowed)
	case !s.begin():
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		defer s.done()
		carrier := r.Context().Value(idleKey{}).(*idle) // of every connection that h3 serves
		carrier.begin()
		defer carrier.end()
		s.io.ServeStream(w, r, func(ctx context.Context) (socketio.Stream, error) { return s.accept(ctx, w, r) })
	}
}

// begin counts a handler, unless the server is closing.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.handlers++
	return true
}

func (s *Server) done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers--
	s.signal()
}

// signal is called with mu held whenever what it looks at has changed.
func (s *Server) signal() {
	if !s.closing || s.handlers > 0 {
		return
	}
	select {
	case <-s.idle:
	default:
		close(s.idle)
	}
}

// Shutdown takes no new connections, waits until the clients' have ended,
// and frees the socket. socketio.Server.Shutdown is what ends them: call that
// first. When ctx ends first it cuts those that are left and returns the
// context's error; it does not wait then for code of the application that keeps a
// client's goroutine, such as the function of OfFunc.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	s.signal()
	for ln := range s.listeners {
		_ = ln.conns.Close() // those that it has accepted go on
	}
	s.mu.Unlock()
	var err error
	select {
	case <-s.idle:
	case <-ctx.Done():
		err = ctx.Err()
	}
	_ = s.h3.Close() // the connections, whose peers are told
	gone := make(chan struct{})
	go func() { // ends with the handlers, whenever the application lets them
		defer close(gone)
		<-s.idle
		s.served.Wait()
	}()
	select {
	case <-gone:
	case <-ctx.Done():
		err = ctx.Err()
		s.awaitCut(gone)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for ln := range s.listeners {
		err = errors.Join(err, ln.transport.Close())
	}
	clear(s.listeners)
	select {
	case <-s.over:
	default:
		close(s.over)
	}
	return err
}

// awaitCut waits as long as connections end.
func (s *Server) awaitCut(gone <-chan struct{}) {
	for left := s.left(); ; {
		select {
		case <-gone:
			return
		case <-time.After(lastWait):
		}
		now := s.left()
		if now >= left {
			return
		}
		left = now
	}
}

// left is how many connections and requests there are.
func (s *Server) left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns + s.handlers
}

// Close is Shutdown without patience.
func (s *Server) Close() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.Shutdown(ctx) // the context is over, and says so
}
