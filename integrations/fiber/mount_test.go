package siofiber_test

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/recover"
	"github.com/valyala/fasthttp"

	socketio "github.com/gosio/gosio/core"
	siofiber "github.com/gosio/gosio/integrations/fiber"
	"github.com/gosio/gosio/integrations/mounttest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) {
	// Starts a clock for all servers, which must not be in a bubble of virtual time.
	new(fasthttp.ResponseHeader).Header()
	leak.Main(m, // without an end, or with one that is up to 10 s away
		"github.com/valyala/fasthttp.updateServerDate",
		"github.com/valyala/fasthttp.(*workerPool).Start",
		"github.com/valyala/fasthttp/stackless.NewFunc", // compression, in later versions
		"github.com/gofiber/fiber/v2/middleware/",       // cache, logger
		"github.com/gofiber/fiber/v2/internal/",         // storage in memory
		"github.com/gofiber/fiber/v2/utils.StartTimeStampUpdater",
	)
}

// newApp returns a quiet app.
func newApp(config fiber.Config) *fiber.App {
	config.DisableStartupMessage = true
	return fiber.New(config)
}

// serve runs app on ln until the test ends.
func serve(t testing.TB, app *fiber.App, ln net.Listener) (url string) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- app.Listener(ln) }() // ends with Shutdown
	t.Cleanup(func() {
		assert.NoError(t, app.Shutdown())
		assert.NoError(t, mounttest.Wait(t, "the app to end", done))
	})
	return "http://" + ln.Addr().String()
}

// mount is the mount in an app with this configuration.
func mount(config fiber.Config, edit ...func(*fiber.App)) mounttest.Mount {
	return func(t *testing.T, srv *socketio.Server, ln net.Listener) string {
		app := newApp(config)
		for _, f := range edit {
			f(app)
		}
		siofiber.Mount(app, srv)
		serve(t, app, ln)
		return "/socket.io"
	}
}

// behindProxy believes a proxy on this machine.
var behindProxy = fiber.Config{ProxyHeader: fiber.HeaderXForwardedFor, EnableTrustedProxyCheck: true, TrustedProxies: []string{"127.0.0.1"}}

func TestMount(t *testing.T) {
	t.Parallel()
	front.Run(t)
}

// TestTLS: the connection is no raw socket then, and a client that hangs up
// says so with an alert.
func TestTLS(t *testing.T) {
	t.Parallel()
	mounttest.RunTLS(t, front.Mount())
}

// TestHeaderIsKeptOnce: of the header that opened it, a WebSocket holds what its
// Handshake has, and not fasthttp's forms of it.
func TestHeaderIsKeptOnce(t *testing.T) { // not parallel: it measures
	mounttest.HeaderKeptOnce(t, mount(fiber.Config{ReadBufferSize: 32 << 10}))
}

// TestNamesAsTheyCame: the server finds the headers that it looks for although
// Fiber does not bring their names into form.
func TestNamesAsTheyCame(t *testing.T) {
	t.Parallel()
	c := mounttest.NewClient(t, mount(fiber.Config{DisableHeaderNormalizing: true}).Start(t, mounttest.NewApp(t).Server))
	c.Header["origin"] = []string{"https://evil.example"}
	assert.Equal(t, "polling", c.Do("GET", "/?EIO=4&transport=polling", "").Status, http.StatusForbidden)
	assert.Equal(t, "WebSocket", c.Refused().Status, http.StatusForbidden)
	c.Header["origin"] = []string{mounttest.Origin}
	c.Dial().Echo("allowed")
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
			assert.Equal(t, "status", mounttest.SlowBody(t, tt.limits, tt.length, tt.part, mount(tt.config)), http.StatusRequestTimeout)
		})
	}
	t.Run("polls and WebSockets", func(t *testing.T) {
		t.Parallel()
		mounttest.Outlives(t, "2", mount(fiber.Config{ReadTimeout: mounttest.ShortTimeout, IdleTimeout: time.Minute}))
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
			app := mounttest.NewApp(t)
			mounttest.Drive(t, app, mount(config).Start(t, app.Server), nil)
		})
	}
	t.Run("KeepHijackedConns", func(t *testing.T) {
		t.Parallel()
		app := mounttest.NewApp(t)
		mounttest.Drive(t, app, mount(fiber.Config{}, func(app *fiber.App) { app.Server().KeepHijackedConns = true }).Start(t, app.Server), nil)
	})
}

// TestForgedAddress: Fiber passes on what a header says, whoever has written it.
func TestForgedAddress(t *testing.T) {
	t.Parallel()
	mounttest.ForwardedFor(t, mount(behindProxy))
}

// TestConfigNext passes requests on to another handler.
func TestConfigNext(t *testing.T) {
	t.Parallel()
	app := newApp(fiber.Config{})
	siofiber.Mount(app, mounttest.NewApp(t).Server, siofiber.Config{Next: func(c *fiber.Ctx) bool { return c.Get("X-Other") != "" }})
	app.Use(func(c *fiber.Ctx) error { return c.SendString("other") })
	c := mounttest.NewClient(t, serve(t, app, mounttest.Listen(t))+"/socket.io")
	c.Open().Echo("ours")
	c.Header.Set("X-Other", "1")
	assert.Equal(t, "passed on", c.Do("GET", "/?EIO=4&transport=polling", "").Body, "other")
}

// TestPrefork: with fiber.Config.Prefork polling is refused.
func TestPrefork(t *testing.T) {
	t.Parallel()
	c := mounttest.NewClient(t, mount(fiber.Config{Prefork: true}).Start(t, mounttest.NewApp(t).Server))
	a := c.Do("GET", "/?EIO=4&transport=polling", "")
	assert.Equal(t, "status", a.Status, http.StatusBadRequest)
	assert.Equal(t, "body", a.Body, `{"code":0,"message":"Transport unknown"}`)
	c.Dial().Echo("a WebSocket stays with its process")
}

// TestContained: with Fiber's recover and without.
func TestContained(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(*fiber.App){
		"alone":   func(*fiber.App) {},
		"recover": func(app *fiber.App) { app.Use(recover.New()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mounttest.ContainedNext(t, func(bad func(header string)) mounttest.Mount {
				return func(t *testing.T, srv *socketio.Server, ln net.Listener) string {
					app := newApp(fiber.Config{})
					use(app)
					siofiber.Mount(app, srv, siofiber.Config{Next: func(c *fiber.Ctx) bool {
						bad(c.Get("X-Bad"))
						return false
					}})
					serve(t, app, ln)
					return "/socket.io"
				}
			})
		})
	}
}

// TestFirstWrite: the 101 and the open packet go out together.
func TestFirstWrite(t *testing.T) {
	t.Parallel()
	mounttest.OneWrite(t, front.Mount())
}
