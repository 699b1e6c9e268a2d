//go:build e2e

package proxies_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/integrations/mounttest"
	"github.com/gosio/gosio/internal/assert"
)

// checked starts two nodes and HAProxy with the backend of docs/production.md, which asks
// /readyz of each. end has the first node answer 503.
func checked(t *testing.T, change ...string) (client func(cookie string) *mounttest.Client, end func()) {
	t.Helper()
	var ending atomic.Bool
	_, one := node(t, socketio.Options{}, readyz(func() bool { return !ending.Load() }))
	_, two := node(t, socketio.Options{}, readyz(func() bool { return true }))
	front, _, ok := strings.Cut(documented(t, "haproxy"), "\nbackend app\n")
	assert.True(t, "docs/proxies.md has a backend app", ok)
	backend := documentedOn(t, "production.md", "haproxy")
	addr := runHAProxy(t, front+"\n"+strings.NewReplacer(change...).Replace(backend), []string{one, two})
	return func(cookie string) *mounttest.Client {
		c := mounttest.NewClient(t, "http://"+addr+"/socket.io")
		if cookie != "" {
			c.Header.Set("Cookie", "node="+cookie)
		}
		return c
	}, func() { ending.Store(true) }
}

func readyz(ready func() bool) func(*gin.Engine) {
	return func(r *gin.Engine) {
		r.GET("/readyz", func(c *gin.Context) {
			if !ready() {
				c.Status(http.StatusServiceUnavailable)
			}
		})
	}
}

// chosen opens a session, and returns the node that HAProxy has chosen for it: the one of
// the new cookie, or that of the cookie which the client has.
func chosen(c *mounttest.Client) string {
	set, _, _ := strings.Cut(c.OpenOnly().First.Get("Set-Cookie"), ";")
	if set == "" {
		set = c.Header.Get("Cookie")
	}
	return strings.TrimPrefix(set, "node=")
}

// untilAway waits until HAProxy sends clients that have the first node's cookie elsewhere.
func untilAway(t *testing.T, client func(cookie string) *mounttest.Client) {
	t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for range 150 { // three checks, of two seconds each, have to fail
		if chosen(client("one")) == "two" {
			return
		}
		<-tick.C
	}
	t.Fatal("HAProxy still sends clients to a node that is not ready")
}

// TestNodeThatEnds: while the clients of a node leave, HAProxy sends nobody new there, and
// lets those who are there finish: WebSockets, polling sessions, and their upgrade.
func TestNodeThatEnds(t *testing.T) {
	t.Parallel()
	client, end := checked(t)
	used := make(map[string]bool)
	for range 4 {
		used[chosen(client(""))] = true
	}
	assert.Equal(t, "nodes that were used", used, map[string]bool{"one": true, "two": true})
	assert.Equal(t, "a client that was there", chosen(client("one")), "one")
	polling, upgrading, ws := client("one").Open(), client("one").Open(), client("one").Dial()

	end()
	untilAway(t, client)
	for range 4 {
		assert.Equal(t, "a new client", chosen(client("")), "two")
	}
	polling.Echo("by polling")
	upgrading.Upgrade()
	upgrading.Echo("by WebSocket")
	ws.Echo("WebSocket alone")
	client("one").Dial().Echo("on the other node")
}

// TestNodeThatEndsWithout shows what the lines are for, and what the page warns of.
func TestNodeThatEndsWithout(t *testing.T) {
	t.Parallel()
	t.Run("force-persist", func(t *testing.T) {
		t.Parallel()
		client, end := checked(t, "force-persist", "# force-persist")
		c := client("one")
		s := c.Open()
		end()
		untilAway(t, client)
		a := c.Do("POST", "/?EIO=4&transport=polling&sid="+s.ID, `42["echo","lost"]`)
		assert.Equal(t, "POST", a.Body, `{"code":1,"message":"Session ID unknown"}`)
	})
	t.Run("with shutdown-sessions", func(t *testing.T) {
		t.Parallel()
		client, end := checked(t, "cookie one check", "cookie one on-marked-down shutdown-sessions check")
		ws := client("one").Dial()
		ws.Echo("in")
		start := time.Now()
		end()
		ws.UntilClosed()
		assert.True(t, "long before the heartbeat", time.Since(start) < 15*time.Second)
	})
}
