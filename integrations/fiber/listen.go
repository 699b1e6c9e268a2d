package siofiber

import (
	"net"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/log"

	"github.com/gosio/gosio/integrations/internal/fasthttpbridge"
)

// Listen is app.Listen that survives a shortage of file descriptors. WebSockets
// keep theirs for long; where a process runs out, app.Listen returns, and what
// follows is likely to be a log.Fatal. Listen waits until there are some again,
// as net/http does, and logs that. With fiber.Config.Prefork it is app.Listen.
// The error is that of app.Listen; it is nil after app.Shutdown.
func Listen(app *fiber.App, addr string) error {
	if app.Config().Prefork {
		return app.Listen(addr)
	}
	ln, err := net.Listen(app.Config().Network, addr)
	if err != nil {
		return err
	}
	return app.Listener(Listener(ln))
}

// Listener is what [Listen] does for a listener of yours:
// app.Listener(siofiber.Listener(ln)). With TLS, put it inside:
// tls.NewListener(siofiber.Listener(ln), config).
func Listener(ln net.Listener) net.Listener { return fasthttpbridge.Listener(ln, log.Errorf) }
