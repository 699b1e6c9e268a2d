//go:build e2e

package proxies_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/integrations/mounttest"
	"github.com/gosio/gosio/internal/assert"
)

// traefik runs the configuration of docs/production.md, for any host and without TLS.
func traefik(t *testing.T, change *strings.Replacer, nodes []string) string {
	return runTraefik(t, change.Replace(documentedOn(t, "production.md", "yaml")), nodes)
}

// traefikOfCluster runs that of docs/cluster.md, which leaves out the router.
func traefikOfCluster(t *testing.T, change *strings.Replacer, nodes []string) string {
	router := "http:\n  routers:\n    all: { rule: \"Host(`app.example`)\", service: chat }\n"
	return runTraefik(t, strings.Replace(change.Replace(documentedOn(t, "cluster.md", "yaml")), "http:\n", router, 1), nodes)
}

func runTraefik(t *testing.T, config string, nodes []string) string {
	t.Helper()
	addr, file := free(t), filepath.Join(t.TempDir(), "dynamic.yml")
	config = placed(config, nodes, "Host(`app.example`)", "PathPrefix(`/`)")
	config = strings.Replace(config, ", tls: {}", "", 1)
	assert.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	run(t, addr, exec.Command("traefik", "--entrypoints.web.address="+addr, "--providers.file.filename="+file, "--providers.file.watch=false",
		"--global.checknewversion=false", "--global.sendanonymoususage=false"))
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 500 { // it listens before it has read the file
		resp, err := client.Get("http://" + addr + "/readyz")
		assert.NoError(t, err)
		assert.NoError(t, resp.Body.Close())
		if resp.StatusCode == http.StatusOK {
			return addr
		}
		<-tick.C
	}
	t.Fatal("Traefik does not read its file")
	return ""
}

// TestNodeThatEndsBehindTraefik: while the clients of a node leave, its WebSockets stay open,
// and Traefik sends nobody else there; that includes the polling sessions of the node,
// whose clients connect anew.
func TestNodeThatEndsBehindTraefik(t *testing.T) {
	t.Parallel()
	var ending atomic.Bool
	one, first := node(t, socketio.Options{}, readyz(func() bool { return !ending.Load() }))
	_, second := node(t, socketio.Options{}, readyz(func() bool { return true }))
	addr := traefik(t, strings.NewReplacer("interval: 5s", "interval: 1s", "timeout: 2s", "timeout: 1s"), []string{first, second})
	var c *mounttest.Client
	var polling *mounttest.Session
	for len(one.Connected) == 0 { // they take turns
		c = mounttest.NewClient(t, "http://"+addr+"/socket.io")
		polling = open(t, c)
	}
	polling.Echo("by polling")
	ws := c.Dial() // with the cookie
	ws.Echo("WebSocket alone")
	assert.Equal(t, "sockets of the node", len(one.Connected), 2)

	ending.Store(true)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	away := false
	for range 200 {
		a := c.Do("POST", "/?EIO=4&transport=polling&sid="+polling.ID, `42["echo","x"]`)
		if away = a.Body == `{"code":1,"message":"Session ID unknown"}`; away {
			break
		}
		<-tick.C
	}
	assert.True(t, "its polling sessions are sent elsewhere", away)
	ws.Echo("still there")
	for range 4 {
		open(t, mounttest.NewClient(t, "http://"+addr+"/socket.io")).Echo("on the other node")
	}
	assert.Equal(t, "sockets of the node", len(one.Connected), 2)
}
