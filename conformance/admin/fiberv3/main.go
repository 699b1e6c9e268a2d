// Command fiberv3 serves the app of package app in Fiber v3, which is a module of its own.
package main

import (
	"context"
	"net"
	"net/http"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"

	"github.com/gosio/gosio/conformance/admin/app"
	socketio "github.com/gosio/gosio/core"
	siofiber "github.com/gosio/gosio/integrations/fiberv3"
)

func main() {
	app.Main(map[string]app.Mount{
		"fiberv3": func(srv *socketio.Server, page http.Handler) (func(net.Listener) error, func(context.Context) error) {
			f := fiber.New()
			siofiber.Mount(f, srv)
			f.Get("/inspect/*", adaptor.HTTPHandler(page))
			return func(ln net.Listener) error {
				return f.Listener(siofiber.Listener(ln), fiber.ListenConfig{DisableStartupMessage: true})
			}, f.ShutdownWithContext
		},
	})
}
