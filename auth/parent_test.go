package auth_test

import (
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestGuardOfAParent: one guard protects all children, with everything that it
// does on one namespace.
func TestGuardOfAParent(t *testing.T) {
	parents := map[string]func(srv *socketio.Server) *socketio.Namespace{
		"regexp": func(srv *socketio.Server) *socketio.Namespace {
			return srv.OfRegexp(regexp.MustCompile(`^/org-\d+$`))
		},
		"function": func(srv *socketio.Server) *socketio.Namespace {
			return srv.OfFunc(func(name string, _ *socketio.Handshake) bool { return strings.HasPrefix(name, "/org-") })
		},
	}
	t.Parallel()
	for name, parentOf := range parents {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := socketio.NewServer(nil)
				defer srv.Close()
				parent := parentOf(srv)
				end := watchEnd(parent)
				admins := auth.AnyRole(func(c *claims) []string { return c.Roles }, "admin")
				parent.Use(auth.JWT(refreshing()).RequireFor("delete", admins))
				whoami := func(s *socketio.Socket) string {
					id, _ := auth.From[claims](s)
					return id.Subject + s.Identity() + s.Namespace().Name()
				}
				parent.On("who", whoami)
				srv.OnNewNamespace(func(ns *socketio.Namespace) { ns.On("delete", func() string { return "deleted " + ns.Name() }) })
				in := func(namespace string, auth any) siotest.Options {
					return siotest.Options{Namespace: namespace, Auth: auth, Timeout: time.Hour}
				}
				refusedWith(t, srv, in("/org-1", nil), auth.CodeTokenMissing)
				refusedWith(t, srv, in("/org-1", token{tokenOf("alice") + "x"}), auth.CodeTokenInvalid)
				synctest.Wait()
				assert.Equal(t, "no child is left", len(parent.Children()), 0)

				c := siotest.Dial(t, srv, in("/org-1", until(time.Minute)))
				assert.Equal(t, "who", c.Call("who").String(), `["alicealice/org-1"]`)
				assert.Equal(t, "policy", failure(t, c.Call("delete")), auth.CodeForbidden)
				c.Call("auth:refresh", until(10*time.Minute, func(c *claims) { c.Roles = []string{"admin"} }))
				assert.Equal(t, "policy", c.Call("delete").String(), `["deleted /org-1"]`)

				other := c.Of("/org-2", until(5*time.Minute))
				assert.Equal(t, "each child has its own life", failure(t, other.Call("delete")), auth.CodeForbidden)
				first := next(t, end)
				assert.Equal(t, "the end", first, ended{5*time.Minute + 30*time.Second, socketio.ReasonForcedClose})
				next(t, end) // of the same connection
				synctest.Wait()
				assert.Equal(t, "no child is left", len(parent.Children()), 0)
			})
		})
	}
}
