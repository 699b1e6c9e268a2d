package engine_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/assert"
)

// TestHandshake compares the open packet to the byte.
func TestHandshake(t *testing.T) {
	t.Parallel()
	const sid = `0{"sid":"[A-Za-z0-9_-]{22}",`
	tests := []struct {
		name      string
		opts      engine.Options
		polling   string
		webSocket string
	}{
		{"defaults", engine.Options{},
			`"upgrades":\["websocket"\],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`,
			`"upgrades":\[\],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`},
		{"options", engine.Options{PingInterval: 300 * time.Millisecond, PingTimeout: 200 * time.Millisecond, MaxHTTPBufferSize: 7},
			`"upgrades":\["websocket"\],"pingInterval":300,"pingTimeout":200,"maxPayload":7}`,
			`"upgrades":\[\],"pingInterval":300,"pingTimeout":200,"maxPayload":7}`},
		{"no limit", engine.Options{MaxHTTPBufferSize: -1},
			`"upgrades":\["websocket"\],"pingInterval":25000,"pingTimeout":20000,"maxPayload":0}`,
			`"upgrades":\[\],"pingInterval":25000,"pingTimeout":20000,"maxPayload":0}`},
		{"no upgrade", engine.Options{NoUpgrade: true},
			`"upgrades":\[\],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`,
			`"upgrades":\[\],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`},
		{"polling only", engine.Options{Transports: []string{"polling"}},
			`"upgrades":\[\],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`, ``},
		{"WebSocket only", engine.Options{Transports: []string{"websocket"}}, ``,
			`"upgrades":\[\],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				h := serve(t, setup{opts: tt.opts})
				if tt.polling != "" {
					r := h.do(request{query: "&transport=polling"})
					assert.Equal(t, "status", r.status, 200)
					assert.True(t, "open packet "+r.body, regexp.MustCompile("^"+sid+tt.polling+"$").MatchString(r.body))
					assert.Equal(t, "type", r.header.Get("Content-Type"), "text/plain; charset=UTF-8")
					assert.Equal(t, "cache", r.header.Get("Cache-Control"), "no-store")
					assert.Equal(t, "length", r.header.Get("Content-Length"), fmt.Sprint(len(r.body)))
					s := h.session()
					assert.Equal(t, "id", s.ID(), sidOf(r.body))
					assert.Equal(t, "transport", s.Transport(), engine.Polling)
				}
				if tt.webSocket != "" {
					_, packet := h.ws("").next()
					assert.True(t, "open packet "+packet, regexp.MustCompile("^"+sid+tt.webSocket+"$").MatchString(packet))
					s := h.session()
					assert.Equal(t, "id", s.ID(), sidOf(packet))
					assert.Equal(t, "transport", s.Transport(), engine.WebSocket)
				}
			})
		})
	}
}

// TestRefused walks the refusals of requests. SID stands for a polling
// session's id, WID for a WebSocket session's.
func TestRefused(t *testing.T) {
	t.Parallel()
	const (
		transport = `{"code":0,"message":"Transport unknown"}`
		method    = `{"code":2,"message":"Bad handshake method"}`
		version   = `{"code":5,"message":"Unsupported protocol version"}`
	)
	tests := []struct {
		method, query string
		status        int
		body          string
	}{
		{"GET", "EIO=4", 400, transport},
		{"GET", "EIO=4&transport=", 400, transport},
		{"GET", "EIO=4&transport=foo", 400, transport},
		{"GET", "EIO=4&transport=constructor", 400, transport},
		{"GET", "EIO=4&transport=__proto__", 400, transport},
		{"GET", "EIO=4&transport=webtransport", 400, transport},
		{"GET", "EIO=4&transport=POLLING", 400, transport},
		{"GET", "EIO=4&transport=%zz", 400, transport},
		{"GET", "EIO=4&transport=polling&sid=x", 400, unknown},
		{"GET", "EIO=4&transport=polling&sid=__proto__", 400, unknown},
		{"GET", "EIO=4&transport=polling&sid=%zz", 400, unknown},
		{"POST", "EIO=4&transport=polling&sid=x", 400, unknown},
		{"POST", "EIO=4&transport=polling", 400, method},
		{"PUT", "EIO=4&transport=polling", 400, method},
		{"DELETE", "EIO=4&transport=polling", 400, method},
		{"HEAD", "EIO=4&transport=polling", 400, ""},
		{"TRACE", "EIO=4&transport=polling", 400, method},
		{"OPTIONS", "EIO=4&transport=polling", 400, method},
		{"GET", "EIO=4&transport=websocket", 400, badRequest},
		{"GET", "transport=polling", 400, version},
		{"GET", "EIO=3&transport=polling", 400, version},
		{"GET", "EIO=5&transport=polling", 400, version},
		{"GET", "EIO=1e11&transport=polling", 400, version},
		{"GET", "EIO=4%20&transport=polling", 400, version},
		{"GET", "EIO=4+&transport=polling", 400, version},
		{"GET", "EIO=04&transport=polling", 400, version},
		{"GET", "EIO=4&transport=polling&EIO=4", 400, version}, // the reference takes the last
		{"GET", "EIO=4&transport=polling&transport=polling", 400, version},
		{"GET", "EIO=4&transport=polling&sid=SID&sid=SID", 400, badRequest},
		{"GET", "EIO=4&EIO=4&transport=polling&sid=SID", 400, badRequest},
		{"GET", "EIO=3&transport=polling&sid=SID", 400, badRequest},
		{"GET", "transport=polling&sid=SID", 400, badRequest},
		{"POST", "EIO=3&transport=polling&sid=SID", 400, badRequest},
		{"GET", "EIO=4&transport=websocket&sid=SID", 400, badRequest},
		{"GET", "EIO=4&transport=polling&sid=WID", 400, badRequest},
		{"POST", "EIO=4&transport=polling&sid=WID", 400, badRequest},
		{"GET", "EIO=4&transport=websocket&sid=WID", 400, badRequest},
		{"PUT", "EIO=4&transport=polling&sid=SID", 405, badRequest}, // the reference answers 500
		{"DELETE", "EIO=4&transport=polling&sid=SID", 405, badRequest},
		{"PATCH", "EIO=4&transport=polling&sid=SID", 405, badRequest},
		{"OPTIONS", "EIO=4&transport=polling&sid=SID", 405, badRequest},
		{"HEAD", "EIO=4&transport=polling&sid=SID", 405, ""},
		{"GET", "EIO=4&transport=polling&t=" + strings.Repeat("x", 16<<10), 431, headTooLarge},
	}
	for _, tt := range tests {
		name := tt.method + " " + tt.query[:min(len(tt.query), 60)]
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				var mu sync.Mutex
				var refusals []*engine.RequestError
				h := serve(t, setup{opts: engine.Options{OnRefused: func(_ *http.Request, e *engine.RequestError) {
					mu.Lock()
					refusals = append(refusals, e)
					mu.Unlock()
				}}})
				sid := h.open()
				_, wid := h.wsOpen("")
				h.base = strings.TrimSuffix(h.base, "EIO=4")
				query := strings.NewReplacer("SID", sid, "WID", wid).Replace(tt.query)
				r := h.do(request{method: tt.method, query: query})
				r.refused(t, tt.status, tt.body)
				assert.Equal(t, "type", r.header.Get("Content-Type"), "application/json")
				assert.Equal(t, "cache", r.header.Get("Cache-Control"), "no-store")
				switch {
				case tt.body == method:
					assert.Equal(t, "allow", r.header.Get("Allow"), "GET")
				case tt.status == 405:
					assert.Equal(t, "allow", r.header.Get("Allow"), "GET, POST")
				}
				mu.Lock()
				defer mu.Unlock()
				assert.Equal(t, "refusals", len(refusals), 1)
				assert.True(t, "a context", refusals[0].Context != "" && len(refusals[0].Context) < 300)
				assert.True(t, "an error text", strings.HasPrefix(refusals[0].Error(), "engine: request refused: "))
				h.alive() // sessions that were named live on
				h.stillTakes(sid)
			})
		})
	}
}

// stillTakes checks that a session takes a POST, also where base has been cut.
func (h *host) stillTakes(sid string) {
	h.t.Helper()
	h.base = strings.TrimSuffix(h.base, "EIO=4") + "EIO=4"
	h.posted(sid, "4x")
}

// TestRefusedWebSocket walks what is refused before a 101.
func TestRefusedWebSocket(t *testing.T) {
	t.Parallel()
	const end = " HTTP/1.1\r\nHost: example\r\n"
	const path = "GET /engine.io/?"
	const upgrade = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
	tests := []struct {
		name, request string
		status        int
		body          string
	}{
		{"polling", path + "EIO=4&transport=polling" + end + upgrade + keyHeaders, 400, badRequest}, // the reference: 101, then closed
		{"revision", path + "EIO=3&transport=websocket" + end + upgrade + keyHeaders, 400, `{"code":5,"message":"Unsupported protocol version"}`},
		{"transport", path + "EIO=4&transport=x" + end + upgrade + keyHeaders, 400, `{"code":0,"message":"Transport unknown"}`},
		{"sid", path + "EIO=4&transport=websocket&sid=x" + end + upgrade + keyHeaders, 400, unknown},
		{"method", "POST /engine.io/?EIO=4&transport=websocket" + end + upgrade + keyHeaders, 400, `{"code":2,"message":"Bad handshake method"}`},
		{"h2c", path + "EIO=4&transport=websocket" + end + "Connection: Upgrade\r\nUpgrade: h2c\r\n" + keyHeaders, 400, badRequest},
		{"no connection", path + "EIO=4&transport=websocket" + end + "Upgrade: websocket\r\n" + keyHeaders, 400, badRequest},
		{"version", path + "EIO=4&transport=websocket" + end + upgrade + "Sec-WebSocket-Version: 12\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", 400, "*"},
		{"no key", path + "EIO=4&transport=websocket" + end + upgrade + "Sec-WebSocket-Version: 13\r\n", 400, "*"},
		{"short key", path + "EIO=4&transport=websocket" + end + upgrade + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA\r\n", 400, "*"},
		{"session method", "POST /engine.io/?EIO=4&transport=websocket&sid=SID" + end + upgrade + keyHeaders, 405, "*"},
		{"session key", path + "EIO=4&transport=websocket&sid=SID" + end + upgrade + "Sec-WebSocket-Version: 13\r\n", 400, "*"},
		{"session revision", path + "EIO=3&transport=websocket&sid=SID" + end + upgrade + keyHeaders, 400, badRequest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				refusals := make(chan *engine.RequestError, 9)
				h := serve(t, setup{opts: engine.Options{OnRefused: func(_ *http.Request, e *engine.RequestError) { refusals <- e }}})
				sid := h.open()
				res := h.dial().http(strings.Replace(tt.request, "SID", sid, 1) + "\r\n")
				body, err := io.ReadAll(res.Body)
				assert.NoError(t, err)
				assert.Equal(t, "status", res.StatusCode, tt.status)
				if tt.body != "*" { // the library's own text
					assert.Equal(t, "body", string(body), tt.body)
				}
				await(h, "OnRefused", refusals)
				assert.Equal(t, "sessions", h.srv.Count(), 1)
				d := h.ws("&sid=" + sid) // the place of the upgrade is free
				d.send("2probe")
				d.expect("3probe")
			})
		})
	}
}

// TestAllowRequest: the application's word, with its own text if it has one.
func TestAllowRequest(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 200)
	tests := []struct {
		name    string
		err     error
		status  int
		code    int
		message string
	}{
		{"error", errors.New("secret"), 403, 4, "Forbidden"},
		{"wrapped", fmt.Errorf("secret: %w", &engine.RequestError{Code: 7}), 403, 4, "Forbidden"},
		{"nil of its own type", (*engine.RequestError)(nil), 403, 4, "Forbidden"},
		{"own", &engine.RequestError{Code: 42, Message: "no \"way\"\a\x7f \U0001F600", Status: 418}, 418, 42, "no \"way\"\a\x7f \U0001F600"},
		{"own code", &engine.RequestError{Code: 42}, 400, 42, "Code 42"},
		{"too many", &engine.RequestError{Code: 4, Message: "later", Status: 429, RetryAfter: 1100 * time.Millisecond}, 429, 4, "later"},
		{"own text", &engine.RequestError{Code: engine.CodeForbidden, Message: "who?"}, 403, 4, "who?"},
		{"long", &engine.RequestError{Code: engine.CodeForbidden, Message: long}, 403, 4, long[:256]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				h := serve(t, setup{opts: engine.Options{AllowRequest: func(r *http.Request) error {
					if r.URL.Query().Has("in") {
						return nil
					}
					return tt.err
				}}})
				check := func(status int, body string) {
					t.Helper()
					assert.Equal(t, "status", status, tt.status)
					var got struct {
						Code    int    `json:"code"`
						Message string `json:"message"`
					}
					assert.NoError(t, json.Unmarshal([]byte(body), &got))
					assert.Equal(t, "code", got.Code, tt.code)
					assert.Equal(t, "message", got.Message, tt.message)
				}
				retry := ""
				if tt.status == 429 {
					retry = "2"
				}
				r := h.do(request{query: "&transport=polling"})
				check(r.status, r.body)
				assert.Equal(t, "Retry-After", r.header.Get("Retry-After"), retry)
				res := h.dial().http(upgradeRequest("&transport=websocket", keyHeaders))
				body, err := io.ReadAll(res.Body)
				assert.NoError(t, err)
				check(res.StatusCode, string(body))
				assert.Equal(t, "Retry-After", res.Header.Get("Retry-After"), retry)
				assert.Equal(t, "sessions", h.srv.Count(), 0)

				sid := sidOf(h.do(request{query: "&transport=polling&in"}).body)
				h.posted(sid, "4x") // asked only in the handshake
				assert.Equal(t, "echo", h.get(sid).body, "4x")
			})
		})
	}
}

// TestHeaders: the hook sees every polling response and the 101, and the
// cookie is on the first polling response only.
func TestHeaders(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{opts: engine.Options{
			Cookie: &http.Cookie{MaxAge: 9},
			Headers: func(h http.Header, _ *http.Request, initial bool) {
				h.Set("X-Hook", fmt.Sprint(initial))
			},
		}})
		r := h.do(request{query: "&transport=polling"})
		sid := sidOf(r.body)
		assert.Equal(t, "hook", r.header.Get("X-Hook"), "true")
		assert.Equal(t, "cookie", r.header.Get("Set-Cookie"), "io="+sid+"; Path=/; Max-Age=9; HttpOnly; SameSite=Lax")
		r = h.post(sid, "4x")
		assert.Equal(t, "hook", r.header.Get("X-Hook"), "false")
		assert.Equal(t, "cookie", r.header.Get("Set-Cookie"), "")
		r = h.get(sid)
		assert.Equal(t, "hook", r.header.Get("X-Hook"), "false")
		assert.Equal(t, "cookie", r.header.Get("Set-Cookie"), "")
		res := h.dial().http(upgradeRequest("&transport=websocket", keyHeaders))
		assert.Equal(t, "hook", res.Header.Get("X-Hook"), "true")
		res = h.dial().http(upgradeRequest("&transport=websocket&sid="+sid, keyHeaders))
		assert.Equal(t, "hook", res.Header.Get("X-Hook"), "false")
	})
}

// TestConnect: what an application may do while it is told of a session.
func TestConnect(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		connect   func(*engine.Session)
		polling   string // the handshake's payload, after the open packet
		webSocket []string
		reason    engine.Reason
	}{
		{"send", func(s *engine.Session) { _ = s.Send(text("a"), text("b")) }, "\x1e4a\x1e4b", []string{"4a", "4b"}, ""},
		{"close", func(s *engine.Session) { s.Close() }, "", nil, engine.ReasonForcedClose},
		{"send and close", func(s *engine.Session) { _ = s.Send(text("a")); s.Close() }, "\x1e4a", []string{"4a"}, engine.ReasonForcedClose},
		{"close twice", func(s *engine.Session) { s.Close(); s.Close() }, "", nil, engine.ReasonForcedClose},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				a := newApp()
				a.connect = func(s *engine.Session, _ *http.Request) { tt.connect(s) }
				h := serve(t, setup{app: a})
				body := h.do(request{query: "&transport=polling"}).body
				assert.Equal(t, "payload", body[strings.Index(body, "}")+1:], tt.polling)
				if tt.reason != "" {
					h.get(sidOf(body)).refused(t, 200, "1")
				}
				c, _ := h.wsOpen("")
				c.expect(tt.webSocket...)
				if tt.reason == "" {
					h.alive()
					return
				}
				c.expectClose(1005)
				c.raw(frames(closeFrame(1000)))
				c.expectEnd()
				h.ended(tt.reason)
				h.ended(tt.reason)
				assert.NoError(t, h.srv.Shutdown(t.Context())) // nothing is left that it would wait for
			})
		})
	}
}

// TestConnectOverflows: the session is over before the client knows it.
func TestConnectOverflows(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		a := newApp()
		a.connect = func(s *engine.Session, _ *http.Request) {
			assert.NoError(t, s.Send(text("a")))
			assert.ErrorIs(t, s.Send(text(strings.Repeat("x", 1000))), engine.ErrSlowConsumer)
			assert.ErrorIs(t, s.Send(text("b")), engine.ErrClosed)
		}
		h := serve(t, setup{app: a, opts: engine.Options{SendBuffer: 1000}})
		assert.Equal(t, "handshake", h.do(request{query: "&transport=polling"}).body, "1")
		assert.ErrorIs(t, h.ended(engine.ReasonTransportError), engine.ErrSlowConsumer)
		h.ws("").expectClose(1008)
		assert.ErrorIs(t, h.ended(engine.ReasonTransportError), engine.ErrSlowConsumer)
	})
}

// TestConnectPanics: the connection is closed, and nothing stays.
func TestConnectPanics(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		a := newApp()
		a.connect = func(*engine.Session, *http.Request) { panic(http.ErrAbortHandler) }
		h := serve(t, setup{app: a})
		assert.True(t, "an error", h.try(request{query: "&transport=polling"}).err != nil)
		h.ws("").expectEnd()
		assert.Equal(t, "sessions", h.srv.Count(), 0)
	})
}

// TestWiring panics on options that cannot work.
func TestWiring(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]engine.Options{
		"transport":                {Transports: []string{"polling", "carrier pigeon"}},
		"ping interval":            {PingInterval: -1},
		"ping interval of a month": {PingInterval: 30 * 24 * time.Hour},
		"ping timeout without end": {PingTimeout: math.MaxInt64},
		"ping timeout":             {PingTimeout: -1},
		"close timeout":            {CloseTimeout: -1},
		"credentials":              {CORS: engine.CORS{Origins: []string{"*"}, Credentials: true}},
		"path":                     {CORS: engine.CORS{Origins: []string{"https://a.example/"}}},
		"no scheme":                {CORS: engine.CORS{Origins: []string{"a.example"}}},
		"query":                    {CORS: engine.CORS{Origins: []string{"https://a.example?x"}}},
		"user":                     {CORS: engine.CORS{Origins: []string{"https://u@a.example"}}},
		"null":                     {CORS: engine.CORS{Origins: []string{"null"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				got, _ := recover().(string)
				assert.True(t, "a panic of ours: "+got, strings.HasPrefix(got, "socketio: "))
			}()
			engine.NewServer(newApp(), &opts)
		})
	}
}

func TestIsHandshake(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]bool{"": true, "EIO=4&transport=polling": true, "sid=": true, "EIO=4&sid=x": false} {
		r, err := http.NewRequest(http.MethodGet, "/?"+query, nil)
		assert.NoError(t, err)
		assert.Equal(t, query, engine.IsHandshake(r), want)
		r.Method = http.MethodOptions
		assert.Equal(t, "preflight of "+query, engine.IsHandshake(r), false)
	}
}
