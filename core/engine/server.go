package engine

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosio/gosio/internal/loglimit"
)

// Handler is told of every new session. Connect runs on the request's
// goroutine, before the client has heard of the session; r is valid only
// until it returns. The session may be sent to and closed from within.
type Handler interface {
	Connect(s *Session, r *http.Request) Receiver
}

// Receiver takes what arrives on one session.
//
// Its methods, and those of its Workers, must not panic: most of the calls are made
// on goroutines of the engine, where a panic ends the process. An implementation
// that calls code of others recovers, logs, and calls [Session.Fail], as package
// socketio does for its handlers. runtime.Goexit within Message ends the session
// with [TransportError].
type Receiver interface {
	// Message takes one message, in order, one at a time. data is valid only
	// during the call. It returns the work that the message leaves for the
	// application, nil if there is none. An error closes the session with
	// [ForcedClose]; work that is returned beside one is still done.
	//
	// The engine does the work once it has taken all the messages that have
	// arrived together: the last one's inline, if it can, and that of the others
	// elsewhere.
	Message(data []byte, binary bool) (Worker, error)
	// Backlog is asked before more is read. It returns nil when there is
	// room, else a channel that is closed once there is.
	Backlog() <-chan struct{}
	// Closed is called once, when the session ends. It may run while Message
	// does, and inside a Send that ends the session. err is the cause, nil if
	// there is none beyond the reason. Server.Shutdown waits for it to return.
	Closed(reason Reason, err error)
}

// Server is an http.Handler that speaks Engine.IO. The router decides which
// path leads to it. Create one with [NewServer]; it may be used concurrently.
type Server struct {
	opts    Options
	log     *slog.Logger
	handler Handler
	origins seenOrigins
	holders holders
	flush   flushers
	lending lending
	deflate *deflater // nil: off
	noted   loglimit.Limiter
	strays  strays
	samples atomic.Uint32 // see Session.sample
	pauses  pauses
	uploads sync.Pool // of *upload
	began   time.Time
	life    context.Context // ends when new sessions are refused
	end     context.CancelFunc

	mu       sync.Mutex
	sessions map[string]*Session // until their connections are closed
	reserved reserved            // ids of handshakes under way, of Options.GenerateID
	shutdown bool
	empty    chan struct{} // closed when shutdown is set and the table is empty
}

// NewServer returns a server that reports its sessions to h. It panics on
// options that cannot work.
func NewServer(h Handler, o *Options) *Server {
	var opts Options
	if o != nil {
		opts = *o
	}
	opts = opts.withDefaults()
	srv := &Server{opts: opts, log: opts.Logger, handler: h, sessions: make(map[string]*Session), empty: make(chan struct{})}
	srv.deflate = newDeflater(opts.PerMessageDeflate)
	srv.life, srv.end = context.WithCancel(context.Background())
	srv.flush.init(&srv.lending)
	srv.began = time.Now().Add(-1) // before any sample
	return srv
}

// ServeHTTP serves handshakes, polls, POSTs and upgrades. A WebSocket session
// goes on after it returns, unless the request's context comes from
// [RunOnCaller].
func (srv *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !srv.CheckOrigin(w, r) {
		return
	}
	q := parseQuery(r.URL.RawQuery)
	s, err := srv.check(r, q)
	switch {
	case err != nil:
		if err.Code == BadHandshakeMethod {
			w.Header().Set("Allow", http.MethodGet)
		}
		if err.Status == http.StatusServiceUnavailable {
			w.Header().Set("Connection", "close")
		}
		srv.refuseAt(levelOf(err), w, r, err)
	case s == nil && q.transport == Polling:
		srv.openPolling(w, r, q)
	case s == nil:
		srv.openWebSocket(w, r, q)
	case q.transport == WebSocket:
		srv.serveUpgrade(s, w, r)
	case r.Method == http.MethodGet:
		s.polling.servePoll(w, r)
	case r.Method == http.MethodPost:
		s.polling.servePost(w, r)
	default: // the reference answers 500
		w.Header().Set("Allow", "GET, POST")
		srv.refuse(w, r, &RequestError{Code: BadRequest, Context: "method " + clip(r.Method), Status: http.StatusMethodNotAllowed})
	}
}

// SendBuffer is the bound on what waits for one peer, in bytes; negative: none.
func (srv *Server) SendBuffer() int64 { return srv.opts.SendBuffer }

// Count is the number of open sessions.
func (srv *Server) Count() int {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	return len(srv.sessions)
}

func (srv *Server) session(id string) *Session {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	return srv.sessions[id]
}

// add enters a new session into the table. It reports false if the server is
// shutting down.
func (srv *Server) add(s *Session) bool {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.shutdown {
		return false
	}
	delete(srv.reserved, s.id)
	srv.sessions[s.id] = s
	return true
}

// remove takes a session out of the table: it may be called more than once, and
// the id may be another session's by then.
func (srv *Server) remove(s *Session) {
	srv.mu.Lock()
	if srv.sessions[s.id] == s {
		delete(srv.sessions, s.id)
	}
	srv.signalEmpty()
	srv.mu.Unlock()
}

func (srv *Server) closing() bool {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	return srv.shutdown
}

type runOnCaller struct{}

// RunOnCaller marks a request whose WebSocket session is to run on the
// goroutine that calls ServeHTTP, which then returns when the session is over.
// Servers that close the connection when a hijack handler returns, such as
// fasthttp, need that.
func RunOnCaller(ctx context.Context) context.Context {
	return context.WithValue(ctx, runOnCaller{}, true)
}
