package siogin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
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

// A test of an application's routes: its middleware, its REST endpoints and its
// events together, in memory. In a test, t is its *testing.T, and what
// siotest.Example gets is the test's body.
func Example_test() {
	newApp := func(srv *socketio.Server) http.Handler {
		r := gin.New()
		api := r.Group("/api", func(c *gin.Context) {
			user := c.GetHeader("X-User") // your authentication
			if user == "" {
				c.AbortWithStatus(http.StatusUnauthorized)
			}
			c.Set("user", user)
		})
		siogin.Mount(api, srv)
		srv.OnConnect(func(s *socketio.Socket) {
			user, _ := siogin.Get[string](s, "user")
			_ = s.Join("user:" + user)
		})
		api.POST("/orders/:user", func(c *gin.Context) {
			_ = srv.To("user:"+c.Param("user")).Emit("order", c.GetString("user"))
			c.Status(http.StatusAccepted)
		})
		return r
	}

	siotest.Example(func(t testing.TB) {
		srv := socketio.NewServer(nil)
		t.Cleanup(srv.Close)
		app := newApp(srv)
		path := siotest.Options{Path: "/api/socket.io/"}
		fmt.Println("without a user:", siotest.Rejected(t, app, path).Status)

		as := func(user string) siotest.Options {
			o := path
			o.Header = http.Header{"X-User": {user}}
			return o
		}
		ann := siotest.Dial(t, app, as("ann"))
		bob := siotest.Dial(t, app, as("bob"))

		req := httptest.NewRequest("POST", "/api/orders/ann", strings.NewReader("{}"))
		req.Header.Set("X-User", "eve")
		app.ServeHTTP(httptest.NewRecorder(), req)

		fmt.Println("ann gets", ann.Expect("order"))
		_ = srv.Emit("closing time")
		fmt.Println("bob gets", bob.Next()) // and no order before it
	})
	// Output:
	// without a user: 401
	// ann gets ["order","eve"]
	// bob gets ["closing time"]
}
