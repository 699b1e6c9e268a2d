package middlewares

import (
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	sioecho "github.com/gosio/gosio/integrations/echov5"
)

// EchoV5 is an application with Echo's KeyAuth and golang-jwt, which store the
// token where echo-jwt does.
func EchoV5(o Settings) (http.Handler, *socketio.Server, error) {
	e := echo.New()
	config := middleware.KeyAuthConfig{
		KeyLookup: "header:Authorization:Bearer ,cookie:jwt",
		Validator: func(c *echo.Context, key string, _ middleware.ExtractorSource) (bool, error) {
			token, err := o.parse(key)
			c.Set("user", token)
			return err == nil, err
		},
		ErrorHandler: func(*echo.Context, error) error { return echo.ErrUnauthorized },
	}
	e.POST("/login", func(c *echo.Context) error {
		token, err := o.sign(c.FormValue("user"))
		if err != nil {
			return err
		}
		c.SetCookie(&http.Cookie{Name: "jwt", Value: token, Path: "/", HttpOnly: true})
		return c.JSON(http.StatusOK, map[string]string{"token": token})
	})
	e.GET("/me", func(c *echo.Context) error {
		sub, err := c.Get("user").(*jwt.Token).Claims.GetSubject()
		if err != nil {
			return err
		}
		return c.String(http.StatusOK, sub)
	}, middleware.KeyAuthWithConfig(config))

	srv := socketio.NewServer(o.options(&socketio.Options{Pin: subject}))
	srv.Use(auth.External(auth.ClaimsAt[Claims]("user"), auth.Config[Claims]{Leeway: time.Second}))
	if o.HandshakesOnly {
		config.Skipper = func(c *echo.Context) bool { return !sioecho.IsHandshake(c) }
	}
	sioecho.Mount(e.Group("", middleware.KeyAuthWithConfig(config)), srv)
	o.serve(srv)
	return e, srv, nil
}
