package siofiber_test

import (
	"crypto/rand"
	"errors"
	"net/http"
	"runtime"
	"testing"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/recover"

	socketio "github.com/gosio/gosio/core"
	siofiber "github.com/gosio/gosio/integrations/fiberv3"
	"github.com/gosio/gosio/integrations/internal/mounttest"
	"github.com/gosio/gosio/internal/assert"
)

// TestContained: a function of the application's that panics, or ends its
// goroutine, costs one request, on every transport, with Fiber's recover and
// without: the process and its other clients go on.
func TestContained(t *testing.T) {
	t.Parallel()
	ends := map[string]struct {
		end    func()
		status int // of the answer to a polling request; 0: none
	}{
		"panic":           {func() { panic("no such tenant") }, http.StatusInternalServerError},
		"ErrAbortHandler": {func() { panic(http.ErrAbortHandler) }, 0},
		"Goexit":          {runtime.Goexit, 0},
	}
	for name, e := range ends {
		for _, use := range [][]any{nil, {recover.New()}} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				bad := func(r *http.Request, where string) {
					if r.Header.Get("X-Bad") == where {
						e.end()
					}
				}
				a := mounttest.NewAppWith(t, socketio.Options{
					AllowRequest: func(r *http.Request) error {
						bad(r, "AllowRequest")
						if r.Header.Get("X-Bad") == "OnRefused" {
							return errors.New("no")
						}
						return nil
					},
					OnRefused:  func(r *http.Request, _ *socketio.RequestError) { bad(r, "OnRefused") },
					Pin:        func(r *http.Request) string { bad(r, "Pin"); return "" },
					Headers:    func(_ http.Header, r *http.Request, _ bool) { bad(r, "Headers") },
					GenerateID: func(r *http.Request) (string, error) { bad(r, "GenerateID"); return rand.Text(), nil },
				})
				app := newApp()
				if use != nil {
					app.Use(use...)
				}
				siofiber.Mount(app, a.Server, siofiber.Config{Next: func(c fiber.Ctx) bool {
					if c.Get("X-Bad") == "Next" {
						e.end()
					}
					return false
				}})
				url := serve(t, app) + "/socket.io"
				good, c := mounttest.NewClient(t, url), mounttest.NewClient(t, url)
				polling, ws := good.Open(), good.Dial()
				later := "/?EIO=4&transport=polling&sid=" + polling.ID
				for _, try := range []struct{ where, method, path string }{
					{"AllowRequest", "GET", "/?EIO=4&transport=polling"},
					{"OnRefused", "GET", "/?EIO=4&transport=polling"},
					{"Pin", "GET", "/?EIO=4&transport=polling"},
					{"Headers", "GET", "/?EIO=4&transport=polling"},
					{"GenerateID", "GET", "/?EIO=4&transport=polling"},
					{"Next", "GET", "/?EIO=4&transport=polling"},
					{"Pin", "POST", later},
					{"Headers", "POST", later},
					{"Next", "POST", later},
				} {
					c.Header.Set("X-Bad", try.where)
					body := ""
					if try.method == "POST" {
						body = "3"
					}
					assert.Equal(t, try.where+" "+try.method, c.Status(try.method, try.path, body), e.status)
				}
				for _, where := range []string{"AllowRequest", "OnRefused", "Headers", "GenerateID"} {
					c.Header.Set("X-Bad", where)
					assert.Equal(t, where+", WebSocket", c.Refused().Status, 0)
				}
				ws.Echo("still there")
				good.Open().Echo("and somebody new")
			})
		}
	}
}
