package middlewares

import (
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"
	echojwt "github.com/labstack/echo-jwt/v4"
	"github.com/labstack/echo/v4"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	sioecho "github.com/gosio/gosio/integrations/echo"
)

// Echo is an application with labstack/echo-jwt.
func Echo(o Settings) (http.Handler, *socketio.Server, error) {
	e := echo.New()
	config := echojwt.Config{SigningKey: o.Key, TokenLookup: "header:Authorization:Bearer ,cookie:jwt"}
	e.POST("/login", func(c echo.Context) error {
		token, err := o.sign(c.FormValue("user"))
		c.SetCookie(&http.Cookie{Name: "jwt", Value: token, Path: "/", HttpOnly: true})
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, map[string]string{"token": token})
	})
	e.GET("/me", func(c echo.Context) error {
		sub, err := c.Get("user").(*jwt.Token).Claims.GetSubject()
		if err != nil {
			return err
		}
		return c.String(http.StatusOK, sub)
	}, echojwt.WithConfig(config))

	opts := &socketio.Options{
		// docs:echo-pin
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
	// docs:echo
	srv.Use(auth.External(auth.ClaimsAt[Claims]("user"), auth.Config[Claims]{Leeway: time.Second}))
	// docs:end
	if o.HandshakesOnly {
		// docs:echo-handshakes
		config.Skipper = func(c echo.Context) bool { return !sioecho.IsHandshake(c) }
		// docs:end
	}
	// docs:echo-mount
	sioecho.Mount(e.Group("", echojwt.WithConfig(config)), srv)
	// docs:end
	o.serve(srv)
	return e, srv, nil
}
