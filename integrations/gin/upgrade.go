package siogin

import (
	"bufio"
	"net"
	"net/http"

	"github.com/gin-gonic/gin"
)

// writer returns the writer to serve with. For an upgrade it wraps c.Writer, so that
// middleware with a writer of its own sees the 101, and no body.
func writer(c *gin.Context) http.ResponseWriter {
	if c.GetHeader("Upgrade") == "" {
		return c.Writer
	}
	w := &upgraded{ResponseWriter: c.Writer}
	c.Writer = w
	return w
}

// upgraded is the writer for an upgrade. Gin's writer keeps a status until there is
// a body; upgraded sends a 101 at once, through the middleware around the engine.
type upgraded struct {
	gin.ResponseWriter
	taken bool
}

// Unwrap is for http.ResponseController.
func (w *upgraded) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements http.ResponseWriter. A writer that holds the status back
// often passes WriteHeaderNow on all the same, and Gin's would send a 200.
func (w *upgraded) WriteHeader(code int) {
	w.ResponseWriter.WriteHeader(code)
	if code == http.StatusSwitchingProtocols && w.Status() == code {
		w.WriteHeaderNow()
	}
}

// Hijack implements http.Hijacker.
func (w *upgraded) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := w.ResponseWriter.Hijack()
	w.taken = err == nil
	return conn, rw, err
}

// Size implements gin.ResponseWriter. When the handlers have returned, a compressor
// ends the body, even an empty one; once the connection is hijacked, Size tells it
// that there is none.
func (w *upgraded) Size() int {
	if w.taken {
		return -1
	}
	return w.ResponseWriter.Size()
}
