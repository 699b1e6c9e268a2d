package engine_test

import (
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/assert"
)

// unpack decodes a body by its Content-Encoding.
func unpack(t *testing.T, r reply) string {
	t.Helper()
	var z io.Reader
	var err error
	switch coding := r.header.Get("Content-Encoding"); coding {
	case "":
		return r.body
	case "gzip":
		z, err = gzip.NewReader(strings.NewReader(r.body))
	case "deflate":
		z, err = zlib.NewReader(strings.NewReader(r.body))
	default:
		t.Fatalf("Content-Encoding %q", coding)
	}
	assert.NoError(t, err)
	b, err := io.ReadAll(z)
	assert.NoError(t, err)
	return string(b)
}

// accepting is a poll with these Accept-Encoding headers.
func accepting(sid string, accept ...string) request {
	q := request{query: "&transport=polling&sid=" + sid}
	for _, a := range accept {
		q.header = append(q.header, "Accept-Encoding", a)
	}
	return q
}

// TestAcceptEncoding: what a client gets that says what it takes.
func TestAcceptEncoding(t *testing.T) {
	t.Parallel()
	tests := []struct {
		accept []string
		want   string // coding of a large message
		small  string // of one below the threshold
	}{
		{[]string{"identity"}, "", ""},
		{[]string{"br, zstd"}, "", ""},
		{[]string{"gzip"}, "gzip", ""},
		{[]string{"GZIP"}, "gzip", ""},
		{[]string{"x-gzip"}, "gzip", ""},
		{[]string{"deflate"}, "deflate", ""},
		{[]string{"gzip, deflate, br"}, "gzip", ""},
		{[]string{"deflate, gzip"}, "gzip", ""},
		{[]string{"br", "deflate"}, "deflate", ""},
		{[]string{"gzip;q=0.5, deflate;q=0.8"}, "deflate", ""},
		{[]string{"gzip ; q=0.8,deflate;Q=0.5"}, "gzip", ""},
		{[]string{"gzip;q=0"}, "", ""},
		{[]string{"gzip;q=0.000, deflate;q=0.001"}, "deflate", ""},
		{[]string{"gzip;q=x"}, "", ""},
		{[]string{"gzip;q=NaN"}, "", ""},
		{[]string{"gzip;q=-1"}, "", ""},
		{[]string{"gzip;q=2"}, "", ""},
		{[]string{"gzip;q="}, "", ""},
		{[]string{"*"}, "gzip", ""},
		{[]string{"*;q=0"}, "", ""}, // nothing is acceptable: better that than no answer
		{[]string{"gzip;q=0, *"}, "deflate", ""},
		{[]string{"gzip;q=0.5, identity"}, "", ""},
		{[]string{"gzip, identity;q=0.5"}, "gzip", ""},
		{[]string{"gzip, identity;q=0"}, "gzip", "gzip"},
		{[]string{"deflate;q=0.1, *;q=0"}, "deflate", "deflate"},
		{[]string{"gzip, identity;q=0.1, *;q=0"}, "gzip", ""},
		{[]string{"identity;q=0"}, "", ""},
		{[]string{",;,gzip;;q=1,"}, "gzip", ""},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.accept, "|"), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serveIn(t, setup{opts: engine.Options{HTTPCompression: 1000}})
				sid := h.open()
				s := h.session()
				for body, want := range map[string]string{strings.Repeat("long ", 500): tt.want, "short": tt.small} {
					assert.NoError(t, s.Send(text(body)))
					r := h.do(accepting(sid, tt.accept...))
					assert.Equal(t, "status", r.status, 200)
					assert.Equal(t, "coding", r.header.Get("Content-Encoding"), want)
					assert.Equal(t, "body", unpack(t, r), "4"+body)
					assert.Equal(t, "length", r.header.Get("Content-Length"), fmt.Sprint(len(r.body)))
					assert.Equal(t, "vary", r.header.Values("Vary"), []string{"Accept-Encoding"})
					assert.Equal(t, "type", r.header.Get("Content-Type"), "text/plain; charset=UTF-8")
				}
			})
		})
	}
}

// TestHTTPCompression: which responses are compressed for a client that asks.
func TestHTTPCompression(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1000)
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 2000)
	for i := range noise {
		noise[i] = ' ' + byte(random.IntN(95))
	}
	plain := func(s string) engine.Message { return text(s).Compress(false) }
	binary := engine.Binary([]byte(long)).Compress(false)
	tests := []struct {
		name     string
		from     int
		messages []engine.Message
		want     string
	}{
		{"off", 0, []engine.Message{text(long)}, ""},
		{"negative", -1, []engine.Message{text(long)}, ""},
		{"below", 1002, []engine.Message{text(long)}, ""},
		{"at", 1001, []engine.Message{text(long)}, "gzip"},
		{"several", 1001, []engine.Message{text(long[:500]), text(long[:499])}, "gzip"},
		{"several below", 1002, []engine.Message{text(long[:500]), text(long[:498])}, ""},
		{"unwanted", 1, []engine.Message{plain(long)}, ""},
		{"unwanted twice", 1, []engine.Message{plain(long), plain(long)}, ""},
		{"wanted by one", 1, []engine.Message{plain(long), text("x")}, "gzip"},
		{"wanted again", 1, []engine.Message{plain(long).Compress(true)}, "gzip"},
		{"binary", 1, []engine.Message{engine.Binary([]byte(long))}, "gzip"},
		{"unwanted binary", 1, []engine.Message{binary}, ""},
		{"larger than before", 1, []engine.Message{text(string(noise[:20]))}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				h := serve(t, setup{opts: engine.Options{HTTPCompression: tt.from}})
				sid := h.open()
				assert.NoError(t, h.session().Send(tt.messages...))
				r := h.do(accepting(sid, "gzip"))
				assert.Equal(t, "coding", r.header.Get("Content-Encoding"), tt.want)
				assert.Equal(t, "vary", r.header.Get("Vary") == "Accept-Encoding", tt.from > 0)
				r.body = unpack(t, r)
				assert.Equal(t, "packets", strings.Count(r.body, "\x1e"), len(tt.messages)-1)
			})
		})
	}
}

// TestNoAcceptEncoding: a client that says nothing gets nothing.
func TestNoAcceptEncoding(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{opts: engine.Options{HTTPCompression: 1}})
		for _, header := range []string{"", "Accept-Encoding:\r\n"} {
			sid := h.open()
			h.posted(sid, "4"+strings.Repeat("x", 1000))
			res := h.dial().http("GET /engine.io/?EIO=4&transport=polling&sid=" + sid + " HTTP/1.1\r\nHost: x\r\n" + header + "\r\n")
			assert.Equal(t, "coding", res.Header.Get("Content-Encoding"), "")
			assert.Equal(t, "length", res.ContentLength, int64(1001))
		}
	})
}

// TestNeverCompressed: the session's secret, POSTs, errors, and what somebody
// else encodes.
func TestNeverCompressed(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{
			opts: engine.Options{HTTPCompression: 1},
			wrap: func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Header.Get("X-Packed") != "" {
						w.Header().Set("Content-Encoding", "br") // as a middleware that is going to do it
					}
					w.Header().Set("Vary", "Cookie, accept-encoding")
					next.ServeHTTP(w, r)
				})
			},
		})
		gzip := []string{"Accept-Encoding", "gzip"}
		r := h.do(request{query: "&transport=polling", header: gzip})
		assert.Equal(t, "handshake", r.header.Get("Content-Encoding"), "")
		assert.Equal(t, "vary", r.header.Values("Vary"), []string{"Cookie, accept-encoding"})
		sid := sidOf(r.body)
		r = h.do(request{method: "POST", query: "&transport=polling&sid=" + sid, body: strings.NewReader("4" + strings.Repeat("x", 1000)), header: gzip})
		assert.Equal(t, "POST", r.header.Get("Content-Encoding")+r.body, "ok")
		r = h.do(request{query: "&transport=polling&sid=" + sid, header: append(gzip, "X-Packed", "1")})
		assert.Equal(t, "somebody else's", r.header.Values("Content-Encoding"), []string{"br"})
		assert.Equal(t, "body", len(r.body), 1001)
		r = h.do(request{query: "&transport=polling&sid=unknown", header: gzip})
		assert.Equal(t, "error", r.body, unknown)
	})
}

// TestCompressInParallel: what is pooled is nobody else's.
func TestCompressInParallel(t *testing.T) {
	t.Parallel()
	h := serve(t, setup{opts: engine.Options{HTTPCompression: 1, MaxHTTPBufferSize: -1}})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			r := h.try(request{query: "&transport=polling"})
			sid := sidOf(r.body)
			for j := range 20 {
				coding := []string{"gzip", "deflate"}[(i+j)%2]
				body := "4" + strings.Repeat(fmt.Sprintf("%d-%d ", i, j), 100+50*j)
				r := h.try(request{method: "POST", query: "&transport=polling&sid=" + sid, body: strings.NewReader(body)})
				if r.body != "ok" {
					t.Errorf("POST: %q %v", r.body, r.err)
				}
				r = h.try(accepting(sid, coding))
				if r.err != nil || r.header.Get("Content-Encoding") != coding || unpack(t, r) != body {
					t.Errorf("poll %d-%d: %v", i, j, r.err)
				}
			}
		})
	}
	all.Wait()
}

// TestCompressionMemory: nothing large stays when nobody polls any more.
func TestCompressionMemory(t *testing.T) { //nolint:paralleltest // it looks at the whole heap
	h := serve(t, setup{opts: engine.Options{HTTPCompression: 1}})
	sid := h.open()
	s := h.session()
	poll := func() {
		assert.NoError(t, s.Send(text(strings.Repeat("x", 1<<20))))
		r := h.do(accepting(sid, "gzip"))
		assert.True(t, "compressed", len(r.body) < 1<<16)
	}
	heap := func() int64 {
		for range 3 { // a pool gives up what it has in two
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	assert.NoError(t, s.Send(text("x")))
	h.get(sid)
	before := heap()
	for range 20 {
		poll()
	}
	if kept := heap() - before; kept > 256<<10 {
		t.Errorf("%d bytes are kept", kept)
	}
}
