// Server serves the conformance contract behind Fiber v3 and its usual
// middlewares.
package main

import (
	"context"
	"io"
	"net"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"
	"github.com/gofiber/fiber/v3/middleware/cors"
	"github.com/gofiber/fiber/v3/middleware/logger"
	fiberrecover "github.com/gofiber/fiber/v3/middleware/recover"
	"github.com/gofiber/fiber/v3/middleware/requestid"

	"github.com/gosio/gosio/conformance/servers/contract"
	socketio "github.com/gosio/gosio/core"
	siofiber "github.com/gosio/gosio/integrations/fiberv3"
)

func main() {
	c := contract.New(socketio.Options{})
	app := fiber.New()
	app.Use(logger.New(logger.Config{Stream: io.Discard}), fiberrecover.New(), requestid.New(), cors.New())
	siofiber.Mount(app, c.IO)
	app.All("/control/*", adaptor.HTTPHandler(c.Control()))
	c.ServeWith(func(l net.Listener) error {
		return app.Listener(l, fiber.ListenConfig{DisableStartupMessage: true})
	}, func(ctx context.Context) error { return app.ShutdownWithContext(ctx) })
}
