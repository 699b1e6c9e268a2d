package engine_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/assert"
)

// The writers of middlewares, by what they do to an upgrade. None has a name
// that the engine could know.

// holding keeps the status until a body comes, as compressors do, and has what
// most have: a Hijack of its own.
type holding struct {
	http.ResponseWriter
	code int
}

func (w *holding) WriteHeader(code int) { w.code = code }

func (w *holding) Write(b []byte) (int, error) {
	w.done()
	return w.ResponseWriter.Write(b)
}

func (w *holding) Flush() {} // not before there is something to compress

func (w *holding) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// done is what a compressor does at the end.
func (w *holding) done() {
	if w.code != 0 {
		w.ResponseWriter.WriteHeader(w.code)
		w.code = 0
	}
}

// holdingOpen is one that can be unwrapped.
type holdingOpen struct{ *holding }

func (w holdingOpen) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// hidden shows nothing of what it wraps but its Hijack.
type hidden struct{ w http.ResponseWriter }

func (h hidden) Header() http.Header         { return h.w.Header() }
func (h hidden) WriteHeader(code int)        { h.w.WriteHeader(code) }
func (h hidden) Write(b []byte) (int, error) { return h.w.Write(b) }
func (h hidden) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.w.(http.Hijacker).Hijack()
}

// hiddenHolding does not even pass the header on.
type hiddenHolding struct{ hidden }

func (hiddenHolding) WriteHeader(int) {}

// buffering has a header and a body of its own, as timeouts and ETags have.
type buffering struct {
	http.ResponseWriter
	header http.Header
	code   int
	body   bytes.Buffer
}

func (w *buffering) Header() http.Header         { return w.header }
func (w *buffering) WriteHeader(code int)        { w.code = code }
func (w *buffering) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *buffering) Write(b []byte) (int, error) {
	w.code = max(w.code, http.StatusOK)
	return w.body.Write(b)
}

func (w *buffering) finish() {
	if w.code == 0 || w.code == http.StatusSwitchingProtocols { // not its business
		return
	}
	for key, values := range w.header {
		w.ResponseWriter.Header()[key] = values
	}
	w.ResponseWriter.WriteHeader(w.code)
	_, _ = w.body.WriteTo(w.ResponseWriter)
}

// unwilling says that it can be hijacked.
type unwilling struct{ http.ResponseWriter }

func (unwilling) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, errors.New("not today")
}

// panicking is unwilling in the way of gin's and echo's.
type panicking struct{ http.ResponseWriter }

func (panicking) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	var none http.ResponseWriter
	return none.(http.Hijacker).Hijack()
}

func (w panicking) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// unwillingHidden has not let the server's writer be seen.
type unwillingHidden struct{ hidden }

func (unwillingHidden) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, errors.New("not today")
}

// unwrapsNothing has nothing to unwrap to.
type unwrapsNothing struct{ http.ResponseWriter }

func (unwrapsNothing) Unwrap() http.ResponseWriter { return nil }

// around puts a writer around that of each request.
func around(wrap func(http.ResponseWriter) http.ResponseWriter) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Outer", "1")
			inner := wrap(w)
			next.ServeHTTP(inner, r)
			if b, ok := inner.(*buffering); ok {
				b.finish()
			}
		})
	}
}

// TestWriters: behind whatever writer, a WebSocket opens, and so does one that
// a polling session upgrades to.
func TestWriters(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string]func(http.ResponseWriter) http.ResponseWriter{
		"hold":             func(w http.ResponseWriter) http.ResponseWriter { return &holding{ResponseWriter: w} },
		"hold, unwrap":     func(w http.ResponseWriter) http.ResponseWriter { return holdingOpen{&holding{ResponseWriter: w}} },
		"pass around hold": func(w http.ResponseWriter) http.ResponseWriter { return unwrapper{&holding{ResponseWriter: w}} },
		"hold around pass": func(w http.ResponseWriter) http.ResponseWriter {
			return holdingOpen{&holding{ResponseWriter: unwrapper{w}}}
		},
		"hidden":       func(w http.ResponseWriter) http.ResponseWriter { return hidden{w} },
		"hidden, hold": func(w http.ResponseWriter) http.ResponseWriter { return hiddenHolding{hidden{w}} },
		"buffer": func(w http.ResponseWriter) http.ResponseWriter {
			return &buffering{ResponseWriter: w, header: make(http.Header)}
		},
		"a nil in the line": func(w http.ResponseWriter) http.ResponseWriter {
			return struct {
				hidden
				http.ResponseWriter
			}{hidden{w}, nil}.hidden
		},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				h := serve(t, setup{wrap: around(wrap)})
				for range 2 {
					c := h.dial()
					res := c.http(upgradeRequest("&transport=websocket", keyHeaders))
					assert.Equal(t, "status", res.StatusCode, http.StatusSwitchingProtocols)
					assert.Equal(t, "header", res.Header.Get("X-Outer"), "1")
					assert.Equal(t, "accept", res.Header.Get("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
					_, open := c.next()
					assert.True(t, "open packet", strings.HasPrefix(open, `0{"sid":"`))
					c.send("4x")
					c.expect("4x")
				}
				sid := h.open()
				c := h.probe(sid)
				c.send("5", "4x")
				c.expect("4x")
			})
		})
	}
}

// TestUnwillingWriters: what cannot be upgraded is refused, the log names the
// writer, and polling goes on.
func TestUnwillingWriters(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string]func(http.ResponseWriter) http.ResponseWriter{
		"engine_test.unwilling":       func(w http.ResponseWriter) http.ResponseWriter { return unwilling{w} },
		"engine_test.panicking":       func(w http.ResponseWriter) http.ResponseWriter { return panicking{w} },
		"engine_test.unwillingHidden": func(w http.ResponseWriter) http.ResponseWriter { return unwillingHidden{hidden{w}} },
		"engine_test.unwrapsNothing":  func(w http.ResponseWriter) http.ResponseWriter { return unwrapsNothing{w} },
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				var logged syncBuffer
				h := serve(t, setup{wrap: around(wrap), opts: engine.Options{Logger: textLogger(&logged)}})
				sid := h.open()
				for _, query := range []string{"", "&sid=" + sid} {
					res := h.dial().http(upgradeRequest("&transport=websocket"+query, keyHeaders))
					body, err := io.ReadAll(res.Body)
					assert.NoError(t, err)
					assert.Equal(t, "status", res.StatusCode, http.StatusNotImplemented)
					assert.Equal(t, "body", string(body), badRequest)
					assert.Equal(t, "accept", res.Header.Get("Sec-WebSocket-Accept"), "")
				}
				assert.True(t, logged.String(), strings.Contains(logged.String(), "level=ERROR") &&
					strings.Contains(logged.String(), "exclude the Socket.IO path") && strings.Contains(logged.String(), name))
				h.posted(sid, "4x")
				assert.Equal(t, "echo", h.get(sid).body, "4x")
				h.alive()
			})
		})
	}
}

// TestAnswered: middleware that has sent a status already leaves nothing to
// upgrade, and the log says so.
func TestAnswered(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		var logged syncBuffer
		h := serve(t, setup{opts: engine.Options{Logger: textLogger(&logged)}, wrap: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusOK)
				next.ServeHTTP(unwrapper{w}, r)
			})
		}})
		res := h.dial().http(upgradeRequest("&transport=websocket", keyHeaders))
		assert.Equal(t, "status", res.StatusCode, http.StatusOK)
		assert.True(t, logged.String(), strings.Contains(logged.String(), "has sent another answer") &&
			strings.Contains(logged.String(), "engine_test.unwrapper"))
		assert.Equal(t, "sessions", h.srv.Count(), 0)
	})
}

// TestHoldersAreNotToldTwice: a writer that has kept a 101 passes it on when
// the request is over. net/http complains then, and must not for each.
func TestHoldersAreNotToldTwice(t *testing.T) {
	t.Parallel()
	var logged, complaints syncBuffer
	served := make(chan struct{})
	h := serve(t, setup{
		opts: engine.Options{Logger: textLogger(&logged)},
		tune: func(s *http.Server) { s.ErrorLog = log.New(&complaints, "", 0) },
		wrap: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				hold := &holding{ResponseWriter: w}
				next.ServeHTTP(hold, r)
				hold.done()
				served <- struct{}{}
			})
		},
	})
	for range 3 {
		h.wsOpen("")
		<-served
	}
	assert.Equal(t, "complaints", strings.Count(complaints.String(), "hijacked connection"), 1)
	assert.Equal(t, "lines: "+logged.String(), strings.Count(logged.String(), "engine_test.holding"), 1)
}

// TestContentEncoding: of a compressor that sets it before there is something.
func TestContentEncoding(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{wrap: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				next.ServeHTTP(unwrapper{w}, r)
			})
		}})
		res := h.dial().http(upgradeRequest("&transport=websocket", keyHeaders))
		assert.Equal(t, "status", res.StatusCode, http.StatusSwitchingProtocols)
		assert.Equal(t, "encoding", res.Header.Get("Content-Encoding"), "")
	})
}
