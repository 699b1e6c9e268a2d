package middlewares

import (
	"net/http"
	"time"

	jwtware "github.com/gofiber/contrib/jwt"
	"github.com/gofiber/fiber/v2"
	"github.com/golang-jwt/jwt/v5"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	siofiber "github.com/gosio/gosio/integrations/fiber"
)

// Fiber is an application with gofiber/contrib/jwt.
func Fiber(o Settings) (*fiber.App, *socketio.Server, error) {
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	config := jwtware.Config{
		SigningKey:  jwtware.SigningKey{JWTAlg: "HS256", Key: o.Key}, // without JWTAlg the token would choose
		TokenLookup: "header:Authorization,cookie:jwt", AuthScheme: "Bearer",
	}
	app.Post("/login", func(c *fiber.Ctx) error {
		token, err := o.sign(c.FormValue("user"))
		if err != nil {
			return err
		}
		c.Cookie(&fiber.Cookie{Name: "jwt", Value: token, HTTPOnly: true})
		return c.JSON(fiber.Map{"token": token})
	})
	app.Get("/me", jwtware.New(config), func(c *fiber.Ctx) error {
		sub, err := c.Locals("user").(*jwt.Token).Claims.GetSubject()
		if err != nil {
			return err
		}
		return c.SendString(sub)
	})

	opts := &socketio.Options{
		// docs:fiber-pin
		Pin: func(r *http.Request) string {
			token, ok := socketio.UpstreamValue(r, "user").(*jwt.Token)
			if !ok {
				return ""
			}
			sub, _ := token.Claims.GetSubject()
			return sub
		},
		// docs:end
	}
	srv := socketio.NewServer(o.options(opts))
	// docs:fiber
	srv.Use(auth.External(auth.ClaimsAt[Claims]("user"), auth.Config[Claims]{Leeway: time.Second}))
	// docs:end
	if o.HandshakesOnly {
		// docs:fiber-handshakes
		config.Filter = func(c *fiber.Ctx) bool { return !siofiber.IsHandshake(c) }
		// docs:end
	}
	// docs:fiber-mount
	app.All("/socket.io/*", jwtware.New(config), siofiber.Handler(srv))
	// docs:end
	o.serve(srv)
	return app, srv, nil
}
