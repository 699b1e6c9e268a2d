// Command gosio-fiber is the benchmark's server on gosio mounted in Fiber,
// which runs on fasthttp. It understands HANDSHAKES, PACE and RECOVERY as gosio does.
package main

import (
	"fmt"
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
	srv := socketio.NewServer(handlers.Options())
	handlers.Register(srv)
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	siofiber.Mount(app, srv)
	app.Get("/debug/figures", adaptor.HTTPHandlerFunc(figures.Handle))
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", os.Getenv("PORT")))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr()) // for those who let the kernel choose
	if os.Getenv("PACE") == "1" {
		siofiber.Pace(app)
	}
	log.Fatal(app.Listener(listener))
}
