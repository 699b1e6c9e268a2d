package inspector_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/inspector"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

var quiet = slog.New(slog.DiscardHandler)

func bubble(t *testing.T, test func(t *testing.T)) { t.Helper(); t.Parallel(); synctest.Test(t, test) }

func everybody(*http.Request) bool { return true }

// start returns a server that is inspected, and the page's handler.
func start(t testing.TB, so socketio.Options, o inspector.Options) (*socketio.Server, http.Handler) {
	so.Logger = quiet
	if o.Logger == nil {
		o.Logger = quiet
	}
	srv := socketio.NewServer(&so)
	t.Cleanup(srv.Close)
	return srv, inspector.New(srv, o)
}

// page is what the page connects with.
func page(auth any) siotest.Options {
	return siotest.Options{Namespace: "/inspector", Auth: auth, Timeout: time.Minute}
}

// result is what the page gets.
type result[T any] struct {
	Is      T
	Missing int
	Error   string
}

func ask[T any](c *siotest.Client, question string, query any) (r result[T]) {
	c.Call(question, query).Decode(&r)
	return r
}

func users(t testing.TB) map[string]string {
	h, err := bcrypt.GenerateFromPassword([]byte("s3cret"), bcrypt.MinCost)
	assert.NoError(t, err)
	return map[string]string{"ops": string(h)}
}

// get asks for the page.
func get(h http.Handler, path string, change func(r *http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

var ticketIn = regexp.MustCompile(`data-ticket="([^"]*)"`)

func ticket(t testing.TB, h http.Handler) map[string]any {
	w := get(h, "/inspect/", func(r *http.Request) { r.SetBasicAuth("ops", "s3cret") })
	assert.Equal(t, "status", w.Code, http.StatusOK)
	return map[string]any{"ticket": ticketIn.FindStringSubmatch(w.Body.String())[1]}
}

// TestWiring: what cannot work panics at start-up.
func TestWiring(t *testing.T) {
	t.Parallel()
	guard := socketio.MiddlewareFunc(func(context.Context, *socketio.Socket) error { return nil })
	for want, o := range map[string]inspector.Options{
		"inspector: Options: who may see it? Set Users, Allow or Guard": {},
		"inspector: Options: Users, Allow and Guard exclude each other": {Allow: everybody, Guard: guard},
		"inspector: Options.Users is empty":                             {Users: map[string]string{}},
		`inspector: Options.Users: what "ops" has is no bcrypt hash`:    {Users: map[string]string{"ops": "s3cret"}},
		"inspector: Options.Key has 3 bytes, it needs 32":               {Allow: everybody, Key: []byte("abc")},
		`inspector: New was called before for namespace "/twice"`:       {Allow: everybody, Namespace: "twice"},
	} {
		func() {
			srv := socketio.NewServer(nil)
			defer srv.Close()
			inspector.New(srv, inspector.Options{Allow: everybody, Namespace: "/twice", Logger: quiet})
			defer func() { assert.True(t, want, strings.HasPrefix(fmt.Sprint(recover()), want)) }()
			inspector.New(srv, o)
		}()
	}
}

// TestPage: its files, for those who may see it, and nothing of another origin in it.
func TestPage(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, h := start(t, socketio.Options{}, inspector.Options{Users: users(t), FailuresPerMinute: 2, Path: "/rt"})
		as := func(name, password string) func(*http.Request) {
			return func(r *http.Request) { r.SetBasicAuth(name, password) }
		}
		w := get(h, "/inspect/", nil)
		assert.Equal(t, "nobody", w.Code, http.StatusUnauthorized)
		assert.True(t, "asks who it is", strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Basic "))
		w = get(h, "/inspect/", as("ops", "s3cret"))
		assert.Equal(t, "ops", w.Code, http.StatusOK)
		assert.True(t, "script-src", strings.Contains(w.Header().Get("Content-Security-Policy"), "script-src 'self';"))
		text := w.Body.String()
		assert.True(t, "the client", strings.Contains(text, `src="/rt/socket.io.min.js"`))
		assert.True(t, "no inline script or style", !regexp.MustCompile(`<script>|<style|\son\w+=|\sstyle=`).MatchString(text))
		for path, code := range map[string]int{
			"/inspect/inspector.js": 200, "/inspect/inspector.css": 200, "/inspect/index.html": 404, "/inspect/../x.go": 404, "/inspect": 301,
		} {
			w = get(h, path, nil)
			assert.Equal(t, path, w.Code, code)
		}
		assert.Equal(t, "the folder", w.Header().Get("X-Content-Type-Options"), "nosniff")
		assert.Equal(t, "the folder", get(h, "/a/inspect", nil).Header().Get("Location"), "./inspect/")
		w = get(h, "/inspect/", func(r *http.Request) { r.Method = http.MethodPost })
		assert.Equal(t, "POST", w.Code, http.StatusMethodNotAllowed)

		assert.Equal(t, "a wrong password", get(h, "/inspect/", as("ops", "guess")).Code, http.StatusUnauthorized)
		assert.Equal(t, "a wrong name", get(h, "/inspect/", as("root", "s3cret")).Code, http.StatusUnauthorized)
		assert.Equal(t, "too many", get(h, "/inspect/", as("ops", "s3cret")).Code, http.StatusUnauthorized)
		time.Sleep(time.Minute)
		assert.Equal(t, "a minute later", get(h, "/inspect/", as("ops", "s3cret")).Code, http.StatusOK)
	})
}

// TestTicket: the page connects with what it has got, for twelve hours.
func TestTicket(t *testing.T) {
	bubble(t, func(t *testing.T) {
		key := bytes.Repeat([]byte("k"), 32)
		srv, h := start(t, socketio.Options{}, inspector.Options{Users: users(t), Key: key})
		good := ticket(t, h)
		siotest.Dial(t, srv, page(good)).Disconnect()
		text := good["ticket"].(string)
		for name, auth := range map[string]any{
			"nothing": nil, "empty": map[string]any{"ticket": ""}, "no string": map[string]any{"ticket": 1}, "no base64": map[string]any{"ticket": "§"},
			"changed": map[string]any{"ticket": text[:len(text)-2] + "AA"}, "short": map[string]any{"ticket": text[:20]},
		} {
			assert.Equal(t, name, siotest.Refused(t, srv, page(auth)).Message, "not allowed")
		}
		_, other := start(t, socketio.Options{}, inspector.Options{Users: users(t)})
		siotest.Refused(t, srv, page(ticket(t, other)))
		_, other = start(t, socketio.Options{}, inspector.Options{Users: users(t), Key: key})
		siotest.Dial(t, srv, page(ticket(t, other))).Disconnect()
		_, other = start(t, socketio.Options{}, inspector.Options{Users: map[string]string{"ops": users(t)["ops"], "left": users(t)["ops"]}, Key: key})
		w := get(other, "/", func(r *http.Request) { r.SetBasicAuth("left", "s3cret") })
		siotest.Refused(t, srv, page(map[string]any{"ticket": ticketIn.FindStringSubmatch(w.Body.String())[1]}))
		time.Sleep(12 * time.Hour)
		siotest.Refused(t, srv, page(good))
	})
}

// TestOrigins: a page of another origin gets no connection, whoever looks at it.
func TestOrigins(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, h := start(t, socketio.Options{CORS: socketio.CORS{Origins: []string{"*"}}},
			inspector.Options{Allow: everybody, Origins: []string{"https://tools.example"}})
		for origin, allowed := range map[string]bool{
			"": true, "http://app.example": true, "https://app.example": true, "https://tools.example": true,
			"https://evil.example": false, "null": false, "http://app.example.evil.example": false, "http://app.example:81": false,
		} {
			o := page(nil)
			o.Header = http.Header{"Host": {"app.example"}}
			if origin != "" {
				o.Header.Set("Origin", origin)
			}
			code := get(h, "/", func(r *http.Request) { r.Host, r.Header["Origin"] = "app.example", o.Header["Origin"] }).Code
			assert.Equal(t, "the page for "+origin, code == http.StatusOK, allowed)
			if allowed {
				siotest.Dial(t, srv, o).Disconnect()
			} else {
				assert.Equal(t, origin, siotest.Refused(t, srv, o).Message, "not allowed")
			}
		}
	})
}

// TestAllow: a function decides on the page and on the connection.
func TestAllow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, h := start(t, socketio.Options{}, inspector.Options{Allow: func(r *http.Request) bool { return r.Header.Get("X-Role") == "admin" }})
		admin := func(r *http.Request) { r.Header.Set("X-Role", "admin") }
		for _, path := range []string{"/i/", "/i/inspector.js"} {
			assert.Equal(t, path, get(h, path, nil).Code, http.StatusForbidden)
			assert.Equal(t, path, get(h, path, admin).Code, http.StatusOK)
		}
		o := page(nil)
		siotest.Refused(t, srv, o)
		o.Header = http.Header{"X-Role": {"admin"}}
		siotest.Dial(t, srv, o)
	})
}

// TestGuard: middleware decides on the connection, and names the viewer.
func TestGuard(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var log bytes.Buffer
		srv, _ := start(t, socketio.Options{}, inspector.Options{
			Logger: slog.New(slog.NewTextHandler(&log, nil)),
			Guard: socketio.MiddlewareFunc(func(_ context.Context, s *socketio.Socket) error {
				if s.Handshake().Header().Get("Cookie") != "user=ann" {
					return errors.New("who is that?")
				}
				s.SetIdentity("ann")
				return nil
			}),
		})
		o := page(nil)
		siotest.Refused(t, srv, o)
		o.Header = http.Header{"Cookie": {"user=ann"}}
		c := siotest.Dial(t, srv, o)
		assert.Equal(t, "acts", ask[any](c, "act", map[string]any{"do": "join", "namespace": "/", "all": true, "room": "x"}).Error, "")
		synctest.Wait()
		assert.True(t, log.String(), strings.Contains(log.String(), `msg="inspector: action" viewer=ann action=join namespace=/`))
	})
}

// TestLocalhost: from this machine, for this machine, and through no proxy.
func TestLocalhost(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		from, host, header string
		want               bool
	}{
		{"127.0.0.1:1234", "localhost:3000", "", true},
		{"[::1]:1234", "[::1]:3000", "", true},
		{"[::ffff:127.0.0.1]:1", "127.0.0.1", "", true},
		{"192.0.2.1:1234", "localhost:3000", "", false},
		{"127.0.0.1:1234", "evil.example:3000", "", false}, // a name that an attacker points here
		{"127.0.0.1:1234", "localhost", "X-Forwarded-For", false},
		{"127.0.0.1:1234", "localhost", "Forwarded", false},
		{"@", "localhost", "", false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr, r.Host = tt.from, tt.host
		if tt.header != "" {
			r.Header.Set(tt.header, "for=192.0.2.1")
		}
		assert.Equal(t, fmt.Sprint(tt), inspector.Localhost(r), tt.want)
	}
}
