package fasthttpbridge

import (
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// With fasthttp a panic in a handler ends the process, and a shortage of file
// descriptors ends the listener. The functions of this file do as net/http does.

// Contain runs f, which calls the application, on the goroutine of a request, and
// reports whether f has returned. It logs a panic and answers with 500; for
// http.ErrAbortHandler it closes the connection and logs nothing, as net/http does.
// After runtime.Goexit it closes the connection and does not return, and fasthttp
// counts one worker too many from then on.
func Contain(fctx *fasthttp.RequestCtx, logf func(format string, args ...any), f func()) (ok bool) {
	returned := false
	defer func() {
		if returned {
			return
		}
		switch p := recover(); p {
		case nil:
			logf("siofiber: the application has ended the goroutine of a request (runtime.Goexit)")
			_ = fctx.Conn().Close() // for fasthttp, which does not come to it
		case http.ErrAbortHandler:
			fctx.HijackSetNoResponse(true)
			fctx.Hijack(func(conn net.Conn) { _ = conn.Close() })
		default:
			logf("siofiber: panic: %v\n%s", p, debug.Stack())
			fctx.Response.Reset()
			fctx.Response.SetStatusCode(http.StatusInternalServerError)
			fctx.Response.SetBodyString(http.StatusText(http.StatusInternalServerError))
			fctx.SetConnectionClose() // as net/http: nobody knows how much of the body was read
		}
	}()
	f()
	returned = true
	return true
}

// listener is a net.Listener that hides temporary errors from fasthttp.
type listener struct {
	net.Listener
	logf   func(format string, args ...any)
	closed chan struct{}
	once   sync.Once
}

// Listener returns a listener that tries again after a temporary error of ln, as
// net/http does.
func Listener(ln net.Listener, logf func(format string, args ...any)) net.Listener {
	return &listener{Listener: ln, logf: logf, closed: make(chan struct{})}
}

// Accept implements net.Listener. After a temporary error, such as "too many
// open files", it tries again in 5 ms, then 10, and so on up to a second.
func (l *listener) Accept() (net.Conn, error) {
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		conn, err := l.Listener.Accept()
		if e, ok := err.(interface{ Temporary() bool }); !ok || !e.Temporary() {
			return conn, err
		}
		l.logf("siofiber: accept: %v; trying again in %v", err, wait)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-l.closed:
			timer.Stop()
			return nil, net.ErrClosed
		}
	}
}

// Close implements net.Listener.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}
