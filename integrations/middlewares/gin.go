package middlewares

import (
	"net/http"
	"time"

	ginjwt "github.com/appleboy/gin-jwt/v2"
	"github.com/gin-gonic/gin"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	siogin "github.com/gosio/gosio/integrations/gin"
)

// Gin is an application with appleboy/gin-jwt.
func Gin(o Settings) (http.Handler, *socketio.Server, error) {
	login, err := ginjwt.New(&ginjwt.GinJWTMiddleware{
		Key: o.Key, Timeout: o.Life,
		TokenLookup: "header: Authorization, cookie: jwt", SendCookie: true, CookieHTTPOnly: true,
		Authenticator: func(c *gin.Context) (any, error) { return c.PostForm("user"), nil },
		PayloadFunc:   func(user any) ginjwt.MapClaims { return ginjwt.MapClaims{"identity": user} },
	})
	if err != nil {
		return nil, nil, err
	}
	r := gin.New()
	r.POST("/login", login.LoginHandler)
	r.GET("/me", login.MiddlewareFunc(), func(c *gin.Context) { c.String(http.StatusOK, c.GetString("identity")) })

	opts := &socketio.Options{
		// docs:gin-pin
		Pin: func(r *http.Request) string {
			user, _ := socketio.UpstreamValue(r, "identity").(string)
			return user
		},
		// docs:end
	}
	srv := socketio.NewServer(o.options(opts))
	// docs:gin
	srv.Use(auth.External(auth.ClaimsAt[Claims]("JWT_PAYLOAD"), auth.Config[Claims]{
		Subject: func(c *Claims) string { return c.Identity }, // gin-jwt has no "sub"
		Leeway:  time.Second,
	}))
	realtime := r.Group("/", login.MiddlewareFunc())
	// docs:end
	if o.HandshakesOnly {
		// docs:gin-handshakes
		check := login.MiddlewareFunc()
		realtime = r.Group("/", func(c *gin.Context) {
			if siogin.IsHandshake(c) {
				check(c)
			}
		})
		// docs:end
	}
	// docs:gin-mount
	siogin.Mount(realtime, srv)
	// docs:end
	o.serve(srv)
	return r, srv, nil
}
