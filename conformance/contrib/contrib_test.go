package contrib_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	gormem "github.com/gin-contrib/sessions/memstore"
	gorredis "github.com/gin-contrib/sessions/redis"
	gorilla "github.com/gorilla/sessions"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/redistest"
	"github.com/gosio/gosio/session"
	sessiongorilla "github.com/gosio/gosio/session/gorilla"
)

const (
	name     = "app"
	patience = 10 * time.Second
)

var key = []byte("0123456789abcdef0123456789abcdef")

// stores are where sessions are kept on the server: those of gin-contrib, which
// echo-contrib takes as well, and gorilla's own.
var stores = map[string]func(t *testing.T) gorilla.Store{
	"memory": func(*testing.T) gorilla.Store { return gormem.NewStore(key) },
	"files":  func(t *testing.T) gorilla.Store { return gorilla.NewFilesystemStore(t.TempDir(), key) },
	"redis": func(t *testing.T) gorilla.Store {
		s, err := gorredis.NewStore(2, "unix", redistest.Start(t).Addr, "", "", key)
		assert.NoError(t, err)
		t.Cleanup(func() {
			if r, err := gorredis.GetRedisStore(s); err == nil {
				_ = r.Close()
			}
		})
		return s
	},
}

// web is what a framework's handler does with the session of a request, by the
// middleware's own API.
type web interface {
	get(key string) string
	set(key, value string)
	logout() // deletes the session, as the middleware's documentation says
	request() *http.Request
}

// framework makes an application: a session middleware in front of everything,
// Socket.IO included, and these routes behind it.
type framework func(store gorilla.Store, srv *socketio.Server, routes map[string]func(web) string) http.Handler

// app is an application with two namespaces: "/" hears of logouts, "/checked"
// has to look.
type app struct {
	t     *testing.T
	url   string
	entry http.Handler
	store gorilla.Store
	http  *http.Client // its own: httptest.Server.Close ends the default client's connections, whosever they are
}

func start(t *testing.T, f framework, store gorilla.Store) *app {
	t.Helper()
	log.SetOutput(io.Discard) // gin-contrib reports cookies of sessions that are gone
	provider := sessiongorilla.New(store, name)
	user := func(v *session.Session) string { return v.String("user") }
	told := session.New(provider, session.Config{User: user, Check: time.Hour})
	checked := session.New(provider, session.Config{User: user, Check: 100 * time.Millisecond})
	srv := socketio.NewServer(nil)
	for ns, sessions := range map[*socketio.Namespace]*session.Sessions{srv.Namespace: told, srv.Of("/checked"): checked} {
		ns.Use(sessions)
		ns.On("theme", func(s *socketio.Socket) string { v, _ := session.Value[string](s, "theme"); return v })
		ns.On("set", func(ctx context.Context, s *socketio.Socket, key, value string) error {
			return sessions.Update(ctx, s, func(values map[string]any) error { values[key] = value; return nil })
		})
	}
	entry := f(store, srv, map[string]func(web) string{
		"/login": func(w web) string { w.set("user", "alice"); return "" },
		"/get":   func(w web) string { return w.get(w.request().FormValue("key")) },
		"/set":   func(w web) string { w.set(w.request().FormValue("key"), w.request().FormValue("value")); return "" },
		"/logout": func(w web) string {
			if w.request().FormValue("told") != "" {
				assert.NoError(t, told.LogoutRequest(w.request().Context(), w.request()))
			}
			w.logout()
			return ""
		},
	})
	hs := httptest.NewServer(entry)
	t.Cleanup(hs.Close)
	t.Cleanup(srv.Close)
	client := hs.Client()
	client.Timeout = patience
	return &app{t, hs.URL, entry, store, client}
}

// browser has a cookie jar.
type browser struct {
	*app
	http *http.Client
}

func (a *app) browser() *browser {
	jar, _ := cookiejar.New(nil) // never fails
	return &browser{a, &http.Client{Transport: a.http.Transport, Jar: jar, Timeout: patience}}
}

func (b *browser) get(path string) string {
	b.t.Helper()
	res, err := b.http.Get(b.url + path)
	assert.NoError(b.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	assert.NoError(b.t, err)
	assert.Equal(b.t, path+": "+string(text), res.StatusCode, http.StatusOK)
	return string(text)
}

func (b *browser) cookie() string {
	u, _ := url.Parse(b.url)
	for _, c := range b.http.Jar.Cookies(u) {
		if c.Name == name {
			return c.Name + "=" + c.Value
		}
	}
	return ""
}

func (b *browser) options(namespace string) siotest.Options {
	return siotest.Options{Namespace: namespace, Header: http.Header{"Cookie": {b.cookie()}}, Timeout: patience}
}

func (b *browser) dial(namespace string) *siotest.Client {
	b.t.Helper()
	return siotest.Dial(b.t, b.entry, b.options(namespace))
}

func each(t *testing.T, f func(t *testing.T, a *app)) {
	t.Helper()
	for framework, make := range map[string]framework{"gin-contrib": ginContrib, "echo-contrib": echoContrib} {
		for store, open := range stores {
			t.Run(framework+"/"+store, func(t *testing.T) {
				t.Parallel()
				f(t, start(t, make, open(t)))
			})
		}
	}
}

// TestWrittenByHandlers: what handlers write is there in the handshake, what
// sockets write is there for handlers, and neither overwrites the other.
func TestWrittenByHandlers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, a *app) {
		b := a.browser()
		data, _ := siotest.Refused(t, a.entry, b.options("/")).Data.(map[string]any)
		assert.Equal(t, "without a login", data["code"], any("session_missing"))
		b.get("/login")
		b.get("/set?key=theme&value=light")
		c := b.dial("/")
		var theme string
		c.Call("theme").Decode(&theme)
		assert.Equal(t, "theme in the handshake", theme, "light")
		b.get("/set?key=theme&value=dark") // since the handshake
		c.Call("set", "cart", "full")
		assert.Equal(t, "theme", b.get("/get?key=theme"), "dark")
		assert.Equal(t, "cart", b.get("/get?key=cart"), "full")
		assert.Equal(t, "user", b.get("/get?key=user"), "alice")
	})
}

// TestLogout by the middleware's own API: at once when Sessions is told, with
// the next check when it is not, and for good.
func TestLogout(t *testing.T) {
	t.Parallel()
	for how, row := range map[string]struct{ namespace, logout string }{
		"told":    {"/", "/logout?told=1"},
		"checked": {"/checked", "/logout"},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, a *app) {
				b, other := a.browser(), a.browser()
				b.get("/login")
				other.get("/login")
				c, stays := b.dial(row.namespace), other.dial(row.namespace)
				c.Call("set", "cart", "full")
				copied := b.options(row.namespace)
				began := time.Now()
				b.get(row.logout)
				if how == "told" {
					c.Expect("session:ended")
				}
				c.ExpectDisconnect(siotest.TransportClose)
				if took := time.Since(began); how == "told" && took > 5*time.Second {
					t.Errorf("took %s, want less than five seconds", took)
				}
				data, _ := siotest.Refused(t, a.entry, copied).Data.(map[string]any)
				assert.Equal(t, "a copy of the cookie", data["code"], any("session_missing"))
				assert.Equal(t, "cookie", b.cookie(), "")
				assert.Equal(t, "user", b.get("/get?key=user"), "")
				stays.Call("theme")
			})
		})
	}
}

// TestNoCookieFromSockets: no response of Socket.IO sets a cookie, whatever
// events and checks write to the session.
func TestNoCookieFromSockets(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, a *app) {
		b := a.browser()
		b.get("/login")
		cookie := b.cookie()
		t.Run("polling", func(t *testing.T) { b.poll(t, cookie) })
		t.Run("websocket", func(t *testing.T) { b.upgrade(t, cookie) })
		assert.Equal(t, "cookie", b.cookie(), cookie)
		assert.Equal(t, "by polling", b.get("/get?key=polling"), "yes")
		assert.Equal(t, "by websocket", b.get("/get?key=websocket"), "yes")
	})
}

func (b *browser) poll(t *testing.T, cookie string) {
	address := b.url + "/socket.io/?EIO=4&transport=polling"
	ask := func(method, body string) string {
		r, err := http.NewRequest(method, address, strings.NewReader(body))
		assert.NoError(t, err)
		r.Header.Set("Cookie", cookie)
		res, err := b.app.http.Do(r)
		assert.NoError(t, err)
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		assert.NoError(t, err)
		assert.Equal(t, "status", res.StatusCode, http.StatusOK)
		assert.Equal(t, "Set-Cookie of "+method, len(res.Header.Values("Set-Cookie")), 0)
		return string(text)
	}
	_, sid, _ := strings.Cut(ask("GET", ""), `"sid":"`)
	sid, _, _ = strings.Cut(sid, `"`)
	address += "&sid=" + sid
	ask("POST", "40")
	assert.True(t, "joined", strings.HasPrefix(ask("GET", ""), "40"))
	ask("POST", `421["set","polling","yes"]`)
	assert.Equal(t, "answer", ask("GET", ""), "431[]")
	ask("POST", "1")
}

func (b *browser) upgrade(t *testing.T, cookie string) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, res, err := websocket.Dial(ctx, b.url+"/socket.io/?EIO=4&transport=websocket", &websocket.DialOptions{HTTPHeader: http.Header{"Cookie": {cookie}}})
	assert.NoError(t, err)
	defer func() { _ = conn.CloseNow() }()
	assert.Equal(t, "Set-Cookie of the upgrade", len(res.Header.Values("Set-Cookie")), 0)
	send := func(packet string) { assert.NoError(t, conn.Write(ctx, websocket.MessageText, []byte(packet))) }
	next := func(prefix string) {
		_, text, err := conn.Read(ctx)
		assert.NoError(t, err)
		assert.True(t, string(text)+" begins with "+prefix, strings.HasPrefix(string(text), prefix))
	}
	next("0{")
	send("40")
	next("40")
	send(`421["set","websocket","yes"]`)
	next("431[]")
}

// TestCookieStore: a session that is all in the cookie can be read, and a
// logout that is told ends its sockets; the cookie's copies stay good.
func TestCookieStore(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]framework{"gin-contrib": ginContrib, "echo-contrib": echoContrib} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := start(t, make, gorilla.NewCookieStore(key))
			b := a.browser()
			b.get("/login")
			c := b.dial("/")
			if c.Call("set", "cart", "full").Failure() == nil {
				t.Error("a socket has changed a cookie")
			}
			b.get("/logout?told=1")
			c.Expect("session:ended")
			c.ExpectDisconnect(siotest.TransportClose)
			assert.Equal(t, "cookie", b.cookie(), "")
		})
	}
}
