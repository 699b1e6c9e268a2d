package hijack

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// wrapper passes everything on, its Hijack by Unwrap.
type wrapper struct{ http.ResponseWriter }

func (w wrapper) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// holder does not pass a status on.
type holder struct{ wrapper }

func (holder) WriteHeader(int) {}

// liar passes another status on.
type liar struct{ wrapper }

func (w liar) WriteHeader(int) { w.ResponseWriter.WriteHeader(http.StatusTeapot) }

// noHijack hides the one of the writer that it wraps.
type noHijack struct{ w http.ResponseWriter }

func (n noHijack) Header() http.Header         { return n.w.Header() }
func (n noHijack) Write(b []byte) (int, error) { return n.w.Write(b) }
func (n noHijack) WriteHeader(code int)        { n.w.WriteHeader(code) }

// panics has a Hijack that does.
type panics struct{ noHijack }

func (panics) Hijack() (net.Conn, *bufio.ReadWriter, error) { panic("no") }

// TestTakeOver: what a client gets through writers of each kind, twice.
// hijacks returns what it was told to, or the connection without its buffers.
type hijacks struct {
	wrapper
	nothing bool
}

func (h hijacks) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if h.nothing {
		return nil, nil, nil
	}
	conn, _, err := http.NewResponseController(h.ResponseWriter).Hijack()
	return conn, nil, err
}

// audited has a second writer, which is a nil pointer.
type audited struct {
	Audit http.ResponseWriter
	inner http.ResponseWriter
}

func (a audited) Header() http.Header         { return a.inner.Header() }
func (a audited) Write(b []byte) (int, error) { return a.inner.Write(b) }
func (a audited) WriteHeader(code int)        { a.inner.WriteHeader(code) }
func (a audited) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(a.inner).Hijack()
}

// unwraps panics when it is looked through.
type unwraps struct{ audited }

func (unwraps) Unwrap() http.ResponseWriter { panic("no") }

func TestTakeOver(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		wrap   func(w http.ResponseWriter) http.ResponseWriter
		hold   bool
		status string
		notes  string // kinds of lines that are logged
	}{
		"none":     {func(w http.ResponseWriter) http.ResponseWriter { return w }, false, "101", ""},
		"held":     {func(w http.ResponseWriter) http.ResponseWriter { return w }, true, "101", ""},
		"wrapper":  {func(w http.ResponseWriter) http.ResponseWriter { return wrapper{w} }, false, "101", ""},
		"holder":   {func(w http.ResponseWriter) http.ResponseWriter { return holder{wrapper{w}} }, false, "101", "held"},
		"liar":     {func(w http.ResponseWriter) http.ResponseWriter { return liar{wrapper{w}} }, false, "418", "answered answered"},
		"noHijack": {func(w http.ResponseWriter) http.ResponseWriter { return noHijack{w} }, false, "501", "hijack hijack"},
		"nothing":  {func(w http.ResponseWriter) http.ResponseWriter { return hijacks{wrapper{w}, true} }, false, "501", "hijack hijack"},
		"no rw":    {func(w http.ResponseWriter) http.ResponseWriter { return hijacks{wrapper{w}, false} }, false, "101", ""},
		"nil":      {func(w http.ResponseWriter) http.ResponseWriter { return audited{(*wrapper)(nil), w} }, false, "101", ""},
		"unwraps":  {func(w http.ResponseWriter) http.ResponseWriter { return unwraps{audited{nil, w}} }, false, "101", ""},
		"panics":   {func(w http.ResponseWriter) http.ResponseWriter { return panics{noHijack{w}} }, false, "501", "hijack hijack"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var notes []string
			taker := &Taker{Note: func(_ slog.Level, kind, _ string, _ ...slog.Attr) {
				mu.Lock()
				defer mu.Unlock()
				notes = append(notes, kind)
			}}
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w = tt.wrap(w)
				w.Header().Set("X-Header", "x")
				w.Header().Set("Content-Length", "5")
				taken, err := taker.TakeOver(w, tt.hold)
				if refused := (*Refused)(nil); errors.As(err, &refused) {
					answer := refused.Answer(w)
					answer.WriteHeader(http.StatusNotImplemented)
					_, _ = answer.Write([]byte("no"))
					return
				}
				if err != nil {
					return
				}
				_, _ = taken.Write(append(taken.Head, "after"...))
				_ = taken.Close()
			}))
			defer srv.Close()
			for range 2 {
				conn, err := net.Dial("tcp", srv.Listener.Addr().String())
				assert.NoError(t, err)
				_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
				assert.NoError(t, err)
				got, _ := io.ReadAll(conn)
				_ = conn.Close()
				assert.True(t, string(got), strings.HasPrefix(string(got), "HTTP/1.1 "+tt.status+" "))
				if tt.status == "101" {
					assert.True(t, string(got), strings.Contains(string(got), "\r\nX-Header: x\r\n") && strings.HasSuffix(string(got), "\r\n\r\nafter") && !strings.Contains(string(got), "Content-Length"))
				}
			}
			srv.Close()
			mu.Lock()
			defer mu.Unlock()
			assert.Equal(t, "notes", strings.Join(notes, " "), tt.notes)
		})
	}
}
