package siogin_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
	"weak"

	"github.com/gin-contrib/cors"
	"github.com/gin-contrib/gzip"
	"github.com/gin-contrib/requestid"
	"github.com/gin-gonic/gin"

	socketio "github.com/gosio/gosio/core"
	siogin "github.com/gosio/gosio/integrations/gin"
	"github.com/gosio/gosio/integrations/internal/mounttest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

// requestID is made once: New writes a variable that its handlers read.
var requestID = requestid.New()

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	leak.Main(m)
}

func TestMount(t *testing.T) {
	t.Parallel()
	mounttest.Run(t, func(t *testing.T, srv *socketio.Server) string {
		r := gin.New()
		r.Use(gin.LoggerWithWriter(t.Output()), gin.Recovery())
		siogin.Mount(r, srv)
		return mounttest.Serve(t, r) + "/socket.io"
	})
}

func TestSlowBodies(t *testing.T) {
	t.Parallel()
	mounttest.SlowBodies(t, func(t *testing.T, srv *socketio.Server, ln net.Listener) string {
		r := gin.New()
		r.Use(gin.LoggerWithWriter(t.Output()), gin.Recovery())
		siogin.Mount(r, srv)
		mounttest.ServeListener(t, &http.Server{Handler: r}, ln)
		return "/socket.io"
	})
}

func TestMountInGroup(t *testing.T) {
	t.Parallel()
	mounttest.Run(t, func(t *testing.T, srv *socketio.Server) string {
		r := gin.New()
		siogin.Mount(r.Group("/api/:tenant"), srv, siogin.Config{Path: "/live/"})
		return mounttest.Serve(t, r) + "/api/acme/live"
	})
}

// TestHandler registers the routes by hand.
func TestHandler(t *testing.T) {
	t.Parallel()
	app := mounttest.NewApp(t)
	r := gin.New()
	r.Any("/socket.io/*any", siogin.Handler(app.Server))
	mounttest.Drive(t, app, mounttest.Serve(t, r)+"/socket.io", nil)
}

func TestMiddleware(t *testing.T) {
	t.Parallel()
	abortUnlessSigned := func(c *gin.Context) {
		if c.GetHeader("Authorization") != "Bearer x" {
			c.AbortWithStatus(http.StatusUnauthorized)
		}
	}
	for name, use := range map[string][]gin.HandlerFunc{
		"gzip":                  {gzip.Gzip(gzip.BestSpeed)},
		"gzip, request id":      {gzip.Gzip(gzip.BestSpeed), requestID},
		"request id, gzip":      {requestID, gzip.Gzip(gzip.BestSpeed)},
		"cors":                  {cors.New(cors.Config{AllowOrigins: []string{mounttest.Origin}})},
		"auth":                  {abortUnlessSigned},
		"ErrorLogger, Recovery": {gin.ErrorLogger(), gin.Recovery()},
	} {
		for _, connection := range []string{"Upgrade", "upgrade", "keep-alive, Upgrade"} {
			t.Run(name+"/"+connection, func(t *testing.T) {
				t.Parallel()
				app := mounttest.NewApp(t)
				r := gin.New()
				logged := new(mounttest.Log)
				r.Use(gin.LoggerWithWriter(logged))
				r.Use(use...)
				siogin.Mount(r, app.Server)
				mounttest.Drive(t, app, mounttest.Serve(t, r)+"/socket.io", func(c *mounttest.Client) {
					c.Header.Set("Connection", connection)
					c.Header.Set("Authorization", "Bearer x")
					c.Header.Set("Origin", mounttest.Origin)
				})
				logged.Expect(t, "| 101 |", 2)
			})
		}
	}
}

// holding is a writer that waits for a body, and writes the end of one.
type holding struct{ gin.ResponseWriter }

func (holding) WriteHeader(int) {}
func (holding) WriteHeaderNow() {}
func (holding) Flush()          {}
func (h holding) Written() bool { return false }

// TestHeldBack: a writer that nobody knows holds the 101 back.
func TestHeldBack(t *testing.T) {
	t.Parallel()
	app := mounttest.NewApp(t)
	r := gin.New()
	r.Use(func(c *gin.Context) {
		if c.IsWebsocket() {
			c.Writer = holding{c.Writer}
		}
		c.Next()
		if c.IsWebsocket() && c.Writer.Size() >= 0 {
			_, _ = c.Writer.Write([]byte("the end of a body"))
		}
	})
	siogin.Mount(r, app.Server)
	mounttest.Drive(t, app, mounttest.Serve(t, r)+"/socket.io", nil)
}

// TestGzipRefusal: what is refused without compression is whole.
func TestGzipRefusal(t *testing.T) {
	t.Parallel()
	app := mounttest.NewApp(t)
	r := gin.New()
	r.Use(gzip.Gzip(gzip.BestSpeed))
	siogin.Mount(r, app.Server)
	c := mounttest.NewClient(t, mounttest.Serve(t, r)+"/socket.io")
	c.Header.Set("Connection", "upgrade")
	c.Query = "&sid=unknown"
	a := c.Refused()
	assert.Equal(t, "status", a.Status, http.StatusBadRequest)
	assert.Equal(t, "body", a.Body, `{"code":1,"message":"Session ID unknown"}`)
}

// TestCORS: gin-contrib/cors and the server's own list give one header.
func TestCORS(t *testing.T) {
	t.Parallel()
	app := mounttest.NewApp(t)
	r := gin.New()
	r.Use(cors.New(cors.Config{AllowOrigins: []string{mounttest.Origin, "https://other.example"}}))
	siogin.Mount(r, app.Server)
	url := mounttest.Serve(t, r) + "/socket.io"
	mounttest.HeaderOnceFrom(t, url, mounttest.Origin, "Access-Control-Allow-Origin")
	c := mounttest.NewClient(t, url)
	c.Header.Set("Origin", "https://other.example")
	assert.Equal(t, "only in gin's list", c.Do("GET", "/?EIO=4&transport=polling", "").Status, http.StatusForbidden)
	if !strings.Contains(app.Log.String(), "Options.CORS.Origins") {
		t.Errorf("the log does not name the option: %s", app.Log)
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	r := gin.New()
	r.Use(requestID)
	siogin.Mount(r, mounttest.NewApp(t).Server)
	mounttest.HeaderOnce(t, mounttest.Serve(t, r)+"/socket.io", "X-Request-Id")
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, poll string
		use        []gin.HandlerFunc
	}{
		{"WriteTimeout", "2", nil},
		{"WriteTimeout and gzip", "6", []gin.HandlerFunc{gzip.Gzip(gzip.BestSpeed)}},
		{"context", "6", []gin.HandlerFunc{func(c *gin.Context) {
			ctx, cancel := context.WithTimeout(c.Request.Context(), mounttest.ShortTimeout)
			defer cancel()
			c.Request = c.Request.WithContext(ctx)
			c.Next()
		}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			mounttest.Outlives(t, tc.poll, func(t *testing.T, srv *socketio.Server, ln net.Listener) string {
				r := gin.New()
				r.Use(tc.use...)
				siogin.Mount(r, srv)
				mounttest.ServeListener(t, &http.Server{Handler: r, ReadTimeout: mounttest.ShortTimeout, WriteTimeout: mounttest.ShortTimeout}, ln)
				return "/socket.io"
			})
		})
	}
}

func TestUnhijackable(t *testing.T) {
	t.Parallel()
	app := mounttest.NewApp(t)
	r := gin.New()
	siogin.Mount(r, app.Server)
	url := mounttest.Serve(t, http.TimeoutHandler(r, time.Minute, ""))
	mounttest.Unhijackable(t, app, url+"/socket.io", "*http.timeoutWriter")
}

func TestLogout(t *testing.T) {
	t.Parallel()
	mounttest.Logout(t, func(_ *testing.T, srv *socketio.Server, loadAndSave func(http.Handler) http.Handler) http.Handler {
		r := gin.New()
		r.Use(gin.Recovery(), gzip.Gzip(gzip.BestSpeed))
		siogin.Mount(r, srv)
		return loadAndSave(r)
	})
}

// TestUpstream reads what middleware has set, many requests later.
func TestUpstream(t *testing.T) {
	t.Parallel()
	app := mounttest.NewApp(t)
	r := gin.New()
	assert.NoError(t, r.SetTrustedProxies([]string{"127.0.0.1"}))
	g := r.Group("/:tenant", func(c *gin.Context) {
		if siogin.IsHandshake(c) {
			c.Set("user", c.GetHeader("X-User"))
			c.Set("n", 7)
		}
	})
	siogin.Mount(g, app.Server)
	url := mounttest.Serve(t, r)
	mounttest.Users(t, app, func(user string) string { return url + "/t-" + user + "/socket.io" }, func(s *socketio.Socket, user string) {
		got, ok := siogin.Get[string](s, "user")
		assert.True(t, "a string", ok)
		assert.Equal(t, "user", got, user)
		n, _ := siogin.Get[int](s, "n")
		assert.Equal(t, "n", n, 7)
		_, ok = siogin.Get[int](s, "user")
		assert.True(t, "another type", !ok)
		assert.Equal(t, "tenant", siogin.Param(s, "tenant"), "t-"+user)
		assert.Equal(t, "our own", siogin.Param(s, "socketio-file"), "")
		assert.Equal(t, "address", s.Handshake().Address, "203.0.113.9")
	})
}

// TestHoldsNothing: gin's context is not reachable from an upgraded connection,
// not even through a session of gin-contrib/sessions.
func TestHoldsNothing(t *testing.T) {
	t.Parallel()
	type session struct { // as that package's
		request *http.Request
		writer  http.ResponseWriter
	}
	app := mounttest.NewApp(t)
	r := gin.New()
	refs := make(chan weak.Pointer[gin.Context], 16)
	r.Use(gzip.Gzip(gzip.BestSpeed), func(c *gin.Context) {
		refs <- weak.Make(c)
		c.Set("user", "alice")
		c.Set("github.com/gin-contrib/sessions", &session{c.Request, c.Writer})
	})
	siogin.Mount(r, app.Server)
	c := mounttest.NewClient(t, mounttest.Serve(t, r)+"/socket.io")
	s := c.Open()
	s.Upgrade()
	c.Dial().Echo("x")
	close(refs)
	for ref := range refs {
		mounttest.Collected(t, "a *gin.Context", func() bool { return ref.Value() != nil })
	}
	s.Echo("still open")
}

func TestWrongWiring(t *testing.T) {
	t.Parallel()
	srv := mounttest.NewApp(t).Server
	for name, f := range map[string]func(){
		"nil":       func() { siogin.Mount(gin.New(), nil) },
		"no slash":  func() { siogin.Mount(gin.New(), srv, siogin.Config{Path: "socket.io"}) },
		"parameter": func() { siogin.Mount(gin.New(), srv, siogin.Config{Path: "/:x"}) },
	} {
		mounttest.Panics(t, name, f)
	}
}

func TestPin(t *testing.T) {
	t.Parallel()
	mounttest.Pinned(t, "user", func(t *testing.T, srv *socketio.Server) string {
		r := gin.New()
		r.Use(func(c *gin.Context) { c.Set("user", c.GetHeader("X-User")) })
		siogin.Mount(r, srv)
		return mounttest.Serve(t, r) + "/socket.io"
	})
}

// TestClientCertificate: see docs/securing.md.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	mounttest.ClientCertificate(t, func(t *testing.T, srv *socketio.Server) func(net.Listener) {
		r := gin.New()
		siogin.Mount(r, srv)
		return func(ln net.Listener) { mounttest.ServeListener(t, &http.Server{Handler: r}, ln) }
	})
}

// TestUnixSocket: a client of one has the address that net/http gives it.
func TestUnixSocket(t *testing.T) {
	t.Parallel()
	mounttest.UnixSocket(t, func(srv *socketio.Server, ln net.Listener) {
		h := gin.New()
		siogin.Mount(h, srv)
		hs := &http.Server{Handler: h}
		go func() { _ = hs.Serve(ln) }() // ends with Close
		t.Cleanup(func() { _ = hs.Close() })
	})
}
