package socketio_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"
	"weak"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/integrations/mount"
	"github.com/gosio/gosio/internal/assert"
)

type contextKey string

// TestOptionsAreCopied: what happens to the application's slices later changes
// nothing.
func TestOptionsAreCopied(t *testing.T) {
	t.Parallel()
	o := socketio.Options{
		ContextKeys: []any{contextKey("user")}, CORS: socketio.CORS{Origins: []string{"https://app.example"}},
		Recovery: &socketio.Recovery{MaxSessions: 1},
	}
	a := newApp(t, o)
	o.ContextKeys[0], o.CORS.Origins[0], o.Recovery.MaxSessions = contextKey("secret"), "*", -1
	front := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := context.WithValue(r.Context(), contextKey("user"), "alice")
		a.ServeHTTP(w, r.WithContext(context.WithValue(ctx, contextKey("secret"), "x")))
	})
	c := siotest.Dial(t, front, siotest.Options{Header: http.Header{"Origin": {"https://app.example"}}})
	h := a.socket(t, c).Handshake()
	assert.Equal(t, "user", h.Value(contextKey("user")), any("alice"))
	assert.Equal(t, "secret", h.Value(contextKey("secret")), nil)
	a.Use(cookies(true)) // panics where every origin is allowed
}

// TestHandshake: the snapshot is whole, and each namespace has its own auth.
func TestHandshake(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{ContextKeys: []any{contextKey("user"), contextKey("missing"), contextKey("both")}})
		a.Of("/other")
		front := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx := context.WithValue(r.Context(), contextKey("user"), "alice")
			ctx = context.WithValue(ctx, contextKey("secret"), "not copied")
			ctx = context.WithValue(ctx, contextKey("both"), "context")
			r = r.WithContext(ctx)
			r.TLS = &tls.ConnectionState{ServerName: "chat.example"}
			if socketio.IsHandshake(r) {
				r = mount.WithUpstream(r, mount.Upstream{
					Address: "203.0.113.7", Values: map[any]any{"id": 7, contextKey("both"): "upstream"},
				})
			}
			a.ServeHTTP(w, r)
		})
		o.Path, o.Query = "/chat/", url.Values{"q": {"1 2", "3"}, "token": {"x"}}
		o.Header = http.Header{"Cookie": {"a=1"}, "X-Many": {"1", "2"}, "Host": {"example.org:81"}}
		o.Auth = map[string]any{"user": "alice"}
		start := time.Now()
		c := siotest.Dial(t, front, o)
		h := a.socket(t, c).Handshake()
		assert.Equal(t, "auth", string(h.Auth), `{"user":"alice"}`)
		var auth struct{ User string }
		assert.NoError(t, h.DecodeAuth(&auth))
		assert.Equal(t, "user", auth.User, "alice")
		assert.True(t, "a bad fit", h.DecodeAuth(&[]int{}) != nil)
		assert.Equal(t, "method", h.Method, "GET")
		assert.True(t, h.URL, strings.HasPrefix(h.URL, "/chat/?") && strings.Contains(h.URL, "EIO=4"))
		assert.Equal(t, "host", h.Host, "example.org:81")
		assert.Equal(t, "address", h.Address, "203.0.113.7")
		assert.True(t, h.RemoteAddr, strings.HasPrefix(h.RemoteAddr, "192.0.2.2:"))
		assert.True(t, "time", !h.Time.Before(start) && h.Secure)
		assert.Equal(t, "TLS", h.TLS.ServerName, "chat.example")
		assert.True(t, "TLS in a request", h.Request().TLS == h.TLS)
		assert.Equal(t, "query", h.Query()["q"], []string{"1 2", "3"})
		assert.Equal(t, "transport", h.Query().Get("transport"), o.Transport)
		assert.Equal(t, "header", h.Header()["X-Many"], []string{"1", "2"})
		assert.Equal(t, "values", []any{h.Value("id"), h.Value(contextKey("user")), h.Value(contextKey("both")), h.Value(contextKey("secret")), h.Value("none")},
			[]any{7, "alice", "upstream", nil, nil})

		r := h.Request()
		cookie, err := r.Cookie("a")
		assert.NoError(t, err)
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Equal(t, "request", []string{cookie.Value, r.URL.Path, r.FormValue("token"), r.Host, r.Method, string(body)},
			[]string{"1", "/chat/", "x", "example.org:81", "GET", ""})
		assert.Equal(t, "context", r.Context().Value("id"), any(7))
		r.Header.Set("Cookie", "changed")
		assert.Equal(t, "a copy", h.Header().Get("Cookie"), "a=1")

		other := c.Of("/other", nil)
		s, ok := a.Of("/other").Socket(other.ID())
		assert.True(t, "found", ok)
		assert.Equal(t, "no auth", string(s.Handshake().Auth), "")
		auth.User = "kept"
		assert.NoError(t, s.Handshake().DecodeAuth(&auth))
		assert.Equal(t, "left alone", auth.User, "kept")
		assert.Equal(t, "siblings", len(s.Siblings()), 2)
		assert.Equal(t, "transport", s.Transport(), o.Transport)
		c.Disconnect()
		synctest.Wait()
		assert.Equal(t, "siblings", len(s.Siblings()), 1)
	})
}

// TestRequestIsNotKept: nothing that lives with the connection holds on to the
// *http.Request, which some servers use again.
func TestRequestIsNotKept(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"websocket", "polling"} {
		a := newApp(t, socketio.Options{})
		requests := make(chan weak.Pointer[http.Request], 8)
		front := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			clone := r.Clone(r.Context())
			if socketio.IsHandshake(r) {
				requests <- weak.Make(clone)
			}
			a.ServeHTTP(w, clone)
		})
		c := siotest.Dial(t, front, siotest.Options{Transport: transport, Auth: map[string]int{"a": 1}})
		p := <-requests
		for end := time.Now().Add(5 * time.Second); p.Value() != nil && time.Now().Before(end); {
			runtime.GC()
		}
		assert.True(t, transport+": the request is gone", p.Value() == nil)
		assert.Equal(t, "still there", len(a.socket(t, c).Handshake().Header()["User-Agent"]), 1)
	}
}

// TestAddress: without a framework's idea of it, the address is the peer's.
func TestAddress(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{"192.0.2.1:80": "192.0.2.1", "[2001:db8::1]:80": "2001:db8::1", "@": "@", "": "", "192.0.2.1": "192.0.2.1", "2001:db8::1": "2001:db8::1"} {
		t.Run(remote, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := newApp(t, socketio.Options{})
				c := siotest.Dial(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					r.RemoteAddr = remote
					a.ServeHTTP(w, r)
				}), siotest.Options{})
				assert.Equal(t, "address", a.socket(t, c).Handshake().Address, want)
			})
		})
	}
}

// TestValues: keys are distinct although their names are equal, and identity
// is a value of its own.
func TestValues(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newApp(t, socketio.Options{})
		s := a.socket(t, a.dial(t))
		first, second := socketio.NewKey[string]("name"), socketio.NewKey[string]("name")
		assert.Equal(t, "name", first.String(), "name")
		_, ok := first.Get(s)
		assert.Equal(t, "set", ok, false)
		first.Set(s, "one")
		first.Set(s, "two")
		second.Set(s, "three")
		v, _ := first.Get(s)
		w, ok := second.Get(s)
		assert.Equal(t, "values", v+w, "twothree")
		assert.Equal(t, "set", ok, true)
		assert.Equal(t, "identity", s.Identity(), "")
		s.SetIdentity("alice")
		assert.Equal(t, "identity", s.Identity(), "alice")
	})
}

// TestEngineOptions: what is the engine's reaches it.
func TestEngineOptions(t *testing.T) {
	t.Parallel()
	refused := make(chan string, 4)
	a := newApp(t, socketio.Options{
		Transports:   []string{"polling"},
		Cookie:       &http.Cookie{Name: "lb"},
		Headers:      func(h http.Header, _ *http.Request, _ bool) { h.Set("X-Own", "1") },
		OnRefused:    func(_ *http.Request, e *socketio.RequestError) { refused <- e.Context },
		PingInterval: 7 * time.Second,
		AllowRequest: func(r *http.Request) error {
			if r.Header.Get("X-Bad") != "" {
				return errors.New("bad")
			}
			return nil
		},
	})
	get := func(query string, header ...string) *http.Response {
		r := httptest.NewRequest(http.MethodGet, "/socket.io/?EIO=4&"+query, nil)
		for _, h := range header {
			r.Header.Set(h, "1")
		}
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		return w.Result()
	}
	ok := get("transport=polling")
	body, err := io.ReadAll(ok.Body)
	assert.NoError(t, err)
	assert.True(t, string(body), strings.Contains(string(body), `"upgrades":[],"pingInterval":7000`))
	assert.Equal(t, "header", ok.Header.Get("X-Own"), "1")
	assert.True(t, "cookie", strings.HasPrefix(ok.Header.Get("Set-Cookie"), "lb="))
	assert.Equal(t, "status", get("transport=websocket").StatusCode, 400)
	assert.Equal(t, "status", get("transport=polling", "X-Bad").StatusCode, 403)
	assert.Equal(t, "refused", len(refused), 2)
}

// TestUpstreamValue: what the framework has stored goes before the request's
// context, and integrations attach it where it is asked for.
func TestUpstreamValue(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, "/socket.io/?EIO=4&transport=polling&sid=x", nil)
	assert.Equal(t, "nothing", socketio.UpstreamValue(r, "user"), nil)
	r = r.WithContext(context.WithValue(r.Context(), contextKey("user"), "context"))
	assert.Equal(t, "context", socketio.UpstreamValue(r, contextKey("user")), any("context"))
	r = mount.WithUpstream(r, mount.Upstream{Values: map[any]any{contextKey("user"): "upstream"}})
	assert.Equal(t, "both", socketio.UpstreamValue(r, contextKey("user")), any("upstream"))

	pinned := newApp(t, socketio.Options{Pin: func(*http.Request) string { return "" }})
	assert.True(t, "a poll, with Pin", pinned.WantsUpstream(r))
	plain := newApp(t, socketio.Options{})
	assert.True(t, "a poll", !plain.WantsUpstream(r))
	r.URL.RawQuery = "EIO=4&transport=polling"
	assert.True(t, "a handshake", plain.WantsUpstream(r))
}

// TestBrowserClient: the client is served under the path, with the server's
// CORS, and can be replaced or left out.
func TestBrowserClient(t *testing.T) {
	t.Parallel()
	cors := socketio.CORS{Origins: []string{"https://app.example"}}
	builtin := newApp(t, socketio.Options{CORS: cors})
	own := newApp(t, socketio.Options{Client: fstest.MapFS{"socket.io.js": {Data: []byte("// official")}}})
	none := newApp(t, socketio.Options{NoClient: true})
	tests := []struct {
		name, method, path, origin string
		app                        *app
		status                     int
		has                        string
	}{
		{"file", "GET", "/socket.io/socket.io.js", "", builtin, 200, "socket"},
		{"elsewhere", "GET", "/a/b/socket.io.min.js", "", builtin, 200, "socket"},
		{"map", "GET", "/socket.io/socket.io.js.map", "", builtin, 200, "mappings"},
		{"with a query", "GET", "/socket.io/socket.io.js?v=1", "", builtin, 200, "socket"},
		{"allowed origin", "GET", "/socket.io/socket.io.js", "https://app.example", builtin, 200, "socket"},
		{"other origin", "GET", "/socket.io/socket.io.js", "https://evil.example", builtin, 403, ""},
		{"unknown", "GET", "/socket.io/other.js", "", builtin, 400, "code"},
		{"head", "HEAD", "/socket.io/socket.io.js", "", builtin, 200, ""},
		{"post", "POST", "/socket.io/socket.io.js", "", builtin, 405, ""},
		{"own", "GET", "/socket.io/socket.io.js", "", own, 200, "// official"},
		{"not among the own", "GET", "/socket.io/socket.io.min.js", "", own, 404, ""},
		{"none", "GET", "/socket.io/socket.io.js", "", none, 400, "code"},
	}
	for _, tt := range tests {
		r := httptest.NewRequest(tt.method, tt.path, nil)
		if tt.origin != "" {
			r.Header.Set("Origin", tt.origin)
		}
		w := httptest.NewRecorder()
		tt.app.ServeHTTP(w, r)
		assert.Equal(t, tt.name, w.Code, tt.status)
		assert.True(t, tt.name+": body", strings.Contains(w.Body.String(), tt.has))
		if tt.status == 200 && tt.origin != "" {
			assert.Equal(t, tt.name+": CORS", w.Header().Get("Access-Control-Allow-Origin"), tt.origin)
		}
		if tt.status != 200 {
			continue
		}
		etag := w.Header().Get("ETag")
		assert.True(t, tt.name+": ETag", etag != "")
		r.Header.Set("If-None-Match", etag)
		w = httptest.NewRecorder()
		tt.app.ServeHTTP(w, r)
		assert.Equal(t, tt.name+": again", w.Code, http.StatusNotModified)
	}
	builtin.log.take() // the refused origin
}
