// Package hijack answers a request with the 101 of a WebSocket and takes the
// connection over from net/http, through the writers that middlewares have put
// around net/http's. Some of these pass on the status; compressors, timeouts and
// others that buffer hold it back until a body comes, which never does. Others
// cannot be hijacked, and some only say that they can.
package hijack

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gosio/gosio/internal/loglimit"
)

// Taken is a connection that was taken over.
type Taken struct {
	net.Conn
	Early []byte // what the client has sent after its request
	Head  []byte // the 101, if the caller has to write it
}

// Taker takes connections over. It may be used concurrently.
type Taker struct {
	// WriteTimeout is the time in which a client must take the 101; zero and less:
	// any time.
	WriteTimeout time.Duration
	// Note logs a line of a kind: see package loglimit.
	Note func(level slog.Level, kind, msg string, attrs ...slog.Attr)

	holders holders
}

// Refused is the error for a connection that is still net/http's. Its request has
// not been answered: see Answer.
type Refused struct {
	writers writers
	sent    bool // net/http has been told of the 101
}

// Error implements error.
func (*Refused) Error() string {
	return "engine: a middleware's writer does not give the connection away"
}

// errAnswered refuses an upgrade that a middleware has answered.
var errAnswered = errors.New("engine: a middleware has sent another status before the 101")

// TakeOver answers 101 with the header of w, and takes the connection over. Writers
// that pass a status on are told of the 101 first, so that loggers report it and
// session middlewares commit then, not when the socket closes. For other writers the
// 101 is written to the connection; with hold the caller writes it, as Taken.Head.
// The request has been answered if the error is no [*Refused].
func (t *Taker) TakeOver(w http.ResponseWriter, hold bool) (got Taken, err error) {
	w.Header().Del("Content-Encoding") // of a compressor; there is no content
	all := writersOf(w)
	sent := false
	if !hold {
		if sent, err = t.announce(w, all); err != nil {
			t.note(slog.LevelError, "answered", "engine: WebSocket upgrade impossible: a middleware has sent"+
				" another answer; exclude the Socket.IO path from that middleware", all, err)
			return got, err
		}
	}
	conn, rw, err := hijack(w)
	if err != nil {
		t.note(slog.LevelError, "hijack", "engine: WebSocket upgrade impossible: a middleware's writer does not give"+
			" the connection away; exclude the Socket.IO path from that middleware (clients go on with polling)", all, err)
		return got, &Refused{all, sent}
	}
	got.Conn = conn
	if rw != nil && rw.Reader != nil { // some writers have none
		b, _ := rw.Peek(rw.Reader.Buffered()) // buffered: cannot fail
		got.Early = bytes.Clone(b)
	}
	if sent {
		return got, nil
	}
	head := bytes.NewBufferString("HTTP/1.1 101 Switching Protocols\r\n")
	_ = all.header().WriteSubset(head, notIn101)
	head.WriteString("\r\n")
	if hold {
		got.Head = head.Bytes()
		return got, nil
	}
	if err = t.writeHead(conn, head.Bytes()); err != nil {
		_ = conn.Close() // the client has gone
	}
	return got, err
}

// writeHead writes the 101 past the writers.
func (t *Taker) writeHead(conn net.Conn, head []byte) error {
	if d := t.WriteTimeout; d > 0 {
		if err := conn.SetWriteDeadline(time.Now().Add(d)); err != nil {
			return err
		}
	}
	if _, err := conn.Write(head); err != nil {
		return err
	}
	return conn.SetWriteDeadline(time.Time{})
}

// announce tells the writers of the 101, and reports whether net/http has been told. It
// does not where that cannot be known: a second 101, or a late one, would be wrong.
func (t *Taker) announce(w http.ResponseWriter, all writers) (sent bool, err error) {
	code, known := all.status()
	if !known {
		return false, nil
	}
	if code != 0 {
		return false, errAnswered
	}
	types := ""
	if len(all) > 1 {
		if types = all.String(); t.holders.has(types) {
			return false, nil
		}
	}
	w.WriteHeader(http.StatusSwitchingProtocols)
	switch code, _ = all.status(); code { // without a flush: with some writers that would send a 200
	case http.StatusSwitchingProtocols:
		return true, nil
	case 0:
		t.holders.add(types)
		t.note(slog.LevelInfo, "held", "engine: a middleware's writer holds the 101 of a WebSocket back: it is written past"+
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
	conn, rw, err = http.NewResponseController(w).Hijack()
	if err == nil && conn == nil {
		err = errNoConn
	}
	return conn, rw, err
}

var errNoConn = errors.New("engine: Hijack returned no connection and no error")

// Answer returns the writer for the answer to the request. net/http, if it has been told
// of the 101, takes no other status: its connection is taken from it before the 101 has
// left.
func (e *Refused) Answer(w http.ResponseWriter) http.ResponseWriter {
	if !e.sent {
		return w
	}
	last := e.writers[len(e.writers)-1]
	_ = http.NewResponseController(last).SetWriteDeadline(time.Unix(1, 0)) // long past: nothing can be sent
	conn, _, err := hijack(last)
	if err != nil {
		return w
	}
	return &lateAnswer{conn: conn, header: make(http.Header)}
}

// lateAnswer is the writer for one answer on a connection that was taken from net/http.
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
func (t *Taker) note(level slog.Level, kind, msg string, all writers, err error) {
	attrs := []slog.Attr{slog.String("writer", loglimit.Clip(all.String()))}
	if err != nil {
		attrs = append(attrs, slog.String("error", loglimit.Clip(err.Error())))
	}
	t.Note(level, kind, msg, attrs...)
}

// notIn101 has no place there, whoever has set it. See RFC 9110 section 8.6 and
// RFC 9112 section 6.1.
var notIn101 = map[string]bool{"Content-Length": true, "Transfer-Encoding": true}

// holders remembers the writers that have held a 101 back. They are told of no
// other 101: they would pass it on when the request is over, and net/http would
// log a complaint for each.
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
