package siofiber_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/cache"

	siofiber "github.com/gosio/gosio/integrations/fiber"
	"github.com/gosio/gosio/integrations/mounttest"
	"github.com/gosio/gosio/internal/assert"
)

// TestSkipInAnyCase: Skip takes capital letters as Fiber's router does.
func TestSkipInAnyCase(t *testing.T) {
	t.Parallel()
	start := func(config fiber.Config, use fiber.Handler) string {
		return mount(config, func(app *fiber.App) { app.Use(use) }).Start(t, mounttest.NewApp(t).Server)
	}
	url := start(fiber.Config{}, cache.New(cache.Config{Next: siofiber.Skip("/socket.IO")}))
	c := mounttest.NewClient(t, strings.Replace(url, "/socket.io", "/Socket.io", 1))
	one, two := c.OpenOnly(), c.OpenOnly()
	assert.True(t, "each client has a session", one.ID != two.ID) // and not that of the cache

	skip := siofiber.Skip("/Socket.io")
	url = start(fiber.Config{CaseSensitive: true}, func(c *fiber.Ctx) error {
		if !skip(c) {
			return c.SendStatus(http.StatusTeapot)
		}
		return c.Next()
	})
	assert.Equal(t, "with CaseSensitive", mounttest.NewClient(t, url).Do(http.MethodGet, "/", "").Status, http.StatusTeapot)
}
