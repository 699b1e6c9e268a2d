package main

import (
	"context"
	"net"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gofiber/fiber/v2"
	"github.com/labstack/echo/v4"
	echov5 "github.com/labstack/echo/v5"

	socketio "github.com/gosio/gosio/core"
	siochi "github.com/gosio/gosio/integrations/chi"
	sioecho "github.com/gosio/gosio/integrations/echo"
	sioechov5 "github.com/gosio/gosio/integrations/echov5"
	siofiber "github.com/gosio/gosio/integrations/fiber"
	siogin "github.com/gosio/gosio/integrations/gin"
)

// mounts mount a server in each framework.
var mounts = map[string]func(*socketio.Server) (serve func(net.Listener) error, shutdown func(context.Context) error){
	"nethttp": func(srv *socketio.Server) (func(net.Listener) error, func(context.Context) error) {
		mux := http.NewServeMux()
		mux.Handle("/socket.io/", srv)
		return ofHandler(mux)
	},
	"gin": func(srv *socketio.Server) (func(net.Listener) error, func(context.Context) error) {
		gin.SetMode(gin.ReleaseMode)
		r := gin.New()
		siogin.Mount(r, srv)
		return ofHandler(r)
	},
	"echo": func(srv *socketio.Server) (func(net.Listener) error, func(context.Context) error) {
		e := echo.New()
		sioecho.Mount(e, srv)
		return ofHandler(e)
	},
	"echov5": func(srv *socketio.Server) (func(net.Listener) error, func(context.Context) error) {
		e := echov5.New()
		sioechov5.Mount(e, srv)
		return ofHandler(e)
	},
	"chi": func(srv *socketio.Server) (func(net.Listener) error, func(context.Context) error) {
		r := chi.NewRouter()
		siochi.Mount(r, srv)
		return ofHandler(r)
	},
	"fiber": func(srv *socketio.Server) (func(net.Listener) error, func(context.Context) error) {
		app := fiber.New(fiber.Config{DisableStartupMessage: true})
		siofiber.Mount(app, srv)
		return func(ln net.Listener) error { return app.Listener(siofiber.Listener(ln)) }, app.ShutdownWithContext
	},
}
