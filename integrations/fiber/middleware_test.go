package siofiber_test

import (
	"io"
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
	"github.com/gosio/gosio/integrations/mounttest"
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

// front is what Fiber's middleware takes: handlers, perhaps with a path before them.
var front = mounttest.Front[any]{
	Serve: func(t *testing.T, s mounttest.Setup[any]) {
		config := behindProxy
		config.ReadTimeout, config.WriteTimeout, config.IdleTimeout = s.Timeout, s.Timeout, time.Minute
		config.StrictRouting, config.CaseSensitive = s.Group != "", s.Group != ""
		app := newApp(config)
		for _, use := range s.Use {
			app.Use(use)
		}
		siofiber.Mount(app.Group(s.Group), s.Server, siofiber.Config{Path: s.Path})
		serve(t, app, s.Listener)
	},
	Usual: []any{logger.New(logger.Config{Output: io.Discard}), recover.New()},
	Middleware: map[string][]any{
		"compress":               {compress.New()},
		"compress, etag":         {compress.New(), etag.New()},
		"cors, helmet":           {cors.New(cors.Config{AllowOrigins: mounttest.Origin}), helmet.New()},
		"limiter":                {limiter.New(limiter.Config{Max: 1000})},
		"requestid, recover":     {requestid.New(), recover.New()},
		"timeout.NewWithContext": {within(time.Minute)},
		"session":                {withSession(session.New())},
		"encryptcookie, session": {encryptcookie.New(encryptcookie.Config{Key: encryptcookie.GenerateKey()}), withSession(session.New())},
		"basicauth":              {basicauth.New(basicauth.Config{Users: map[string]string{"ann": "x"}})},
		"cache with Next":        {cache.New(cache.Config{Next: siofiber.Skip("/socket.io")})},
		"csrf with Next":         {csrf.New(csrf.Config{Next: siofiber.Skip("/socket.io")})},
		"idempotency":            {idempotency.New()},
	},
	Authorization: "Basic YW5uOng=",
	Log: func(w io.Writer) any {
		return logger.New(logger.Config{Format: "${status}\n", Output: w})
	},
	Logged:     "101\n",
	CORS:       func(origins ...string) any { return cors.New(cors.Config{AllowOrigins: strings.Join(origins, ",")}) },
	HeaderOnce: map[string][]any{fiber.HeaderXRequestID: {requestid.New()}},
	Outlives:   map[string][]any{"ReadTimeout and WriteTimeout": nil, "the same, compress": {compress.New()}},
	Cut:        map[string][]any{"timeout.NewWithContext": {within(mounttest.ShortTimeout)}},
	User: func(handshakesOnly bool) any {
		return func(c *fiber.Ctx) error {
			if !handshakesOnly || siofiber.IsHandshake(c) {
				c.Locals("user", c.Get("X-User")) // a string in fasthttp's buffer
				c.Locals(userBytes{}, c.Request().Header.Peek("X-User"))
			}
			return c.Next()
		}
	},
	UserKey: "user",
	Get:     siofiber.Get[string],
	Param:   siofiber.Param,
	Refuse:  func() any { return refuse(siofiber.IsHandshake, http.StatusUnauthorized) },
	Skip: func(path string) any {
		skip := siofiber.Skip(path)
		return refuse(func(c *fiber.Ctx) bool { return !skip(c) }, http.StatusTeapot)
	},
	Check: func(t *testing.T, s *socketio.Socket, user string) {
		b, _ := siofiber.Get[[]byte](s, userBytes{})
		assert.Equal(t, "bytes", string(b), user)
		_, ok := siofiber.Get[int](s, "user")
		assert.True(t, "another type", !ok)
	},
}

// refuse answers the requests that are meant with a status.
func refuse(meant func(c *fiber.Ctx) bool, status int) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if meant(c) {
			return c.SendStatus(status)
		}
		return c.Next()
	}
}

type userBytes struct{}

// TestRefusals: middleware and settings that cannot work in front, and what
// the answer is.
func TestRefusals(t *testing.T) {
	t.Parallel()
	mount := func(t *testing.T, config fiber.Config, use ...any) *mounttest.Client {
		mount := mount(config, func(app *fiber.App) {
			if len(use) > 0 {
				app.Use(use...)
			}
		})
		return mounttest.NewClient(t, mount.Start(t, mounttest.NewApp(t).Server))
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

// TestHeaders: what middleware sets is in every response, and stays the
// socket's own although fasthttp reuses what it came in.
func TestHeaders(t *testing.T) {
	t.Parallel()
	a := mounttest.NewApp(t)
	app := newApp(fiber.Config{})
	app.Use(requestid.New(), func(c *fiber.Ctx) error {
		c.Vary("Accept-Language")
		return c.Next()
	})
	siofiber.Mount(app, a.Server)
	url := serve(t, app, mounttest.Listen(t)) + "/socket.io"
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
	app := newApp(fiber.Config{})
	app.Use(encryptcookie.New(encryptcookie.Config{Key: encryptcookie.GenerateKey()}), func(c *fiber.Ctx) error {
		c.Cookie(&fiber.Cookie{Name: "secret", Value: "plain"})
		return c.Next()
	})
	siofiber.Mount(app, a.Server)
	c := mounttest.NewClient(t, serve(t, app, mounttest.Listen(t))+"/socket.io")
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
	app := newApp(fiber.Config{})
	app.Use(func(c *fiber.Ctx) error {
		_ = c.Next()
		return fiber.NewError(fiber.StatusTeapot, "no")
	})
	siofiber.Mount(app, a.Server)
	r := mounttest.NewClient(t, serve(t, app, mounttest.Listen(t))+"/socket.io").Refused()
	assert.Equal(t, "status", r.Status, fiber.StatusTeapot)
	assert.Equal(t, "body", r.Body, "no")
	assert.Equal(t, "sessions", a.Connections(), 0)
}
