package engine

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosio/gosio/core/engine/internal/clock"
	"github.com/gosio/gosio/core/engine/internal/compress"
	"github.com/gosio/gosio/core/engine/internal/hijack"
	"github.com/gosio/gosio/core/engine/internal/query"
	"github.com/gosio/gosio/internal/loglimit"
)

// Handler makes a [Receiver] for every new session. The engine calls Connect on the
// request's goroutine, before the client knows of the session; r is valid only
// until Connect returns. Connect may send to the session and close it.
type Handler interface {
	Connect(s *Session, r *http.Request) Receiver
}

// Receiver takes what arrives on one session.
//
// Its methods, and those of its Workers, must not panic: most of the calls are made
// on goroutines of the engine, where a panic ends the process. An implementation
// that calls code of others recovers, logs, and calls [Session.Fail], as package
// socketio does for its handlers. runtime.Goexit within Message ends the session
// with [ReasonTransportError].
type Receiver interface {
	// Message takes one message, in order, one at a time. data is valid only
	// during the call. It returns the work that the message leaves for the
	// application, nil if there is none. An error closes the session with
	// [ReasonForcedClose]; work that is returned beside one is still done.
	//
	// The engine does the work once it has taken all the messages that have
	// arrived together: the last one's inline, if it can, and that of the others
	// elsewhere.
	Message(data []byte, binary bool) (Worker, error)
	// Backlog is called before more is read. It returns nil if the Receiver can
	// take more, else a channel that is closed once it can.
	Backlog() <-chan struct{}
	// Closed is called once, when the session ends. It may run while Message
	// does, and inside a Send that ends the session. err is the cause, nil if
	// there is none beyond the reason. Server.Shutdown waits for it to return.
	Closed(reason Reason, err error)
}

// Server is an http.Handler that speaks Engine.IO. The router decides which
// path leads to it. Create one with [NewServer]; it may be used concurrently.
type Server struct {
	opts     Options
	log      *slog.Logger
	handler  Handler
	clock    *clock.Clock
	table    *table
	report   *reporter
	gate     gate
	acceptor acceptor
	flush    flushers
	lending  lending
	samples  atomic.Uint32   // see Session.sampleLocked
	uploads  sync.Pool       // of *upload
	life     context.Context // ends when new sessions are refused
	end      context.CancelFunc
}

// NewServer returns a server that reports its sessions to h. It panics on
// options that cannot work.
func NewServer(h Handler, o *Options) *Server {
	var opts Options
	if o != nil {
		opts = *o
	}
	opts = opts.withDefaults()
	srv := &Server{opts: opts, log: opts.Logger, handler: h, clock: clock.New(opts.PingTimeout), table: newTable()}
	srv.report = &reporter{log: opts.Logger, onRefused: opts.OnRefused, closeTimeout: opts.CloseTimeout}
	srv.gate = gate{opts: &srv.opts, table: srv.table, report: srv.report}
	srv.acceptor = acceptor{
		opts: &srv.opts, report: srv.report, deflate: compress.NewDeflater((*compress.Options)(opts.PerMessageDeflate)),
		taker: hijack.Taker{WriteTimeout: opts.WriteTimeout, Note: srv.report.note},
	}
	srv.life, srv.end = context.WithCancel(context.Background())
	srv.flush.init(&srv.lending)
	return srv
}

// ServeHTTP serves handshakes, polls, POSTs and upgrades. A WebSocket session
// goes on after it returns, unless the request's context comes from
// [RunOnCaller].
func (srv *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !srv.CheckOrigin(w, r) {
		return
	}
	q := query.Parse(r.URL.RawQuery)
	s, err := srv.gate.check(r, q)
	switch {
	case err != nil:
		if err.Code == CodeBadHandshakeMethod {
			w.Header().Set("Allow", http.MethodGet)
		}
		if err.Status == http.StatusServiceUnavailable {
			w.Header().Set("Connection", "close")
		}
		srv.report.refuseAt(err.level(), w, r, err)
	case s == nil && q.Transport == Polling:
		srv.openPolling(w, r, q)
	case s == nil:
		srv.openWebSocket(w, r, q)
	case q.Transport == WebSocket:
		srv.serveUpgrade(s, w, r)
	case r.Method == http.MethodGet:
		s.polling.servePoll(w, r)
	case r.Method == http.MethodPost:
		s.polling.servePost(w, r)
	default: // the reference answers 500
		w.Header().Set("Allow", "GET, POST")
		srv.report.refuse(w, r, &RequestError{Code: CodeBadRequest, Context: "method " + loglimit.Clip(r.Method), Status: http.StatusMethodNotAllowed})
	}
}

// SendBuffer is the bound on what waits for one peer, in bytes; negative: none.
func (srv *Server) SendBuffer() int64 { return srv.opts.SendBuffer }

// Count is the number of open sessions.
func (srv *Server) Count() int { return srv.table.count() }

// AfterFunc is time.AfterFunc for what ends something because of a peer: if this
// process was stopped meanwhile, or the timer is late for another reason, the
// peer has some more time, as what it has sent may not be read yet.
func (srv *Server) AfterFunc(d time.Duration, f func()) *Timer {
	return (*Timer)(srv.clock.AfterFunc(d, f))
}

// Timer calls a function when a peer has not done in time what was waited for. See
// [Server.AfterFunc]. Its methods may be called concurrently.
type Timer clock.Timer

// Stop prevents the call. It reports false if the timer was stopped before, or
// has expired.
func (t *Timer) Stop() bool { return (*clock.Timer)(t).Stop() }

// Reset makes the timer expire after d.
func (t *Timer) Reset(d time.Duration) { (*clock.Timer)(t).Reset(d) }

// Stats are numbers of this moment.
type Stats struct {
	// Sessions is how many are open, by transport.
	Sessions map[string]int
	// QueuedBytes wait to be sent, to all peers together; QueuedMax to the one
	// that has most.
	QueuedBytes, QueuedMax int64
}

// Stats looks at all sessions, one after another; each, if not nil, is called
// with their Receivers. It costs about 100 ns per session and holds up nobody
// for longer than that.
func (srv *Server) Stats(each func(Receiver)) Stats {
	st := Stats{Sessions: make(map[string]int, 2)}
	for _, name := range srv.opts.Transports {
		st.Sessions[name] = 0
	}
	for _, s := range srv.table.all() {
		st.Sessions[s.Transport()]++
		s.mu.Lock()
		queued, recv := s.budget.Used, s.recv
		s.mu.Unlock()
		st.QueuedBytes += queued
		st.QueuedMax = max(st.QueuedMax, queued)
		if each != nil {
			each(recv)
		}
	}
	return st
}

// LeaveBody is to be called before the answer to a request whose body has not
// been read, and will not be. net/http would read it first, and wait for that
// without a bound: the answer leaves at once instead, and the connection is closed
// behind it, after Options.CloseTimeout at the latest.
func (srv *Server) LeaveBody(w http.ResponseWriter, r *http.Request) { srv.report.leaveBody(w, r) }

// CheckOrigin refuses requests of pages that may not connect and sets the CORS
// headers of those that may. It also refuses what is over Options.MaxHandshake,
// and what could be read in two ways: two headers that say where a request comes
// from, or an upgrade with a body. It reports whether the request is to go on; a
// preflight is answered here and does not. Whoever serves something beside
// the engine under the same path calls it, too.
func (srv *Server) CheckOrigin(w http.ResponseWriter, r *http.Request) bool {
	return srv.gate.checkOrigin(w, r)
}

type runOnCaller struct{}

// RunOnCaller marks a request whose WebSocket session is to run on the
// goroutine that calls ServeHTTP, which then returns when the session is over.
// Servers that close the connection when a hijack handler returns, such as
// fasthttp, need that.
func RunOnCaller(ctx context.Context) context.Context {
	return context.WithValue(ctx, runOnCaller{}, true)
}
