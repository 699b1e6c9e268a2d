// Fiber serves the conformance contract behind Fiber and its usual middlewares.
package main

import (
	"io"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/gofiber/fiber/v2/middleware/cors"
	"github.com/gofiber/fiber/v2/middleware/logger"
	fiberrecover "github.com/gofiber/fiber/v2/middleware/recover"
	"github.com/gofiber/fiber/v2/middleware/requestid"

	socketio "github.com/gosio/gosio/core"

	"github.com/gosio/gosio/conformance/servers/contract"
	siofiber "github.com/gosio/gosio/integrations/fiber"
)

func main() {
	c := contract.New(socketio.Options{})
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Use(logger.New(logger.Config{Output: io.Discard}), fiberrecover.New(), requestid.New(), cors.New())
	siofiber.Mount(app, c.IO)
	app.All("/control/*", adaptor.HTTPHandler(c.Control()))
	c.ServeWith(app.Listener, app.ShutdownWithContext)
}
