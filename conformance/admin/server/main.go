// Command server serves the app of package app in each framework of this module.
package main

import (
	"context"
	"net"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/labstack/echo/v4"
	echov5 "github.com/labstack/echo/v5"

	"github.com/gosio/gosio/conformance/admin/app"
	socketio "github.com/gosio/gosio/core"
	siochi "github.com/gosio/gosio/integrations/chi"
	sioecho "github.com/gosio/gosio/integrations/echo"
	sioechov5 "github.com/gosio/gosio/integrations/echov5"
	siofiber "github.com/gosio/gosio/integrations/fiber"
	siogin "github.com/gosio/gosio/integrations/gin"
)

func main() { app.Main(mounts) }

var mounts = map[string]app.Mount{
	"nethttp": func(srv *socketio.Server, page http.Handler) (func(net.Listener) error, func(context.Context) error) {
		mux := http.NewServeMux()
		mux.Handle("/socket.io/", srv)
		mux.Handle("/inspect/", page)
		return app.Serve(mux)
	},
	"gin": func(srv *socketio.Server, page http.Handler) (func(net.Listener) error, func(context.Context) error) {
		gin.SetMode(gin.ReleaseMode)
		r := gin.New()
		siogin.Mount(r, srv)
		r.GET("/inspect/*page", gin.WrapH(page))
		return app.Serve(r)
	},
	"echo": func(srv *socketio.Server, page http.Handler) (func(net.Listener) error, func(context.Context) error) {
		e := echo.New()
		sioecho.Mount(e, srv)
		e.GET("/inspect/*", echo.WrapHandler(page))
		return app.Serve(e)
	},
	"echov5": func(srv *socketio.Server, page http.Handler) (func(net.Listener) error, func(context.Context) error) {
		e := echov5.New()
		sioechov5.Mount(e, srv)
		e.GET("/inspect/*", echov5.WrapHandler(page))
		return app.Serve(e)
	},
	"chi": func(srv *socketio.Server, page http.Handler) (func(net.Listener) error, func(context.Context) error) {
		r := chi.NewRouter()
		siochi.Mount(r, srv)
		r.Handle("/inspect/*", page)
		return app.Serve(r)
	},
	"fiber": func(srv *socketio.Server, page http.Handler) (func(net.Listener) error, func(context.Context) error) {
		f := fiber.New(fiber.Config{DisableStartupMessage: true})
		siofiber.Mount(f, srv)
		f.Get("/inspect/*", adaptor.HTTPHandler(page))
		return func(ln net.Listener) error { return f.Listener(siofiber.Listener(ln)) }, f.ShutdownWithContext
	},
}
