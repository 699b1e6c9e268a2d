package engine_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/assert"
)

// TestOrigins asks with every kind of request, with a session id and without.
func TestOrigins(t *testing.T) {
	t.Parallel()
	list := engine.CORS{Origins: []string{"https://app.example:8443", "http://[2001:db8::1]:3000"}}
	forwarded := engine.CORS{TrustForwardedHost: true}
	all := engine.CORS{Origins: []string{"*"}}
	tests := []struct {
		name    string
		cors    engine.CORS
		host    string
		origin  string
		forward string
		ok      bool
		header  string // Access-Control-Allow-Origin
	}{
		{"none", engine.CORS{}, "h.example", "", "", true, ""},
		{"same", engine.CORS{}, "h.example:3000", "http://h.example:3000", "", true, ""},
		{"same, in capitals", engine.CORS{}, "H.example", "http://h.EXAMPLE", "", true, ""},
		{"default port", engine.CORS{}, "h.example:80", "http://h.example", "", true, ""},
		{"default port of TLS", engine.CORS{}, "h.example:443", "https://h.example", "", true, ""},
		{"behind TLS", engine.CORS{}, "h.example", "https://h.example", "", true, ""},
		{"default port against TLS", engine.CORS{}, "h.example:443", "http://h.example", "", false, ""},
		{"other port", engine.CORS{}, "h.example:3000", "http://h.example:3001", "", false, ""},
		{"no port", engine.CORS{}, "h.example:3000", "http://h.example", "", false, ""},
		{"other host", engine.CORS{}, "h.example", "http://evil.example", "", false, ""},
		{"longer host", engine.CORS{}, "h.example", "http://h.example.evil.example", "", false, ""},
		{"subdomain", engine.CORS{}, "h.example", "http://x.h.example", "", false, ""},
		{"trailing dot", engine.CORS{}, "h.example", "http://h.example.", "", false, ""},
		{"user", engine.CORS{}, "h.example", "http://h.example@evil.example", "", false, ""},
		{"list of origins", engine.CORS{}, "h.example", "http://h.example http://evil.example", "", false, ""},
		{"null", engine.CORS{}, "h.example", "null", "", false, ""},
		{"no scheme", engine.CORS{}, "h.example", "h.example", "", false, ""},
		{"IPv6", engine.CORS{}, "[::1]:3000", "http://[::1]:3000", "", true, ""},
		{"IPv6, default port", engine.CORS{}, "[::1]", "http://[::1]:80", "", true, ""},
		{"IPv6, other port", engine.CORS{}, "[::1]:3000", "http://[::1]", "", false, ""},
		{"long", engine.CORS{}, "h.example", "http://" + strings.Repeat("x", 15_000), "", false, ""},

		{"listed", list, "h.example", "https://app.example:8443", "", true, "https://app.example:8443"},
		{"listed IPv6", list, "h.example", "http://[2001:db8::1]:3000", "", true, "http://[2001:db8::1]:3000"},
		{"listed, other scheme", list, "h.example", "http://app.example:8443", "", false, ""},
		{"listed, other port", list, "h.example", "https://app.example", "", false, ""},
		{"listed, in capitals", list, "h.example", "https://APP.example:8443", "", false, ""},
		{"listed, same host", list, "h.example", "http://h.example", "", true, ""},
		{"all", all, "h.example", "http://anywhere.example", "", true, "*"},
		{"all, null", all, "h.example", "null", "", true, "*"},

		{"forwarded, not trusted", engine.CORS{}, "internal:8080", "https://h.example", "h.example", false, ""},
		{"forwarded", forwarded, "internal:8080", "https://h.example", "h.example", true, ""},
		{"forwarded list", forwarded, "internal:8080", "https://h.example", " h.example, proxy.example", true, ""},
		{"forwarded, other", forwarded, "internal:8080", "https://evil.example", "h.example", false, ""},
		{"forwarded, empty", forwarded, "h.example", "https://h.example", "", true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				h := serve(t, setup{opts: engine.Options{CORS: tt.cors}})
				header := []string{"Host", tt.host}
				raw := "Host: " + tt.host + "\r\n"
				if tt.origin != "" {
					header = append(header, "Origin", tt.origin)
					raw += "Origin: " + tt.origin + "\r\n"
				}
				if tt.forward != "" {
					header = append(header, "X-Forwarded-Host", tt.forward)
					raw += "X-Forwarded-Host: " + tt.forward + "\r\n"
				}
				check := func(kind string, status int, header http.Header, want int) {
					t.Helper()
					if !tt.ok {
						want = 403
					}
					assert.Equal(t, kind, status, want)
					assert.Equal(t, kind+" allows", header.Get("Access-Control-Allow-Origin"), tt.header)
					if tt.header != "" && tt.header != "*" {
						assert.Equal(t, kind+" varies", header.Get("Vary"), "Origin")
					}
				}
				sid := h.open()
				for _, q := range []request{
					{query: "&transport=polling"},
					{query: "&transport=polling&sid=" + sid, method: "POST", body: strings.NewReader("4x")},
					{query: "&transport=polling&sid=" + sid, method: "POST", body: strings.NewReader("4x")},
				} {
					q.header = header
					r := h.do(q)
					check(q.method+q.query[:18], r.status, r.header, 200)
				}
				for _, query := range []string{"", "&sid=" + sid} {
					request := strings.Replace(upgradeRequest("&transport=websocket"+query, keyHeaders), "Host: example\r\n", raw, 1)
					res := h.dial().http(request)
					check("WebSocket"+query, res.StatusCode, res.Header, 101)
				}
			})
		})
	}
}

// TestPreflight walks what browsers ask before they send.
func TestPreflight(t *testing.T) {
	t.Parallel()
	const app = "https://app.example"
	listed := []string{app}
	tests := []struct {
		name   string
		cors   engine.CORS
		origin string
		status int
		want   map[string]string
	}{
		{"listed", engine.CORS{Origins: listed}, app, 204, map[string]string{
			"Access-Control-Allow-Origin": app, "Access-Control-Allow-Methods": "GET,POST",
			"Access-Control-Allow-Headers": "x-asked", "Vary": "Origin, Access-Control-Request-Headers",
		}},
		{"all options", engine.CORS{
			Origins: listed, Credentials: true, AllowedHeaders: []string{"x-a", "x-b"},
			ExposedHeaders: []string{"x-c", "x-d"}, MaxAge: time.Hour,
		}, app, 204, map[string]string{
			"Access-Control-Allow-Origin": app, "Access-Control-Allow-Methods": "GET,POST", "Access-Control-Max-Age": "3600",
			"Access-Control-Allow-Headers": "x-a,x-b", "Access-Control-Expose-Headers": "x-c,x-d",
			"Access-Control-Allow-Credentials": "true", "Vary": "Origin",
		}},
		{"all origins", engine.CORS{Origins: []string{"*"}, AllowedHeaders: []string{"x-a"}}, app, 204, map[string]string{
			"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET,POST", "Access-Control-Allow-Headers": "x-a",
		}},
		{"not listed", engine.CORS{Origins: listed}, "https://evil.example", 403, nil},
		{"nothing listed", engine.CORS{}, app, 403, nil},
	}
	names := []string{
		"Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Vary",
		"Access-Control-Max-Age", "Access-Control-Expose-Headers", "Access-Control-Allow-Credentials",
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				h := serve(t, setup{opts: engine.Options{CORS: tt.cors}})
				r := h.do(request{method: "OPTIONS", query: "&transport=polling", header: []string{
					"Origin", tt.origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "x-asked",
				}})
				assert.Equal(t, "status", r.status, tt.status)
				for _, name := range names {
					assert.Equal(t, name, strings.Join(r.header[name], ", "), tt.want[name])
				}
			})
		})
	}
}

// TestForeignHeader: a framework's own CORS header stands where the engine has
// nothing to say, and is not doubled where it has.
func TestForeignHeader(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{
			opts: engine.Options{CORS: engine.CORS{Origins: []string{"https://app.example"}}},
			wrap: func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Access-Control-Allow-Origin", "https://framework.example")
					w.Header().Set("Vary", "Origin")
					next.ServeHTTP(w, r)
				})
			},
		})
		for origin, want := range map[string]string{"": "https://framework.example", "http://h.example": "https://framework.example", "https://app.example": "https://app.example"} {
			r := h.do(request{query: "&transport=polling", header: []string{"Host", "h.example", "Origin", origin}})
			assert.Equal(t, "status", r.status, 200)
			assert.Equal(t, "origins", r.header["Access-Control-Allow-Origin"], []string{want})
			assert.Equal(t, "vary", r.header["Vary"], []string{"Origin"})
		}
	})
}

// TestOriginOverTLS: a page without TLS is not the same as a server with it.
func TestOriginOverTLS(t *testing.T) {
	t.Parallel()
	h := serveTLS(t, setup{})
	for origin, want := range map[string]int{"https://example": 101, "http://example": 403, "https://example:443": 101, "https://example:80": 403} {
		res := h.dial().http(upgradeRequest("&transport=websocket", keyHeaders+"Origin: "+origin+"\r\n"))
		assert.Equal(t, origin, res.StatusCode, want)
	}
}

// TestOriginLog: a refusal is logged once per origin, with what to do, and
// without what the network may not put into a log.
func TestOriginLog(t *testing.T) {
	t.Parallel()
	var log syncBuffer
	h := serve(t, setup{opts: engine.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}})
	for range 3 {
		for _, origin := range []string{"https://a.example", "https://b.example/" + strings.Repeat("x", 5000)} {
			r := h.do(request{query: "&transport=polling", header: []string{"Origin", origin}})
			r.refused(t, 403, `{"code":4,"message":"Forbidden"}`)
		}
	}
	text := log.String()
	assert.Equal(t, "lines", strings.Count(text, "\n"), 2)
	assert.True(t, "the option to set", strings.Contains(text, "Options.CORS.Origins") && strings.Contains(text, "origin=https://a.example"))
	assert.True(t, "clipped", len(text) < 2000)
}

// syncBuffer is a buffer that may be written to concurrently.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func textLogger(b *syncBuffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
