package engine_test

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
	"github.com/gosio/gosio/internal/pipe"
)

func TestMain(m *testing.M) { leak.Main(m) }

// text is a message with this text.
func text(s string) engine.Message {
	return engine.Text(append(engine.TextBuffer(len(s)), s...))
}

// app is an application: unless told otherwise it sends every message back.
// It hands out its sessions and how they ended.
type app struct {
	connect func(s *engine.Session, r *http.Request)
	message func(s *engine.Session, data []byte, binary bool) error
	backlog func() <-chan struct{}
	over    func() // runs within Closed, if not nil

	sessions chan *engine.Session
	closed   chan ending
}

type ending struct {
	reason engine.Reason
	err    error
}

func newApp() *app {
	return &app{sessions: make(chan *engine.Session, 1000), closed: make(chan ending, 1000)}
}

func (a *app) Connect(s *engine.Session, r *http.Request) engine.Receiver {
	if a.connect != nil {
		a.connect(s, r)
	}
	a.sessions <- s
	return &receiver{app: a, s: s}
}

type receiver struct {
	app  *app
	s    *engine.Session
	busy atomic.Bool
	done atomic.Bool
}

func (r *receiver) Message(data []byte, binary bool) (engine.Worker, error) {
	if r.busy.Swap(true) {
		panic("two messages of one session at a time")
	}
	defer r.busy.Store(false)
	switch {
	case r.app.message != nil:
		return nil, r.app.message(r.s, data, binary)
	case binary:
		_ = r.s.Send(engine.Binary(data))
	default:
		_ = r.s.Send(text(string(data)))
	}
	return nil, nil
}

func (r *receiver) Backlog() <-chan struct{} {
	if r.app.backlog == nil {
		return nil
	}
	return r.app.backlog()
}

func (r *receiver) Closed(reason engine.Reason, err error) {
	if r.done.Swap(true) {
		panic("a session ended twice")
	}
	r.app.closed <- ending{reason, err}
	if r.app.over != nil {
		r.app.over()
	}
}

// setup is what a test may change of a host.
type setup struct {
	opts engine.Options
	app  *app
	wrap func(http.Handler) http.Handler
	tune func(*http.Server)
}

// host is a running server and what is needed to talk to it.
type host struct {
	t        *testing.T
	app      *app
	srv      *engine.Server
	addr     string
	base     string // scheme, host and path with the revision
	http     *http.Client
	connect  func() (net.Conn, error)
	patience time.Duration

	polls  *atomic.Int64
	parked *sync.Map // of a poll's number: chan struct{}, closed when it waits
}

// starter starts a host.
type starter func(*testing.T, setup) *host

// serve starts a host on a loopback socket, where connections are lean.
func serve(t *testing.T, su setup) *host {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	addr := ln.Addr().String()
	return start(t, su, ln, 10*time.Second, func() (net.Conn, error) { return net.Dial("tcp", addr) })
}

// serveIn starts a host inside a synctest bubble.
func serveIn(t *testing.T, su setup) *host {
	t.Helper()
	ln := pipe.Listen()
	return start(t, su, ln, 24*time.Hour, func() (net.Conn, error) { return ln.DialContext(context.Background(), "", "") })
}

// serveTLS starts a host on a loopback socket with TLS.
func serveTLS(t *testing.T, su setup) *host {
	t.Helper()
	ts := httptest.NewUnstartedServer(nil)
	ts.StartTLS() // for its certificate
	config := ts.TLS.Clone()
	ts.Close()
	config.NextProtos = nil
	ln, err := tls.Listen("tcp", "127.0.0.1:0", config)
	assert.NoError(t, err)
	addr := ln.Addr().String()
	return start(t, su, ln, 10*time.Second, func() (net.Conn, error) {
		return tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // a test's certificate
	})
}

func start(t *testing.T, su setup, ln net.Listener, patience time.Duration, dial func() (net.Conn, error)) *host {
	t.Helper()
	if su.app == nil {
		su.app = newApp()
	}
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return dial() }, ExpectContinueTimeout: patience}
	h := &host{
		t: t, app: su.app, srv: engine.NewServer(su.app, &su.opts), addr: ln.Addr().String(), connect: dial,
		base: "http://" + ln.Addr().String() + "/engine.io/?EIO=4", http: &http.Client{Transport: transport}, patience: patience,
		polls: new(atomic.Int64), parked: new(sync.Map),
	}
	var handler http.Handler = http.HandlerFunc(h.serve)
	if su.wrap != nil {
		handler = su.wrap(handler)
	}
	complaints := &complaint{t: t}
	server := &http.Server{Handler: handler, ErrorLog: log.New(complaints, "", 0)}
	if su.tune != nil {
		su.tune(server)
	}
	go func() { _ = server.Serve(ln) }()
	t.Cleanup(func() {
		h.close()
		transport.CloseIdleConnections()
		complaints.over.Store(true)
		_ = server.Close()
		if patience > time.Minute { // virtual: net/http's connections linger before they close
			<-time.After(time.Second)
		}
	})
	return h
}

// close closes the server, and waits for its last session. Close by itself does not
// wait for a session that makes no progress for some 100 ms, as on a busy machine.
func (h *host) close() {
	h.t.Helper()
	h.srv.Close()
	ctx, cancel := context.WithTimeout(context.Background(), h.patience)
	defer cancel()
	assert.NoError(h.t, h.srv.Shutdown(ctx))
	assert.Equal(h.t, "sessions left", h.srv.Count(), 0)
}

// complaint fails the test when net/http logs something, such as a panic.
type complaint struct {
	t    *testing.T
	over atomic.Bool
}

func (c *complaint) Write(p []byte) (int, error) {
	if !c.over.Load() && !strings.Contains(string(p), "TLS handshake error") {
		c.t.Errorf("net/http says: %s", p)
	}
	return len(p), nil
}

// serve tells when a poll waits: then the engine looks for its deadline.
func (h *host) serve(w http.ResponseWriter, r *http.Request) {
	if number := r.Header.Get("Poll"); number != "" {
		parked, _ := h.parked.Load(number)
		r = r.WithContext(&waiting{Context: r.Context(), parked: parked.(chan struct{})})
	}
	h.srv.ServeHTTP(w, r)
}

type waiting struct {
	context.Context
	once   sync.Once
	parked chan struct{}
}

func (w *waiting) Deadline() (time.Time, bool) {
	w.once.Do(func() { close(w.parked) })
	return w.Context.Deadline()
}

// both runs a test in virtual time on pipes, and on loopback sockets.
func both(t *testing.T, test func(t *testing.T, serve starter)) {
	t.Helper()
	t.Parallel()
	t.Run("pipe", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) { test(t, serveIn) })
	})
	t.Run("loopback", func(t *testing.T) {
		t.Parallel()
		test(t, serve)
	})
}

// bubble runs a test in virtual time.
func bubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, test)
}

// await receives from a channel, but not for ever.
func await[T any](h *host, label string, ch <-chan T) T {
	h.t.Helper()
	timeout := time.NewTimer(h.patience)
	defer timeout.Stop()
	select {
	case v := <-ch:
		return v
	case <-timeout.C:
		h.t.Fatalf("waited too long for %s", label)
	}
	panic("unreachable")
}

func (h *host) session() *engine.Session {
	h.t.Helper()
	return await(h, "a session", h.app.sessions)
}

// ended waits for the end of a session.
func (h *host) ended(want engine.Reason) error {
	h.t.Helper()
	got := await(h, "the end of a session", h.app.closed)
	assert.Equal(h.t, "reason", got.reason, want)
	return got.err
}

// alive checks that no session has ended.
func (h *host) alive() {
	h.t.Helper()
	select {
	case e := <-h.app.closed:
		h.t.Fatalf("a session ended: %v (%v)", e.reason, e.err)
	default:
	}
}

// reply is what came back for a request.
type reply struct {
	status int
	body   string
	header http.Header
	err    error
}

// request is a request to make; header holds names and values in turn.
type request struct {
	ctx    context.Context
	method string
	query  string
	body   io.Reader
	header []string
}

func (h *host) try(q request) reply {
	if q.ctx == nil {
		q.ctx = context.Background()
	}
	if q.method == "" {
		q.method = http.MethodGet
	}
	r, err := http.NewRequestWithContext(q.ctx, q.method, h.base+q.query, q.body)
	if err != nil {
		return reply{err: err}
	}
	for i := 0; i < len(q.header); i += 2 {
		if q.header[i] == "Host" {
			r.Host = q.header[i+1]
			continue
		}
		r.Header.Add(q.header[i], q.header[i+1])
	}
	res, err := h.http.Do(r)
	if err != nil {
		return reply{err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, string(body), res.Header, err}
}

func (h *host) do(q request) reply {
	h.t.Helper()
	r := h.try(q)
	assert.NoError(h.t, r.err)
	return r
}

// open makes a polling session.
func (h *host) open() (sid string) {
	h.t.Helper()
	r := h.do(request{query: "&transport=polling"})
	assert.Equal(h.t, "status", r.status, 200)
	return sidOf(r.body)
}

// sidOf reads the session id from an open packet.
func sidOf(packet string) string {
	_, rest, _ := strings.Cut(packet, `"sid":"`)
	sid, _, _ := strings.Cut(rest, `"`)
	return sid
}

func (h *host) get(sid string) reply {
	h.t.Helper()
	return h.do(request{query: "&transport=polling&sid=" + sid})
}

func (h *host) post(sid, body string) reply {
	h.t.Helper()
	return h.do(request{method: "POST", query: "&transport=polling&sid=" + sid, body: strings.NewReader(body)})
}

// posted checks that a POST was taken.
func (h *host) posted(sid, body string) {
	h.t.Helper()
	r := h.post(sid, body)
	assert.Equal(h.t, "POST", r.body, "ok")
	assert.Equal(h.t, "status", r.status, 200)
}

// poll starts a GET and returns once it waits, or is answered.
func (h *host) poll(sid string) <-chan reply { return h.pollWith(context.Background(), sid) }

func (h *host) pollWith(ctx context.Context, sid string) <-chan reply {
	number := strconv.FormatInt(h.polls.Add(1), 10)
	parked := make(chan struct{})
	h.parked.Store(number, parked)
	answer, answered := make(chan reply, 1), make(chan struct{})
	go func() {
		answer <- h.try(request{ctx: ctx, query: "&transport=polling&sid=" + sid, header: []string{"Poll", number}})
		close(answered)
	}()
	select {
	case <-parked:
	case <-answered:
	}
	return answer
}

// answered checks how a poll ends.
func (h *host) answered(poll <-chan reply, want string) {
	h.t.Helper()
	r := await(h, "the answer to a poll", poll)
	assert.NoError(h.t, r.err)
	assert.Equal(h.t, "poll", r.body, want)
	assert.Equal(h.t, "status", r.status, 200)
}

const (
	unknown    = `{"code":1,"message":"Session ID unknown"}`
	badRequest = `{"code":3,"message":"Bad request"}`
)

// refused checks an answer with an error.
func (r reply) refused(t *testing.T, status int, body string) {
	t.Helper()
	assert.Equal(t, "body", r.body, body)
	assert.Equal(t, "status", r.status, status)
}
