//go:build e2e

package hostile

import (
	"log"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gofiber/fiber/v2"
	echov4 "github.com/labstack/echo/v4"
	"github.com/labstack/echo/v5"
	"github.com/valyala/fasthttp"

	socketio "github.com/gosio/gosio/core"
	siochi "github.com/gosio/gosio/integrations/chi"
	sioecho "github.com/gosio/gosio/integrations/echo"
	sioechov5 "github.com/gosio/gosio/integrations/echov5"
	siofiber "github.com/gosio/gosio/integrations/fiber"
	siogin "github.com/gosio/gosio/integrations/gin"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) {
	if os.Getenv("HOSTILE_SERVER") != "" {
		serveMemory()
		return
	}
	gin.SetMode(gin.ReleaseMode)
	new(fasthttp.ResponseHeader).Header() // starts a clock for all servers
	leak.Main(m,
		"github.com/valyala/fasthttp.updateServerDate",
		"github.com/valyala/fasthttp.(*workerPool).Start", // up to 10 s
		"github.com/gofiber/fiber/v2/utils.StartTimeStampUpdater",
		"github.com/gofiber/fiber/v2/internal/",
	)
}

// A front serves srv at /socket.io/ on ln. What the HTTP server has to say goes to
// errors. end returns when it has ended.
type front struct {
	name  string
	serve func(srv *socketio.Server, ln net.Listener, errors *log.Logger) (end func())
}

var fronts = []front{
	{"net/http", func(srv *socketio.Server, ln net.Listener, errors *log.Logger) func() {
		mux := http.NewServeMux()
		mux.Handle("/socket.io/", srv)
		return serveHTTP(mux, ln, errors)
	}},
	{"gin", func(srv *socketio.Server, ln net.Listener, errors *log.Logger) func() {
		r := gin.New()
		siogin.Mount(r, srv)
		return serveHTTP(r, ln, errors)
	}},
	{"echo", func(srv *socketio.Server, ln net.Listener, errors *log.Logger) func() {
		e := echov4.New()
		sioecho.Mount(e, srv)
		return serveHTTP(e, ln, errors)
	}},
	{"echo v5", func(srv *socketio.Server, ln net.Listener, errors *log.Logger) func() {
		e := echo.New()
		sioechov5.Mount(e, srv)
		return serveHTTP(e, ln, errors)
	}},
	{"chi", func(srv *socketio.Server, ln net.Listener, errors *log.Logger) func() {
		r := chi.NewRouter()
		siochi.Mount(r, srv)
		return serveHTTP(r, ln, errors)
	}},
	{"fiber", serveFiber},
}

// headerTime is what the HTTP servers give a client for its header.
const headerTime = 5 * time.Second

func serveHTTP(h http.Handler, ln net.Listener, errors *log.Logger) (end func()) {
	hs := &http.Server{Handler: h, ErrorLog: errors, ReadHeaderTimeout: headerTime}
	done := make(chan struct{})
	go func() { // ends with Close
		defer close(done)
		_ = hs.Serve(ln)
	}()
	return func() { _ = hs.Close(); <-done }
}

func serveFiber(srv *socketio.Server, ln net.Listener, errors *log.Logger) (end func()) {
	app := fiber.New(fiber.Config{DisableStartupMessage: true, ReadTimeout: headerTime, IdleTimeout: time.Minute})
	siofiber.Mount(app, srv)
	done := make(chan struct{})
	go func() { // ends with Shutdown
		defer close(done)
		if err := app.Listener(siofiber.Listener(ln)); err != nil {
			errors.Print(err)
		}
	}()
	return func() { _ = app.ShutdownWithTimeout(10 * time.Second); <-done }
}
