package siofiber_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v3"

	siofiber "github.com/gosio/gosio/integrations/fiberv3"
	"github.com/gosio/gosio/integrations/mounttest"
	"github.com/gosio/gosio/internal/assert"
)

// TestSkipInAnyCase: Skip takes capital letters as Fiber's router does.
func TestSkipInAnyCase(t *testing.T) {
	t.Parallel()
	skip := siofiber.Skip("/Socket.io")
	start := func(config fiber.Config) string {
		return mount(config, func(app *fiber.App) {
			app.Use(func(c fiber.Ctx) error {
				if !skip(c) {
					return c.SendStatus(http.StatusTeapot)
				}
				return c.Next()
			})
		}).Start(t, mounttest.NewApp(t).Server)
	}
	mounttest.NewClient(t, strings.Replace(start(fiber.Config{}), "/socket.io", "/SOCKET.io", 1)).OpenOnly()
	c := mounttest.NewClient(t, start(fiber.Config{CaseSensitive: true}))
	assert.Equal(t, "with CaseSensitive", c.Do(http.MethodGet, "/", "").Status, http.StatusTeapot)
}
