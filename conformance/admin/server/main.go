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

	socketio "github.com/gosio/gosio/core"
	siochi "github.com/gosio/gosio/integrations/chi"
	sioecho "github.com/gosio/gosio/integrations/echo"
	sioechov5 "github.com/gosio/gosio/integrations/echov5"
	siofiber "github.com/gosio/gosio/integrations/fiber"
	siogin "github.com/gosio/gosio/integrations/gin"
)

// mounts mount a server in each framework, and the page of the inspector.
var mounts = map[string]func(srv *socketio.Server, page http.Handler) (serve func(net.Listener) error, shutdown func(context.Context) error){
	"nethttp": func(srv *socketio.Server, page http.Handler) (func(net.Listener) error, func(context.Context) error) {
		mux := http.NewServeMux()
		mux.Handle("/socket.io/", srv)
		mux.Handle("/inspect/", page)
		return ofHandler(mux)
	},
	"gin": func(srv *socketio.Server, page http.Handler) (func(net.Listener) error, func(context.Context) error) {
		gin.SetMode(gin.ReleaseMode)
		r := gin.New()
		siogin.Mount(r, srv)
		r.GET("/inspect/*page", gin.WrapH(page))
		return ofHandler(r)
	},
	"echo": func(srv *socketio.Server, page http.Handler) (func(net.Listener) error, func(context.Context) error) {
		e := echo.New()
		sioecho.Mount(e, srv)
		e.GET("/inspect/*", echo.WrapHandler(page))
		return ofHandler(e)
	},
	"echov5": func(srv *socketio.Server, page http.Handler) (func(net.Listener) error, func(context.Context) error) {
		e := echov5.New()
		sioechov5.Mount(e, srv)
		e.GET("/inspect/*", echov5.WrapHandler(page))
		return ofHandler(e)
	},
	"chi": func(srv *socketio.Server, page http.Handler) (func(net.Listener) error, func(context.Context) error) {
		r := chi.NewRouter()
		siochi.Mount(r, srv)
		r.Handle("/inspect/*", page)
		return ofHandler(r)
	},
	"fiber": func(srv *socketio.Server, page http.Handler) (func(net.Listener) error, func(context.Context) error) {
		app := fiber.New(fiber.Config{DisableStartupMessage: true})
		siofiber.Mount(app, srv)
		app.Get("/inspect/*", adaptor.HTTPHandler(page))
		return func(ln net.Listener) error { return app.Listener(siofiber.Listener(ln)) }, app.ShutdownWithContext
	},
}
