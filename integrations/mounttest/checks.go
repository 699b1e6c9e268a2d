package mounttest

import (
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

// What stands in front of a mount: each function checks one way in which
// middleware or the server's settings could get between.

// ShortTimeout is what servers and contexts are given in [Outlives]; a poll
// waits for a ping that comes after three times as long.
const ShortTimeout = 600 * time.Millisecond

// Outlives checks a mount behind a ShortTimeout, in virtual time: sessions live
// on. poll is what a poll brings: "2", the ping, if the timeout does not concern
// it, or "6" if it is answered before the timeout cuts it.
func Outlives(t *testing.T, poll string, mount Mount) {
	t.Helper()
	mount.virtual(t, socketio.Options{PingInterval: 3 * ShortTimeout}, func(t *testing.T, _ *App, c *Client) {
		s := c.Open()
		assert.Equal(t, "poll", s.next(), poll)
		s.Echo("same session")
		s = c.Dial()
		assert.Equal(t, "WebSocket", s.next(), "2")
		s.Send("3")
		s.Echo("still open")
	})
}

// endsSlowRequest checks that the server applies Setup.Timeout, in virtual time:
// otherwise nothing could be seen behind it.
func endsSlowRequest(t *testing.T, mount Mount) {
	t.Helper()
	mount.virtual(t, socketio.Options{}, func(t *testing.T, _ *App, c *Client) {
		conn, _ := c.connect()
		_, err := io.WriteString(conn, "GET / HTTP/1.1\r\n") // and no more
		assert.NoError(t, err)
		begun := time.Now()
		_, _ = io.Copy(io.Discard, conn) // whatever the answer is
		if after := time.Since(begun); after > 2*ShortTimeout {
			t.Fatalf("the server ends a request that does not arrive after %s: Front.Serve must apply Setup.Timeout (%s)", after, ShortTimeout)
		}
	})
}

// Unhijackable checks a mount behind a writer that has no Hijack: the answer
// is prompt, the log names the writer, and clients go on with polling.
func Unhijackable(t *testing.T, mount Mount, writer string) {
	t.Helper()
	app := NewApp(t)
	c := mount.client(t, app.Server)
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

// HeaderOnceFrom is HeaderOnce for requests of a page.
func HeaderOnceFrom(t *testing.T, url, origin, key string) {
	t.Helper()
	headerOnce(t, url, key, func(c *Client) { c.Header.Set("Origin", origin) })
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
// the old session back. mount returns a mount behind this middleware, as an
// application would have it.
func Logout(t *testing.T, mount func(loadAndSave func(http.Handler) http.Handler) Mount) {
	t.Helper()
	sm := &scs.SessionManager{ // scs.New starts a goroutine that it cannot stop without a race
		Store: memstore.NewWithCleanupInterval(0), Codec: scs.GobCodec{}, Cookie: scs.SessionCookie{Name: "session", Path: "/", Persist: true},
		Lifetime: time.Hour, IdleTimeout: time.Hour, // the latter marks every loaded session as modified
		ErrorFunc: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		},
	}
	app := NewApp(t)
	var seen atomic.Int64 // requests of the mount that have the session
	c := mount(func(h http.Handler) http.Handler {
		return sm.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if sm.GetString(r.Context(), "user") == "alice" {
				seen.Add(1)
			}
			h.ServeHTTP(w, r)
		}))
	}).client(t, app.Server)
	mux := http.NewServeMux()
	rest := func(path string, f http.HandlerFunc) { mux.Handle(path, sm.LoadAndSave(f)) }
	rest("/in", func(_ http.ResponseWriter, r *http.Request) { sm.Put(r.Context(), "user", "alice") })
	rest("/out", func(_ http.ResponseWriter, r *http.Request) { _ = sm.Destroy(r.Context()) })
	rest("/who", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(sm.GetString(r.Context(), "user")))
	})
	site := NewClient(t, Serve(t, mux))

	cookie, _, _ := strings.Cut(site.Do("GET", "/in", "").Header.Get("Set-Cookie"), ";")
	site.Header.Set("Cookie", cookie)
	c.Header.Set("Cookie", cookie)
	assert.Equal(t, "signed in", site.Do("GET", "/who", "").Body, "alice")
	s := c.Dial()
	exchange(s)
	if seen.Load() == 0 {
		t.Fatal("the mount is not behind the middleware, so nothing can be seen: apply Setup.Around, as Setup.ServeHTTP does")
	}
	site.Do("GET", "/out", "")
	_ = s.ws.CloseNow()
	Wait(t, "the disconnect", app.Gone)
	assert.Equal(t, "signed out", site.Do("GET", "/who", "").Body, "")
}
