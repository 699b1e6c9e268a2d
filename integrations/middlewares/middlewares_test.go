package middlewares_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/jwtauth/v5"
	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/integrations/middlewares"
	"github.com/gosio/gosio/integrations/mounttest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	new(fasthttp.ResponseHeader).Header() // starts a clock for all servers, which must not be in a bubble of virtual time
	leak.Main(m,                          // without an end, or with one that is up to 10 s away
		"github.com/valyala/fasthttp.updateServerDate", "github.com/valyala/fasthttp.(*workerPool).Start",
		"github.com/valyala/fasthttp/stackless.NewFunc")
}

// key is of one test run: nothing that is signed here is worth keeping.
var key = []byte(fmt.Sprintf("%064d", time.Now().UnixNano()))

type application struct {
	name string
	// missing is the framework's status for a request without a token.
	missing int
	// serve serves the application on ln until the test ends.
	serve func(t *testing.T, o middlewares.Settings, ln net.Listener) *socketio.Server
}

var applications = []application{
	{"gin-jwt", 401, onNetHTTP(middlewares.Gin)},
	{"echo-jwt", 401, onNetHTTP(middlewares.Echo)},
	{"jwtware", 400, onFiber},
	{"jwtauth", 401, onNetHTTP(middlewares.Chi)},
	{"KeyAuth of Echo v5", 401, onNetHTTP(middlewares.EchoV5)},
	{"keyauth of Fiber v3", 401, onFiberV3},
}

func onNetHTTP(build func(middlewares.Settings) (http.Handler, *socketio.Server, error)) func(*testing.T, middlewares.Settings, net.Listener) *socketio.Server {
	return func(t *testing.T, o middlewares.Settings, ln net.Listener) *socketio.Server {
		h, srv, err := build(o)
		assert.NoError(t, err)
		t.Cleanup(srv.Close)
		mounttest.ServeListener(t, &http.Server{Handler: h}, ln)
		return srv
	}
}

func onFiber(t *testing.T, o middlewares.Settings, ln net.Listener) *socketio.Server {
	app, srv, err := middlewares.Fiber(o)
	assert.NoError(t, err)
	listen(t, srv, func() error { return app.Listener(ln) }, app.Shutdown)
	return srv
}

func onFiberV3(t *testing.T, o middlewares.Settings, ln net.Listener) *socketio.Server {
	app, srv, err := middlewares.FiberV3(o)
	assert.NoError(t, err)
	listen(t, srv, func() error {
		return app.Listener(ln, fiber.ListenConfig{DisableStartupMessage: true})
	}, app.Shutdown)
	return srv
}

// listen serves until the test ends.
func listen(t *testing.T, srv *socketio.Server, serve, shutdown func() error) {
	done := make(chan error, 1)
	go func() { done <- serve() }() // ends with shutdown
	t.Cleanup(func() {
		srv.Close()
		assert.NoError(t, shutdown())
		assert.NoError(t, <-done)
	})
}

// each runs a test with every middleware, in front of every request and of
// handshakes alone, in virtual time: tokens expire while nobody waits.
func each(t *testing.T, life time.Duration, test func(t *testing.T, a application, u *user)) {
	t.Parallel()
	for _, a := range applications {
		for _, only := range []bool{false, true} {
			name := a.name + "/every request"
			if only {
				name = a.name + "/handshakes only"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				mounttest.Virtual(t, func(t *testing.T, ln mounttest.Network) {
					srv := a.serve(t, middlewares.Settings{Key: key, Life: life, HandshakesOnly: only}, ln)
					test(t, a, newUser(t, "alice", ln, srv, only))
				})
			})
		}
	}
}

// user is somebody with a browser's cookies.
type user struct {
	*mounttest.Client
	t              *testing.T
	name, base     string
	ln             mounttest.Network
	srv            *socketio.Server
	handshakesOnly bool
	http           *http.Client
}

func newUser(t *testing.T, name string, ln mounttest.Network, srv *socketio.Server, only bool) *user {
	jar, err := cookiejar.New(nil)
	assert.NoError(t, err)
	base, transport := "http://"+ln.Addr().String(), &http.Transport{DialContext: ln.DialContext}
	t.Cleanup(transport.CloseIdleConnections)
	return &user{
		Client: mounttest.NewClientVia(t, base+"/socket.io", ln.DialContext), t: t, name: name, base: base, ln: ln, srv: srv,
		handshakesOnly: only, http: &http.Client{Jar: jar, Transport: transport},
	}
}

// login gets a token over REST, and has it in the cookies from then on.
func (u *user) login() (token string) {
	u.t.Helper()
	resp, err := u.http.PostForm(u.base+"/login", url.Values{"user": {u.name}})
	assert.NoError(u.t, err)
	defer resp.Body.Close()
	var answer struct{ Token string }
	assert.NoError(u.t, json.NewDecoder(resp.Body).Decode(&answer))
	here, err := url.Parse(u.base)
	assert.NoError(u.t, err)
	var cookies []string
	for _, c := range u.http.Jar.Cookies(here) {
		cookies = append(cookies, c.String())
	}
	u.Header.Set("Cookie", strings.Join(cookies, "; "))
	return answer.Token
}

// me asks the REST API.
func (u *user) me() (status int, name string) {
	u.t.Helper()
	resp, err := u.http.Get(u.base + "/me")
	assert.NoError(u.t, err)
	defer resp.Body.Close()
	var body [64]byte
	n, _ := resp.Body.Read(body[:])
	return resp.StatusCode, string(body[:n])
}

const first, later = "/?EIO=4&transport=polling", "/?EIO=4&transport=polling&sid="

// whoami asks the server whom the framework's middleware has let in, and until
// when.
func (u *user) whoami(s *mounttest.Session) (exp time.Time) {
	u.t.Helper()
	s.Send(`420["whoami"]`)
	var name string
	var unix int64
	_, err := fmt.Sscanf(s.Recv(), `430["%s %d"]`, &name, &unix)
	assert.NoError(u.t, err)
	assert.Equal(u.t, "identity", name, u.name)
	return time.Unix(unix, 0)
}

// TestOneLogin: the token of the REST API opens a connection, by cookie and by
// header, on every transport; without it the framework answers as it does for
// the API.
func TestOneLogin(t *testing.T) {
	each(t, time.Hour, func(t *testing.T, a application, u *user) {
		refused := func(status int) {
			t.Helper()
			got, _ := u.me()
			assert.Equal(t, "REST", got, status)
			assert.Equal(t, "polling", u.Do("GET", first, "").Status, status)
			assert.Equal(t, "WebSocket", u.Refused().Status, status)
			assert.Equal(t, "connections", u.srv.Connections(), 0)
		}
		refused(a.missing)
		token := u.login()
		status, name := u.me()
		assert.Equal(t, "REST", status, http.StatusOK)
		assert.Equal(t, "REST", name, "alice")

		s := u.Open()
		exp := u.whoami(s)
		assert.True(t, exp.String(), time.Until(exp) > 50*time.Minute && time.Until(exp) <= time.Hour)
		s.Upgrade()
		u.whoami(s)
		u.whoami(u.Dial())

		u.Header.Del("Cookie")
		u.Header.Set("Authorization", "Bearer "+token)
		u.whoami(u.Open())
		u.whoami(u.Dial())

		u.Header.Set("Authorization", "Bearer "+token[:len(token)-3])
		assert.Equal(t, "a token that was cut", u.Do("GET", first, "").Status, http.StatusUnauthorized)
	})
}

// TestExpiry: at the end that the framework's token has, leeway added, the
// connection ends; a fresh login opens the next.
func TestExpiry(t *testing.T) {
	each(t, 4*time.Second, func(t *testing.T, _ application, u *user) {
		u.login()
		ws, upgraded, polling := u.Dial(), u.Open(), u.Open()
		exp := u.whoami(ws)
		upgraded.Upgrade()
		poll, _ := polling.Park()
		ws.UntilClosed()
		assert.True(t, "not before its time", !time.Now().Before(exp.Add(time.Second)))
		upgraded.UntilClosed()
		a := mounttest.Wait(t, "the end of the poll", poll)
		assert.Equal(t, "the poll that waited", a.Body, "1")

		next := u.Do("GET", later+polling.ID, "")
		if u.handshakesOnly { // nobody looks at the token any more, and the session is gone
			assert.Equal(t, "next poll", next.Status, http.StatusBadRequest)
			assert.Equal(t, "next poll", next.Body, `{"code":1,"message":"Session ID unknown"}`)
		} else {
			assert.Equal(t, "next poll", next.Status, http.StatusUnauthorized)
		}
		assert.Equal(t, "reconnecting", u.Do("GET", first, "").Status, http.StatusUnauthorized)
		u.login()
		u.whoami(u.Dial())
		u.whoami(u.Open())
	})
}

// TestExpiredPolls: the framework refuses polls from the token's end on, even
// while our leeway lasts; behind middleware for handshakes they go on.
func TestExpiredPolls(t *testing.T) {
	each(t, 3*time.Second, func(t *testing.T, _ application, u *user) {
		u.login()
		s := u.Open()
		poll, _ := s.Park()
		for status, _ := u.me(); status == http.StatusOK; status, _ = u.me() {
			time.Sleep(20 * time.Millisecond) // virtual
		}
		post := u.Do("POST", later+s.ID, "3")
		if u.handshakesOnly {
			assert.Equal(t, "POST", post.Status, http.StatusOK)
		} else {
			assert.Equal(t, "POST", post.Status, http.StatusUnauthorized)
		}
		assert.Equal(t, "the poll that waited", mounttest.Wait(t, "its end", poll).Body, "1")
	})
}

// TestPin: who has learnt a session id, and is somebody else, cannot use it.
func TestPin(t *testing.T) {
	each(t, time.Hour, func(t *testing.T, a application, alice *user) {
		alice.login()
		s := alice.Open()
		mallory := newUser(t, "mallory", alice.ln, alice.srv, alice.handshakesOnly)
		if alice.handshakesOnly { // then the id is all that counts
			assert.Equal(t, "POST", mallory.Do("POST", later+s.ID, `42["echo","stolen"]`).Status, http.StatusOK)
			assert.Equal(t, "echo", s.Recv(), `42["echo","stolen"]`)
			return
		}
		try := func(status int) {
			t.Helper()
			assert.Equal(t, "poll", mallory.Do("GET", later+s.ID, "").Status, status)
			assert.Equal(t, "POST", mallory.Do("POST", later+s.ID, `42["echo","stolen"]`).Status, status)
			mallory.Query = "&sid=" + s.ID
			assert.Equal(t, "upgrade", mallory.Refused().Status, status)
			mallory.Query = ""
		}
		try(a.missing)
		mallory.login()
		mallory.whoami(mallory.Open())
		try(http.StatusForbidden)
		alice.login() // a fresh token of the same user
		alice.whoami(s)
		s.Upgrade()
		s.Echo("mine")
	})
}

// TestVerifierAlone: jwtauth.Verifier without Authenticator passes on a token
// for another audience, with its error; the guard refuses it.
func TestVerifierAlone(t *testing.T) {
	t.Parallel()
	h, srv, err := middlewares.Chi(middlewares.Settings{Key: key, Life: time.Hour, NoCheck: true})
	assert.NoError(t, err)
	t.Cleanup(srv.Close)
	c := mounttest.NewClient(t, mounttest.Serve(t, h)+"/socket.io")
	for name, want := range map[string]struct{ audience, answer string }{
		"right audience": {"chat", `40{"sid":`},
		"other audience": {"bank", `44{"message":"token is invalid"`},
		"no audience":    {"", `44{"message":"token is invalid"`},
	} {
		claims := map[string]any{"sub": "alice", "exp": time.Now().Add(time.Hour)}
		if want.audience != "" {
			claims["aud"] = want.audience
		}
		_, token, err := jwtauth.New("HS256", key, nil).Encode(claims)
		assert.NoError(t, err)
		c.Header.Set("Authorization", "Bearer "+token)
		s := c.OpenOnly()
		s.Send("40")
		answer := s.Recv()
		assert.True(t, name+": "+answer, strings.HasPrefix(answer, want.answer))
	}
}
