package sioecho

import (
	"bufio"
	"net"
	"net/http"
	"reflect"
	"strings"

	"github.com/labstack/echo/v5"
)

// bare returns w without the writers of echo's own middleware (Gzip, BodyDump)
// around it, for a response that is to become a WebSocket. The server could do
// without: Gzip holds the 101 back, and it would be written past it. But Gzip
// would pass it on at the end, and net/http complain of that. There is a response
// within the response where echo.WrapMiddleware was used.
func bare(w http.ResponseWriter) http.ResponseWriter {
	w = skip(w)
	for inner := w; inner != nil; inner = unwrap(inner) {
		if res, ok := inner.(*echo.Response); ok {
			res.ResponseWriter = skip(res.ResponseWriter)
		}
	}
	return w
}

// upgraded is the writer for a response that is to become a WebSocket.
type upgraded struct{ http.ResponseWriter }

// Unwrap is for http.ResponseController.
func (u upgraded) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// WriteHeader implements http.ResponseWriter. Writers of echo's middleware that
// bare cannot take off, because there are others around them, pass a 101 on when
// they are flushed. Others must not be: past some that would send a 200.
func (u upgraded) WriteHeader(code int) {
	u.ResponseWriter.WriteHeader(code)
	if code != http.StatusSwitchingProtocols {
		return
	}
	for w := u.ResponseWriter; w != nil; w = unwrap(w) {
		if ofMiddleware(w) {
			_ = http.NewResponseController(w).Flush() // the server looks whether the 101 is through
			return
		}
	}
}

// Hijack implements http.Hijacker. It notes the 101 in echo's response where a
// middleware's writer holds it back and the server writes it past that: loggers
// ask the response.
func (u upgraded) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(u.ResponseWriter).Hijack()
	for w := u.ResponseWriter; w != nil && err == nil; w = unwrap(w) {
		if res, ok := w.(*echo.Response); ok {
			res.Status, res.Committed = http.StatusSwitchingProtocols, true
		}
	}
	return conn, rw, err
}

// skip goes through writers of echo's middleware to the first that is none.
func skip(w http.ResponseWriter) http.ResponseWriter {
	for ofMiddleware(w) {
		w = unwrap(w)
	}
	return w
}

func unwrap(w http.ResponseWriter) http.ResponseWriter {
	if u, ok := w.(interface{ Unwrap() http.ResponseWriter }); ok {
		return u.Unwrap()
	}
	return nil
}

func ofMiddleware(w http.ResponseWriter) bool {
	t := reflect.TypeOf(w)
	return t != nil && t.Kind() == reflect.Pointer && unwrap(w) != nil &&
		strings.HasPrefix(t.Elem().PkgPath(), "github.com/labstack/echo/v5/middleware")
}
