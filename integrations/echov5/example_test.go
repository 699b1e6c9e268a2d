package sioecho_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/labstack/echo/v5"

	socketio "github.com/gosio/gosio/core"
	sioecho "github.com/gosio/gosio/integrations/echov5"
)

func Example() {
	srv := socketio.NewServer(nil)
	srv.OnConnect(func(s *socketio.Socket) {
		user, _ := sioecho.Get[string](s, "user") // what the middleware has set
		_ = s.Join("user:" + user)
	})
	srv.On("add", func(a, b int) int { return a + b }) // the result is the acknowledgement

	e := echo.New()
	api := e.Group("/api", func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error {
			if sioecho.IsHandshake(c) { // authenticate once, not for every poll
				c.Set("user", "42")
			}
			return next(c)
		}
	})
	sioecho.Mount(api, srv) // clients: io("https://…", { path: "/api/socket.io" })
	e.POST("/orders", func(c *echo.Context) error {
		_ = srv.To("user:42").Emit("order", "created")
		return c.NoContent(http.StatusAccepted)
	})

	hs := httptest.NewServer(e)
	defer hs.Close()
	defer srv.Close() // before the HTTP server, which would wait for polls

	resp, err := http.Get(hs.URL + "/api/socket.io/?EIO=4&transport=polling")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status, srv.Connections())
	// Output: 200 OK 1
}
