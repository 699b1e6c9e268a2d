package siofiber_test

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/basicauth"
	"github.com/gofiber/fiber/v2/middleware/cache"
	"github.com/gofiber/fiber/v2/middleware/compress"
	"github.com/gofiber/fiber/v2/middleware/cors"
	"github.com/gofiber/fiber/v2/middleware/csrf"
	"github.com/gofiber/fiber/v2/middleware/encryptcookie"
	"github.com/gofiber/fiber/v2/middleware/etag"
	"github.com/gofiber/fiber/v2/middleware/helmet"
	"github.com/gofiber/fiber/v2/middleware/idempotency"
	"github.com/gofiber/fiber/v2/middleware/limiter"
	"github.com/gofiber/fiber/v2/middleware/logger"
	"github.com/gofiber/fiber/v2/middleware/recover"
	"github.com/gofiber/fiber/v2/middleware/requestid"
	"github.com/gofiber/fiber/v2/middleware/session"
	"github.com/gofiber/fiber/v2/middleware/timeout"

	socketio "github.com/gosio/gosio/core"
	siofiber "github.com/gosio/gosio/integrations/fiber"
	"github.com/gosio/gosio/integrations/internal/mounttest"
	"github.com/gosio/gosio/internal/assert"
)

// within is timeout.NewWithContext as middleware for a path.
func within(d time.Duration) fiber.Handler {
	return timeout.NewWithContext(func(c *fiber.Ctx) error { return c.Next() }, d)
}

// withSession is what applications write around the session store.
func withSession(store *session.Store) fiber.Handler {
	return func(c *fiber.Ctx) error {
		s, err := store.Get(c)
		if err != nil {
			return err
		}
		c.Locals("user", s.Get("user"))
		s.Set("user", "alice")
		if err := c.Next(); err != nil {
			return err
		}
		return s.Save()
	}
}

func TestMiddleware(t *testing.T) {
	t.Parallel()
	next := siofiber.Next("/socket.io")
	for name, use := range map[string][]any{
		"compress":               {compress.New()},
		"compress, etag":         {compress.New(), etag.New()},
		"cors, helmet":           {cors.New(cors.Config{AllowOrigins: mounttest.Origin}), helmet.New()},
		"limiter":                {limiter.New(limiter.Config{Max: 1000})},
		"requestid, recover":     {requestid.New(), recover.New()},
		"timeout.NewWithContext": {within(time.Minute)},
		"session":                {withSession(session.New())},
		"encryptcookie, session": {encryptcookie.New(encryptcookie.Config{Key: encryptcookie.GenerateKey()}), withSession(session.New())},
		"basicauth":              {basicauth.New(basicauth.Config{Users: map[string]string{"ann": "x"}})},
		"cache with Next":        {cache.New(cache.Config{Next: next})},
		"csrf with Next":         {csrf.New(csrf.Config{Next: next})},
		"idempotency":            {idempotency.New()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := mounttest.NewApp(t)
			logged := new(mounttest.Log)
			app := newApp()
			app.Use(logger.New(logger.Config{Format: "${status}\n", Output: logged}))
			app.Use(use...)
			siofiber.Mount(app, a.Server)
			mounttest.Drive(t, a, serve(t, app)+"/socket.io", func(c *mounttest.Client) {
				c.Header.Set("Authorization", "Basic YW5uOng=")
				c.Header.Set("Origin", mounttest.Origin)
			})
			logged.Expect(t, "101\n", 2)
		})
	}
}

// TestRefusals: middleware and settings that cannot work in front, and what
// the answer is.
func TestRefusals(t *testing.T) {
	t.Parallel()
	mount := func(t *testing.T, config fiber.Config, use ...any) *mounttest.Client {
		app := newApp(config)
		if len(use) > 0 {
			app.Use(use...)
		}
		siofiber.Mount(app, mounttest.NewApp(t).Server)
		return mounttest.NewClient(t, serve(t, app)+"/socket.io")
	}
	post := func(c *mounttest.Client, s *mounttest.Session, body string) int {
		return c.Do("POST", "/?EIO=4&transport=polling&sid="+s.ID, body).Status
	}
	t.Run("csrf", func(t *testing.T) {
		t.Parallel()
		c := mount(t, fiber.Config{}, csrf.New())
		assert.Equal(t, "POST", post(c, c.OpenOnly(), "40"), http.StatusForbidden)
		c.Dial().Echo("a WebSocket passes")
	})
	t.Run("limiter", func(t *testing.T) {
		t.Parallel()
		c := mount(t, fiber.Config{}, limiter.New(limiter.Config{Max: 1, Expiration: time.Hour}))
		assert.Equal(t, "POST", post(c, c.OpenOnly(), "40"), http.StatusTooManyRequests)
	})
	t.Run("cache", func(t *testing.T) {
		t.Parallel()
		c := mount(t, fiber.Config{}, cache.New())
		a, b := c.OpenOnly(), c.OpenOnly() // what the documentation warns of
		assert.Equal(t, "the second client gets", b.ID, a.ID)
		assert.Equal(t, "and can tell by", b.First.Get("X-Cache"), "hit")
	})
	t.Run("BodyLimit", func(t *testing.T) {
		t.Parallel()
		c := mount(t, fiber.Config{BodyLimit: 1000})
		assert.Equal(t, "POST", post(c, c.Open(), strings.Repeat("4", 2000)), http.StatusRequestEntityTooLarge)
	})
	t.Run("a stream over our limit", func(t *testing.T) {
		t.Parallel()
		c := mount(t, fiber.Config{StreamRequestBody: true, BodyLimit: 1000})
		s := c.Open()
		s.Echo(strings.Repeat("long ", 1000))
		// Declared in whole, sent in part: the answer does not wait for the rest.
		r := c.Raw("POST /socket.io/?EIO=4&transport=polling&sid=" + s.ID + " HTTP/1.1\r\nHost: x\r\nContent-Length: 1000001\r\n\r\n" + strings.Repeat("4", 2000))
		assert.Equal(t, "POST", r.Status, http.StatusRequestEntityTooLarge)
	})
	t.Run("no URI", func(t *testing.T) {
		t.Parallel()
		c := mount(t, fiber.Config{})
		a := c.Raw("GET /socket.io/?EIO=4&transport=polling%zz HTTP/1.1\r\nHost: x\r\n\r\n")
		assert.Equal(t, "a bad escape in the query is the server's to judge", a.Status, http.StatusBadRequest)
		a = c.Raw("GET /socket.io/%zz?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n")
		assert.Equal(t, "in the path", a.Status, http.StatusBadRequest)
	})
}

// TestCORS: Fiber's middleware and the server's own list give one header.
func TestCORS(t *testing.T) {
	t.Parallel()
	a := mounttest.NewApp(t)
	app := newApp()
	app.Use(cors.New(cors.Config{AllowOrigins: mounttest.Origin + ",https://other.example"}))
	siofiber.Mount(app, a.Server)
	url := serve(t, app) + "/socket.io"
	mounttest.HeaderOnceFrom(t, url, mounttest.Origin, "Access-Control-Allow-Origin")
	c := mounttest.NewClient(t, url)
	c.Header.Set("Origin", "https://other.example")
	assert.Equal(t, "only in Fiber's list", c.Do("GET", "/?EIO=4&transport=polling", "").Status, http.StatusForbidden)
	if !strings.Contains(a.Log.String(), "Options.CORS.Origins") {
		t.Errorf("the log does not name the option: %s", a.Log)
	}
}

// TestHeaders: what middleware sets is in every response, and stays the
// socket's own although fasthttp reuses what it came in.
func TestHeaders(t *testing.T) {
	t.Parallel()
	a := mounttest.NewApp(t)
	app := newApp()
	app.Use(requestid.New(), func(c *fiber.Ctx) error {
		c.Vary("Accept-Language")
		return c.Next()
	})
	siofiber.Mount(app, a.Server)
	url := serve(t, app) + "/socket.io"
	mounttest.HeaderOnce(t, url, fiber.HeaderXRequestID)

	c := mounttest.NewClient(t, url)
	c.Header.Set("Origin", mounttest.Origin)
	c.Header.Set(fiber.HeaderXRequestID, "first")
	for len(a.Connected) > 0 {
		<-a.Connected
	}
	s := c.Open()
	assert.Equal(t, "Vary", s.First.Values("Vary"), []string{"Accept-Language, Origin"})
	socket := mounttest.Wait(t, "the socket", a.Connected)
	c.Header.Set(fiber.HeaderXRequestID, "other")
	s.Echo("overwrite")
	id, _ := siofiber.Get[string](socket, "requestid")
	assert.Equal(t, "request id", id, "first")
}

// TestEncryptedCookie: cookies are encrypted after the handlers have returned,
// and decrypted in the request before.
func TestEncryptedCookie(t *testing.T) {
	t.Parallel()
	a := mounttest.NewApp(t)
	app := newApp()
	app.Use(encryptcookie.New(encryptcookie.Config{Key: encryptcookie.GenerateKey()}), func(c *fiber.Ctx) error {
		c.Cookie(&fiber.Cookie{Name: "secret", Value: "plain"})
		return c.Next()
	})
	siofiber.Mount(app, a.Server)
	c := mounttest.NewClient(t, serve(t, app)+"/socket.io")
	for name, open := range map[string]func() *mounttest.Session{"polling": c.OpenOnly, "WebSocket": c.Dial} {
		cookies := open().First.Values("Set-Cookie")
		if len(cookies) != 1 || strings.Contains(cookies[0], "plain") || !strings.HasPrefix(cookies[0], "secret=") {
			t.Errorf("%s: cookies %q", name, cookies)
		}
		cookie, _, _ := strings.Cut(cookies[0], ";")
		c.Header.Set("Cookie", cookie)
	}
	for len(a.Connected) > 0 {
		<-a.Connected
	}
	c.Dial()
	got, err := mounttest.Wait(t, "the socket", a.Connected).Handshake().Request().Cookie("secret")
	assert.NoError(t, err)
	assert.Equal(t, "as the server sees it", got.Value, "plain")
}

// TestSecondThoughts: middleware refuses on the way back.
func TestSecondThoughts(t *testing.T) {
	t.Parallel()
	a := mounttest.NewApp(t)
	app := newApp()
	app.Use(func(c *fiber.Ctx) error {
		_ = c.Next()
		return fiber.NewError(fiber.StatusTeapot, "no")
	})
	siofiber.Mount(app, a.Server)
	r := mounttest.NewClient(t, serve(t, app)+"/socket.io").Refused()
	assert.Equal(t, "status", r.Status, fiber.StatusTeapot)
	assert.Equal(t, "body", r.Body, "no")
	assert.Equal(t, "sessions", a.Connections(), 0)
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, poll string
		use        []any
	}{
		{"ReadTimeout and WriteTimeout", "2", nil},
		{"the same, compress", "2", []any{compress.New()}},
		{"timeout.NewWithContext", "6", []any{within(mounttest.ShortTimeout)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			mounttest.Outlives(t, tc.poll, func(t *testing.T, srv *socketio.Server, ln net.Listener) string {
				app := newApp(fiber.Config{ReadTimeout: mounttest.ShortTimeout, WriteTimeout: mounttest.ShortTimeout, IdleTimeout: time.Minute})
				if tc.use != nil {
					app.Use(tc.use...)
				}
				siofiber.Mount(app, srv)
				serveOn(t, app, ln)
				return "/socket.io"
			})
		})
	}
}
