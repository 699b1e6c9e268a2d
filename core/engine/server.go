package engine

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/gosio/gosio/core/engine/internal/clock"
	"github.com/gosio/gosio/core/engine/internal/compress"
	"github.com/gosio/gosio/core/engine/internal/hijack"
)

// Handler makes a [Receiver] for every new session. The engine calls Connect on the
// goroutine of the request, before the response; r is valid only until Connect returns.
// Connect may send to the session and close it.
type Handler interface {
	Connect(s *Session, r *http.Request) Receiver
}

// Server is an http.Handler that speaks Engine.IO. The router decides which
// path leads to it. Create one with [NewServer]; it may be used concurrently.
type Server struct {
	shared
	handler  Handler
	gate     gate
	acceptor acceptor
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
	srv := &Server{handler: h}
	srv.init(opts)
	srv.life, srv.end = context.WithCancel(context.Background())
	srv.gate.opts, srv.gate.table, srv.gate.report = &srv.opts, srv.table, srv.report
	srv.gate.admission.init(srv)
	srv.acceptor = acceptor{
		opts: &srv.opts, report: srv.report, deflate: compress.NewDeflater((*compress.Options)(opts.PerMessageDeflate)),
		taker: hijack.Taker{WriteTimeout: opts.WriteTimeout, Note: srv.report.note},
	}
	return srv
}

// Observe puts o, which is not nil, in the place of Options.Observer. It may be called at
// any time; o hears what happens from then on.
func (srv *Server) Observe(o Observer) {
	srv.watch.Store(&o)
}

// Options returns the options that are in force: those of [NewServer], with defaults in
// the place of zeros.
func (srv *Server) Options() Options {
	o := srv.opts
	o.Transports = slices.Clone(o.Transports)
	return o
}

// SendBuffer returns the limit of the messages that are queued for one session, in
// bytes; negative: no limit.
func (srv *Server) SendBuffer() int64 { return srv.opts.SendBuffer }

// Count returns the number of open sessions.
func (srv *Server) Count() int { return srv.table.count() }

// AfterFunc is like time.AfterFunc, for a deadline of a peer. If the timer is late,
// because this process was stopped for example, the peer gets some more time: the
// server may not have read yet what the peer has sent.
func (srv *Server) AfterFunc(d time.Duration, f func()) *Timer {
	return (*Timer)(srv.clock.AfterFunc(d, f))
}

// Timer calls a function when a peer has missed a deadline. See [Server.AfterFunc]. The
// methods may be called concurrently.
type Timer clock.Timer

// Stop prevents the call. It reports false if the timer was stopped before, or
// has expired.
func (t *Timer) Stop() bool { return (*clock.Timer)(t).Stop() }

// Reset restarts the timer, which expires after d.
func (t *Timer) Reset(d time.Duration) { (*clock.Timer)(t).Reset(d) }

// Stats are the numbers of a server at one moment.
type Stats struct {
	// Sessions is the number of open sessions, by transport.
	Sessions map[string]int
	// QueuedBytes is the number of bytes that are queued for all peers together,
	// QueuedMax the number for the peer with the most.
	QueuedBytes, QueuedMax int64
	// Traffic is what was sent and received, if that is counted.
	Traffic Traffic
}

// CountTraffic turns on what [Stats] says of traffic, for good. It may be called at any
// time, and more than once. A server that counts does two atomic additions more for a message.
func (srv *Server) CountTraffic() { srv.traffic.CompareAndSwap(nil, new(traffic)) }

// Stats looks at all sessions, one after another; each, if not nil, is called with
// their Receivers. It takes about 100 ns per session, and holds no lock for longer than
// that.
func (srv *Server) Stats(each func(Receiver)) Stats {
	st := Stats{Sessions: make(map[string]int, 2)}
	for _, name := range srv.opts.Transports {
		st.Sessions[name] = 0
	}
	st.Traffic = srv.traffic.Load().total()
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

// LeaveBody is to be called before the response to a request whose body is not read.
// net/http would read the body first, and wait for it without a bound. After LeaveBody the
// response is sent at once, and the connection is closed, after Options.CloseTimeout at
// the latest.
func (srv *Server) LeaveBody(w http.ResponseWriter, r *http.Request) { srv.report.leaveBody(w, r) }

// CheckOrigin responds to a request that CORS does not allow, to a preflight request, to
// a request over Options.MaxHandshake, and to an ambiguous request: one that repeats a
// header such as Origin, or has a body that it should not have. For any other request it
// sets the CORS headers and reports true: the caller must go on with the request. Call
// CheckOrigin also for other content that is served under the path of the engine.
func (srv *Server) CheckOrigin(w http.ResponseWriter, r *http.Request) bool {
	return srv.gate.checkOrigin(w, r)
}
