package engine_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/assert"
)

// TestOriginsOfAllKinds: those that clients do send can be listed, and are let
// in by polling and WebSocket.
func TestOriginsOfAllKinds(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		origins := []string{
			"https://app.example", "http://app.example:443", "https://app.example:80", "http://localhost:5173", "http://127.0.0.1",
			"http://[::1]:3000", "https://xn--bcher-kva.example", "https://a_b.example", "https://app.example.", "file://", "capacitor://localhost",
			"ionic://localhost", "tauri://localhost", "chrome-extension://abcdefghijklmnop", "vscode-webview://0a1b", "app://-",
			"safari-web-extension://2C127FA4-62C7-7E4F-90E5-472B45EECFDC", "qrc://", "content://",
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

// TestOptionsNobodyHears: what net/http would not send, or no browser take, panics
// at start-up.
func TestOptionsNobodyHears(t *testing.T) {
	t.Parallel()
	page := []string{"https://app.example"}
	for name, tt := range map[string]struct {
		o    engine.Options
		want string // of the panic; empty: none
	}{
		"a cookie's name":             {engine.Options{Cookie: &http.Cookie{Name: "a b"}}, "Options.Cookie"},
		"a cookie's domain":           {engine.Options{Cookie: &http.Cookie{Domain: "a b"}}, "Options.Cookie"},
		"SameSite=None":               {engine.Options{Cookie: &http.Cookie{SameSite: http.SameSiteNoneMode}}, "needs Secure"},
		"SameSite=None with TLS":      {engine.Options{Cookie: &http.Cookie{SameSite: http.SameSiteNoneMode, Secure: true}}, ""},
		"two headers in one":          {engine.Options{CORS: engine.CORS{Origins: page, AllowedHeaders: []string{"X-A, X-B"}}}, "CORS.AllowedHeaders"},
		"an exposed header of two":    {engine.Options{CORS: engine.CORS{Origins: page, ExposedHeaders: []string{"X-A\r\nX-B"}}}, "CORS.ExposedHeaders"},
		"an empty header":             {engine.Options{CORS: engine.CORS{Origins: page, AllowedHeaders: []string{""}}}, "CORS.AllowedHeaders"},
		"all headers":                 {engine.Options{CORS: engine.CORS{Origins: page, AllowedHeaders: []string{"*"}}}, ""},
		"a preflight that is too old": {engine.Options{CORS: engine.CORS{Origins: page, MaxAge: -1}}, "CORS.MaxAge"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				got, _ := recover().(string)
				assert.True(t, "a panic of ours: "+got, (tt.want == "" && got == "") ||
					(tt.want != "" && strings.HasPrefix(got, "socketio: ") && strings.Contains(got, tt.want)))
			}()
			engine.NewServer(nil, &tt.o)
		})
	}
}
