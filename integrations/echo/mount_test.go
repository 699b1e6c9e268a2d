package sioecho_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"weak"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	socketio "github.com/gosio/gosio/core"
	sioecho "github.com/gosio/gosio/integrations/echo"
	"github.com/gosio/gosio/integrations/mounttest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

type middlewares = map[string][]echo.MiddlewareFunc

// wrapped is middleware of net/http that does nothing.
var wrapped = echo.WrapMiddleware(func(next http.Handler) http.Handler { return next })

var front = mounttest.Front[echo.MiddlewareFunc]{
	NetHTTP: true,
	Serve: func(t *testing.T, s mounttest.Setup[echo.MiddlewareFunc]) {
		e := echo.New()
		e.IPExtractor = echo.ExtractIPFromXFFHeader()
		e.Use(s.Use...)
		sioecho.Mount(e.Group(s.Group), s.Server, sioecho.Config{Path: s.Path, ContextKeys: []string{"user", "n", "absent"}})
		s.ServeHTTP(t, e)
	},
	Usual: []echo.MiddlewareFunc{logger(io.Discard), middleware.Recover()},
	Middleware: middlewares{
		"Gzip":                     {middleware.Gzip()},
		"Gzip with MinLength":      {middleware.GzipWithConfig(middleware.GzipConfig{MinLength: 1024})},
		"BodyDump":                 {middleware.BodyDump(dump)},
		"BodyDump, Gzip":           {middleware.BodyDump(dump), middleware.Gzip()},
		"Gzip, BodyDump":           {middleware.Gzip(), middleware.BodyDump(dump)},
		"Gzip, WrapMiddleware":     {middleware.Gzip(), wrapped},
		"WrapMiddleware, Gzip":     {wrapped, middleware.Gzip()},
		"BodyLimit":                {middleware.BodyLimit("1M")},
		"CORS, Secure":             {middleware.CORSWithConfig(middleware.CORSConfig{AllowOrigins: []string{mounttest.Origin}}), middleware.Secure()},
		"RequestID, Recover":       {middleware.RequestID(), middleware.Recover()},
		"Decompress":               {middleware.Decompress()},
		"ContextTimeout":           {middleware.ContextTimeout(time.Minute)},
		"CSRF skipped":             {middleware.CSRFWithConfig(middleware.CSRFConfig{Skipper: sioecho.Skip("/socket.io")})},
		"RateLimiter":              {middleware.RateLimiter(middleware.NewRateLimiterMemoryStore(1000))},
		"KeyAuth":                  {middleware.KeyAuth(func(key string, _ echo.Context) (bool, error) { return key == "x", nil })},
		"AddTrailingSlash later":   {middleware.AddTrailingSlash()},
		"Timeout switched off":     {middleware.TimeoutWithConfig(middleware.TimeoutConfig{})}, //nolint:staticcheck // apps still have it
		"RequestLoggerWithConfig…": {middleware.RequestLoggerWithConfig(middleware.RequestLoggerConfig{LogStatus: true, LogValuesFunc: func(echo.Context, middleware.RequestLoggerValues) error { return nil }})},
	},
	Authorization: "Bearer x",
	Log:           logger,
	Logged:        "101\n",
	CORS: func(origins ...string) echo.MiddlewareFunc {
		return middleware.CORSWithConfig(middleware.CORSConfig{AllowOrigins: origins})
	},
	HeaderOnce: middlewares{echo.HeaderXRequestID: {middleware.RequestID(), middleware.Gzip()}},
	Outlives:   middlewares{"WriteTimeout": nil, "WriteTimeout and Gzip": {middleware.Gzip()}},
	Cut:        middlewares{"ContextTimeout": {middleware.ContextTimeout(mounttest.ShortTimeout)}},
	User: func(handshakesOnly bool) echo.MiddlewareFunc {
		return before(func(c echo.Context) {
			if !handshakesOnly || sioecho.IsHandshake(c) {
				c.Set("user", c.Request().Header.Get("X-User"))
				c.Set("n", 7)
			}
		})
	},
	UserKey: "user",
	Get:     sioecho.Get[string],
	Param:   sioecho.Param,
	Refuse:  func() echo.MiddlewareFunc { return refuse(sioecho.IsHandshake, http.StatusUnauthorized) },
	Skip: func(path string) echo.MiddlewareFunc {
		skip := sioecho.Skip(path)
		return refuse(func(c echo.Context) bool { return !skip(c) }, http.StatusTeapot)
	},
	Check: func(t *testing.T, s *socketio.Socket, _ string) {
		n, _ := sioecho.Get[int](s, "n")
		assert.Equal(t, "n", n, 7)
		_, ok := sioecho.Get[int](s, "user")
		assert.True(t, "another type", !ok)
		_, ok = sioecho.Get[any](s, "absent")
		assert.True(t, "absent", !ok)
	},
	Holds: func(alive chan<- func() bool) echo.MiddlewareFunc {
		compress := middleware.Gzip()
		return func(next echo.HandlerFunc) echo.HandlerFunc {
			return compress(func(c echo.Context) error {
				ref := weak.Make(c.Response()) // lives and dies with the context
				alive <- func() bool { return ref.Value() != nil }
				return next(c)
			})
		}
	},
}

// refuse answers the requests that are meant with a status.
func refuse(meant func(c echo.Context) bool, status int) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if meant(c) {
				return c.NoContent(status)
			}
			return next(c)
		}
	}
}

// before is middleware that does something first.
func before(f func(c echo.Context)) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			f(c)
			return next(c)
		}
	}
}

func dump(echo.Context, []byte, []byte) {}

// logger writes a line for each request: its status.
func logger(w io.Writer) echo.MiddlewareFunc {
	return middleware.LoggerWithConfig(middleware.LoggerConfig{Format: "${status}\n", Output: w}) //nolint:staticcheck // apps still have it
}

func TestMount(t *testing.T) {
	t.Parallel()
	front.Run(t)
}

// TestContextKeys: without any, "user" is kept, and nothing else.
func TestContextKeys(t *testing.T) {
	t.Parallel()
	app := mounttest.NewApp(t)
	e := echo.New()
	e.Use(front.User(true))
	sioecho.Mount(e, app.Server)
	c := mounttest.NewClient(t, mounttest.Serve(t, e)+"/socket.io")
	c.Header.Set("X-User", "ann")
	c.Open()
	s := mounttest.Wait(t, "the socket", app.Connected)
	user, _ := sioecho.Get[string](s, "user")
	assert.Equal(t, "user", user, "ann")
	_, ok := sioecho.Get[int](s, "n")
	assert.True(t, "another key", !ok)
}

// TestHandler registers the routes by hand.
func TestHandler(t *testing.T) {
	t.Parallel()
	app := mounttest.NewApp(t)
	e := echo.New()
	e.Any("/socket.io/*", sioecho.Handler(app.Server))
	mounttest.Drive(t, app, mounttest.Serve(t, e)+"/socket.io", nil)
}

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

// TestTrailingSlash: middleware that changes the path before it is routed.
func TestTrailingSlash(t *testing.T) {
	t.Parallel()
	for name, pre := range map[string]echo.MiddlewareFunc{"add": middleware.AddTrailingSlash(), "remove": middleware.RemoveTrailingSlash()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := mounttest.NewApp(t)
			e := echo.New()
			e.Pre(pre)
			sioecho.Mount(e, app.Server)
			url := mounttest.Serve(t, e) + "/socket.io"
			for _, slash := range []string{"", "/"} {
				mounttest.Drive(t, app, url, func(c *mounttest.Client) { c.Slash = slash })
			}
		})
	}
}

// TestRefusals: middleware that cannot work in front, and what its answer is.
func TestRefusals(t *testing.T) {
	t.Parallel()
	mount := func(t *testing.T, use echo.MiddlewareFunc) *mounttest.Client {
		return mounttest.NewClient(t, front.Mount(use).Start(t, mounttest.NewApp(t).Server))
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

// TestUnhijackable: within the application.
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
			mounttest.Unhijackable(t, front.Mount(use...), "*http.timeoutWriter")
		})
	}
}

// TestLogout: with scs among Echo's own middleware.
func TestLogout(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(scs echo.MiddlewareFunc) []echo.MiddlewareFunc{
		"outside": func(scs echo.MiddlewareFunc) []echo.MiddlewareFunc {
			return []echo.MiddlewareFunc{scs, middleware.Gzip(), middleware.BodyDump(dump)}
		},
		"inside": func(scs echo.MiddlewareFunc) []echo.MiddlewareFunc {
			return []echo.MiddlewareFunc{middleware.BodyDump(dump), middleware.Gzip(), scs}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mounttest.Logout(t, func(loadAndSave func(http.Handler) http.Handler) mounttest.Mount {
				return front.Mount(use(echo.WrapMiddleware(loadAndSave))...)
			})
		})
	}
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
