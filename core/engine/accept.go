package engine

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/coder/websocket"
)

// accepted is a connection that was taken over from net/http.
type accepted struct {
	net.Conn
	early []byte // what the client has sent behind its request
	head  []byte // the 101, if it is still to be written

	subprotocol string // that the 101 names
}

// acceptor completes WebSocket handshakes.
type acceptor struct {
	opts    *Options
	report  *reporter
	holders holders
	deflate *deflater // nil: off
}

// accept completes the opening handshake (RFC 6455 section 4.2) with
// coder/websocket and takes the connection over from it: the library's reader
// would keep buffers on an idle connection. With hold, it may leave the 101 to
// the caller, to be written with what comes first. On an error the request has
// been answered.
func (a *acceptor) accept(w http.ResponseWriter, r *http.Request, hold bool) (accepted, error) {
	if under, ok := canHijack(w); !ok {
		a.report.note(slog.LevelError, "hijack", "engine: WebSocket upgrade impossible: a middleware's writer cannot be hijacked;"+
			" exclude the Socket.IO path from that middleware (clients go on with polling)",
			slog.String("writer", fmt.Sprintf("%T", under)))
		return accepted{}, a.notImplemented(w, r)
	}
	if err := checkUpgrade(w.Header(), r); err != nil {
		a.report.refuse(w, r, err)
		return accepted{}, err
	}
	subprotocol := a.subprotocol(r)
	if f := a.opts.Headers; f != nil {
		f(w.Header(), r, parseQuery(r.URL.RawQuery).sid == "")
	}
	if err := handshake(w, r); err != nil {
		e := &RequestError{Code: CodeBadRequest, Context: clip(err.Error())}
		a.report.refuse(w, r, e)
		return accepted{}, e
	}
	if _, extensions := a.deflate.negotiate(r.Header); extensions != "" {
		w.Header().Set("Sec-WebSocket-Extensions", extensions)
	}
	if subprotocol != "" {
		w.Header().Set("Sec-WebSocket-Protocol", subprotocol)
	}
	got, err := a.takeOver(w, hold && bare(w))
	got.subprotocol = subprotocol
	var kept *notGiven
	switch {
	case errors.As(err, &kept):
		return accepted{}, a.notImplemented(kept.answer(w), r)
	case err != nil:
		return accepted{}, a.unaccepted(r, err)
	}
	return got, nil
}

// notImplemented answers an upgrade for which the writer is not made.
func (a *acceptor) notImplemented(w http.ResponseWriter, r *http.Request) error {
	for _, name := range []string{"Upgrade", "Connection", "Sec-Websocket-Accept", "Sec-Websocket-Extensions", "Sec-Websocket-Protocol"} {
		w.Header().Del(name) // set by the handshake
	}
	err := &RequestError{Code: CodeBadRequest, Context: "response writer cannot be hijacked", Status: http.StatusNotImplemented}
	a.report.refuseAt(slog.LevelDebug, w, r, err)
	return err
}

// unaccepted tells of a handshake that was answered with an error.
func (a *acceptor) unaccepted(r *http.Request, err error) error {
	e := &RequestError{Code: CodeBadRequest, Context: clip(err.Error())}
	a.report.refused(slog.LevelInfo, r, e)
	return e
}

// handshake has the library check the request and set the response's header.
func handshake(w http.ResponseWriter, r *http.Request) error {
	conn, err := websocket.Accept(&upgradeWriter{w}, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // CheckOrigin has decided, by one policy for all transports
	})
	if err == nil {
		_ = conn.CloseNow() // lets go of the library's half; it has no connection
	}
	return err
}

// notIn101 has no place there, whoever has set it. See RFC 9110 section 8.6 and
// RFC 9112 section 6.1.
var notIn101 = map[string]bool{"Content-Length": true, "Transfer-Encoding": true}

// bare reports whether w is net/http's own, or an integration's that says so by
// a method: then nobody has to be told of the response, and writing it together
// with the first packet saves a sixth of the CPU time of a connection.
func bare(w http.ResponseWriter) bool {
	if _, says := w.(interface{ Bare() }); says {
		return true
	}
	return isServers(w)
}

// canHijack looks at the writer under all wrappers, before a 101 is written
// that could not be taken back. Wrappers do not count: those of gin and echo
// have a Hijack that panics or fails when what they wrap has none.
func canHijack(w http.ResponseWriter) (under http.ResponseWriter, ok bool) {
	for range maxWriters {
		wrapper, wraps := w.(interface{ Unwrap() http.ResponseWriter })
		if !wraps {
			_, ok = w.(http.Hijacker)
			return w, ok
		}
		next := wrapper.Unwrap()
		if next == nil {
			break
		}
		w = next
	}
	return w, false
}

// upgradeWriter is what the library sees instead of the framework's writer: it
// keeps the 101, which is for takeOver to write, and the answer to an error,
// which would quote the request. From here the stack of
// net/http's goroutine would not have room for that, and be copied to a larger one.
type upgradeWriter struct{ w http.ResponseWriter }

func (u *upgradeWriter) Header() http.Header         { return u.w.Header() }
func (u *upgradeWriter) Write(b []byte) (int, error) { return len(b), nil }
func (u *upgradeWriter) WriteHeader(int)             {}

// Hijack gives the library a connection that is none.
func (u *upgradeWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	none := bufio.NewReadWriter(bufio.NewReaderSize(bytes.NewReader(nil), 16), bufio.NewWriterSize(bytes.NewBuffer(nil), 16))
	return detached{}, none, nil
}

// detached is the connection that the library gets.
type detached struct{ net.Conn }

func (detached) Read([]byte) (int, error)    { return 0, net.ErrClosed }
func (detached) Write(b []byte) (int, error) { return len(b), nil }
func (detached) Close() error                { return nil }
