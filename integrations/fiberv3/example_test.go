package siofiber_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp/fasthttputil"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	siofiber "github.com/gosio/gosio/integrations/fiberv3"
)

func Example() {
	srv := socketio.NewServer(nil)
	srv.OnConnect(func(s *socketio.Socket) {
		user, _ := siofiber.Get[string](s, "user") // what the middleware has set
		_ = s.Join("user:" + user)
	})
	srv.On("add", func(a, b int) int { return a + b }) // the result is the acknowledgement

	app := fiber.New()
	api := app.Group("/api", func(c fiber.Ctx) error {
		if siofiber.IsHandshake(c) { // authenticate once, not for every poll
			c.Locals("user", "42")
		}
		return c.Next()
	})
	siofiber.Mount(api, srv) // clients: io("https://…", { path: "/api/socket.io" })
	app.Post("/orders", func(c fiber.Ctx) error {
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

// A test of an application's routes: its middleware, its REST endpoints and its
// events together, in memory. A fiber.App is no http.Handler, so clients are
// given a way to reach its listener. In a test, t is its *testing.T, and what
// siotest.Example gets is the test's body.
func Example_test() {
	newApp := func(srv *socketio.Server) *fiber.App {
		app := fiber.New()
		api := app.Group("/api", func(c fiber.Ctx) error {
			user := c.Get("X-User") // your authentication
			if user == "" {
				return c.SendStatus(fiber.StatusUnauthorized)
			}
			c.Locals("user", user)
			return c.Next()
		})
		siofiber.Mount(api, srv)
		srv.OnConnect(func(s *socketio.Socket) {
			user, _ := siofiber.Get[string](s, "user")
			_ = s.Join("user:" + user)
		})
		api.Post("/orders/:user", func(c fiber.Ctx) error {
			_ = srv.To("user:"+c.Params("user")).Emit("order", c.Locals("user"))
			return c.SendStatus(fiber.StatusAccepted)
		})
		return app
	}

	siotest.Example(func(t testing.TB) {
		srv := socketio.NewServer(nil)
		app := newApp(srv)
		listener := fasthttputil.NewInmemoryListener()
		served := make(chan error)
		go func() { served <- app.Listener(listener, fiber.ListenConfig{DisableStartupMessage: true}) }()
		t.Cleanup(func() {
			srv.Close() // before the app, which would wait for polls
			_ = app.Shutdown()
			<-served
		})
		as := func(user string) siotest.Options {
			return siotest.Options{
				Path: "/api/socket.io/", Header: http.Header{"X-User": {user}},
				Dial: func(context.Context) (net.Conn, error) { return listener.Dial() },
			}
		}
		fmt.Println("without a user:", siotest.Rejected(t, nil, as("")).Status)

		ann := siotest.Dial(t, nil, as("ann"))
		bob := siotest.Dial(t, nil, as("bob"))

		req := httptest.NewRequest("POST", "/api/orders/ann", nil)
		req.Header.Set("X-User", "eve")
		resp, err := app.Test(req) // or siotest.HTTP
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()

		fmt.Println("ann gets", ann.Expect("order"))
		_ = srv.Emit("closing time")
		fmt.Println("bob gets", bob.Next()) // and no order before it
	})
	// Output:
	// without a user: 401
	// ann gets ["order","eve"]
	// bob gets ["closing time"]
}
