//go:build unix

package siofiber_test

import (
	"net"
	"testing"

	"github.com/gofiber/fiber/v2"

	socketio "github.com/gosio/gosio/core"
	siofiber "github.com/gosio/gosio/integrations/fiber"
	"github.com/gosio/gosio/integrations/mounttest"
)

func TestListenOutOfDescriptors(t *testing.T) {
	mounttest.OutOfDescriptors(t, func(srv *socketio.Server, listening func(addr string)) error {
		app := newApp(fiber.Config{})
		app.Hooks().OnListen(func(l fiber.ListenData) error {
			if app.Server().ConnState == nil {
				t.Error("Listen does not call Pace")
			}
			listening(net.JoinHostPort(l.Host, l.Port))
			return nil
		})
		siofiber.Mount(app, srv)
		return siofiber.Listen(app, "127.0.0.1:0")
	})
}
