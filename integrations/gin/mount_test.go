package siogin_test

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"testing"
	"weak"

	"github.com/gin-contrib/cors"
	"github.com/gin-contrib/gzip"
	"github.com/gin-contrib/requestid"
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

type middlewares = map[string][]gin.HandlerFunc

// requestID is made once: New writes a variable that its handlers read.
var requestID = requestid.New()

var front = mounttest.Front[gin.HandlerFunc]{
	NetHTTP: true,
	Serve: func(t *testing.T, s mounttest.Setup[gin.HandlerFunc]) {
		r := gin.New()
		assert.NoError(t, r.SetTrustedProxies([]string{"127.0.0.1"}))
		r.Use(s.Use...)
		siogin.Mount(r.Group(s.Group), s.Server, siogin.Config{Path: s.Path})
		s.ServeHTTP(t, r)
	},
	Usual: []gin.HandlerFunc{gin.LoggerWithWriter(io.Discard), gin.Recovery()},
	Middleware: middlewares{
		"gzip":                  {gzip.Gzip(gzip.BestSpeed)},
		"gzip, request id":      {gzip.Gzip(gzip.BestSpeed), requestID},
		"request id, gzip":      {requestID, gzip.Gzip(gzip.BestSpeed)},
		"cors":                  {cors.New(cors.Config{AllowOrigins: []string{mounttest.Origin}})},
		"auth":                  {abortUnlessSigned},
		"ErrorLogger, Recovery": {gin.ErrorLogger(), gin.Recovery()},
	},
	Authorization: "Bearer x",
	Log:           func(w io.Writer) gin.HandlerFunc { return gin.LoggerWithWriter(w) },
	Logged:        "| 101 |",
	CORS: func(origins ...string) gin.HandlerFunc {
		return cors.New(cors.Config{AllowOrigins: origins})
	},
	HeaderOnce: middlewares{"X-Request-Id": {requestID}},
	Outlives:   middlewares{"WriteTimeout": nil},
	Cut:        middlewares{"WriteTimeout and gzip": {gzip.Gzip(gzip.BestSpeed)}, "context": {deadline}},
	User: func(handshakesOnly bool) gin.HandlerFunc {
		return func(c *gin.Context) {
			if !handshakesOnly || siogin.IsHandshake(c) {
				c.Set("user", c.GetHeader("X-User"))
				c.Set("n", 7)
			}
		}
	},
	UserKey: "user",
	Get:     siogin.Get[string],
	Param:   siogin.Param,
	Refuse: func() gin.HandlerFunc {
		return func(c *gin.Context) {
			if siogin.IsHandshake(c) {
				c.AbortWithStatus(http.StatusUnauthorized)
			}
		}
	},
	Skip: func(path string) gin.HandlerFunc {
		skip := siogin.Skip(path)
		return func(c *gin.Context) {
			if !skip(c) {
				c.AbortWithStatus(http.StatusTeapot)
			}
		}
	},
	Check: func(t *testing.T, s *socketio.Socket, _ string) {
		n, _ := siogin.Get[int](s, "n")
		assert.Equal(t, "n", n, 7)
		_, ok := siogin.Get[int](s, "user")
		assert.True(t, "another type", !ok)
		assert.Equal(t, "our own", siogin.Param(s, "socketio-file"), "")
	},
	Holds: func(alive chan<- func() bool) gin.HandlerFunc {
		compress := gzip.Gzip(gzip.BestSpeed)
		return func(c *gin.Context) {
			ref := weak.Make(c)
			alive <- func() bool { return ref.Value() != nil }
			c.Set("github.com/gin-contrib/sessions", &session{c.Request, c.Writer})
			compress(c)
		}
	},
}

// session is one of gin-contrib/sessions, which holds on to the context.
type session struct {
	request *http.Request
	writer  http.ResponseWriter
}

func abortUnlessSigned(c *gin.Context) {
	if c.GetHeader("Authorization") != "Bearer x" {
		c.AbortWithStatus(http.StatusUnauthorized)
	}
}

func deadline(c *gin.Context) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), mounttest.ShortTimeout)
	defer cancel()
	c.Request = c.Request.WithContext(ctx)
	c.Next()
}

func TestMount(t *testing.T) {
	t.Parallel()
	front.Run(t)
}

// TestHandler registers the routes by hand.
func TestHandler(t *testing.T) {
	t.Parallel()
	app := mounttest.NewApp(t)
	r := gin.New()
	r.Any("/socket.io/*any", siogin.Handler(app.Server))
	mounttest.Drive(t, app, mounttest.Serve(t, r)+"/socket.io", nil)
}

// holding is a writer that waits for a body, and writes the end of one.
type holding struct{ gin.ResponseWriter }

func (holding) WriteHeader(int) {}
func (holding) WriteHeaderNow() {}
func (holding) Flush()          {}
func (h holding) Written() bool { return false }

// buffering is a writer like that of gin-contrib/timeout: what is not written to it,
// such as WriteHeaderNow, goes to Gin's.
type buffering struct {
	gin.ResponseWriter
	header http.Header
	code   int
	body   bytes.Buffer
}

func (b *buffering) Header() http.Header               { return b.header }
func (b *buffering) WriteHeader(code int)              { b.code = code }
func (b *buffering) Write(p []byte) (int, error)       { return b.body.Write(p) }
func (b *buffering) WriteString(s string) (int, error) { return b.body.WriteString(s) }

// TestHeldBack: writers that nobody knows hold the 101 back.
func TestHeldBack(t *testing.T) {
	t.Parallel()
	for name, hold := range map[string]gin.HandlerFunc{
		"until a body comes": func(c *gin.Context) {
			if c.IsWebsocket() {
				c.Writer = holding{c.Writer}
			}
			c.Next()
			if c.IsWebsocket() && c.Writer.Size() >= 0 {
				_, _ = c.Writer.Write([]byte("the end of a body"))
			}
		},
		"until the handlers have returned": func(c *gin.Context) {
			w := c.Writer
			b := &buffering{ResponseWriter: w, header: make(http.Header)}
			c.Writer = b
			c.Next()
			c.Writer = w
			maps.Copy(w.Header(), b.header)
			if b.code != 0 {
				w.WriteHeader(b.code)
			}
			if b.body.Len() > 0 {
				_, _ = w.Write(b.body.Bytes())
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := mounttest.NewApp(t)
			mounttest.Drive(t, app, front.Mount(hold).Start(t, app.Server), nil)
		})
	}
}

// TestGzipRefusal: what is refused without compression is whole.
func TestGzipRefusal(t *testing.T) {
	t.Parallel()
	c := mounttest.NewClient(t, front.Mount(gzip.Gzip(gzip.BestSpeed)).Start(t, mounttest.NewApp(t).Server))
	c.Header.Set("Connection", "upgrade")
	c.Query = "&sid=unknown"
	a := c.Refused()
	assert.Equal(t, "status", a.Status, http.StatusBadRequest)
	assert.Equal(t, "body", a.Body, `{"code":1,"message":"Session ID unknown"}`)
}
