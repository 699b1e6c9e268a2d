package mounttest

import (
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/pipe"
)

// What stands in front of a mount: each function checks one way in which
// middleware or the server's settings could get between.

// ShortTimeout is what servers and contexts are given in [Outlives]; a poll
// waits for a ping that comes after three times as long.
const ShortTimeout = 600 * time.Millisecond

// Serving serves an application, with srv mounted in it, on ln until the test
// ends, and returns the mount's path.
type Serving func(t *testing.T, srv *socketio.Server, ln net.Listener) (path string)

// Virtual runs a test in virtual time: see [synctest.Test]. ln is a network in
// memory, for a server and, with [NewClientVia], its clients.
func Virtual(t *testing.T, test func(t *testing.T, ln *pipe.Listener)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { time.Sleep(time.Minute) }) // virtual: fasthttp's workers end within ten seconds
		test(t, pipe.Listen())
	})
}

// virtual runs a check in virtual time.
func virtual(t *testing.T, o socketio.Options, serve Serving, check func(t *testing.T, c *Client)) {
	t.Helper()
	Virtual(t, func(t *testing.T, ln *pipe.Listener) {
		path := serve(t, NewAppWith(t, o).Server, ln)
		check(t, NewClientVia(t, "http://"+ln.Addr().String()+path, ln.DialContext))
	})
}

// Outlives checks a mount behind a ShortTimeout, in virtual time: sessions live
// on. poll is what a poll brings: "2", the ping, if the timeout does not concern
// it, or "6" if it is answered before the timeout cuts it.
func Outlives(t *testing.T, poll string, serve Serving) {
	t.Helper()
	virtual(t, socketio.Options{PingInterval: 3 * ShortTimeout}, serve, func(t *testing.T, c *Client) {
		s := c.Open()
		assert.Equal(t, "poll", s.next(), poll)
		s.Echo("same session")
		s = c.Dial()
		assert.Equal(t, "WebSocket", s.next(), "2")
		s.Send("3")
		s.Echo("still open")
	})
}

// Unhijackable checks a mount behind a writer that has no Hijack: the answer
// is prompt, the log names the writer, and clients go on with polling.
func Unhijackable(t *testing.T, app *App, url, writer string) {
	t.Helper()
	c := NewClient(t, url)
	a := c.Refused()
	assert.Equal(t, "status", a.Status, http.StatusNotImplemented)
	for _, want := range []string{writer, "exclude the Socket.IO path"} {
		if !strings.Contains(app.Log.String(), want) {
			t.Errorf("the log does not say %q: %s", want, app.Log)
		}
	}
	s := c.Open()
	a, err := s.dial("?EIO=4&transport=websocket&sid=" + s.ID)
	assert.True(t, "no upgrade", err != nil)
	assert.Equal(t, "status", a.Status, http.StatusNotImplemented)
	exchange(s)
}

// HeaderOnce checks that a header which middleware sets is in every response,
// that of a WebSocket handshake too, exactly once.
func HeaderOnce(t *testing.T, url, key string) {
	t.Helper()
	headerOnce(t, url, key, func(*Client) {})
}

func headerOnce(t *testing.T, url, key string, edit func(*Client)) {
	t.Helper()
	c := NewClient(t, url)
	edit(c)
	s := c.Open()
	for name, h := range map[string]http.Header{
		"handshake": s.First,
		"WebSocket": c.Dial().First,
		"POST":      c.Do("POST", s.suffix(), "40/unknown,").Header,
		"poll":      c.Do("GET", s.suffix(), "").Header,
	} {
		if got := h.Values(key); len(got) != 1 || got[0] == "" {
			t.Errorf("%s: %s is %q", name, key, got)
		}
	}
}

// Collected waits until the garbage collector has taken what alive looks at.
func Collected(t *testing.T, what string, alive func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); alive(); {
		if time.Now().After(end) {
			t.Fatalf("%s is still held", what)
		}
		runtime.GC()
	}
}

// Logout signs in, opens a WebSocket, signs out and closes it: the session
// must stay dead. scs commits when the header passes its writer or else when
// the handler returns; an upgrade that bypasses the writer would make it write
// the old session back. wrap mounts srv with the middleware around it, as an
// application would.
func Logout(t *testing.T, wrap func(t *testing.T, srv *socketio.Server, loadAndSave func(http.Handler) http.Handler) http.Handler) {
	t.Helper()
	sm := &scs.SessionManager{ // scs.New starts a goroutine that it cannot stop without a race
		Store: memstore.NewWithCleanupInterval(0), Codec: scs.GobCodec{}, Cookie: scs.SessionCookie{Name: "session", Path: "/", Persist: true},
		Lifetime: time.Hour, IdleTimeout: time.Hour, // the latter marks every loaded session as modified
		ErrorFunc: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		},
	}
	app := NewApp(t)
	mux := http.NewServeMux()
	mux.Handle("/", wrap(t, app.Server, sm.LoadAndSave))
	rest := func(path string, f http.HandlerFunc) { mux.Handle(path, sm.LoadAndSave(f)) }
	rest("/in", func(_ http.ResponseWriter, r *http.Request) { sm.Put(r.Context(), "user", "alice") })
	rest("/out", func(_ http.ResponseWriter, r *http.Request) { _ = sm.Destroy(r.Context()) })
	rest("/who", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(sm.GetString(r.Context(), "user")))
	})
	base := Serve(t, mux)

	site, c := NewClient(t, base), NewClient(t, base+"/socket.io")
	cookie, _, _ := strings.Cut(site.Do("GET", "/in", "").Header.Get("Set-Cookie"), ";")
	site.Header.Set("Cookie", cookie)
	c.Header.Set("Cookie", cookie)
	assert.Equal(t, "signed in", site.Do("GET", "/who", "").Body, "alice")
	s := c.Dial()
	exchange(s)
	site.Do("GET", "/out", "")
	_ = s.ws.CloseNow()
	Wait(t, "the disconnect", app.Gone)
	assert.Equal(t, "signed out", site.Do("GET", "/who", "").Body, "")
}

// HeaderOnceFrom is HeaderOnce for requests of a page.
func HeaderOnceFrom(t *testing.T, url, origin, key string) {
	t.Helper()
	headerOnce(t, url, key, func(c *Client) { c.Header.Set("Origin", origin) })
}

// Users opens five sessions with X-User and X-Forwarded-For, by polling, by
// WebSocket and with an upgrade, at the mount that url returns for a user.
// check looks at each socket after requests with other users have passed over
// the same connections.
func Users(t *testing.T, app *App, url func(user string) string, check func(s *socketio.Socket, user string)) {
	t.Helper()
	c := NewClient(t, "")
	c.Header.Set("X-Forwarded-For", "203.0.113.9")
	users := []string{"ann", "bob", "cleo", "dan", "eve"}
	sessions := make([]*Session, len(users))
	sockets := make([]*socketio.Socket, len(users))
	for i, user := range users {
		c.url = url(user)
		c.Header.Set("X-User", user)
		if i == 1 {
			sessions[i] = c.Dial()
		} else {
			sessions[i] = c.Open()
		}
		sockets[i] = Wait(t, "the socket", app.Connected)
	}
	sessions[2].Upgrade()
	c.Header.Set("X-User", "mallory")
	c.Header.Set("X-Forwarded-For", "198.51.100.1")
	for range 3 {
		for _, s := range sessions {
			s.Echo("overwrite")
		}
	}
	for i, user := range users {
		check(sockets[i], user)
	}
}

// Panics checks that f panics with a text that begins with "socketio: ".
func Panics(t *testing.T, name string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if text, _ := recover().(string); !strings.HasPrefix(text, "socketio: ") {
			t.Errorf("%s: panic with %q", name, text)
		}
	}()
	f()
}
