package engine_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/assert"
)

// recorder is a middleware's writer that wants to know the status.
type recorder struct {
	http.ResponseWriter
	status *atomic.Int64
}

func (r recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r recorder) WriteHeader(code int) {
	r.status.Store(int64(code))
	r.ResponseWriter.WriteHeader(code)
}

// TestFirstWrite: the 101 and the open packet are one write where nobody is in
// front of the server, and a middleware that is hears of the 101.
func TestFirstWrite(t *testing.T) {
	bubble(t, func(t *testing.T) { // a pipe's reader sees where a write ends
		var status atomic.Int64
		wraps := map[string]func(http.Handler) http.Handler{
			"none": nil,
			"one": func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					next.ServeHTTP(recorder{w, &status}, r)
				})
			},
		}
		for name, wrap := range wraps {
			h := serveIn(t, setup{wrap: wrap, opts: engine.Options{Headers: func(h http.Header, _ *http.Request, _ bool) {
				h.Set("X-Mine", "a\r\nX-Theirs: b")
				h.Set("Content-Length", "5")
			}}})
			c := h.dial()
			res := c.http(upgradeRequest("&transport=websocket", keyHeaders))
			assert.Equal(t, name+": status", res.StatusCode, http.StatusSwitchingProtocols)
			assert.Equal(t, name+": header", res.Header.Get("X-Mine"), "a  X-Theirs: b")
			for _, header := range []string{"Content-Length", "X-Theirs"} {
				assert.Equal(t, name+": "+header, res.Header.Get(header), "")
			}
			assert.Equal(t, name+": open packet is there", c.br.Buffered() > 0, wrap == nil)
			_, open := c.next()
			assert.Equal(t, name+": type", open[0], byte('0'))
			h.session()
		}
		assert.Equal(t, "status", status.Load(), http.StatusSwitchingProtocols)
	})
}
