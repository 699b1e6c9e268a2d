package middlewares_test

import (
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/NYTimes/gziphandler"
	ginsessions "github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	ginzap "github.com/gin-contrib/zap"
	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/gofiber/fiber/v2/middleware/compress"
	"github.com/gofiber/fiber/v2/middleware/earlydata"
	"github.com/gofiber/fiber/v2/middleware/envvar"
	"github.com/gofiber/fiber/v2/middleware/expvar"
	"github.com/gofiber/fiber/v2/middleware/favicon"
	"github.com/gofiber/fiber/v2/middleware/healthcheck"
	"github.com/gofiber/fiber/v2/middleware/pprof"
	"github.com/gofiber/fiber/v2/middleware/rewrite"
	"github.com/gofiber/fiber/v2/middleware/skip"
	"github.com/gorilla/handlers"
	"github.com/klauspost/compress/gzhttp"
	"github.com/labstack/echo/v4"
	echomw "github.com/labstack/echo/v4/middleware"
	"github.com/rs/cors"
	"github.com/unrolled/secure"
	"go.uber.org/zap"

	siochi "github.com/gosio/gosio/integrations/chi"
	sioecho "github.com/gosio/gosio/integrations/echo"
	siofiber "github.com/gosio/gosio/integrations/fiber"
	siogin "github.com/gosio/gosio/integrations/gin"
	"github.com/gosio/gosio/integrations/mounttest"
	"github.com/gosio/gosio/internal/assert"
)

type around = func(http.Handler) http.Handler

// forNetHTTP are middlewares for net/http: in front of a bare server, of Chi,
// and of whole applications of Gin and Echo.
func forNetHTTP(t *testing.T) map[string]around {
	protection := http.NewCrossOriginProtection()
	assert.NoError(t, protection.AddTrustedOrigin(mounttest.Origin))
	gz, err := gzhttp.NewWrapper(gzhttp.MinSize(1))
	assert.NoError(t, err)
	tagged, err := gzhttp.NewWrapper(gzhttp.SuffixETag("-gzip"), gzhttp.RandomJitter(32, 0, false))
	assert.NoError(t, err)
	return map[string]around{
		"gziphandler":           gziphandler.GzipHandler,
		"gziphandler, level 9":  gziphandler.MustNewGzipLevelHandler(9),
		"gzhttp":                func(h http.Handler) http.Handler { return gz(h) },
		"gzhttp, ETag, jitter":  func(h http.Handler) http.Handler { return tagged(h) },
		"gorilla compress":      handlers.CompressHandler,
		"gorilla logging":       func(h http.Handler) http.Handler { return handlers.CombinedLoggingHandler(new(mounttest.Log), h) },
		"gorilla recovery":      handlers.RecoveryHandler(),
		"gorilla proxy headers": handlers.ProxyHeaders,
		"rs/cors":               cors.New(cors.Options{AllowedOrigins: []string{mounttest.Origin}}).Handler,
		"unrolled/secure":       secure.New(secure.Options{FrameDeny: true, ContentTypeNosniff: true}).Handler,
		"CrossOriginProtection": protection.Handler,
		"MaxBytesHandler":       func(h http.Handler) http.Handler { return http.MaxBytesHandler(h, 1<<20) },
		"chi Compress":          middleware.Compress(5, "text/plain", "application/json"),
		"chi Logger, Recoverer": func(h http.Handler) http.Handler { return middleware.Recoverer(h) },
		"chi Timeout":           middleware.Timeout(time.Minute),
		"chi Throttle":          middleware.Throttle(50),
		"chi ThrottleBacklog":   middleware.ThrottleBacklog(50, 50, time.Minute),
		"chi StripSlashes":      middleware.StripSlashes,
		"chi AllowContentType":  middleware.AllowContentType("application/json", "text/plain"),
		"chi ContentCharset":    middleware.ContentCharset("utf-8", ""),
		"chi RequestID":         middleware.RequestID,
		"chi NoCache":           middleware.NoCache,
		"chi Heartbeat":         middleware.Heartbeat("/ping"),
		"chi GetHead":           middleware.GetHead,
		"chi RequestSize":       middleware.RequestSize(1 << 20),
		"chi SetHeader":         middleware.SetHeader("X-Served-By", "chi"),
		"two compressors":       func(h http.Handler) http.Handler { return gziphandler.GzipHandler(gz(h)) },
		"compressor, logger": func(h http.Handler) http.Handler {
			return gziphandler.GzipHandler(handlers.CombinedLoggingHandler(new(mounttest.Log), h))
		},
	}
}

// drive checks one stack. A writer that holds the 101 back passes it on when the
// request is over, and net/http says so, once.
func drive(t *testing.T, app *mounttest.App, h http.Handler) {
	t.Helper()
	url := mounttest.ServeOn(t, &http.Server{Handler: h}, "on hijacked connection")
	mounttest.Drive(t, app, url+"/socket.io", func(c *mounttest.Client) {
		c.Header.Set("Origin", mounttest.Origin)
		c.Header.Set("Content-Type", "text/plain;charset=UTF-8") // as the stock client has it
	})
}

// TestNetHTTP: every middleware in front of every kind of net/http application.
func TestNetHTTP(t *testing.T) {
	t.Parallel()
	for name, wrap := range forNetHTTP(t) {
		for front, mount := range map[string]func(app *mounttest.App) http.Handler{
			"net/http": func(app *mounttest.App) http.Handler {
				mux := http.NewServeMux()
				mux.Handle("/socket.io/", wrap(app.Server))
				mux.Handle("/socket.io", wrap(app.Server))
				return mux
			},
			"chi": func(app *mounttest.App) http.Handler {
				r := chi.NewRouter()
				r.Use(wrap)
				siochi.Mount(r, app.Server)
				return r
			},
			"gin": func(app *mounttest.App) http.Handler {
				r := gin.New()
				siogin.Mount(r, app.Server)
				return wrap(r)
			},
			"echo": func(app *mounttest.App) http.Handler {
				e := echo.New()
				e.Use(echo.WrapMiddleware(wrap))
				sioecho.Mount(e, app.Server)
				return e
			},
		} {
			t.Run(name+"/"+front, func(t *testing.T) {
				t.Parallel()
				app := mounttest.NewApp(t)
				drive(t, app, mount(app))
			})
		}
	}
}

// TestGin: what the mount's own tests do not have, as they would need more in
// the library's module.
func TestGin(t *testing.T) {
	t.Parallel()
	for name, use := range map[string][]gin.HandlerFunc{
		"sessions":      {ginsessions.Sessions("s", cookie.NewStore(key))},
		"zap":           {ginzap.Ginzap(zap.NewNop(), time.RFC3339, true), ginzap.RecoveryWithZap(zap.NewNop(), true)},
		"WrapH's twin":  {func(c *gin.Context) { c.Writer = recording{c.Writer}; c.Next() }},
		"custom logger": {gin.LoggerWithFormatter(func(gin.LogFormatterParams) string { return "" })},
		"CustomRecovery": {gin.CustomRecovery(func(c *gin.Context, _ any) { c.AbortWithStatus(http.StatusTeapot) }),
			ginsessions.Sessions("s", cookie.NewStore(key))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := mounttest.NewApp(t)
			r := gin.New()
			r.Use(use...)
			siogin.Mount(r, app.Server)
			drive(t, app, r)
		})
	}
}

// recording is what applications write to log bodies.
type recording struct{ gin.ResponseWriter }

// TestEcho: the same for echo.
func TestEcho(t *testing.T) {
	t.Parallel()
	for name, use := range map[string][]echo.MiddlewareFunc{
		"MethodOverride": {echomw.MethodOverride()},
		"Rewrite":        {echomw.Rewrite(map[string]string{"/old": "/new"})},
		"Static":         {echomw.Static("nowhere")},
		"BasicAuth off":  {echomw.BasicAuthWithConfig(echomw.BasicAuthConfig{Skipper: sioecho.Skip("/socket.io"), Validator: func(string, string, echo.Context) (bool, error) { return false, nil }})},
		"Timeout off":    {echomw.TimeoutWithConfig(echomw.TimeoutConfig{Skipper: sioecho.Skip("/socket.io"), Timeout: time.Millisecond})}, //nolint:staticcheck // apps still have it
		"gziphandler":    {echo.WrapMiddleware(gziphandler.GzipHandler), echomw.Recover()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := mounttest.NewApp(t)
			e := echo.New()
			e.Use(use...)
			sioecho.Mount(e, app.Server)
			drive(t, app, e)
		})
	}
}

// TestFiber: the same for Fiber.
func TestFiber(t *testing.T) {
	t.Parallel()
	for name, use := range map[string][]any{
		"compress, best": {compress.New(compress.Config{Level: compress.LevelBestCompression})},
		"earlydata":      {earlydata.New()},
		"expvar, pprof":  {expvar.New(), pprof.New()},
		"favicon":        {favicon.New()},
		"healthcheck":    {healthcheck.New()},
		"rewrite":        {rewrite.New(rewrite.Config{Rules: map[string]string{"/old": "/new"}})},
		"skip":           {skip.New(func(c *fiber.Ctx) error { return c.SendStatus(fiber.StatusTeapot) }, siofiber.Skip("/socket.io"))},
		"envvar":         {"/env", envvar.New()},
		"adaptor":        {adaptor.HTTPMiddleware(middleware.SetHeader("X-Served-By", "net/http"))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := mounttest.NewApp(t)
			app := fiber.New(fiber.Config{DisableStartupMessage: true})
			app.Use(use...)
			siofiber.Mount(app, a.Server)
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			assert.NoError(t, err)
			done := make(chan error, 1)
			go func() { done <- app.Listener(siofiber.Listener(ln)) }() // ends with Shutdown
			t.Cleanup(func() {
				assert.NoError(t, app.Shutdown())
				assert.NoError(t, <-done)
			})
			mounttest.Drive(t, a, "http://"+ln.Addr().String()+"/socket.io", nil)
		})
	}
}
