package sessionfiber_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	fibersession "github.com/gofiber/fiber/v2/middleware/session"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/session"
	sessionfiber "github.com/gosio/gosio/session/fiber"
)

// The login of the web application lets its user's sockets in.
func ExampleNew() {
	siotest.Example(func(t testing.TB) {
		storage := &storage{m: map[string][]byte{}, life: map[string]time.Duration{}} // yours: one of gofiber/storage
		srv := socketio.NewServer(nil)                                                // siofiber.Mount(app, srv)
		t.Cleanup(srv.Close)
		app := fiber.New()
		// docs:fiber
		store := fibersession.New(fibersession.Config{Storage: storage, Expiration: 24 * time.Hour})
		sessions := session.New(sessionfiber.New(storage, "session_id", 24*time.Hour), session.Config{
			User: func(s *session.Session) string { return s.String("user") }, // empty: not signed in
		})
		srv.Use(sessions)
		app.Post("/logout", func(c *fiber.Ctx) error {
			s, err := store.Get(c)
			if err != nil {
				return err
			}
			id := s.ID()
			return errors.Join(s.Destroy(), sessions.Logout(c.Context(), id))
		})
		// docs:end
		app.Post("/login", func(c *fiber.Ctx) error {
			s, err := store.Get(c)
			if err != nil {
				return err
			}
			s.Set("user", "ada")
			return s.Save()
		})
		srv.On("who am i", func(s *socketio.Socket) string { return s.Identity() })

		res, err := app.Test(httptest.NewRequest("POST", "/login", nil))
		if err != nil {
			fmt.Println(err)
			return
		}
		cookie := res.Cookies()[0] // a browser sends it by itself
		c := siotest.Dial(t, srv, siotest.Options{Header: http.Header{"Cookie": {cookie.Name + "=" + cookie.Value}}})
		fmt.Println(c.Call("who am i"))

		logout := httptest.NewRequest("POST", "/logout", nil)
		logout.AddCookie(cookie)
		if _, err := app.Test(logout); err != nil {
			fmt.Println(err)
		}
		fmt.Println(c.Next())
	})
	// Output:
	// ["ada"]
	// ["session:ended",{"code":"session_ended","message":"session has ended","retryable":false}]
}
