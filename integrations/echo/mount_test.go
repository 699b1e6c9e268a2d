package sioecho_test

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
	"weak"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	socketio "github.com/gosio/gosio/core"
	sioecho "github.com/gosio/gosio/integrations/echo"
	"github.com/gosio/gosio/integrations/internal/mounttest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestMount(t *testing.T) {
	t.Parallel()
	mounttest.Run(t, func(t *testing.T, srv *socketio.Server) string {
		e := echo.New()
		e.Use(middleware.LoggerWithConfig(middleware.LoggerConfig{Output: t.Output()}), middleware.Recover()) //nolint:staticcheck // apps still have it
		sioecho.Mount(e, srv)
		return mounttest.Serve(t, e) + "/socket.io"
	})
}

func TestSlowBodies(t *testing.T) {
	t.Parallel()
	mounttest.SlowBodies(t, func(t *testing.T, srv *socketio.Server, ln net.Listener) string {
		e := echo.New()
		e.Use(middleware.LoggerWithConfig(middleware.LoggerConfig{Output: t.Output()}), middleware.Recover()) //nolint:staticcheck // apps still have it
		sioecho.Mount(e, srv)
		mounttest.ServeListener(t, &http.Server{Handler: e}, ln)
		return "/socket.io"
	})
}

func TestMountInGroup(t *testing.T) {
	t.Parallel()
	mounttest.Run(t, func(t *testing.T, srv *socketio.Server) string {
		e := echo.New()
		sioecho.Mount(e.Group("/api/:tenant"), srv, sioecho.Config{Path: "/live/"})
		return mounttest.Serve(t, e) + "/api/acme/live"
	})
}

// TestHandler registers the routes by hand.
func TestHandler(t *testing.T) {
	t.Parallel()
	app := mounttest.NewApp(t)
	e := echo.New()
	e.Any("/socket.io/*", sioecho.Handler(app.Server))
	mounttest.Drive(t, app, mounttest.Serve(t, e)+"/socket.io", nil)
}

func dump(echo.Context, []byte, []byte) {}

// holding is a third party's compressor, which waits for a body.
type holding struct{ http.ResponseWriter }

func (holding) WriteHeader(int)               {}
func (w holding) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// TestHeldBack: a writer that nobody knows holds the 101 back.
func TestHeldBack(t *testing.T) {
	t.Parallel()
	app := mounttest.NewApp(t)
	e := echo.New()
	logged := new(mounttest.Log)
	e.Use(middleware.LoggerWithConfig(middleware.LoggerConfig{Format: "${status}\n", Output: logged})) //nolint:staticcheck // apps still have it
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if c.IsWebSocket() {
				c.Response().Writer = holding{c.Response().Writer}
			}
			return next(c)
		}
	})
	sioecho.Mount(e, app.Server)
	mounttest.Drive(t, app, mounttest.Serve(t, e)+"/socket.io", nil)
	logged.Expect(t, "101\n", 2)
}

func TestMiddleware(t *testing.T) {
	t.Parallel()
	pass := func(next http.Handler) http.Handler { return next }
	for name, use := range map[string][]echo.MiddlewareFunc{
		"Gzip":                     {middleware.Gzip()},
		"Gzip with MinLength":      {middleware.GzipWithConfig(middleware.GzipConfig{MinLength: 1024})},
		"BodyDump":                 {middleware.BodyDump(dump)},
		"BodyDump, Gzip":           {middleware.BodyDump(dump), middleware.Gzip()},
		"Gzip, BodyDump":           {middleware.Gzip(), middleware.BodyDump(dump)},
		"Gzip, WrapMiddleware":     {middleware.Gzip(), echo.WrapMiddleware(pass)},
		"WrapMiddleware, Gzip":     {echo.WrapMiddleware(pass), middleware.Gzip()},
		"BodyLimit":                {middleware.BodyLimit("1M")},
		"CORS, Secure":             {middleware.CORSWithConfig(middleware.CORSConfig{AllowOrigins: []string{mounttest.Origin}}), middleware.Secure()},
		"RequestID, Recover":       {middleware.RequestID(), middleware.Recover()},
		"Decompress":               {middleware.Decompress()},
		"ContextTimeout":           {middleware.ContextTimeout(time.Minute)},
		"CSRF skipped":             {middleware.CSRFWithConfig(middleware.CSRFConfig{Skipper: sioecho.Skipper("/socket.io")})},
		"RateLimiter":              {middleware.RateLimiter(middleware.NewRateLimiterMemoryStore(1000))},
		"KeyAuth":                  {middleware.KeyAuth(func(key string, _ echo.Context) (bool, error) { return key == "x", nil })},
		"AddTrailingSlash later":   {middleware.AddTrailingSlash()},
		"Timeout switched off":     {middleware.TimeoutWithConfig(middleware.TimeoutConfig{})}, //nolint:staticcheck // apps still have it
		"RequestLoggerWithConfig…": {middleware.RequestLoggerWithConfig(middleware.RequestLoggerConfig{LogStatus: true, LogValuesFunc: func(echo.Context, middleware.RequestLoggerValues) error { return nil }})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := mounttest.NewApp(t)
			e := echo.New()
			logged := new(mounttest.Log)
			e.Use(middleware.LoggerWithConfig(middleware.LoggerConfig{Format: "${status}\n", Output: logged})) //nolint:staticcheck // apps still have it
			e.Use(use...)
			sioecho.Mount(e, app.Server)
			mounttest.Drive(t, app, mounttest.Serve(t, e)+"/socket.io", func(c *mounttest.Client) {
				c.Header.Set("Authorization", "Bearer x")
				c.Header.Set("Origin", mounttest.Origin)
			})
			logged.Expect(t, "101\n", 2)
		})
	}
}

// TestTrailingSlash: middleware that changes the path before it is routed.
func TestTrailingSlash(t *testing.T) {
	t.Parallel()
	for name, pre := range map[string]echo.MiddlewareFunc{"add": middleware.AddTrailingSlash(), "remove": middleware.RemoveTrailingSlash()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mounttest.Run(t, func(t *testing.T, srv *socketio.Server) string {
				e := echo.New()
				e.Pre(pre)
				sioecho.Mount(e, srv)
				return mounttest.Serve(t, e) + "/socket.io"
			})
		})
	}
}

// TestRefusals: middleware that cannot work in front, and what its answer is.
func TestRefusals(t *testing.T) {
	t.Parallel()
	mount := func(t *testing.T, use echo.MiddlewareFunc) *mounttest.Client {
		e := echo.New()
		e.Use(use)
		sioecho.Mount(e, mounttest.NewApp(t).Server)
		return mounttest.NewClient(t, mounttest.Serve(t, e)+"/socket.io")
	}
	t.Run("CSRF", func(t *testing.T) {
		t.Parallel()
		c := mount(t, middleware.CSRF())
		s := c.OpenOnly()
		assert.Equal(t, "POST", c.Do("POST", "/?EIO=4&transport=polling&sid="+s.ID, "40").Status, http.StatusBadRequest)
		c.Dial().Echo("a WebSocket passes")
	})
	t.Run("BodyLimit", func(t *testing.T) {
		t.Parallel()
		c := mount(t, middleware.BodyLimit("1K"))
		s := c.Open()
		a := c.Do("POST", "/?EIO=4&transport=polling&sid="+s.ID, strings.Repeat("4", 2000))
		assert.Equal(t, "POST", a.Status, http.StatusRequestEntityTooLarge)
	})
	t.Run("RateLimiter", func(t *testing.T) {
		t.Parallel()
		c := mount(t, middleware.RateLimiter(middleware.NewRateLimiterMemoryStoreWithConfig(
			middleware.RateLimiterMemoryStoreConfig{Rate: 1e-9, Burst: 1, ExpiresIn: time.Minute})))
		s := c.OpenOnly()
		assert.Equal(t, "POST", c.Do("POST", "/?EIO=4&transport=polling&sid="+s.ID, "40").Status, http.StatusTooManyRequests)
	})
}

// TestCORS: echo's middleware and the server's own list give one header.
func TestCORS(t *testing.T) {
	t.Parallel()
	app := mounttest.NewApp(t)
	e := echo.New()
	e.Use(middleware.CORSWithConfig(middleware.CORSConfig{AllowOrigins: []string{mounttest.Origin, "https://other.example"}}))
	sioecho.Mount(e, app.Server)
	url := mounttest.Serve(t, e) + "/socket.io"
	mounttest.HeaderOnceFrom(t, url, mounttest.Origin, "Access-Control-Allow-Origin")
	c := mounttest.NewClient(t, url)
	c.Header.Set("Origin", "https://other.example")
	assert.Equal(t, "only in echo's list", c.Do("GET", "/?EIO=4&transport=polling", "").Status, http.StatusForbidden)
	if !strings.Contains(app.Log.String(), "Options.CORS.Origins") {
		t.Errorf("the log does not name the option: %s", app.Log)
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	e := echo.New()
	e.Use(middleware.RequestID(), middleware.Gzip())
	sioecho.Mount(e, mounttest.NewApp(t).Server)
	mounttest.HeaderOnce(t, mounttest.Serve(t, e)+"/socket.io", echo.HeaderXRequestID)
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, poll string
		use        []echo.MiddlewareFunc
	}{
		{"WriteTimeout", "2", nil},
		{"WriteTimeout and Gzip", "2", []echo.MiddlewareFunc{middleware.Gzip()}},
		{"ContextTimeout", "6", []echo.MiddlewareFunc{middleware.ContextTimeout(mounttest.ShortTimeout)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			mounttest.Outlives(t, tc.poll, func(t *testing.T, srv *socketio.Server, ln net.Listener) string {
				e := echo.New()
				e.Use(tc.use...)
				sioecho.Mount(e, srv)
				mounttest.ServeListener(t, &http.Server{Handler: e, ReadTimeout: mounttest.ShortTimeout, WriteTimeout: mounttest.ShortTimeout}, ln)
				return "/socket.io"
			})
		})
	}
}

func TestUnhijackable(t *testing.T) {
	t.Parallel()
	timeout := middleware.TimeoutWithConfig(middleware.TimeoutConfig{Timeout: time.Minute}) //nolint:staticcheck // apps still have it
	for name, use := range map[string][]echo.MiddlewareFunc{
		"Timeout":               {timeout},
		"Timeout, Gzip":         {timeout, middleware.Gzip()},
		"Gzip, BodyDump, inner": {middleware.Gzip(), middleware.BodyDump(dump), timeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := mounttest.NewApp(t)
			e := echo.New()
			e.Use(use...)
			sioecho.Mount(e, app.Server)
			mounttest.Unhijackable(t, app, mounttest.Serve(t, e)+"/socket.io", "*http.timeoutWriter")
		})
	}
}

func TestLogout(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(e *echo.Echo, scs echo.MiddlewareFunc){
		"outside": func(e *echo.Echo, scs echo.MiddlewareFunc) { e.Use(scs, middleware.Gzip(), middleware.BodyDump(dump)) },
		"inside":  func(e *echo.Echo, scs echo.MiddlewareFunc) { e.Use(middleware.BodyDump(dump), middleware.Gzip(), scs) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mounttest.Logout(t, func(_ *testing.T, srv *socketio.Server, loadAndSave func(http.Handler) http.Handler) http.Handler {
				e := echo.New()
				use(e, echo.WrapMiddleware(loadAndSave))
				sioecho.Mount(e, srv)
				return e
			})
		})
	}
}

// TestUpstream reads what middleware has set, many requests later.
func TestUpstream(t *testing.T) {
	t.Parallel()
	app := mounttest.NewApp(t)
	e := echo.New()
	e.IPExtractor = echo.ExtractIPFromXFFHeader()
	g := e.Group("/:tenant", func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if sioecho.IsHandshake(c) {
				c.Set("user", c.Request().Header.Get("X-User"))
				c.Set("n", 7)
			}
			return next(c)
		}
	})
	sioecho.Mount(g, app.Server, sioecho.Config{ContextKeys: []string{"user", "n", "absent"}})
	url := mounttest.Serve(t, e)
	mounttest.Users(t, app, func(user string) string { return url + "/t-" + user + "/socket.io" }, func(s *socketio.Socket, user string) {
		got, ok := sioecho.Get[string](s, "user")
		assert.True(t, "a string", ok)
		assert.Equal(t, "user", got, user)
		n, _ := sioecho.Get[int](s, "n")
		assert.Equal(t, "n", n, 7)
		_, ok = sioecho.Get[int](s, "user")
		assert.True(t, "another type", !ok)
		_, ok = sioecho.Get[any](s, "absent")
		assert.True(t, "absent", !ok)
		assert.Equal(t, "tenant", sioecho.Param(s, "tenant"), "t-"+user)
		assert.Equal(t, "wildcard", sioecho.Param(s, "*"), "")
		assert.Equal(t, "address", s.Handshake().Address, "203.0.113.9")
	})
}

// TestAddress: the address of the handshake is the peer's; a header that anyone
// can send counts only if the app says so, and only from a proxy.
func TestAddress(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		extractor echo.IPExtractor
		want      string
	}{
		{"no extractor", nil, "127.0.0.1"},
		{"direct", echo.ExtractIPDirect(), "127.0.0.1"},
		{"X-Forwarded-For of a proxy", echo.ExtractIPFromXFFHeader(), "203.0.113.9"},
		{"X-Forwarded-For of a stranger", echo.ExtractIPFromXFFHeader(echo.TrustLoopback(false)), "127.0.0.1"},
		{"X-Real-IP of a proxy", echo.ExtractIPFromRealIPHeader(), "203.0.113.8"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			app := mounttest.NewApp(t)
			e := echo.New()
			e.IPExtractor = tc.extractor
			sioecho.Mount(e, app.Server)
			c := mounttest.NewClient(t, mounttest.Serve(t, e)+"/socket.io")
			c.Header.Set("X-Forwarded-For", "203.0.113.9")
			c.Header.Set("X-Real-IP", "203.0.113.8")
			c.Open()
			assert.Equal(t, "address", mounttest.Wait(t, "the socket", app.Connected).Handshake().Address, tc.want)
		})
	}
}

// TestHoldsNothing: nothing of echo's is reachable from an upgraded connection.
func TestHoldsNothing(t *testing.T) {
	t.Parallel()
	app := mounttest.NewApp(t)
	e := echo.New()
	refs := make(chan weak.Pointer[echo.Response], 16)
	e.Use(middleware.Gzip(), func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			refs <- weak.Make(c.Response()) // lives and dies with the context
			c.Set("user", "alice")
			return next(c)
		}
	})
	sioecho.Mount(e, app.Server)
	c := mounttest.NewClient(t, mounttest.Serve(t, e)+"/socket.io")
	s := c.Open()
	s.Upgrade()
	c.Dial().Echo("x")
	close(refs)
	for ref := range refs {
		mounttest.Collected(t, "an *echo.Response", func() bool { return ref.Value() != nil })
	}
	s.Echo("still open")
}

func TestSkipper(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{"/socket.io": true, "/socket.io/": true, "/socket.io/x": true, "/socket.iox": false, "/": false} {
		r, err := http.NewRequest(http.MethodGet, path, nil)
		assert.NoError(t, err)
		assert.Equal(t, path, sioecho.Skipper("/socket.io/")(echo.New().NewContext(r, nil)), want)
	}
}

func TestWrongWiring(t *testing.T) {
	t.Parallel()
	srv := mounttest.NewApp(t).Server
	for name, f := range map[string]func(){
		"nil":       func() { sioecho.Mount(echo.New(), nil) },
		"no slash":  func() { sioecho.Mount(echo.New(), srv, sioecho.Config{Path: "socket.io"}) },
		"parameter": func() { sioecho.Mount(echo.New(), srv, sioecho.Config{Path: "/:x"}) },
	} {
		mounttest.Panics(t, name, f)
	}
}

func TestPin(t *testing.T) {
	t.Parallel()
	mounttest.Pinned(t, "user", func(t *testing.T, srv *socketio.Server) string {
		e := echo.New()
		e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c echo.Context) error {
				c.Set("user", c.Request().Header.Get("X-User"))
				return next(c)
			}
		})
		sioecho.Mount(e, srv)
		return mounttest.Serve(t, e) + "/socket.io"
	})
}

// TestClientCertificate: see docs/securing.md.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	mounttest.ClientCertificate(t, func(t *testing.T, srv *socketio.Server) func(net.Listener) {
		e := echo.New()
		sioecho.Mount(e, srv)
		return func(ln net.Listener) { mounttest.ServeListener(t, &http.Server{Handler: e}, ln) }
	})
}

// TestUnixSocket: a client of one has the address that net/http gives it.
func TestUnixSocket(t *testing.T) {
	t.Parallel()
	mounttest.UnixSocket(t, func(srv *socketio.Server, ln net.Listener) {
		h := echo.New()
		sioecho.Mount(h, srv)
		hs := &http.Server{Handler: h}
		go func() { _ = hs.Serve(ln) }() // ends with Close
		t.Cleanup(func() { _ = hs.Close() })
	})
}
