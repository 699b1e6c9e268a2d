package siofiber_test

import (
	"fmt"
	"net/http/httptest"

	"github.com/gofiber/fiber/v2"

	socketio "github.com/gosio/gosio/core"
	siofiber "github.com/gosio/gosio/integrations/fiber"
)

func Example() {
	srv := socketio.NewServer(nil)
	srv.OnConnect(func(s *socketio.Socket) {
		user, _ := siofiber.Get[string](s, "user") // what the middleware has set
		_ = s.Join("user:" + user)
	})
	srv.On("add", func(a, b int) int { return a + b }) // the result is the acknowledgement

	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	api := app.Group("/api", func(c *fiber.Ctx) error {
		if siofiber.IsHandshake(c) { // authenticate once, not for every poll
			c.Locals("user", "42")
		}
		return c.Next()
	})
	siofiber.Mount(api, srv) // clients: io("https://…", { path: "/api/socket.io" })
	app.Post("/orders", func(c *fiber.Ctx) error {
		_ = srv.To("user:42").Emit("order", "created")
		return c.SendStatus(fiber.StatusAccepted)
	})

	defer func() {
		srv.Close() // before the app, which would wait for polls
		_ = app.Shutdown()
	}()
	req := httptest.NewRequest("GET", "/api/socket.io/?EIO=4&transport=polling", nil)
	resp, err := app.Test(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status, srv.Connections())
	// Output: 200 OK 1
}
