package siofiber

import (
	"cmp"
	"net"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/log"

	"github.com/gosio/gosio/integrations/internal/fasthttpbridge"
)

// Listen is app.Listen that survives a shortage of file descriptors. WebSockets
// keep theirs for long; where a process runs out, app.Listen returns, and what
// follows is likely to be a log.Fatal. Listen waits until there are some again,
// as net/http does, and logs that. With EnablePrefork, TLS or a Unix socket in
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
	return app.Listener(Listener(ln), config...)
}

// Listener is what [Listen] does for a listener of yours:
// app.Listener(siofiber.Listener(ln)). With TLS, put it inside:
// tls.NewListener(siofiber.Listener(ln), config).
func Listener(ln net.Listener) net.Listener { return fasthttpbridge.Listener(ln, log.Errorf) }
