package siofiber_test

import (
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/logger"
	"github.com/gofiber/fiber/v3/middleware/recover"
	"github.com/valyala/fasthttp"

	socketio "github.com/gosio/gosio/core"
	siofiber "github.com/gosio/gosio/integrations/fiberv3"
	"github.com/gosio/gosio/integrations/internal/mounttest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) {
	new(fasthttp.ResponseHeader).Header() // starts a clock for all servers, which must not be in a bubble of virtual time
	leak.Main(m,                          // without an end, or with one that is up to 10 s away
		"github.com/valyala/fasthttp.updateServerDate",
		"github.com/valyala/fasthttp.(*workerPool).Start",
		"github.com/valyala/fasthttp/stackless.NewFunc", // compression, in later versions
		"github.com/gofiber/fiber/v3/middleware/",       // cache, logger
		"github.com/gofiber/fiber/v3/internal/",         // storage in memory
		"github.com/gofiber/utils/v2.StartTimeStampUpdater",
	)
}

// newApp returns a quiet app.
func newApp(config ...fiber.Config) *fiber.App {
	var cfg fiber.Config
	if len(config) > 0 {
		cfg = config[0]
	}
	return fiber.New(cfg)
}

// serve runs app on the loopback interface until the test ends.
func serve(t testing.TB, app *fiber.App) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	return serveOn(t, app, ln)
}

func serveOn(t testing.TB, app *fiber.App, ln net.Listener) (url string) {
	done := make(chan error, 1)
	go func() { done <- app.Listener(ln, fiber.ListenConfig{DisableStartupMessage: true}) }() // ends with Shutdown
	t.Cleanup(func() {
		assert.NoError(t, app.Shutdown())
		assert.NoError(t, mounttest.Wait(t, "the app to end", done))
	})
	return "http://" + ln.Addr().String()
}

func TestMount(t *testing.T) {
	t.Parallel()
	mounttest.Run(t, func(t *testing.T, srv *socketio.Server) string {
		app := newApp()
		app.Use(logger.New(logger.Config{Stream: new(mounttest.Log)}), recover.New())
		siofiber.Mount(app, srv)
		return serve(t, app) + "/socket.io"
	})
}

// TestSlowBodies: ReadTimeout cuts them, as the documentation says, and with
// StreamRequestBody also Limits.BodyTimeout. Polls and WebSockets outlive both.
func TestSlowBodies(t *testing.T) {
	t.Parallel()
	const short = 50 * time.Millisecond
	for name, tt := range map[string]struct {
		config       fiber.Config
		limits       socketio.Limits
		length, part string
	}{
		"ReadTimeout":                    {fiber.Config{ReadTimeout: short}, socketio.Limits{}, "Content-Length: 9", "4"},
		"ReadTimeout, chunks":            {fiber.Config{ReadTimeout: short}, socketio.Limits{}, "Transfer-Encoding: chunked", "9\r\n4"},
		"ReadTimeout, StreamRequestBody": {fiber.Config{ReadTimeout: short, StreamRequestBody: true}, socketio.Limits{}, "Content-Length: 9", "4"},
		"StreamRequestBody, chunks":      {fiber.Config{StreamRequestBody: true}, socketio.Limits{BodyTimeout: short}, "Transfer-Encoding: chunked", "9\r\n4"},
		"StreamRequestBody, behind 8 KB": {fiber.Config{StreamRequestBody: true}, socketio.Limits{BodyTimeout: short}, "Content-Length: 90000", "4" + strings.Repeat("x", 9000)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status := mounttest.SlowBody(t, tt.limits, tt.length, tt.part, func(t *testing.T, srv *socketio.Server, ln net.Listener) string {
				app := newApp(tt.config)
				siofiber.Mount(app, srv)
				serveOn(t, app, ln)
				return "/socket.io"
			})
			assert.Equal(t, "status", status, http.StatusRequestTimeout)
		})
	}
	t.Run("polls and WebSockets", func(t *testing.T) {
		t.Parallel()
		mounttest.Outlives(t, "2", func(t *testing.T, srv *socketio.Server, ln net.Listener) string {
			app := newApp(fiber.Config{ReadTimeout: mounttest.ShortTimeout, IdleTimeout: time.Minute})
			siofiber.Mount(app, srv)
			serveOn(t, app, ln)
			return "/socket.io"
		})
	})
}

func TestMountInGroup(t *testing.T) {
	t.Parallel()
	mounttest.Run(t, func(t *testing.T, srv *socketio.Server) string {
		app := newApp(fiber.Config{StrictRouting: true, CaseSensitive: true})
		siofiber.Mount(app.Group("/api/:tenant"), srv, siofiber.Config{Path: "/live/"})
		return serve(t, app) + "/api/acme/live"
	})
}

// TestServerSettings: those that change how fasthttp holds requests and
// connections.
func TestServerSettings(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]fiber.Config{
		"ReduceMemoryUsage, StreamRequestBody": {ReduceMemoryUsage: true, StreamRequestBody: true},
		"Immutable":                            {Immutable: true},
		"DisableKeepalive":                     {DisableKeepalive: true},
		"header names as they come":            {DisableHeaderNormalizing: true},
		"GETOnly off, big buffers":             {ReadBufferSize: 1 << 16, WriteBufferSize: 1 << 16},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := mounttest.NewApp(t)
			app := newApp(config)
			siofiber.Mount(app, a.Server)
			mounttest.Drive(t, a, serve(t, app)+"/socket.io", nil)
		})
	}
	t.Run("KeepHijackedConns", func(t *testing.T) {
		t.Parallel()
		a := mounttest.NewApp(t)
		app := newApp()
		app.Server().KeepHijackedConns = true
		siofiber.Mount(app, a.Server)
		mounttest.Drive(t, a, serve(t, app)+"/socket.io", nil)
	})
}

// TestTLS: the connection is no raw socket then, and a client that hangs up
// says so with an alert.
func TestTLS(t *testing.T) {
	t.Parallel()
	mounttest.Run(t, func(t *testing.T, srv *socketio.Server) string {
		app := newApp()
		siofiber.Mount(app, srv)
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		assert.NoError(t, err)
		certificate, proxy := mounttest.TLS(t, ln.Addr().String())
		serveOn(t, app, tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{certificate}}))
		return proxy + "/socket.io"
	})
}

// TestUpstream reads what middleware has set, many requests later.
func TestUpstream(t *testing.T) {
	t.Parallel()
	a := mounttest.NewApp(t)
	app := newApp(fiber.Config{ProxyHeader: fiber.HeaderXForwardedFor, TrustProxy: true, TrustProxyConfig: fiber.TrustProxyConfig{Loopback: true}})
	type key struct{}
	g := app.Group("/:tenant", func(c fiber.Ctx) error {
		if siofiber.IsHandshake(c) {
			c.Locals("user", c.Get("X-User")) // a string in fasthttp's buffer
			c.Locals(key{}, c.Request().Header.Peek("X-User"))
		}
		return c.Next()
	})
	siofiber.Mount(g, a.Server)
	url := serve(t, app)
	mounttest.Users(t, a, func(user string) string { return url + "/t-" + user + "/socket.io" }, func(s *socketio.Socket, user string) {
		got, ok := siofiber.Get[string](s, "user")
		assert.True(t, "a string", ok)
		assert.Equal(t, "user", got, user)
		b, _ := siofiber.Get[[]byte](s, key{})
		assert.Equal(t, "bytes", string(b), user)
		_, ok = siofiber.Get[int](s, "user")
		assert.True(t, "another type", !ok)
		assert.Equal(t, "tenant", siofiber.Params(s, "tenant"), "t-"+user)
		assert.Equal(t, "wildcard", siofiber.Params(s, "*1"), "")
		assert.Equal(t, "address", s.Handshake().Address, "203.0.113.9")
	})
}

// TestForgedAddress: a client behind a proxy that appends to its header, or passes it
// on, does not choose its address, and an address is never anything else.
func TestForgedAddress(t *testing.T) {
	t.Parallel()
	a := mounttest.NewApp(t)
	app := newApp(fiber.Config{ProxyHeader: fiber.HeaderXForwardedFor, TrustProxy: true, TrustProxyConfig: fiber.TrustProxyConfig{Loopback: true}})
	siofiber.Mount(app, a.Server)
	c := mounttest.NewClient(t, serve(t, app)+"/socket.io")
	for header, want := range map[string]string{
		"203.0.113.9":                               "203.0.113.9",
		"198.51.100.1, 203.0.113.9":                 "203.0.113.9",
		"198.51.100.1,198.51.100.2 ,\t203.0.113.9":  "203.0.113.9",
		strings.Repeat("x", 3000) + ", 203.0.113.9": "203.0.113.9",
		"::ffff:203.0.113.9":                        "203.0.113.9",
		"203.0.113.9:4711":                          "203.0.113.9",
		"2001:DB8:0::9":                             "2001:db8::9",
		"[2001:db8::9]:4711":                        "2001:db8::9",
		"fe80::1%" + strings.Repeat("x", 3000):      "fe80::1",
		"198.51.100.1, unknown":                     "127.0.0.1",
		"198.51.100.1,":                             "127.0.0.1",
		strings.Repeat("x", 3000):                   "127.0.0.1",
		"<script>":                                  "127.0.0.1",
		"":                                          "127.0.0.1",
	} {
		c.Header.Set("X-Forwarded-For", header)
		c.Open()
		s := mounttest.Wait(t, "the socket", a.Connected)
		assert.Equal(t, header[:min(len(header), 40)], s.Handshake().Address, want)
	}
}

// TestIsHandshake: what middleware is told is what the server does, however
// the query is written. Otherwise it could be led to let a handshake pass.
func TestIsHandshake(t *testing.T) {
	t.Parallel()
	a := mounttest.NewApp(t)
	app := newApp()
	app.Use(func(c fiber.Ctx) error {
		if siofiber.IsHandshake(c) {
			return c.SendStatus(fiber.StatusUnauthorized)
		}
		return c.Next()
	})
	siofiber.Mount(app, a.Server)
	url := serve(t, app)
	for _, query := range []string{"", "&sid=", "&Sid=x", "&sid", "&%73id=x", "&x=1&amp;sid=x"} {
		r := mounttest.NewClient(t, url+"/socket.io").Do("GET", "/?EIO=4&transport=polling"+query, "")
		assert.Equal(t, query, r.Status, http.StatusUnauthorized)
	}
	for _, query := range []string{"&sid=x"} {
		r := mounttest.NewClient(t, url+"/socket.io").Do("GET", "/?EIO=4&transport=polling"+query, "")
		assert.Equal(t, query, r.Body, `{"code":1,"message":"Session ID unknown"}`)
	}
	assert.Equal(t, "sessions", a.Connections(), 0)
}

func TestNext(t *testing.T) {
	t.Parallel()
	app := newApp()
	skip := siofiber.Next("/socket.io/")
	app.Use(func(c fiber.Ctx) error {
		if skip(c) {
			return c.SendString("skipped")
		}
		return c.SendString("seen")
	})
	url := serve(t, app)
	for path, want := range map[string]string{"/socket.io": "skipped", "/socket.io/": "skipped", "/socket.io/x": "skipped", "/socket.iox": "seen", "/": "seen"} {
		assert.Equal(t, path, mounttest.NewClient(t, url).Do("GET", path, "").Body, want)
	}
}

// TestConfigNext passes requests on to another handler.
func TestConfigNext(t *testing.T) {
	t.Parallel()
	app := newApp()
	siofiber.Mount(app, mounttest.NewApp(t).Server, siofiber.Config{Next: func(c fiber.Ctx) bool { return c.Get("X-Other") != "" }})
	app.Use(func(c fiber.Ctx) error { return c.SendString("other") })
	c := mounttest.NewClient(t, serve(t, app)+"/socket.io")
	c.Open().Echo("ours")
	c.Header.Set("X-Other", "1")
	assert.Equal(t, "passed on", c.Do("GET", "/?EIO=4&transport=polling", "").Body, "other")
}

// TestPrefork is a process that Fiber has started with ListenConfig.EnablePrefork.
func TestPrefork(t *testing.T) {
	t.Setenv("FIBER_PREFORK_CHILD", "1")
	app := newApp()
	siofiber.Mount(app, mounttest.NewApp(t).Server)
	c := mounttest.NewClient(t, serve(t, app)+"/socket.io")
	a := c.Do("GET", "/?EIO=4&transport=polling", "")
	assert.Equal(t, "status", a.Status, http.StatusBadRequest)
	assert.Equal(t, "body", a.Body, `{"code":0,"message":"Transport unknown"}`)
	c.Dial().Echo("a WebSocket stays with its process")
}

func TestWrongWiring(t *testing.T) {
	t.Parallel()
	srv := mounttest.NewApp(t).Server
	for name, f := range map[string]func(){
		"nil":       func() { siofiber.Mount(newApp(), nil) },
		"no slash":  func() { siofiber.Mount(newApp(), srv, siofiber.Config{Path: "socket.io"}) },
		"parameter": func() { siofiber.Mount(newApp(), srv, siofiber.Config{Path: "/:x"}) },
	} {
		mounttest.Panics(t, name, f)
	}
}

// TestPin: the user is a string in a buffer that the next request overwrites.
func TestPin(t *testing.T) {
	t.Parallel()
	mounttest.Pinned(t, "user", func(t *testing.T, srv *socketio.Server) string {
		app := newApp()
		app.Use(func(c fiber.Ctx) error {
			c.Locals("user", c.Get("X-User"))
			return c.Next()
		})
		siofiber.Mount(app, srv)
		return serve(t, app) + "/socket.io"
	})
}

// TestClientCertificate: see docs/securing.md.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	mounttest.ClientCertificate(t, func(t *testing.T, srv *socketio.Server) func(net.Listener) {
		app := newApp()
		siofiber.Mount(app, srv)
		return func(ln net.Listener) { serveOn(t, app, ln) }
	})
}
