package siofiber

import (
	"cmp"
	"net"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/log"

	"github.com/gosio/gosio/integrations/internal/fasthttpbridge"
)

// Listen is app.Listen for servers with many WebSockets, each of which keeps a file
// descriptor. When the process has no more descriptors, app.Listen returns, and the
// program mostly ends. Listen logs the error and goes on when there are some again,
// as net/http does. It calls [Pace]. With EnablePrefork, TLS or a Unix socket in
// the config it is app.Listen. The error is that of app.Listen; it is nil after
// app.Shutdown.
func Listen(app *fiber.App, addr string, config ...fiber.ListenConfig) error {
	var cfg fiber.ListenConfig
	if len(config) > 0 {
		cfg = config[0]
	}
	network := cmp.Or(cfg.ListenerNetwork, fiber.NetworkTCP4)
	if cfg.EnablePrefork || network == fiber.NetworkUnix || cfg.TLSConfig != nil || cfg.CertFile != "" || cfg.AutoCertManager != nil {
		return app.Listen(addr, config...)
	}
	ln, err := net.Listen(network, addr)
	if err != nil {
		return err
	}
	Pace(app)
	return app.Listener(Listener(ln), config...)
}

// Listener makes a listener of yours wait for file descriptors as [Listen] does:
// app.Listener(siofiber.Listener(ln)). With TLS, put it inside:
// tls.NewListener(siofiber.Listener(ln), config).
func Listener(ln net.Listener) net.Listener { return fasthttpbridge.Listener(ln, log.Errorf) }
