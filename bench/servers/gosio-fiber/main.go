// Command gosio-fiber is the benchmark's server on gosio mounted in Fiber,
// which runs on fasthttp.
package main

import (
	"log"
	"net"
	"os"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"

	"github.com/gosio/gosio/bench/servers/figures"
	"github.com/gosio/gosio/bench/servers/handlers"
	socketio "github.com/gosio/gosio/core"
	siofiber "github.com/gosio/gosio/integrations/fiber"
)

func main() {
	srv := socketio.NewServer(nil)
	handlers.Register(srv)
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	siofiber.Mount(app, srv)
	app.Get("/debug/figures", adaptor.HTTPHandlerFunc(figures.Handle))
	log.Fatal(app.Listen(net.JoinHostPort("127.0.0.1", os.Getenv("PORT"))))
}
