package siogin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gin-gonic/gin"

	socketio "github.com/gosio/gosio/core"
	siogin "github.com/gosio/gosio/integrations/gin"
)

func Example() {
	srv := socketio.NewServer(nil)
	srv.OnConnect(func(s *socketio.Socket) {
		user, _ := siogin.Get[string](s, "user") // what the middleware has set
		_ = s.Join("user:" + user)
	})
	srv.On("add", func(a, b int) int { return a + b }) // the result is the acknowledgement

	r := gin.New()
	api := r.Group("/api", func(c *gin.Context) {
		if siogin.IsHandshake(c) { // authenticate once, not for every poll
			c.Set("user", "42")
		}
	})
	siogin.Mount(api, srv) // clients: io("https://…", { path: "/api/socket.io" })
	r.POST("/orders", func(c *gin.Context) {
		_ = srv.To("user:42").Emit("order", "created")
		c.Status(http.StatusAccepted)
	})

	hs := httptest.NewServer(r)
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
