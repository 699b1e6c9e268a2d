package fasthttpbridge

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/valyala/fasthttp"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/integrations/mount"
)

// headTimeout bounds the time in which a client must take the handshake's answer.
const headTimeout = 10 * time.Second

// hijack serves an upgrade. When the handlers have returned, fasthttp runs the
// function on a goroutine of its own.
//
// fasthttp closes the connection when the function returns, and keeps the request, its
// buffers and that goroutine until then. So once the session has the connection the
// function does not return but ends the goroutine, and the session runs on one of its own
// (bench, idle: 7.6 KB for a WebSocket, and 24 KB so). What fasthttp would have put back
// into its pools is garbage then; there is nothing else that it does after the function.
func hijack(fctx *fasthttp.RequestCtx, srv *socketio.Server, r *http.Request, logf func(string, ...any)) {
	r = r.WithContext(context.WithoutCancel(r.Context()))
	r.Body = http.NoBody
	fctx.Response.SetStatusCode(http.StatusSwitchingProtocols)
	fctx.HijackSetNoResponse(true) // if a response of fasthttp's failed, it would not call the function
	fctx.Hijack(func(hc net.Conn) {
		conn, returned, detached := hc, false, false
		w := new(hijacked)
		defer func() {
			switch p := recover(); { // nobody above: it would end the process
			case p == nil && returned && detached && w.taken:
				return
			case p == nil && !returned:
				logf("siofiber: the application has ended the goroutine of a request (runtime.Goexit)")
			case p != nil && p != http.ErrAbortHandler: //nolint:errorlint // what net/http compares, too
				logf("siofiber: panic: %v\n%s", p, debug.Stack())
			}
			_ = conn.Close() // fasthttp does not, with KeepHijackedConns
		}()
		w.status, w.header = fctx.Response.StatusCode(), upstream(&fctx.Response)
		w.conn, w.early, detached = detach(hc)
		conn = w.conn
		if w.status == http.StatusSwitchingProtocols {
			w.status = 0
			if !detached { // hc is fasthttp's again when this function returns
				r = r.WithContext(mount.OnCaller(r.Context()))
			}
			srv.ServeHTTP(w, r)
		} else { // middleware has set another status after the handler
			_, _ = w.body.Write(fctx.Response.Body())
		}
		w.finish()
		returned = true
		if detached && w.taken {
			runtime.Goexit()
		}
	})
}

// upstream returns the headers that middleware has set. It is called when the
// handlers have returned: middleware may have encrypted cookies by then.
func upstream(resp *fasthttp.Response) http.Header {
	header := make(http.Header)
	for key, value := range resp.Header.All() {
		switch k := string(key); k {
		case fasthttp.HeaderContentLength, fasthttp.HeaderConnection:
		case fasthttp.HeaderContentType: // fasthttp's default
		default:
			header[k] = append(header[k], string(value))
		}
	}
	return header
}

// detach returns the connection under hc, and the bytes that hc had read ahead. If there
// is no other connection it returns hc itself, which is pooled, and must not be used after
// the hijack function has returned.
func detach(hc net.Conn) (conn net.Conn, early []byte, ok bool) {
	u, ok := hc.(interface{ UnsafeConn() net.Conn })
	if !ok {
		return hc, nil, false
	}
	conn = u.UnsafeConn()
	if conn.SetReadDeadline(time.Unix(1, 0)) != nil { // long past: reads end where the buffer does
		return conn, nil, true // closed
	}
	early, err := io.ReadAll(io.LimitReader(hc, 1<<20))
	var late interface{ Timeout() bool } // all that the error of fasthttputil's connections has
	if err != nil && (!errors.As(err, &late) || !late.Timeout()) {
		_ = conn.Close() // the session will notice
	}
	_ = conn.SetReadDeadline(time.Time{}) // fails only when it is closed
	return conn, early, true
}

// hijacked is the writer for an upgrade: a 101 makes the connection the
// server's, anything else is sent by finish.
type hijacked struct {
	conn   net.Conn
	early  []byte
	header http.Header
	status int
	body   bytes.Buffer
	taken  bool
}

// Header implements http.ResponseWriter.
func (w *hijacked) Header() http.Header { return w.header }

// Write implements http.ResponseWriter.
func (w *hijacked) Write(b []byte) (int, error) { return w.body.Write(b) }

// WriteHeader implements http.ResponseWriter.
func (w *hijacked) WriteHeader(code int) {
	if w.status == 0 {
		w.status = code
	}
}

// Bare implements [mount.Bare]: middleware has had its way already.
func (*hijacked) Bare() {}

// Hijack implements http.Hijacker. It sends the 101 first, if there is one.
func (w *hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	send := w.send
	if w.status == 0 { // the server does
		send = func() error { return w.conn.SetWriteDeadline(time.Time{}) }
	}
	if err := send(); err != nil {
		return nil, nil, err
	}
	w.taken = true
	br := bufio.NewReaderSize(bytes.NewReader(w.early), max(16, len(w.early)))
	_, _ = br.Peek(len(w.early)) // to have it buffered, where net/http leaves it
	w.early = nil
	return w.conn, bufio.NewReadWriter(br, bufio.NewWriterSize(w.conn, 16)), nil
}

// finish answers a request that was refused.
func (w *hijacked) finish() {
	if w.taken {
		return
	}
	w.WriteHeader(http.StatusOK)
	w.header.Set("Connection", "close")
	_ = w.send() // nobody is left to tell
}

func (w *hijacked) send() error {
	resp := http.Response{
		StatusCode: w.status, ProtoMajor: 1, ProtoMinor: 1, Header: w.header,
		Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()),
	}
	if err := w.conn.SetWriteDeadline(time.Now().Add(headTimeout)); err != nil {
		return err
	}
	if err := resp.Write(w.conn); err != nil {
		return err
	}
	return w.conn.SetWriteDeadline(time.Time{})
}
