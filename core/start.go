package socketio

import (
	"net/http"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/internal/browser"
)

// NewServer returns a server. A nil o means the defaults. NewServer panics, with a text
// that begins with "socketio:", if the options contradict each other.
func NewServer(o *Options) *Server {
	var opts Options
	if o != nil {
		opts = *o
	}
	opts = opts.withDefaults()
	if opts.Parser != nil && opts.AllowEIO3 {
		panic("socketio: Options.Parser and Options.AllowEIO3 exclude each other: clients of Socket.IO 2.x speak the standard form")
	}
	srv := &Server{namespaces: make(map[string]*Namespace)}
	srv.prepare(opts)
	eo := srv.opts.engine()
	srv.observeEngine(eo)
	srv.engine = engine.NewServer(acceptor{srv}, eo)
	if !opts.NoClient {
		srv.client = browser.New(opts.Client)
	}
	srv.Namespace = srv.of("/", true)
	watch(opts.Observer, srv)
	return srv
}

// acceptor implements engine.Handler without making Connect a method of Server.
type acceptor struct{ srv *Server }

// Connect implements engine.Handler.
func (a acceptor) Connect(s *engine.Session, r *http.Request) engine.Receiver {
	c := newConn(a.srv, s, newHandshake(r, a.srv.opts.ContextKeys))
	observeOpened(c, r)
	if c.old() { // from here on it has a socket, which runs
		c.begin()
	}
	return c
}
