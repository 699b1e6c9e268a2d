package siofiber

import (
	"net"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/log"

	"github.com/gosio/gosio/integrations/internal/fasthttpbridge"
)

// Listen is app.Listen for servers with many WebSockets, each of which keeps a file
// descriptor. When the process has no more descriptors, app.Listen returns, and the
// program mostly ends. Listen logs the error and goes on when there are some again,
// as net/http does. It calls [Pace]. With fiber.Config.Prefork it is app.Listen.
// The error is that of app.Listen; it is nil after app.Shutdown.
func Listen(app *fiber.App, addr string) error {
	if app.Config().Prefork {
		return app.Listen(addr)
	}
	ln, err := net.Listen(app.Config().Network, addr)
	if err != nil {
		return err
	}
	Pace(app)
	return app.Listener(Listener(ln))
}

// Listener makes a listener of yours wait for file descriptors as [Listen] does:
// app.Listener(siofiber.Listener(ln)). With TLS, put it inside:
// tls.NewListener(siofiber.Listener(ln), config).
func Listener(ln net.Listener) net.Listener { return fasthttpbridge.Listener(ln, log.Errorf) }
