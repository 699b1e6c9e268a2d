package sioecho

import (
	"bufio"
	"net"
	"net/http"
	"reflect"
	"strings"

	"github.com/labstack/echo/v4"
)

// upgraded is the writer for an upgrade. Where the writer of some middleware keeps
// the 101, the server writes the 101 to the connection itself; upgraded then sets
// the status of Echo's response, which loggers read.
type upgraded struct{ *echo.Response }

// Unwrap is for http.ResponseController.
func (u upgraded) Unwrap() http.ResponseWriter { return u.Response }

// Hijack implements http.Hijacker.
func (u upgraded) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := u.Response.Hijack()
	if err == nil {
		u.Status, u.Committed = http.StatusSwitchingProtocols, true
	}
	return conn, rw, err
}

// bare removes the writers of Echo's own middleware (Gzip, BodyDump) from a
// response that becomes a WebSocket. Gzip would keep the 101 and write it when the
// handlers return; the connection is hijacked by then, and net/http logs an error.
// echo.WrapMiddleware puts a response into the response: bare goes through all.
func bare(w http.ResponseWriter) {
	for w != nil {
		if res, ok := w.(*echo.Response); ok {
			for ofMiddleware(res.Writer) {
				res.Writer = unwrap(res.Writer)
			}
		}
		w = unwrap(w)
	}
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
		strings.HasPrefix(t.Elem().PkgPath(), "github.com/labstack/echo/v4/middleware")
}
