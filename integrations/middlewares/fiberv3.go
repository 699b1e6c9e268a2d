package middlewares

import (
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/extractors"
	"github.com/gofiber/fiber/v3/middleware/keyauth"
	"github.com/golang-jwt/jwt/v5"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	siofiber "github.com/gosio/gosio/integrations/fiberv3"
)

// FiberV3 is an application with Fiber's keyauth and golang-jwt.
func FiberV3(o Settings) (*fiber.App, *socketio.Server, error) {
	app := fiber.New()
	config := keyauth.Config{
		Extractor: extractors.Chain(extractors.FromAuthHeader("Bearer"), extractors.FromCookie("jwt")),
		Validator: func(c fiber.Ctx, key string) (bool, error) {
			token, err := o.parse(key)
			c.Locals("user", token)
			return err == nil, err
		},
	}
	app.Post("/login", func(c fiber.Ctx) error {
		token, err := o.sign(c.FormValue("user"))
		if err != nil {
			return err
		}
		c.Cookie(&fiber.Cookie{Name: "jwt", Value: token, HTTPOnly: true})
		return c.JSON(fiber.Map{"token": token})
	})
	app.Get("/me", keyauth.New(config), func(c fiber.Ctx) error {
		sub, err := c.Locals("user").(*jwt.Token).Claims.GetSubject()
		if err != nil {
			return err
		}
		return c.SendString(sub)
	})

	srv := socketio.NewServer(o.options(&socketio.Options{Pin: subject}))
	srv.Use(auth.External(auth.ClaimsAt[Claims]("user"), auth.Config[Claims]{Leeway: time.Second}))
	if o.HandshakesOnly {
		config.Next = func(c fiber.Ctx) bool { return !siofiber.IsHandshake(c) }
	}
	app.All("/socket.io/*", keyauth.New(config), siofiber.Handler(srv))
	o.serve(srv)
	return app, srv, nil
}
