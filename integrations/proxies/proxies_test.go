//go:build e2e

// Package proxies_test runs the configurations of docs/proxies.md, and those of
// docs/production.md and docs/cluster.md for HAProxy and Traefik, with the real programs in front of two nodes, and shows for each
// line of the first table of proxies.md what happens without it.
package proxies_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	socketio "github.com/gosio/gosio/core"
	siogin "github.com/gosio/gosio/integrations/gin"
	"github.com/gosio/gosio/integrations/mounttest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	leak.Main(m)
}

// node is one server behind the proxy, which believes it about addresses.
func node(t *testing.T, o socketio.Options, routes ...func(*gin.Engine)) (app *mounttest.App, addr string) {
	t.Helper()
	app = mounttest.NewAppWith(t, o)
	app.On("later", func(s *socketio.Socket) {
		time.AfterFunc(silence, func() { _ = s.Emit("later") }) // it may be gone
	})
	r := gin.New()
	assert.NoError(t, r.SetTrustedProxies([]string{"127.0.0.1"}))
	siogin.Mount(r, app.Server)
	for _, add := range routes {
		add(r)
	}
	return app, strings.TrimPrefix(mounttest.Serve(t, r), "http://")
}

// silence is longer than shortTimeout, and that by seconds longer than frequent heartbeats:
// a busy machine holds up some of them.
const (
	silence      = 6 * time.Second
	shortTimeout = "4s"
	frequent     = 500 * time.Millisecond
)

// A proxy is a program with a configuration of the docs.
type proxy struct {
	name  string
	start func(t *testing.T, change *strings.Replacer, nodes []string) (addr string)
	// spreads: without a cookie, clients of one address reach all nodes.
	spreads bool
}

var proxies = []proxy{
	{"nginx", nginx, false}, {"caddy", caddy, true}, {"apache", apache, true}, {"haproxy", haproxy, true}, {"varnish", varnish, false},
	{"traefik", traefik, true}, {"traefik of cluster.md", traefikOfCluster, true},
}

// documented returns the block of docs/proxies.md in that language.
func documented(t *testing.T, language string) string {
	t.Helper()
	return documentedOn(t, "proxies.md", language)
}

// documentedOn is documented for any page.
func documentedOn(t *testing.T, name, language string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/" + name)
	assert.NoError(t, err)
	found := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindSubmatch(page)
	if found == nil {
		t.Fatalf("docs/%s has no block for %s", name, language)
	}
	return string(found[1])
}

func nginx(t *testing.T, change *strings.Replacer, nodes []string) string {
	dir, addr := t.TempDir(), free(t)
	config := "user root;\ndaemon off;\nworker_processes 1;\npid " + dir + "/pid;\nerror_log " + dir + "/error.log;\nevents {}\nhttp {\naccess_log off;\n"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		config += kind + "_temp_path " + dir + "/" + kind + ";\n"
	}
	config += strings.NewReplacer("listen 80;", "listen "+addr+";", "10.0.0.1:3000", nodes[0], "10.0.0.2:3000", nodes[1]).
		Replace(change.Replace(documented(t, "nginx"))) + "}\n"
	file := filepath.Join(dir, "nginx.conf")
	assert.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	run(t, addr, exec.Command("nginx", "-p", dir, "-c", file, "-e", dir+"/error.log"))
	return addr
}

func caddy(t *testing.T, change *strings.Replacer, nodes []string) string {
	dir, addr := t.TempDir(), free(t)
	config := "{\n\tadmin off\n\tauto_https off\n}\n" +
		strings.NewReplacer("app.example {", "http://"+addr+" {", "10.0.0.1:3000", nodes[0], "10.0.0.2:3000", nodes[1]).
			Replace(change.Replace(documented(t, "caddy")))
	file := filepath.Join(dir, "Caddyfile")
	assert.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	cmd := exec.Command("caddy", "run", "--config", file, "--adapter", "caddyfile")
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	run(t, addr, cmd)
	return addr
}

func apache(t *testing.T, change *strings.Replacer, nodes []string) string {
	dir, addr := t.TempDir(), free(t)
	config := "ServerName localhost\nServerRoot " + dir + "\nPidFile " + dir + "/pid\nDefaultRuntimeDir " + dir + "\nErrorLog " + dir + "/error.log\n" +
		"Mutex file:" + dir + "\nListen " + addr + "\n"
	for _, module := range []string{"mpm_event", "authz_core", "proxy", "proxy_http", "proxy_balancer", "lbmethod_byrequests", "slotmem_shm", "headers"} {
		config += "LoadModule " + module + "_module /usr/lib/apache2/modules/mod_" + module + ".so\n"
	}
	config += placed(change.Replace(documented(t, "apache")), nodes, "*:80", addr)
	file := filepath.Join(dir, "apache.conf")
	assert.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	run(t, addr, exec.Command("apache2", "-D", "FOREGROUND", "-f", file))
	return addr
}

func haproxy(t *testing.T, change *strings.Replacer, nodes []string) string {
	return runHAProxy(t, change.Replace(documented(t, "haproxy")), nodes)
}

func runHAProxy(t *testing.T, config string, nodes []string) string {
	addr, file := free(t), filepath.Join(t.TempDir(), "haproxy.cfg")
	config = placed(config, nodes, "bind :80", "bind "+addr)
	assert.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	run(t, addr, exec.Command("haproxy", "-db", "-f", file))
	return addr
}

func varnish(t *testing.T, change *strings.Replacer, nodes []string) string {
	dir, addr := t.TempDir(), free(t)
	config := change.Replace(documented(t, "vcl"))
	for i, host := range []string{"10.0.0.1", "10.0.0.2"} {
		to, port, _ := strings.Cut(nodes[i], ":")
		config = strings.Replace(config, `.host = "`+host+`"; .port = "3000"`, `.host = "`+to+`"; .port = "`+port+`"`, 1)
	}
	file := filepath.Join(dir, "default.vcl")
	assert.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	run(t, addr, exec.Command("varnishd", "-F", "-j", "none", "-n", dir+"/work", "-a", addr, "-f", file, "-s", "malloc,16m", "-S", "none", "-T", "none"))
	return addr
}

// placed puts the addresses of this run into a configuration.
func placed(config string, nodes []string, listen, addr string) string {
	return strings.NewReplacer("10.0.0.1:3000", nodes[0], "10.0.0.2:3000", nodes[1], listen, addr).Replace(config)
}

// free returns an address that nobody listens on, below the range from which the kernel
// takes the ports of the other tests' connections before the proxy has this one.
func free(t *testing.T) string {
	t.Helper()
	for range 200 {
		ln, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", 20_000+rand.IntN(10_000)))
		if err == nil {
			defer ln.Close()
			return ln.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}

// run starts the program and waits until it listens; it ends with the test.
func run(t *testing.T, addr string, cmd *exec.Cmd) {
	t.Helper()
	output := new(mounttest.Log)
	cmd.Stdout, cmd.Stderr = output, output
	assert.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // ends with the program
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(5 * time.Second): // it waits for connections
			_ = cmd.Process.Kill()
			<-ended
		}
	})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return
		}
		select {
		case <-tick.C:
		case err := <-ended:
			ended <- err
			t.Fatalf("%s: %v\n%s", cmd.Path, err, output)
		}
	}
}

// behind starts two nodes and a proxy in front of them.
func behind(t *testing.T, p proxy, o socketio.Options, change ...string) (nodes [2]*mounttest.App, client func() *mounttest.Client) {
	t.Helper()
	ready := readyz(func() bool { return true })
	one, first := node(t, o, ready)
	two, second := node(t, o, ready)
	addr := p.start(t, strings.NewReplacer(change...), []string{first, second})
	return [2]*mounttest.App{one, two}, func() *mounttest.Client {
		c := mounttest.NewClient(t, "http://"+addr+"/socket.io")
		c.Header.Set("Origin", "http://"+addr) // a browser's
		c.Header.Set("X-Forwarded-For", "203.0.113.9")
		return c
	}
}

// open is Open for a client that keeps cookies.
func open(t *testing.T, c *mounttest.Client) *mounttest.Session {
	t.Helper()
	s := c.OpenOnly()
	if cookie, _, _ := strings.Cut(s.First.Get("Set-Cookie"), ";"); cookie != "" {
		c.Header.Set("Cookie", cookie)
	}
	s.Send("40")
	if p := s.Recv(); !strings.HasPrefix(p, `40{"sid"`) {
		t.Fatalf("answer to CONNECT: %q", p)
	}
	return s
}

// TestDocumented: polling, the upgrade and WebSocket, with a browser's Origin,
// on two nodes; addresses cannot be forged; bodies of the limit's size pass.
func TestDocumented(t *testing.T) {
	t.Parallel()
	for _, p := range proxies {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			nodes, client := behind(t, p, socketio.Options{})
			const clients = 24 // one node gets none of them once in 2^23 runs
			var sessions []*mounttest.Session
			for range clients {
				sessions = append(sessions, open(t, client()))
			}
			for i, s := range sessions {
				s.Echo("by polling")
				if i%2 == 0 {
					s.Upgrade()
					s.Echo("by WebSocket")
				}
			}
			client().Dial().Echo("WebSocket alone")
			open(t, client()).Echo(strings.Repeat("x", 990_000))

			used := 0
			for _, n := range nodes {
				if len(n.Connected) > 0 {
					used++
					assert.Equal(t, "address", (<-n.Connected).Handshake().Address, "127.0.0.1")
				}
			}
			assert.Equal(t, "nodes that were used", used, map[bool]int{false: 1, true: 2}[p.spreads])
		})
	}
}

// TestSilence: a timeout that is longer than the heartbeat ends nothing, one
// that is shorter everything.
func TestSilence(t *testing.T) {
	t.Parallel()
	change := []string{"proxy_read_timeout 60s;", "proxy_read_timeout " + shortTimeout + ";"}
	for name, open := range map[string]func(*mounttest.Client) *mounttest.Session{
		"polling": (*mounttest.Client).Open, "websocket": (*mounttest.Client).Dial,
	} {
		t.Run("heartbeat within the timeout/"+name, func(t *testing.T) {
			t.Parallel()
			_, client := behind(t, proxies[0], socketio.Options{PingInterval: frequent}, change...)
			s := open(client())
			s.Send(`42["later"]`)
			assert.Equal(t, "after the silence", s.Recv(), `42["later"]`)
		})
	}
	t.Run("timeout within the heartbeat", func(t *testing.T) {
		t.Parallel()
		_, client := behind(t, proxies[0], socketio.Options{}, change...)
		ws := client().Dial()
		c := client()
		s := c.Open()
		poll := c.Do("GET", "/?EIO=4&transport=polling&sid="+s.ID, "") // nginx asks the other node then
		assert.Equal(t, "poll", poll.Body, `{"code":1,"message":"Session ID unknown"}`)
		start := time.Now()
		ws.UntilClosed()
		assert.True(t, "long before the heartbeat", time.Since(start) < 15*time.Second)
	})
}

// TestWithout shows what the lines of the configuration are for.
func TestWithout(t *testing.T) {
	t.Parallel()
	t.Run("the port in Host", func(t *testing.T) {
		t.Parallel()
		_, client := behind(t, proxies[0], socketio.Options{}, "$http_host;", "$host;")
		assert.Equal(t, "handshake", client().Do("GET", "/?EIO=4&transport=polling", "").Status, http.StatusForbidden)
	})
	t.Run("Host, with X-Forwarded-Host that is trusted", func(t *testing.T) {
		t.Parallel()
		o := socketio.Options{CORS: socketio.CORS{TrustForwardedHost: true}}
		_, client := behind(t, proxies[0], o, "Host $http_host;", "X-Forwarded-Host $http_host;")
		open(t, client()).Echo("in")
		client().Dial().Echo("in")
	})
	t.Run("Upgrade", func(t *testing.T) {
		t.Parallel()
		_, client := behind(t, proxies[0], socketio.Options{}, "proxy_set_header Upgrade $http_upgrade;", "")
		assert.Equal(t, "WebSocket", client().Refused().Status, http.StatusBadRequest)
		open(t, client()).Echo("polling goes on")
	})
	t.Run("stickiness", func(t *testing.T) {
		t.Parallel()
		_, client := behind(t, proxies[0], socketio.Options{}, "hash $remote_addr consistent;", "")
		c := client()
		s := c.OpenOnly()
		first := c.Do("POST", "/?EIO=4&transport=polling&sid="+s.ID, "40")
		second := c.Do("POST", "/?EIO=4&transport=polling&sid="+s.ID, "3")
		if first.Body == "ok" {
			first = second
		}
		assert.Equal(t, "one of two in turn", first.Body, `{"code":1,"message":"Session ID unknown"}`)
		client().Dial().Echo("WebSocket alone sticks by itself")
	})
	t.Run("room for a body", func(t *testing.T) {
		t.Parallel()
		_, client := behind(t, proxies[0], socketio.Options{}, "client_max_body_size 1m;", "client_max_body_size 100k;")
		c := client()
		s := open(t, c)
		a := c.Do("POST", "/?EIO=4&transport=polling&sid="+s.ID, `42["echo","`+strings.Repeat("x", 200_000)+`"]`)
		assert.Equal(t, "POST", a.Status, http.StatusRequestEntityTooLarge)
	})
}
