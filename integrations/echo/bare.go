package sioecho

import (
	"net/http"
	"reflect"
	"strings"

	"github.com/labstack/echo/v4"
)

// bare takes the writers of echo's own middleware (Gzip, BodyDump) off a
// response that is to become a WebSocket: Gzip holds the header back until the
// first byte of a body, and the client would wait for the 101 for ever. There
// is a response within the response where echo.WrapMiddleware was used.
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
