package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/examples/parts/check"
	"github.com/gosio/gosio/session"
)

// The store's goroutine, which removes what has expired, has no end.
func TestMain(m *testing.M) {
	check.Main(m, "github.com/alexedwards/scs/v2/memstore.NewWithCleanupInterval")
}

// patience bounds each wait.
const patience = time.Minute

// browser is one with a cookie jar, in front of an app that runs.
type browser struct {
	t     *testing.T
	url   *url.URL
	http  *http.Client
	proxy http.Handler // for siotest, which wants a handler
}

// start runs the app on a port of its own until the test ends.
func start(t *testing.T) *browser {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx, l) }()
	transport := &http.Transport{}
	t.Cleanup(func() {
		stop()
		check.NoError(t, <-done)
		transport.CloseIdleConnections()
	})
	home := &url.URL{Scheme: "http", Host: l.Addr().String()}
	proxy := httputil.NewSingleHostReverseProxy(home)
	proxy.Transport = transport
	jar, _ := cookiejar.New(nil) // never fails
	return &browser{t, home, &http.Client{Transport: transport, Jar: jar, Timeout: patience}, proxy}
}

func (b *browser) do(method, path string, fields url.Values, headers ...string) (status int, body string) {
	b.t.Helper()
	to, form := b.url.JoinPath(path), fields.Encode()
	if method == http.MethodGet {
		to.RawQuery, form = form, "" // a GET with a body is refused
	}
	r, err := http.NewRequest(method, to.String(), strings.NewReader(form))
	check.NoError(b.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := b.http.Do(r)
	check.NoError(b.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	check.NoError(b.t, err)
	return res.StatusCode, string(text)
}

func (b *browser) post(path string, want int, fields ...string) {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	status, text := b.do("POST", path, form)
	check.Equal(b.t, path+": "+text, status, want)
}

func (b *browser) login(name string) {
	b.t.Helper()
	b.post("/app/login", http.StatusNoContent, "name", name, "password", "gopher")
}

func (b *browser) session() (s state) {
	b.t.Helper()
	_, body := b.do("GET", "/app/session", nil)
	check.NoError(b.t, json.Unmarshal([]byte(body), &s))
	return s
}

func (b *browser) cookie() string {
	for _, c := range b.http.Jar.Cookies(b.url) {
		return c.Name + "=" + c.Value
	}
	return ""
}

func (b *browser) with(cookie string) siotest.Options {
	return siotest.Options{Header: http.Header{"Cookie": {cookie}}, Timeout: patience}
}

// tab opens a window of the live page.
func (b *browser) tab() *siotest.Client {
	b.t.Helper()
	return siotest.Dial(b.t, b.proxy, b.with(b.cookie()))
}

func (b *browser) refused(cookie string, code session.Code) {
	b.t.Helper()
	data, _ := siotest.Refused(b.t, b.proxy, b.with(cookie)).Data.(map[string]any)
	check.Equal(b.t, "code", data["code"], any(string(code)))
}

// sees waits until a window is told that state; others may come before.
func sees(t *testing.T, c *siotest.Client, want state) {
	t.Helper()
	for got := (state{}); got != want; {
		c.Expect("state", &got)
	}
}

// signedOut waits for the end of a window.
func signedOut(t *testing.T, c *siotest.Client) {
	t.Helper()
	for {
		m := c.Next()
		if m.Event != "session:ended" {
			check.Equal(t, "event", m.Event, "state")
			continue
		}
		c.ExpectDisconnect(siotest.TransportClose)
		return
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	b := start(t)
	for path, want := range map[string]string{
		"/":                           `src="/socket.io/socket.io.min.js"`,
		"/session.css":                "color-scheme: light dark",
		"/session.js":                 `socket.on("session:ended"`,
		"/socket.io/socket.io.min.js": "emitWithAck",
	} {
		status, body := b.do("GET", path, nil)
		check.Equal(t, path, status, http.StatusOK)
		check.True(t, path+" has "+want, strings.Contains(body, want))
		rest := strings.ReplaceAll(body, "http://www.w3.org/2000/svg", "") // a name, not a request
		if !strings.HasPrefix(path, "/socket.io/") {
			check.True(t, path+" refers to no other host", !strings.Contains(rest, "://"))
		}
	}
	check.Equal(t, "session of a new visitor", b.session(), state{})
	check.Equal(t, "cookie of a new visitor", b.cookie(), "")
}

// TestLogoutReachesOtherTabs, and leaves other sessions of the same user alone.
func TestLogoutReachesOtherTabs(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.login("Ada")
	one, two := b.tab(), b.tab()
	sees(t, one, state{User: "Ada", Windows: 2})
	sees(t, two, state{User: "Ada", Windows: 2})
	cookie := b.cookie()

	phone := *b
	jar, _ := cookiejar.New(nil)
	phone.http = &http.Client{Transport: b.http.Transport, Jar: jar, Timeout: patience}
	phone.login("Ada")
	third := phone.tab()
	sees(t, third, state{User: "Ada", Windows: 1})

	b.post("/app/logout", http.StatusNoContent)
	signedOut(t, one)
	signedOut(t, two)
	check.Equal(t, "cookie", b.cookie(), "")
	b.refused(cookie, session.CodeMissing) // and they do not come back
	b.refused("", session.CodeMissing)
	third.Call("click")
	sees(t, third, state{User: "Ada", Clicks: 1, Windows: 1})
	b.login("Grace")
	sees(t, b.tab(), state{User: "Grace", Windows: 1})
}

// TestNothingIsOverwritten: HTTP requests and events write to one session.
func TestNothingIsOverwritten(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.post("/app/theme", http.StatusNoContent, "theme", "light") // before the login
	b.login("Ada")
	one, two := b.tab(), b.tab()
	sees(t, two, state{User: "Ada", Theme: "light", Windows: 2})
	b.post("/app/theme", http.StatusNoContent, "theme", "dark") // the sockets have loaded "light"
	sees(t, two, state{User: "Ada", Theme: "dark", Windows: 2})
	var both sync.WaitGroup
	for _, tab := range []*siotest.Client{one, two} {
		both.Go(func() {
			for range 20 {
				tab.Emit("click")
			}
		})
	}
	both.Wait()
	want := state{User: "Ada", Theme: "dark", Clicks: 40, Windows: 2}
	sees(t, one, want)
	sees(t, two, want)
	check.Equal(t, "what HTTP sees", b.session(), want)
	b.post("/app/theme", http.StatusBadRequest, "theme", "plaid")
}

// TestNewIDAtLogin: an id from before the login is worth nothing after it, and
// the sockets of a session follow it to its new id.
func TestNewIDAtLogin(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.post("/app/theme", http.StatusNoContent, "theme", "dark")
	planted := b.cookie()
	b.refused(planted, session.CodeMissing) // a session, but nobody's
	b.login("Ada")
	b.refused(planted, session.CodeMissing)
	tab := b.tab()
	sees(t, tab, state{User: "Ada", Theme: "dark", Windows: 1})

	before := b.cookie()
	for _, renew := range []func(){
		func() { b.login("Ada") },
		func() { b.post("/app/renew", http.StatusNoContent) },
	} {
		renew()
		check.True(t, "the id is new", b.cookie() != before)
		b.refused(before, session.CodeMissing)
		before = b.cookie()
	}
	tab.Call("click")
	sees(t, tab, state{User: "Ada", Theme: "dark", Clicks: 1, Windows: 1})

	b.login("Grace") // within Ada's session: her windows are not Grace's
	tab.ExpectDisconnect(siotest.TransportClose)
	sees(t, b.tab(), state{User: "Grace", Theme: "dark", Windows: 1})
}

func TestRefused(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.post("/app/login", http.StatusUnauthorized, "name", "Ada", "password", "guess")
	b.post("/app/login", http.StatusUnauthorized, "name", "", "password", "gopher")
	b.post("/app/renew", http.StatusUnauthorized)
	b.login("Ada")
	cookie := b.cookie()
	b.refused(cookie[:len(cookie)-1], session.CodeMissing)
	for _, path := range []string{"/app/logout", "/app/login"} { // by a form on another site
		status, _ := b.do("POST", path, nil, "Sec-Fetch-Site", "cross-site")
		check.Equal(t, path, status, http.StatusForbidden)
	}
	sees(t, b.tab(), state{User: "Ada", Windows: 1})
	handshake := url.Values{"EIO": {"4"}, "transport": {"polling"}}
	for origin, want := range map[string]int{"https://evil.test": http.StatusForbidden, b.url.String(): http.StatusOK} {
		status, _ := b.do("GET", "/socket.io/", handshake, "Origin", origin)
		check.Equal(t, "a page of "+origin, status, want)
	}
}
