package engine

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"
)

// Taking a connection over from net/http, through the writers that middlewares
// have put around net/http's. Some pass on what they are given; compressors,
// timeouts and others that buffer hold a header back until a body comes, which
// never does. Others again cannot be hijacked, and some only say that they can.

// maxWriters bounds the writers around one another, should they go in circles.
const maxWriters = 64

// layers are the writers around a response, from the outermost to that of the
// server.
type layers []http.ResponseWriter

// layersOf looks through w as far as it is possible.
func layersOf(w http.ResponseWriter) layers {
	all := layers{w}
	for !bare(w) && len(all) < maxWriters {
		if w = wrapped(w); w == nil {
			break
		}
		all = append(all, w)
	}
	return all
}

var responseWriter = reflect.TypeFor[http.ResponseWriter]()

// wrapped returns the writer that w wraps, nil if it cannot be told: by its
// Unwrap, or from an exported field, which is how Go code embeds one.
func wrapped(w http.ResponseWriter) http.ResponseWriter {
	if u, ok := w.(interface{ Unwrap() http.ResponseWriter }); ok {
		return u.Unwrap()
	}
	v := reflect.Indirect(reflect.ValueOf(w))
	if v.Kind() != reflect.Struct {
		return nil
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.IsExported() && f.Type.Kind() == reflect.Interface && f.Type.Implements(responseWriter) {
			inner, _ := v.Field(i).Interface().(http.ResponseWriter)
			return inner
		}
	}
	return nil
}

// String names the types, for the log.
func (all layers) String() string {
	names := make([]string, len(all))
	for i, w := range all {
		names[i] = fmt.Sprintf("%T", w)
	}
	return strings.Join(names, " > ")
}

// header is what all of them together send.
func (all layers) header() http.Header {
	if len(all) == 1 {
		return all[0].Header()
	}
	sum := make(http.Header)
	for _, w := range all {
		for key, values := range w.Header() {
			if _, known := sum[key]; !known {
				sum[key] = values
			}
		}
	}
	return sum
}

// status is what the server's writer has been told. ok is false where the
// server is not net/http, and nobody can tell.
func (all layers) status() (code int, ok bool) {
	last := all[len(all)-1]
	if !isServers(last) {
		return 0, false
	}
	wrote, status := reflect.ValueOf(last).Elem().FieldByName("wroteHeader"), reflect.ValueOf(last).Elem().FieldByName("status")
	if wrote.Kind() != reflect.Bool || status.Kind() != reflect.Int { // another Go than this was written for
		return 0, false
	}
	if !wrote.Bool() {
		return 0, true
	}
	return int(status.Int()), true
}

// isServers reports whether w is net/http's own.
func isServers(w http.ResponseWriter) bool {
	t := reflect.TypeOf(w)
	return t.Kind() == reflect.Pointer && t.Elem().PkgPath() == "net/http" && t.Elem().Name() == "response"
}

// holders remembers writers that have kept a 101 for themselves. They are told
// of no other: they would pass it on when the request is over, and net/http
// would complain for each.
type holders struct {
	mu   sync.Mutex
	seen map[string]struct{}
}

func (h *holders) has(types string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, ok := h.seen[types]
	return ok
}

func (h *holders) add(types string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.seen == nil {
		h.seen = make(map[string]struct{})
	}
	h.seen[types] = struct{}{}
}

// notGiven refuses an upgrade whose connection is still net/http's.
type notGiven struct {
	layers
	sent bool // net/http has been told of the 101
}

func (*notGiven) Error() string {
	return "engine: a middleware's writer does not give the connection away"
}

// errAnswered refuses an upgrade for which a middleware has answered already.
var errAnswered = errors.New("engine: a middleware has sent another status before the 101")

// takeOver answers 101 and takes the connection over. Writers that pass a
// header on are told of the 101 before, so that loggers report it and session
// middlewares commit then and not when the socket closes. Past others it is
// written to the connection, as it is with hold, but then by the caller. An
// error other than notGiven has been answered.
func (a *acceptor) takeOver(w http.ResponseWriter, hold bool) (got accepted, err error) {
	w.Header().Del("Content-Encoding") // of a compressor; there is no content
	all := layersOf(w)
	sent := false
	if !hold {
		if sent, err = a.announce(w, all); err != nil {
			a.noteWriters(slog.LevelError, "answered", "engine: WebSocket upgrade impossible: a middleware has sent"+
				" another answer; exclude the Socket.IO path from that middleware", all, err)
			return got, err
		}
	}
	conn, rw, err := hijack(w)
	if err != nil {
		a.noteWriters(slog.LevelError, "hijack", "engine: WebSocket upgrade impossible: a middleware's writer does not give"+
			" the connection away; exclude the Socket.IO path from that middleware (clients go on with polling)", all, err)
		return got, &notGiven{all, sent}
	}
	got.Conn = conn
	if n := rw.Reader.Buffered(); n > 0 {
		b, _ := rw.Peek(n) // buffered: cannot fail
		got.early = bytes.Clone(b)
	}
	if sent {
		return got, nil
	}
	head := bytes.NewBufferString("HTTP/1.1 101 Switching Protocols\r\n")
	_ = all.header().WriteSubset(head, notIn101)
	head.WriteString("\r\n")
	if hold {
		got.head = head.Bytes()
		return got, nil
	}
	if err = a.writeHead(conn, head.Bytes()); err != nil {
		_ = conn.Close() // the client has gone
	}
	return got, err
}

// writeHead writes the 101 past the writers.
func (a *acceptor) writeHead(conn net.Conn, head []byte) error {
	if d := a.opts.WriteTimeout; d > 0 {
		if err := conn.SetWriteDeadline(time.Now().Add(d)); err != nil {
			return err
		}
	}
	if _, err := conn.Write(head); err != nil {
		return err
	}
	return conn.SetWriteDeadline(time.Time{})
}

// announce tells the writers of the 101, and reports whether it has got
// through to net/http. The 101 is not announced where that cannot be known:
// twice would be wrong, and too late as well.
func (a *acceptor) announce(w http.ResponseWriter, all layers) (sent bool, err error) {
	code, known := all.status()
	if !known {
		return false, nil
	}
	if code != 0 {
		return false, errAnswered
	}
	types := ""
	if len(all) > 1 {
		if types = all.String(); a.holders.has(types) {
			return false, nil
		}
	}
	w.WriteHeader(http.StatusSwitchingProtocols)
	switch code, _ = all.status(); code { // not flushed: past some writers that would send a 200
	case http.StatusSwitchingProtocols:
		return true, nil
	case 0:
		a.holders.add(types)
		a.noteWriters(slog.LevelInfo, "held", "engine: a middleware's writer holds the 101 of a WebSocket back: it is written past"+
			" that from now on, and middlewares do not hear of it", all, nil)
		return false, nil
	}
	return false, errAnswered
}

// hijack takes the connection as net/http's ResponseController does. Writers
// have been seen to panic where what they wrap cannot be hijacked.
func hijack(w http.ResponseWriter) (conn net.Conn, rw *bufio.ReadWriter, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("engine: panic in Hijack: %v", p)
		}
	}()
	return http.NewResponseController(w).Hijack()
}

// answer is who takes a refusal. net/http cannot be told of another status than
// the 101, so its connection is taken from it before that has left.
func (e *notGiven) answer(w http.ResponseWriter) http.ResponseWriter {
	if !e.sent {
		return w
	}
	last := e.layers[len(e.layers)-1]
	_ = http.NewResponseController(last).SetWriteDeadline(time.Unix(1, 0)) // long past: nothing can be sent
	conn, _, err := hijack(last)
	if err != nil {
		return w
	}
	return &lateAnswer{conn: conn, header: make(http.Header)}
}

// lateAnswer is the writer for one answer on a connection that is net/http's no
// more.
type lateAnswer struct {
	conn   net.Conn
	header http.Header
	status int
}

func (l *lateAnswer) Header() http.Header  { return l.header }
func (l *lateAnswer) WriteHeader(code int) { l.status = code }

// Write sends the answer and closes the connection.
func (l *lateAnswer) Write(body []byte) (int, error) {
	defer l.conn.Close()
	res := http.Response{
		StatusCode: l.status, ProtoMajor: 1, ProtoMinor: 1, Header: l.header, Close: true,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
	if err := l.conn.SetWriteDeadline(time.Now().Add(lateTimeout)); err != nil {
		return 0, err
	}
	return len(body), res.Write(l.conn)
}

// lateTimeout bounds the time of a lateAnswer.
const lateTimeout = time.Second

// noteWriters logs a line that names the writers.
func (a *acceptor) noteWriters(level slog.Level, kind, msg string, all layers, err error) {
	attrs := []slog.Attr{slog.String("writer", clip(all.String()))}
	if err != nil {
		attrs = append(attrs, slog.String("error", clip(err.Error())))
	}
	a.report.note(level, kind, msg, attrs...)
}
