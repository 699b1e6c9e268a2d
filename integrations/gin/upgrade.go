package siogin

import (
	"bufio"
	"net"
	"net/http"

	"github.com/gin-gonic/gin"
)

// writer returns the writer to serve with: for an upgrade behind middleware that
// has put a writer of its own around gin's, one that keeps what both do with
// the status apart from what they do with a body.
func writer(c *gin.Context) http.ResponseWriter {
	if c.GetHeader("Upgrade") == "" {
		return c.Writer
	}
	w := &upgraded{ResponseWriter: c.Writer}
	c.Writer = w
	return w
}

// upgraded passes a 101 through gin's writer, which would hold it back until
// there is a body, to the middlewares around the engine.
type upgraded struct {
	gin.ResponseWriter
	taken bool
}

// Unwrap is for http.ResponseController.
func (w *upgraded) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w *upgraded) WriteHeader(code int) {
	w.ResponseWriter.WriteHeader(code)
	if code == http.StatusSwitchingProtocols {
		w.WriteHeaderNow()
	}
}

// Hijack implements http.Hijacker.
func (w *upgraded) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := w.ResponseWriter.Hijack()
	w.taken = err == nil
	return conn, rw, err
}

// Size implements gin.ResponseWriter. Compressors that are told of a body, be
// it an empty one, write its end behind it when the handlers have returned:
// there is none once the connection is taken.
func (w *upgraded) Size() int {
	if w.taken {
		return -1
	}
	return w.ResponseWriter.Size()
}
