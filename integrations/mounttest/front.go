package mounttest

import (
	"cmp"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

// A Front is a framework with its mount, as tests have to know it: [Front.Run]
// checks all that is the same for every framework. M is the framework's
// middleware. Only Serve must be set. What is nil is not tried, because the
// framework has nothing of the kind. Some fields belong together: Run fails, and
// names the field that is missing.
type Front[M any] struct {
	// Serve makes an application with a mount, as s says, and serves it on
	// s.Listener until the test ends. The application believes a proxy on this
	// machine about addresses (X-Forwarded-For). For what is wrong, a server that
	// is nil or a path that no mount can have, the mount panics.
	Serve func(t *testing.T, s Setup[M])
	// NetHTTP is set if Serve uses [Setup.ServeHTTP].
	NetHTTP bool

	// Usual is middleware that most applications have: a logger, a guard against panics.
	Usual []M
	// Middleware is tried stack by stack, with requests from [Origin] that carry
	// Authorization.
	Middleware    map[string][]M
	Authorization string
	// Log is a logger, which writes Logged once for each 101. Both are set, or none.
	Log    func(w io.Writer) M
	Logged string
	// CORS is the framework's own, which allows these origins.
	CORS func(origins ...string) M
	// HeaderOnce is middleware that sets the header of that name.
	HeaderOnce map[string][]M
	// Outlives is middleware through which a poll waits for the ping, although
	// Setup.Timeout is over before. Behind that in Cut, which may set a deadline in
	// [ShortTimeout], it is answered in time.
	Outlives, Cut map[string][]M

	// User stores the header X-User under UserKey, as the framework's middleware
	// does, in every request or in handshakes alone; by the mount's IsHandshake. It
	// needs UserKey, Get and Param.
	User    func(handshakesOnly bool) M
	UserKey any
	// ContextKeys are those of Options.ContextKeys that User needs.
	ContextKeys []any
	// Get and Param are the mount's.
	Get   func(s *socketio.Socket, key any) (string, bool)
	Param func(s *socketio.Socket, name string) string
	// Refuse is middleware that answers 401 where the mount's IsHandshake reports true.
	Refuse func() M
	// Skip is middleware that answers 418 unless the mount's Skip(path) reports true.
	Skip func(path string) M
	// Check looks at more of a socket that was opened as this user.
	Check func(t *testing.T, s *socketio.Socket, user string)
	// Holds is middleware that sends for each request, before it passes the request
	// on, a function that reports whether the framework's context for the request is
	// still in memory. Run fails if Holds sends nothing.
	Holds func(alive chan<- func() bool) M
}

// A Setup is what an application is to be like.
type Setup[M any] struct {
	// Server is to be mounted.
	Server *socketio.Server
	// Listener is to be served on.
	Listener net.Listener
	// Use is middleware in front of the mount, the outermost first.
	Use []M
	// Group is the group in which to mount; empty: in none. It may have a parameter
	// called tenant: "/api/:tenant".
	Group string
	// Path is Config.Path of the mount.
	Path string
	// Timeout is what the HTTP server gives to reading a request and to writing the
	// answer; zero: no end.
	Timeout time.Duration
	// Around is middleware of net/http around all of the application; nil: none.
	// [Setup.ServeHTTP] applies it.
	Around func(http.Handler) http.Handler
}

// ServeHTTP serves an application that is an http.Handler until the test ends.
func (s Setup[M]) ServeHTTP(t *testing.T, app http.Handler) {
	t.Helper()
	if s.Around != nil {
		app = s.Around(app)
	}
	ServeListener(t, &http.Server{Handler: app, ReadTimeout: s.Timeout, ReadHeaderTimeout: s.Timeout, WriteTimeout: s.Timeout}, s.Listener)
}

// Mount returns the mount of an application with this middleware.
func (f Front[M]) Mount(use ...M) Mount { return f.mount(Setup[M]{Use: use}) }

func (f Front[M]) mount(s Setup[M]) Mount {
	return func(t *testing.T, srv *socketio.Server, ln net.Listener) string {
		t.Helper()
		s := s
		s.Server, s.Listener = srv, ln
		f.Serve(t, s)
		return strings.Replace(s.Group, ":tenant", "acme", 1) + strings.TrimSuffix(cmp.Or(s.Path, "/socket.io"), "/")
	}
}

// Run checks the mount: by itself as [Run] does, in a group, behind the
// framework's middleware, and when it is used wrongly.
func (f Front[M]) Run(t *testing.T) {
	t.Helper()
	if missing := f.missing(); missing != "" {
		t.Fatalf("mounttest: %s", missing)
	}
	for name, check := range map[string]func(t *testing.T){
		"alone":        func(t *testing.T) { Run(t, f.Mount(f.Usual...)) },
		"in a group":   func(t *testing.T) { Run(t, f.mount(Setup[M]{Group: "/api/:tenant", Path: "/live/"})) },
		"middleware":   f.middleware,
		"headers":      f.headers,
		"timeouts":     f.timeouts,
		"values":       f.values,
		"pin":          f.pin,
		"nothing kept": f.nothingKept,
		"IsHandshake":  f.isHandshake,
		"skip":         f.skip,
		"wrong wiring": f.wrongWiring,
		"net/http":     f.netHTTP,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t)
		})
	}
}

// missing says which field is missing, or returns an empty text.
func (f Front[M]) missing() string {
	switch {
	case f.Serve == nil:
		return "Front.Serve is nil: nothing can be tried without it"
	case f.Log != nil && f.Logged == "":
		return "Front.Log without Front.Logged: say what the logger writes for a 101"
	case f.Log == nil && f.Logged != "":
		return "Front.Logged without Front.Log: give the logger that writes it"
	case f.Log != nil && f.Middleware == nil:
		return "Front.Log without Front.Middleware: the logger is tried in front of each of these stacks"
	case f.User != nil && f.UserKey == nil:
		return "Front.User without Front.UserKey: name the key under which it stores the user"
	case f.User != nil && f.Get == nil:
		return "Front.User without Front.Get: give the mount's function that returns what middleware has stored"
	case f.User != nil && f.Param == nil:
		return "Front.User without Front.Param: give the mount's function that returns a parameter of the URL"
	case f.User == nil && (f.UserKey != nil || f.Get != nil || f.Param != nil || f.Check != nil):
		return "Front.UserKey, Get, Param or Check without Front.User: they are tried with the users that it stores"
	}
	return ""
}

// middleware: each stack lets everything pass, and the log has the status.
func (f Front[M]) middleware(t *testing.T) {
	for name, use := range f.Middleware {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app, logged := NewApp(t), new(Log)
			if f.Log != nil {
				use = append([]M{f.Log(logged)}, use...)
			}
			clients := 0
			Drive(t, app, f.Mount(use...).Start(t, app.Server), func(c *Client) {
				clients++
				c.Header.Set("Connection", []string{"upgrade", "keep-alive, Upgrade"}[clients%2]) // AWS ALB, Firefox
				c.Header.Set("Origin", Origin)
				if f.Authorization != "" {
					c.Header.Set("Authorization", f.Authorization)
				}
			})
			if f.Log != nil {
				logged.Expect(t, f.Logged, 2)
			}
		})
	}
}

// headers: what middleware sets is in each answer once, that of CORS included,
// of which the server's own list decides.
func (f Front[M]) headers(t *testing.T) {
	for key, use := range f.HeaderOnce {
		HeaderOnce(t, f.Mount(use...).Start(t, NewApp(t).Server), key)
	}
	if f.CORS == nil {
		return
	}
	app, other := NewApp(t), "https://other.example"
	url := f.Mount(f.CORS(Origin, other)).Start(t, app.Server)
	HeaderOnceFrom(t, url, Origin, allowOrigin)
	c := NewClient(t, url)
	c.Header.Set("Origin", other)
	assert.Equal(t, "only in the framework's list", c.Do("GET", "/?EIO=4&transport=polling", "").Status, http.StatusForbidden)
	app.Log.Expect(t, "Options.CORS.Origins", 1)
}

// timeouts: see [Outlives].
func (f Front[M]) timeouts(t *testing.T) {
	if len(f.Outlives)+len(f.Cut) > 0 {
		endsSlowRequest(t, f.mount(Setup[M]{Timeout: ShortTimeout}))
	}
	for poll, stacks := range map[string]map[string][]M{"2": f.Outlives, "6": f.Cut} {
		for name, use := range stacks {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				Outlives(t, poll, f.mount(Setup[M]{Use: use, Timeout: ShortTimeout}))
			})
		}
	}
}

// values opens five sessions with X-User and X-Forwarded-For, by polling, by
// WebSocket and with an upgrade, and looks at the sockets after requests with
// other users have passed over the same connections.
func (f Front[M]) values(t *testing.T) {
	if f.User == nil {
		return
	}
	app := NewAppWith(t, socketio.Options{ContextKeys: f.ContextKeys})
	ln := Listen(t)
	f.Serve(t, Setup[M]{Server: app.Server, Listener: ln, Use: []M{f.User(true)}, Group: "/:tenant"})
	base := "http://" + ln.Addr().String()
	c := NewClient(t, "")
	c.Header.Set("X-Forwarded-For", "203.0.113.9")
	users := []string{"ann", "bob", "cleo", "dan", "eve"}
	sessions := make([]*Session, len(users))
	sockets := make([]*socketio.Socket, len(users))
	for i, user := range users {
		c.url = base + "/t-" + user + "/socket.io"
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
		s := sockets[i]
		got, ok := f.Get(s, f.UserKey)
		assert.True(t, "a string", ok)
		assert.Equal(t, "user", got, user)
		assert.Equal(t, "parameter", f.Param(s, "tenant"), "t-"+user)
		for _, name := range []string{"", "*", "*1", "none"} {
			assert.Equal(t, "parameter "+name, f.Param(s, name), "")
		}
		assert.Equal(t, "address", s.Handshake().Address, "203.0.113.9")
		if f.Check != nil {
			f.Check(t, s, user)
		}
	}
}

// pin: see [Pinned].
func (f Front[M]) pin(t *testing.T) {
	if f.User != nil {
		pinned(t, f.UserKey, f.Mount(f.User(false)))
	}
}

// pinned checks a mount of a server which is pinned to the value that middleware
// stores under key, on every request: the header X-User. Who has only learnt a
// session id cannot use it.
func pinned(t *testing.T, key any, mount Mount) {
	t.Helper()
	app := NewAppWith(t, socketio.Options{Pin: func(r *http.Request) string {
		user, _ := socketio.UpstreamValue(r, key).(string)
		return user
	}})
	owner := mount.client(t, app.Server)
	other := NewClient(t, owner.url)
	owner.Header.Set("X-User", "ann")
	s := owner.Open()
	stolen := &Session{c: other, ID: s.ID}
	for _, user := range []string{"mallory", ""} {
		other.Header.Set("X-User", user)
		assert.Equal(t, "poll", other.Do("GET", stolen.suffix(), "").Status, http.StatusForbidden)
		assert.Equal(t, "POST", other.Do("POST", stolen.suffix(), `42["echo","stolen"]`).Status, http.StatusForbidden)
		a, _ := stolen.dial("?EIO=4&transport=websocket&sid=" + s.ID)
		assert.Equal(t, "upgrade", a.Status, http.StatusForbidden)
		s.Echo("mine")
		owner.Header.Set("X-User", user) // the same, over the owner's TCP connection
		assert.Equal(t, "poll", owner.Do("GET", s.suffix(), "").Status, http.StatusForbidden)
		owner.Header.Set("X-User", "ann")
	}
	s.Upgrade()
	s.Echo("still mine")
}

// nothingKept: the framework's context cannot be reached from a WebSocket.
func (f Front[M]) nothingKept(t *testing.T) {
	if f.Holds == nil {
		return
	}
	app := NewAppWith(t, socketio.Options{ContextKeys: f.ContextKeys})
	contexts := make(chan func() bool, 16)
	use := []M{f.Holds(contexts)}
	if f.User != nil {
		use = append(use, f.User(true))
	}
	c := f.Mount(use...).client(t, app.Server)
	s := c.Open()
	s.Upgrade()
	c.Dial().Echo("x")
	close(contexts)
	if got, want := len(contexts), 7; got < want { // three of Open, three of Upgrade, one of Dial
		t.Fatalf("Front.Holds has sent %d functions for %d requests: it must send one for each", got, want)
	}
	for alive := range contexts {
		Collected(t, "a framework's context", alive)
	}
	s.Echo("still open")
}

// isHandshake: what middleware is told is what the server does, however the query
// is written. Otherwise it could be led to let a handshake pass.
func (f Front[M]) isHandshake(t *testing.T) {
	if f.Refuse == nil {
		return
	}
	app := NewApp(t)
	c := f.Mount(f.Refuse()).client(t, app.Server)
	for _, query := range []string{"", "&sid=", "&Sid=x", "&sid", "&%73id=x", "&x=1&amp;sid=x"} {
		assert.Equal(t, query, c.Do(http.MethodGet, "/?EIO=4&transport=polling"+query, "").Status, http.StatusUnauthorized)
	}
	later := c.Do(http.MethodGet, "/?EIO=4&transport=polling&sid=x", "")
	assert.Equal(t, "a poll", later.Body, `{"code":1,"message":"Session ID unknown"}`)
	c.Header.Set("Origin", Origin)
	c.Header.Set("Access-Control-Request-Method", http.MethodGet)
	preflight := c.Do(http.MethodOptions, "/?EIO=4&transport=polling", "") // browsers send no credentials with it
	assert.Equal(t, "preflight", preflight.Status, http.StatusNoContent)
	assert.Equal(t, "sessions", app.Connections(), 0)
}

// skip: the predicate knows the path and what is below.
func (f Front[M]) skip(t *testing.T) {
	if f.Skip == nil {
		return
	}
	for _, path := range []string{"/socket.io", "/socket.io/"} {
		c := f.Mount(f.Skip(path)).client(t, NewApp(t).Server)
		for suffix, skipped := range map[string]bool{"": true, "/": true, "/x": true, "x": false} {
			status := c.Do(http.MethodGet, suffix, "").Status
			assert.Equal(t, path+", "+suffix, status != http.StatusTeapot, skipped)
		}
	}
}

func (f Front[M]) wrongWiring(t *testing.T) {
	srv := NewApp(t).Server
	for name, s := range map[string]Setup[M]{
		"no server": {},
		"no slash":  {Server: srv, Path: "socket.io"},
		"root":      {Server: srv, Path: "/"},
		"parameter": {Server: srv, Path: "/:tenant"},
		"wildcard":  {Server: srv, Path: "/*"},
	} {
		s.Listener = Listen(t)
		t.Cleanup(func() { _ = s.Listener.Close() }) // whoever panics does not serve
		panics(t, name, func() { f.Serve(t, s) })
	}
}

// netHTTP is for applications that are an http.Handler, and their middleware.
func (f Front[M]) netHTTP(t *testing.T) {
	if !f.NetHTTP {
		return
	}
	around := func(around func(http.Handler) http.Handler) Mount {
		return f.mount(Setup[M]{Use: f.Usual, Around: around})
	}
	for name, check := range map[string]func(t *testing.T){
		"slow bodies": func(t *testing.T) { SlowBodies(t, f.Mount(f.Usual...)) },
		"logout":      func(t *testing.T) { Logout(t, around) },
		"unhijackable": func(t *testing.T) {
			Unhijackable(t, around(func(h http.Handler) http.Handler { return http.TimeoutHandler(h, time.Minute, "") }), "*http.timeoutWriter")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t)
		})
	}
}

// panics checks that f panics with a text that begins with "socketio: ".
func panics(t *testing.T, name string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		p := recover()
		if text, _ := p.(string); p == nil {
			t.Errorf("%s: no panic, though no such mount can work", name)
		} else if !strings.HasPrefix(text, "socketio: ") {
			t.Errorf("%s: panic with %v, want a text that begins with \"socketio: \"", name, p)
		}
	}()
	f()
}
