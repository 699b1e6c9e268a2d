package sioecho

import (
	"bufio"
	"net"
	"net/http"
	"reflect"
	"strings"

	"github.com/labstack/echo/v4"
)

// upgraded notes a 101 in echo's response where a middleware's writer holds it
// back and the server writes it past that: loggers ask the response.
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

// bare takes the writers of echo's own middleware (Gzip, BodyDump) off a
// response that is to become a WebSocket. The server could do without: Gzip
// holds the 101 back, and it would be written past it. But Gzip would pass it
// on at the end, and net/http complain of that. There is a response within the
// response where echo.WrapMiddleware was used.
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
