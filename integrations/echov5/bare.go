package sioecho

import (
	"bufio"
	"net"
	"net/http"
	"reflect"
	"strings"

	"github.com/labstack/echo/v5"
)

// bare returns w without the writers of Echo's own middleware (Gzip, BodyDump), for
// a response that becomes a WebSocket. Gzip would keep the 101 and write it when the
// handlers return; the connection is hijacked by then, and net/http logs an error.
// echo.WrapMiddleware puts a response into the response: bare goes through all.
func bare(w http.ResponseWriter) http.ResponseWriter {
	w = skip(w)
	for inner := w; inner != nil; inner = unwrap(inner) {
		if res, ok := inner.(*echo.Response); ok {
			res.ResponseWriter = skip(res.ResponseWriter)
		}
	}
	return w
}

// upgraded is the writer for an upgrade.
type upgraded struct{ http.ResponseWriter }

// Unwrap is for http.ResponseController.
func (u upgraded) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// WriteHeader implements http.ResponseWriter. A writer of Echo's middleware that
// bare could not remove, because another writer is around it, passes the 101 on when
// it is flushed. Only those are flushed: others would send a 200.
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

// Hijack implements http.Hijacker. Where the writer of some middleware keeps the
// 101, the server writes the 101 to the connection itself; Hijack sets the status of
// Echo's response, which loggers read.
func (u upgraded) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(u.ResponseWriter).Hijack()
	for w := u.ResponseWriter; w != nil && err == nil; w = unwrap(w) {
		if res, ok := w.(*echo.Response); ok {
			res.Status, res.Committed = http.StatusSwitchingProtocols, true
		}
	}
	return conn, rw, err
}

// skip returns the first writer, from w inwards, that is not of Echo's middleware.
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
