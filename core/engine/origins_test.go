package engine_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/assert"
)

// TestOriginsThatMatchNothing: an origin that no browser sends is refused at
// start-up, with what to write.
func TestOriginsThatMatchNothing(t *testing.T) {
	t.Parallel()
	for origin, want := range map[string]string{
		"":                              "empty",
		"null":                          "sandboxed",
		"app.example":                   `write "https://app.example"`,
		"App.example:443":               `write "https://app.example"`,
		"localhost:3000":                `write "https://localhost:3000"`,
		"//app.example":                 "scheme is missing",
		"app.example/x":                 "scheme is missing",
		"https:/app.example":            "scheme is missing",
		"https://app.example/":          `write "https://app.example"`,
		"https://app.example/chat":      `write "https://app.example"`,
		"https://app.example?":          `write "https://app.example"`,
		"https://app.example?x=1":       `write "https://app.example"`,
		"https://app.example#":          `write "https://app.example"`,
		"https://app.example#x":         `write "https://app.example"`,
		"https://app.example:":          `write "https://app.example"`,
		"https://app.example:443":       `write "https://app.example"`,
		"http://app.example:80":         `write "http://app.example"`,
		"http://app.example:080":        `write "http://app.example"`,
		"http://app.example:08080":      `write "http://app.example:8080"`,
		"http://app.example:80/":        `write "http://app.example"`,
		"http://app.example:0":          "no such port",
		"http://app.example:65536":      "no such port",
		"http://app.example:x":          "is no origin",
		"https://App.example":           `write "https://app.example"`,
		"HTTPS://app.example":           `write "https://app.example"`,
		"https://bücher.example":        "ASCII",
		"https://*.example":             "no wildcards",
		"*.example":                     "no wildcards",
		"**":                            "no wildcards",
		"https://app.example:*":         "no wildcards",
		"* ":                            `write "*"`,
		" https://app.example":          `write "https://app.example"`,
		"https://app.example\n":         `write "https://app.example"`,
		"https://a.example,https://b.a": "more than one",
		"https://a.example https://b.a": "more than one",
		"https://u@app.example":         "is no origin",
		"https://u:p@app.example":       "is no origin",
		"https://":                      "is no origin",
		"https://:8080":                 "is no origin",
		"ws://app.example":              `write "http://app.example"`,
		"wss://app.example:443":         `write "https://app.example"`,
		"WSS://App.example":             `write "https://app.example"`,
		"file:///":                      `write "file://"`,
		"file:///index.html":            `write "file://"`,
		"FILE://":                       `write "file://"`,
		"http://[::0001]:3000":          `write "http://[::1]:3000"`,
		"http://[2001:DB8::1]":          `write "http://[2001:db8::1]"`,
		"http://::1":                    "is no origin",
	} {
		t.Run(origin, func(t *testing.T) {
			t.Parallel()
			defer func() {
				text, _ := recover().(string)
				assert.True(t, "panic with "+text, strings.HasPrefix(text, "socketio: CORS.Origins: ") && strings.Contains(text, want))
			}()
			engine.NewServer(newApp(), &engine.Options{CORS: engine.CORS{Origins: []string{"https://first.example", origin}}})
		})
	}
}

// TestOriginsOfAllKinds: those that clients do send can be listed, and are let
// in by polling and WebSocket.
func TestOriginsOfAllKinds(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		origins := []string{
			"https://app.example", "http://app.example:443", "https://app.example:80", "http://localhost:5173", "http://127.0.0.1",
			"http://[::1]:3000", "https://xn--bcher-kva.example", "https://a_b.example", "https://app.example.", "file://", "capacitor://localhost",
			"ionic://localhost", "tauri://localhost", "chrome-extension://abcdefghijklmnop", "vscode-webview://0a1b", "app://-",
		}
		h := serve(t, setup{opts: engine.Options{CORS: engine.CORS{Origins: origins}}})
		for _, o := range origins {
			r := h.do(request{query: "&transport=polling", header: []string{"Origin", o}})
			assert.Equal(t, o, r.status, http.StatusOK)
			assert.Equal(t, o, r.header.Get("Access-Control-Allow-Origin"), o)
			res := h.dial().http(upgradeRequest("&transport=websocket", keyHeaders+"Origin: "+o+"\r\n"))
			assert.Equal(t, o+", WebSocket", res.StatusCode, http.StatusSwitchingProtocols)
		}
		r := h.do(request{query: "&transport=polling", header: []string{"Origin", "file:///"}})
		assert.Equal(t, "not listed", r.status, http.StatusForbidden)
	})
}

// TestOptionsAreCopied: what the application does to its options later changes
// nothing, and is no race.
func TestOptionsAreCopied(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		const page, evil = "https://app.example", "https://evil.example"
		o := engine.Options{
			Transports: []string{engine.Polling, engine.WebSocket},
			CORS: engine.CORS{
				Origins: []string{page}, AllowedHeaders: []string{"x-a"}, ExposedHeaders: []string{"x-b"},
			},
			Cookie:            &http.Cookie{Name: "node", Unparsed: []string{"Priority=High"}},
			PerMessageDeflate: &engine.PerMessageDeflate{Threshold: 1},
		}
		h := serve(t, setup{opts: o})
		change := func() {
			o.Transports[0], o.Transports[1] = engine.WebTransport, engine.WebTransport
			o.CORS.Origins[0], o.CORS.AllowedHeaders[0], o.CORS.ExposedHeaders[0] = evil, "x-evil", "x-evil"
			o.Cookie.Name, o.Cookie.Unparsed[0] = "evil", "evil"
			o.PerMessageDeflate.Threshold = 1 << 20
		}
		changed := make(chan struct{})
		go func() { // beside a request, for the race detector
			defer close(changed)
			change()
		}()
		h.do(request{query: "&transport=polling", header: []string{"Origin", page}})
		<-changed
		r := h.do(request{query: "&transport=polling", header: []string{"Origin", page}})
		assert.Equal(t, "status", r.status, http.StatusOK)
		assert.Equal(t, "exposed", r.header.Get("Access-Control-Expose-Headers"), "x-b")
		assert.True(t, r.header.Get("Set-Cookie"), strings.HasPrefix(r.header.Get("Set-Cookie"), "node="))
		r = h.do(request{query: "&transport=polling", header: []string{"Origin", evil}})
		assert.Equal(t, "an origin that came later", r.status, http.StatusForbidden)
		r = h.do(request{method: "OPTIONS", query: "&transport=polling", header: []string{"Origin", page}})
		assert.Equal(t, "allowed", r.header.Get("Access-Control-Allow-Headers"), "x-a")
	})
}
