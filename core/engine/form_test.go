package engine_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/assert"
)

const headTooLarge = `{"code":3,"message":"URL and header too large"}`

// padded is a request whose URL and header have size bytes together: the padding
// goes where in says.
func padded(kind, sid, in string, size int) string {
	method, path, query, body := "GET", "/engine.io/", "?EIO=4&transport="+kind, ""
	lines := [][2]string{{"Host", "example"}}
	if kind == engine.WebSocket {
		lines = append(lines, [2]string{"Connection", "Upgrade"}, [2]string{"Upgrade", "websocket"},
			[2]string{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}, [2]string{"Sec-WebSocket-Version", "13"})
	}
	if sid != "" {
		query += "&sid=" + sid
		if kind == engine.Polling {
			method, body = "POST", "4x"
			lines = append(lines, [2]string{"Content-Length", "2"})
		}
	}
	rest := size - len(path) - len(query) + len("Host") // which net/http has in a field
	for _, l := range lines {
		rest -= len(l[0]) + len(l[1])
	}
	switch in {
	case "query":
		query += "&" + strings.Repeat("q", rest-1)
	case "path":
		path += strings.Repeat("p", rest)
	case "header":
		lines = append(lines, [2]string{"X", strings.Repeat("h", rest-1)})
	case "many headers":
		for ; rest > 100; rest -= 50 {
			lines = append(lines, [2]string{"Cookie", strings.Repeat("c", 44)})
		}
		lines = append(lines, [2]string{"X", strings.Repeat("h", rest-1)})
	case "both":
		query += "&" + strings.Repeat("q", rest/2-1)
		lines = append(lines, [2]string{"X", strings.Repeat("h", rest-rest/2-1)})
	}
	raw := method + " " + path + query + " HTTP/1.1\r\n"
	for _, l := range lines {
		raw += l[0] + ": " + l[1] + "\r\n"
	}
	return raw + "\r\n" + body
}

// TestHandshakeLimit goes below, to and over Options.MaxHandshake, in the URL, in
// the header and in both, with each kind of request.
func TestHandshakeLimit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		limit, bound int
	}{{"default", 0, 16 << 10}, {"option", 1000, 1000}, {"none", -1, 0}} {
		t.Run(tt.name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				h := serve(t, setup{opts: engine.Options{MaxHandshake: tt.limit}})
				for _, kind := range []string{engine.Polling, engine.WebSocket} {
					for _, sid := range []string{"", h.open()} {
						for _, in := range []string{"query", "path", "header", "many headers", "both"} {
							send := func(size, want int) {
								t.Helper()
								c := h.dial()
								defer c.conn.Close()
								res := c.http(padded(kind, sid, in, size))
								label := fmt.Sprint(kind, sid, " ", in, " ", size)
								assert.Equal(t, label, res.StatusCode, want)
								if want == 431 {
									b, err := io.ReadAll(res.Body)
									assert.NoError(t, err)
									assert.Equal(t, label, string(b), headTooLarge)
								}
							}
							good := 200
							if kind == engine.WebSocket {
								good = 101
							}
							if tt.bound == 0 {
								send(100_000, good)
								continue
							}
							send(tt.bound-1, good)
							send(tt.bound, good)
							send(tt.bound+1, 431)
						}
					}
				}
			})
		})
	}
}

// TestTwoReadings: what two parties would read in two ways is refused, and costs
// nobody a session.
func TestTwoReadings(t *testing.T) {
	t.Parallel()
	const ws, poll = "&transport=websocket", "&transport=polling"
	upgrade := "Connection: Upgrade\r\nUpgrade: websocket\r\n"
	for _, tt := range []struct {
		name, method, query, header, body string
		status                            int
	}{
		{"two origins, the second foreign", "GET", poll, "Origin: http://example\r\nOrigin: https://evil.example\r\n", "", 400},
		{"two origins, the first empty", "GET", poll, "Origin:\r\nOrigin: https://evil.example\r\n", "", 400},
		{"two origins of a WebSocket", "GET", ws, upgrade + keyHeaders + "Origin: http://example\r\nOrigin: https://evil.example\r\n", "", 400},
		{"two origins of a POST", "POST", poll + "&sid=SID", "Origin: http://example\r\nOrigin: https://evil.example\r\nContent-Length: 2\r\n", "4x", 400},
		{"two forwarded hosts", "GET", poll, "X-Forwarded-Host: evil.example\r\nX-Forwarded-Host: example\r\nOrigin: https://evil.example\r\n", "", 400},
		{"two keys", "GET", ws, upgrade + keyHeaders + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", 400},
		{"two versions", "GET", ws, upgrade + keyHeaders + "Sec-WebSocket-Version: 8\r\n", "", 400},
		{"two content types", "POST", poll + "&sid=SID", "Content-Type: text/plain\r\nContent-Type: application/octet-stream\r\nContent-Length: 2\r\n", "4x", 400},
		{"two encodings", "POST", poll + "&sid=SID", "Content-Encoding: identity\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n", "4x", 400},
		{"two sids, the first empty", "GET", poll + "&sid=&sid=SID", "", "", 400},
		{"two sids, the second empty", "GET", poll + "&sid=SID&sid=", "", "", 400},
		{"two sids, one escaped", "GET", poll + "&sid=SID&s%69d=x", "", "", 400},
		{"two revisions, the first empty", "GET", poll + "&EIO=", "", "", 400},
		{"two transports", "GET", "&transport=&transport=polling", "", "", 400},
		{"two b64", "GET", poll + "&b64=1&b64=0", "", "", 400},
		{"an escaped sid", "GET", poll + "&%73id=nobody", "", "", 400},
		{"GET with a body", "GET", poll, "Content-Length: 2\r\n", "4x", 200},
		{"GET with a body in chunks", "GET", poll, "Transfer-Encoding: chunked\r\n", "2\r\n4x\r\n0\r\n\r\n", 200},
		{"GET with a large body", "GET", poll, "Content-Length: 65537\r\n", strings.Repeat("x", 65537), 400},
		{"GET with a large body in chunks", "GET", poll, "Transfer-Encoding: chunked\r\n", "10001\r\n" + strings.Repeat("x", 65537) + "\r\n0\r\n\r\n", 400},
		{"GET of an empty body", "GET", poll, "Content-Length: 0\r\n", "", 200},
		{"GET of an empty body in chunks", "GET", poll, "Transfer-Encoding: chunked\r\n", "0\r\n\r\n", 200},
		{"OPTIONS with a body", "OPTIONS", "", "Origin: https://ours.example\r\nContent-Length: 2\r\n", "4x", 204},
		{"upgrade with a body", "GET", ws, upgrade + keyHeaders + "Content-Length: 8\r\n", string(frames(textFrame("40"))), 400},
		{"upgrade with a body in chunks", "GET", ws, upgrade + keyHeaders + "Transfer-Encoding: chunked\r\n", "8\r\n" + string(frames(textFrame("40"))) + "\r\n0\r\n\r\n", 400},
		{"upgrade with an empty body in chunks", "GET", ws, upgrade + keyHeaders + "Transfer-Encoding: chunked\r\n", "0\r\n\r\n", 400},
		{"upgrade of a session with a body", "GET", ws + "&sid=SID", upgrade + keyHeaders + "Content-Length: 12\r\n", string(frames(textFrame("2probe"))), 400},
		{"upgrade by POST", "POST", ws + "&sid=SID", upgrade + keyHeaders, "", 405},
		{"upgrade with a body by POST", "POST", ws + "&sid=SID", upgrade + keyHeaders + "Content-Length: 2\r\n", "4x", 400},
		{"upgrade of an empty body", "GET", ws, upgrade + keyHeaders + "Content-Length: 0\r\n", "", 101},
		{"encoded", "POST", poll + "&sid=SID", "Content-Encoding: gzip\r\nContent-Length: 2\r\n", "4x", 415},
		{"encoded as it is", "POST", poll + "&sid=SID", "Content-Encoding: Identity\r\nContent-Length: 2\r\n", "4x", 200},
		{"binary in capitals", "POST", poll + "&sid=SID", "Content-Type: Application/Octet-Stream\r\nContent-Length: 2\r\n", "4x", 400},
		{"binary with a parameter", "POST", poll + "&sid=SID", "Content-Type: application/octet-stream; x=y\r\nContent-Length: 2\r\n", "4x", 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				h := serve(t, setup{opts: engine.Options{CORS: engine.CORS{Origins: []string{"https://ours.example"}, TrustForwardedHost: true}}})
				sid := h.open()
				c := h.dial()
				res := c.http(tt.method + " /engine.io/?EIO=4" + strings.ReplaceAll(tt.query, "SID", sid) + " HTTP/1.1\r\nHost: example\r\n" +
					tt.header + "\r\n" + tt.body)
				assert.Equal(t, "status", res.StatusCode, tt.status)
				if tt.status == http.StatusSwitchingProtocols {
					_ = c.conn.Close()
					return
				}
				_, err := io.ReadAll(res.Body)
				assert.NoError(t, err)
				if !strings.Contains(tt.name, "encoded") && !strings.Contains(tt.name, "binary") { // whose packets are lost
					h.posted(sid, "4x")
				}
			})
		})
	}
}

// TestNotEchoed: nothing that a client sends comes back in an answer, but for the
// subprotocol that is chosen: see TestSubprotocol.
func TestNotEchoed(t *testing.T) {
	t.Parallel()
	const mark = "client's-own-bytes"
	for _, tt := range []struct{ name, query, header string }{
		{"key", "&transport=websocket", "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + mark + "\r\n"},
		{"long key", "&transport=websocket", "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + strings.Repeat(mark, 500) + "\r\n"},
		{"key of 24 letters", "&transport=websocket", "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + mark + "123456\r\n"},
		{"version", "&transport=websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: " + mark + "\r\n"},
		{"protocol that is no token", "&transport=websocket", keyHeaders + "Sec-WebSocket-Protocol: (" + mark + ")\r\n"},
		{"extension", "&transport=websocket", keyHeaders + "Sec-WebSocket-Extensions: permessage-deflate; " + mark + ", " + mark + "\r\n"},
		{"window bits", "&transport=websocket", keyHeaders + "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=" + mark + "\r\n"},
		{"transport", "&transport=" + mark, ""},
		{"sid", "&transport=websocket&sid=" + mark, keyHeaders},
		{"revision", "&EIO=" + mark + "&transport=websocket", keyHeaders},
		{"origin", "&transport=websocket", keyHeaders + "Origin: https://" + mark + "\r\n"},
		{"names of a preflight", "", "Origin: https://ours.example\r\nAccess-Control-Request-Headers: " + mark + " " + mark + "\r\n"},
		{"many names of a preflight", "", "Origin: https://ours.example\r\nAccess-Control-Request-Headers: a" + strings.Repeat(", "+mark, 60) + "\r\n"},
		{"method of a preflight", "", "Origin: https://ours.example\r\nAccess-Control-Request-Method: " + mark + "\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serveIn(t, setup{opts: engine.Options{
					PerMessageDeflate: new(engine.PerMessageDeflate), CORS: engine.CORS{Origins: []string{"https://ours.example"}},
				}})
				c := h.dial()
				raw := upgradeRequest(tt.query, tt.header)
				if strings.Contains(tt.name, "preflight") {
					raw = "OPTIONS /engine.io/ HTTP/1.1\r\nHost: example\r\n" + tt.header + "\r\n"
				}
				res := c.http(raw)
				assert.True(t, fmt.Sprint("header: ", res.Header), !strings.Contains(fmt.Sprint(res.Header), mark))
				if res.StatusCode != http.StatusSwitchingProtocols {
					b, err := io.ReadAll(res.Body)
					assert.NoError(t, err)
					assert.True(t, "body: "+string(b), !strings.Contains(string(b), mark) && len(b) < 100)
				}
				_ = c.conn.Close()
			})
		})
	}
}

// TestRefusedBody: a request that is refused is answered at once, whether its body
// has come or not, and its connection ends after CloseTimeout at the latest.
func TestRefusedBody(t *testing.T) {
	t.Parallel()
	const poll = "&transport=polling"
	for _, tt := range []struct {
		name, method, query, header string
		status                      int
	}{
		{"unknown sid", "POST", poll + "&sid=nobody", "", 400},
		{"foreign origin", "POST", poll + "&sid=SID", "Origin: https://evil.example\r\n", 403},
		{"GET", "GET", poll, "", 400},
		{"poll", "GET", poll + "&sid=SID", "", 400},
		{"octets", "POST", poll + "&sid=SID", "Content-Type: application/octet-stream\r\n", 400},
		{"encoded", "POST", poll + "&sid=SID", "Content-Encoding: br\r\n", 415},
		{"method", "PUT", poll + "&sid=SID", "", 405},
		{"handshake method", "POST", poll, "", 400},
		{"transport", "POST", "&transport=carrier", "", 400},
		{"not allowed", "GET", poll, "X-Forbid: 1\r\n", 400},
		{"preflight", "OPTIONS", poll, "Origin: https://ours.example\r\n", 400},
		{"large header", "POST", poll, "X: " + strings.Repeat("x", 17_000) + "\r\n", 431},
		{"upgrade", "GET", "&transport=websocket", "Connection: Upgrade\r\nUpgrade: websocket\r\n" + keyHeaders, 400},
		{"shutting down", "POST", poll, "", 400},
	} {
		for _, length := range []string{"Content-Length: 9", "Content-Length: 900000", "Transfer-Encoding: chunked", "Expect: 100-continue\r\nContent-Length: 9"} {
			t.Run(tt.name+" "+strings.ReplaceAll(length, "\r\n", " "), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					h := serveIn(t, setup{opts: engine.Options{CORS: engine.CORS{Origins: []string{"https://ours.example"}}}})
					sid := h.open()
					if tt.name == "shutting down" {
						h.srv.Close()
					}
					c := h.dial()
					start := time.Now()
					res := c.http(tt.method + " /engine.io/?EIO=4" + strings.Replace(tt.query, "SID", sid, 1) + " HTTP/1.1\r\nHost: example\r\n" +
						tt.header + length + "\r\n\r\n")
					assert.Equal(t, "status", res.StatusCode, tt.status)
					assert.Equal(t, "says that it closes", res.Close, true)
					_, err := io.ReadAll(res.Body)
					assert.NoError(t, err)
					least := time.Since(start)
					short := length == "Transfer-Encoding: chunked" || length == "Content-Length: 9"
					if (tt.method == "GET" || tt.method == "OPTIONS") && short && tt.name != "upgrade" { // it may yet come
						least -= 2 * time.Second
					}
					assert.Equal(t, "answered after", least, 0)
					_, err = c.br.ReadByte()
					assert.ErrorIs(t, err, io.EOF)
					took := time.Since(start)
					assert.True(t, "ended after "+took.String(), took <= 5*time.Second)
				})
			})
		}
	}
}

// TestBodyOfEndedSession: a POST that is still arriving is cut with its session:
// after CloseTimeout, or at once when a Shutdown cuts what is left.
func TestBodyOfEndedSession(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		end   func(h *host, s *engine.Session, sid string)
		after time.Duration
	}{
		"lost":     {func(_ *host, s *engine.Session, _ string) { (*engine.Layer)(s).Lost() }, 2 * time.Second},
		"closed":   {func(_ *host, s *engine.Session, _ string) { s.Close() }, 2 * time.Second},
		"shutdown": {func(h *host, _ *engine.Session, _ string) { h.srv.Close() }, 0},
		"overlap":  {func(h *host, _ *engine.Session, sid string) { h.post(sid, "4x") }, 2 * time.Second},
	} {
		for _, before := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " before: ", before), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					h := serveIn(t, setup{opts: engine.Options{FirstPollTimeout: -1, BodyTimeout: time.Hour}})
					sid, s := h.open(), h.session()
					c := h.dial()
					begin := func() {
						c.raw([]byte("POST /engine.io/?EIO=4&transport=polling&sid=" + sid + " HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n4"))
						synctest.Wait()
					}
					if before {
						if name != "closed" { // there is nobody to POST to
							return
						}
						tt.end(h, s, sid)
						begin()
					} else {
						begin()
						tt.end(h, s, sid)
					}
					start := time.Now()
					res, err := http.ReadResponse(c.br, nil)
					assert.NoError(t, err)
					took := time.Since(start)
					assert.True(t, "after "+took.String(), took <= tt.after)
					assert.Equal(t, "status", res.StatusCode, 400)
					_, _ = io.ReadAll(res.Body)
					_, err = c.br.ReadByte()
					assert.ErrorIs(t, err, io.EOF)
					assert.True(t, "closed", time.Since(start) <= 5*time.Second)
				})
			})
		}
	}
}

// TestWholeBodyOfEndedSession: one that arrives in time is answered as ever.
func TestWholeBodyOfEndedSession(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, setup{opts: engine.Options{FirstPollTimeout: -1}})
		sid, s := h.open(), h.session()
		w, answer := h.slowPost(sid, "4")
		s.Close()
		<-time.After(time.Second)
		_, err := io.WriteString(w, "x")
		assert.NoError(t, err)
		_ = w.Close()
		await(h, "the POST", answer).refused(t, 200, "ok")
	})
}
