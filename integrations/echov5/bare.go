package sioecho

import (
	"net/http"
	"reflect"
	"strings"

	"github.com/labstack/echo/v5"
)

// bare returns w without the writers of echo's own middleware (Gzip, BodyDump)
// around it, for a response that is to become a WebSocket: Gzip holds the header
// back until the first byte of a body, and the client would wait for the 101 for
// ever. There is a response within the response where echo.WrapMiddleware was
// used.
func bare(w http.ResponseWriter) http.ResponseWriter {
	w = skip(w)
	for inner := w; inner != nil; inner = unwrap(inner) {
		if res, ok := inner.(*echo.Response); ok {
			res.ResponseWriter = skip(res.ResponseWriter)
		}
	}
	return w
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
