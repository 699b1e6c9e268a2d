package engine_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/assert"
)

// TestOnRefused: the hook hears of every refusal, once, with its code and what
// was wrong; what came from the client is cut to 256 bytes.
// nilError is an error that an application returns by mistake: a nil pointer, whose
// method panics.
type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

// TestNilErrors: such an error refuses a handshake as any other.
func TestNilErrors(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		var heard []string
		o := engine.Options{OnRefused: func(_ *http.Request, e *engine.RequestError) { heard = append(heard, e.Context) }}
		o.AllowRequest = func(r *http.Request) error {
			if r.URL.Query().Get("who") == "nobody" {
				return (*nilError)(nil)
			}
			return nil
		}
		o.GenerateID = func(*http.Request) (string, error) { return "", (*nilError)(nil) }
		h := serve(t, setup{opts: o})
		assert.Equal(t, "AllowRequest", h.do(request{query: "&transport=polling&who=nobody"}).status, http.StatusForbidden)
		assert.Equal(t, "GenerateID", h.do(request{query: "&transport=polling"}).status, http.StatusBadRequest)
		const nilPointer = "a nil pointer of type *engine_test.nilError was returned as an error: return nil instead"
		assert.Equal(t, "heard", heard, []string{nilPointer, "GenerateID: " + nilPointer})
	})
}

func TestOnRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	get := func(query string, header ...string) func(h *host, sid string) {
		return func(h *host, sid string) {
			h.do(request{query: strings.Replace(query, "SID", sid, 1), header: header})
		}
	}
	post := func(body string, header ...string) func(h *host, sid string) {
		return func(h *host, sid string) {
			h.do(request{method: "POST", query: "&transport=polling&sid=" + sid, body: strings.NewReader(body), header: header})
		}
	}
	method := func(method, query string) func(h *host, sid string) {
		return func(h *host, sid string) { h.do(request{method: method, query: strings.Replace(query, "SID", sid, 1)}) }
	}
	raw := func(query, headers string) func(h *host, sid string) {
		return func(h *host, sid string) {
			h.dial().http(upgradeRequest(strings.Replace(query, "SID", sid, 1), headers))
		}
	}
	tests := []struct {
		name    string
		do      func(h *host, sid string)
		code    engine.Code
		status  int
		context string
	}{
		{"transport", get("&transport=carrier"), engine.CodeTransportUnknown, 400, "transport carrier"},
		{"long transport", get("&transport=" + long), engine.CodeTransportUnknown, 400, "transport " + long[:256]},
		{"sid", get("&transport=polling&sid=" + long), engine.CodeSessionIDUnknown, 400, "unknown sid"},
		{"handshake method", method("PATCH", "&transport=polling"), engine.CodeBadHandshakeMethod, 400, "method PATCH"},
		{"long method", method(strings.ToUpper(long), "&transport=polling"), engine.CodeBadHandshakeMethod, 400, "method " + strings.ToUpper(long)[:256]},
		{"method", method("PATCH", "&transport=polling&sid=SID"), engine.CodeBadRequest, 405, "method PATCH"},
		{"no upgrade", get("&transport=websocket"), engine.CodeBadRequest, 400, "transport websocket without an upgrade"},
		{"upgrade", raw("&transport=polling", keyHeaders), engine.CodeBadRequest, 400, "upgrade request for transport polling"},
		{"wrong transport", get("&transport=websocket&sid=SID"), engine.CodeBadRequest, 400, "session is on polling"},
		{"repeated", get("&transport=polling&sid=SID&sid=SID"), engine.CodeBadRequest, 400, "repeated query parameter"},
		{"query", get("&transport=polling&t=" + strings.Repeat(long, 60)), engine.CodeBadRequest, 431, "URL and header over Limits.Handshake, 16384 bytes"},
		{"revision", func(h *host, _ string) {
			h.base = strings.TrimSuffix(h.base, "4") + "3"
			h.do(request{query: "&transport=polling"})
		}, engine.CodeUnsupportedProtocolVersion, 400, "EIO 3: a client of Socket.IO 2.x; Options.AllowEIO3 lets it in"},
		{"another revision", func(h *host, sid string) {
			h.base = strings.TrimSuffix(h.base, "4") + "3"
			h.get(sid)
		}, engine.CodeBadRequest, 400, "protocol revision differs from the session's"},
		{"origin", get("&transport=polling", "Origin", "https://evil.example"), engine.CodeForbidden, 403, "origin https://evil.example"},
		{"origin of a POST", post("4x", "Origin", "https://"+long), engine.CodeForbidden, 403, "origin https://" + long[:248]},
		{"not allowed", get("&transport=polling", "X-Forbid", "1"), engine.CodeForbidden, 403, "not today"},
		{"key", raw("&transport=websocket", "Sec-WebSocket-Version: 13\r\n"), engine.CodeBadRequest, 400, "WebSocket key of 0 bytes"},
		{"WebSocket version", raw("&transport=websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: "+long+"\r\n"), engine.CodeBadRequest, 400, "WebSocket version " + long[:256]},
		{"overlapping polls", func(h *host, sid string) { h.poll(sid); h.get(sid) }, engine.CodeBadRequest, 400, "overlapping polls"},
		{"binary body", post("4x", "Content-Type", "application/octet-stream"), engine.CodeBadRequest, 400, "binary body"},
		{"UTF-8", post("4\xff"), engine.CodeBadRequest, 400, "body is not UTF-8"},
		{"packet", post("9"), engine.CodeBadRequest, 400, "parse error: "},
		{"ping", post("2"), engine.CodeBadRequest, 400, "transport error: engine: invalid heartbeat direction"},
		{"message", post("4refused by the application"), engine.CodeBadRequest, 400, "forced close: not this"},
		{"content encoding", post("4x", "Content-Encoding", "gzip"), engine.CodeBadRequest, 415, "Content-Encoding gzip"},
		{"two origins", get("&transport=polling", "Origin", "http://x", "Origin", "http://y"), engine.CodeBadRequest, 400, "repeated header Origin"},
		{"HTTP/1.0", func(h *host, _ string) {
			h.dial().http(strings.Replace(upgradeRequest("&transport=websocket", keyHeaders), "HTTP/1.1", "HTTP/1.0", 1))
		}, engine.CodeBadRequest, 426, "upgrade by HTTP/1.0"},
		{"upgrade with a body", raw("&transport=websocket", keyHeaders+"Content-Length: 1\r\n"), engine.CodeBadRequest, 400, "a body where none belongs"},
		{"too large", post("4" + strings.Repeat(long, 10)), engine.CodeBadRequest, 413, "body over Limits.MaxHTTPBufferSize"},
		{"too slow", func(h *host, sid string) {
			c := h.dial()
			c.http("POST /engine.io/?EIO=4&transport=polling&sid=" + sid + " HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n4")
		}, engine.CodeBadRequest, 408, "body took too long (Limits.BodyTimeout)"},
		{"short body", func(h *host, sid string) {
			c := h.dial()
			c.raw([]byte("POST /engine.io/?EIO=4&transport=polling&sid=" + sid + " HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n4"))
			_ = c.conn.Close()
		}, engine.CodeBadRequest, 400, "body ended early"},
		{"shutting down", func(h *host, _ string) { h.srv.Close(); h.do(request{query: "&transport=polling"}) }, engine.CodeForbidden, 503, "shutting down"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				type refusal struct {
					r *http.Request
					e *engine.RequestError
				}
				refusals := make(chan refusal, 9)
				a := newApp()
				a.message = func(_ *engine.Session, data []byte, _ bool) error {
					if string(data) != "x" {
						return errors.New("not this")
					}
					return nil
				}
				h := serveIn(t, setup{app: a, opts: engine.Options{
					MaxHTTPBufferSize: 1000,
					AllowRequest: func(r *http.Request) error {
						if r.Header.Get("X-Forbid") != "" {
							return errors.New("not today")
						}
						return nil
					},
					OnRefused: func(r *http.Request, e *engine.RequestError) { refusals <- refusal{r, e} },
				}})
				tt.do(h, h.open())
				got := await(h, "OnRefused", refusals)
				assert.Equal(t, "code", got.e.Code, tt.code)
				assert.True(t, "context "+got.e.Context, strings.HasPrefix(got.e.Context, tt.context))
				assert.True(t, "length", len(got.e.Context) <= 256+len("WebSocket version "))
				status := got.e.Status
				if status == 0 {
					status = map[engine.Code]int{engine.CodeForbidden: 403}[got.e.Code]
				}
				if status == 0 {
					status = 400
				}
				assert.Equal(t, "status", status, tt.status)
				assert.True(t, "the request", strings.HasPrefix(got.r.URL.Path, "/engine.io/"))
				assert.Equal(t, "more", len(refusals), 0)
			})
		})
	}
}
