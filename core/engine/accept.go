package engine

import (
	"bufio"
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/coder/websocket"
)

// accept completes the opening handshake (RFC 6455 section 4.2) with
// coder/websocket and takes the connection over from it: the library's reader
// would keep buffers on an idle connection. It returns the bytes that the
// client sent behind its request. On an error the request has been answered.
func (srv *Server) accept(w http.ResponseWriter, r *http.Request) (net.Conn, []byte, error) {
	if under, ok := canHijack(w); !ok {
		srv.note(slog.LevelError, "hijack", "engine: WebSocket upgrade impossible: a middleware's writer cannot be hijacked;"+
			" exclude the Socket.IO path from that middleware (clients go on with polling)",
			slog.String("writer", fmt.Sprintf("%T", under)))
		err := &RequestError{Code: BadRequest, Context: "response writer cannot be hijacked", Status: http.StatusNotImplemented}
		srv.refuseAt(slog.LevelDebug, w, r, err)
		return nil, nil, err
	}
	if f := srv.opts.Headers; f != nil {
		f(w.Header(), r, parseQuery(r.URL.RawQuery).sid == "")
	}
	uw := &upgradeWriter{w: w}
	_, uw.extensions = srv.deflate.negotiate(r.Header)
	conn, err := websocket.Accept(uw, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // CheckOrigin has decided, by one policy for all transports
	})
	if err != nil {
		if uw.conn != nil {
			_ = uw.conn.Close() // the handshake's error is the one to report
		}
		e := &RequestError{Code: BadRequest, Context: clip(err.Error())}
		srv.noteRefused(slog.LevelInfo, e)
		if f := srv.opts.OnRefused; f != nil {
			f(r, e)
		}
		return nil, nil, e
	}
	_ = conn.CloseNow() // lets go of the library's half; the connection itself is detached from it
	return uw.conn, uw.early, nil
}

// canHijack looks at the writer under all wrappers, before a 101 is written
// that could not be taken back. Wrappers do not count: those of gin and echo
// have a Hijack that panics or fails when what they wrap has none.
func canHijack(w http.ResponseWriter) (under http.ResponseWriter, ok bool) {
	for {
		wrapper, wraps := w.(interface{ Unwrap() http.ResponseWriter })
		if !wraps {
			_, ok = w.(http.Hijacker)
			return w, ok
		}
		w = wrapper.Unwrap()
	}
}

// upgradeWriter is what the library sees instead of the framework's writer.
// The 101 goes through every wrapper, so that loggers report it and session
// middlewares commit then and not when the socket closes; it is flushed at
// once, because wrappers that delay it would never send it; and Hijack finds
// its way through wrappers.
type upgradeWriter struct {
	w     http.ResponseWriter
	conn  net.Conn
	early []byte

	extensions string // what was negotiated
}

func (u *upgradeWriter) Header() http.Header         { return u.w.Header() }
func (u *upgradeWriter) Write(b []byte) (int, error) { return u.w.Write(b) }

func (u *upgradeWriter) WriteHeader(code int) {
	if code == http.StatusSwitchingProtocols && u.extensions != "" {
		u.w.Header().Set("Sec-WebSocket-Extensions", u.extensions)
	}
	u.w.WriteHeader(code)
	if code == http.StatusSwitchingProtocols {
		defer func() { _ = recover() }() // echo's Flush panics where there is none below
		_ = http.NewResponseController(u.w).Flush()
	}
}

// Hijack keeps the connection and gives the library one that it cannot close.
func (u *upgradeWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(u.w).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if n := rw.Reader.Buffered(); n > 0 {
		b, _ := rw.Peek(n) // buffered: cannot fail
		u.early = bytes.Clone(b)
	}
	u.conn = conn
	none := bufio.NewReadWriter(bufio.NewReaderSize(bytes.NewReader(nil), 16), bufio.NewWriterSize(bytes.NewBuffer(nil), 16))
	return detached{conn}, none, nil
}

// detached is a connection that its new owner has taken away.
type detached struct{ net.Conn }

func (detached) Read([]byte) (int, error)    { return 0, net.ErrClosed }
func (detached) Write(b []byte) (int, error) { return len(b), nil }
func (detached) Close() error                { return nil }
