package siogin

import (
	"net/http"
	"reflect"

	"github.com/gin-gonic/gin"
)

// withoutGzip returns the writer to serve with: for an upgrade one without
// gin-contrib/gzip around it, which compresses unless the header says exactly
// "Connection: Upgrade" (proxies and browsers also send "upgrade"), and then
// writes the end of its stream into the WebSocket.
func withoutGzip(c *gin.Context) gin.ResponseWriter {
	w := c.Writer
	if c.GetHeader("Upgrade") == "" {
		return w
	}
	v := reflect.Indirect(reflect.ValueOf(w))
	if v.Type().PkgPath() != "github.com/gin-contrib/gzip" || v.Kind() != reflect.Struct {
		return w
	}
	inner, ok := v.FieldByName("ResponseWriter").Interface().(gin.ResponseWriter)
	if !ok {
		return w
	}
	inner.Header().Del("Content-Encoding")
	c.Writer = uncompressed{inner}
	return inner
}

// uncompressed makes gin-contrib/gzip believe that nothing was written: it
// then drops its stream.
type uncompressed struct{ gin.ResponseWriter }

// Size implements gin.ResponseWriter.
func (uncompressed) Size() int { return -1 }

// Unwrap is for http.ResponseController.
func (u uncompressed) Unwrap() http.ResponseWriter { return u.ResponseWriter }
