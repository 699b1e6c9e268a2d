package siochi_test

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
	"weak"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/go-chi/cors"

	socketio "github.com/gosio/gosio/core"
	siochi "github.com/gosio/gosio/integrations/chi"
	"github.com/gosio/gosio/integrations/internal/mounttest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// logger is middleware.Logger with another output.
func logger(w *mounttest.Log) func(http.Handler) http.Handler {
	return middleware.RequestLogger(&middleware.DefaultLogFormatter{Logger: line{w}, NoColor: true})
}

type line struct{ *mounttest.Log }

func (l line) Print(v ...any) {
	for _, s := range v {
		_, _ = l.Write([]byte(s.(string) + "\n"))
	}
}

func TestMount(t *testing.T) {
	t.Parallel()
	mounttest.Run(t, func(t *testing.T, srv *socketio.Server) string {
		r := chi.NewRouter()
		r.Use(logger(new(mounttest.Log)), middleware.Recoverer)
		siochi.Mount(r, srv)
		return mounttest.Serve(t, r) + "/socket.io"
	})
}

func TestSlowBodies(t *testing.T) {
	t.Parallel()
	mounttest.SlowBodies(t, func(t *testing.T, srv *socketio.Server, ln net.Listener) string {
		r := chi.NewRouter()
		r.Use(logger(new(mounttest.Log)), middleware.Recoverer)
		siochi.Mount(r, srv)
		mounttest.ServeListener(t, &http.Server{Handler: r}, ln)
		return "/socket.io"
	})
}

func TestMountInRoute(t *testing.T) {
	t.Parallel()
	mounttest.Run(t, func(t *testing.T, srv *socketio.Server) string {
		r := chi.NewRouter()
		r.Route("/api/{tenant}", func(r chi.Router) { siochi.Mount(r, srv, siochi.Config{Path: "/live/"}) })
		return mounttest.Serve(t, r) + "/api/acme/live"
	})
}

// TestHandler: chi's own Mount.
func TestHandler(t *testing.T) {
	t.Parallel()
	mounttest.Run(t, func(t *testing.T, srv *socketio.Server) string {
		r := chi.NewRouter()
		r.Mount("/socket.io", siochi.Handler(srv))
		return mounttest.Serve(t, r) + "/socket.io"
	})
}

func TestMiddleware(t *testing.T) {
	t.Parallel()
	type mw = func(http.Handler) http.Handler
	for name, use := range map[string][]mw{
		"Compress":               {middleware.Compress(5)},
		"Compress, text/plain":   {middleware.Compress(5, "text/plain", "application/json")},
		"Recoverer, RequestID":   {middleware.Recoverer, middleware.RequestID},
		"Timeout":                {middleware.Timeout(time.Minute)},
		"StripSlashes":           {middleware.StripSlashes},
		"CleanPath":              {middleware.CleanPath},
		"NoCache, Heartbeat":     {middleware.NoCache, middleware.Heartbeat("/ping")},
		"GetHead":                {middleware.GetHead},
		"RequestSize":            {middleware.RequestSize(1e6)},
		"Throttle":               {middleware.Throttle(2)}, // one for the poll, one for the rest
		"URLFormat":              {middleware.URLFormat},
		"AllowContentType":       {middleware.AllowContentType("text/plain", "")},
		"BasicAuth":              {middleware.BasicAuth("test", map[string]string{"ann": "x"})},
		"cors":                   {cors.Handler(cors.Options{AllowedOrigins: []string{mounttest.Origin}})},
		"Compress, Timeout, all": {middleware.RequestID, middleware.Recoverer, middleware.Compress(5), middleware.Timeout(time.Minute), middleware.Throttle(9)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := mounttest.NewApp(t)
			logged := new(mounttest.Log)
			r := chi.NewRouter()
			r.Use(logger(logged))
			r.Use(use...)
			siochi.Mount(r, app.Server)
			mounttest.Drive(t, app, mounttest.Serve(t, r)+"/socket.io", func(c *mounttest.Client) {
				c.Header.Set("Authorization", "Basic YW5uOng=")
				c.Header.Set("Origin", mounttest.Origin)
			})
			logged.Expect(t, " - 101 ", 2)
		})
	}
}

// TestRefusals: middleware that cannot work in front, and what its answer is.
func TestRefusals(t *testing.T) {
	t.Parallel()
	mount := func(t *testing.T, use func(http.Handler) http.Handler) *mounttest.Client {
		r := chi.NewRouter()
		r.Use(use)
		siochi.Mount(r, mounttest.NewApp(t).Server)
		return mounttest.NewClient(t, mounttest.Serve(t, r)+"/socket.io")
	}
	t.Run("RedirectSlashes", func(t *testing.T) {
		t.Parallel()
		c := mount(t, middleware.RedirectSlashes)
		assert.Equal(t, "GET", c.Do("GET", "/?EIO=4&transport=polling", "").Status, http.StatusMovedPermanently)
		c.Slash = ""
		c.Open().Echo("without the slash")
	})
	t.Run("RequestSize", func(t *testing.T) {
		t.Parallel()
		c := mount(t, middleware.RequestSize(1000))
		s := c.Open()
		a := c.Do("POST", "/?EIO=4&transport=polling&sid="+s.ID, strings.Repeat("4", 2000))
		assert.Equal(t, "POST", a.Status, http.StatusRequestEntityTooLarge)
	})
	t.Run("Throttle", func(t *testing.T) {
		t.Parallel()
		polls := make(chan struct{}, 1)
		c := mount(t, func(next http.Handler) http.Handler {
			return middleware.Throttle(1)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet && !siochi.IsHandshake(r) {
					polls <- struct{}{}
				}
				next.ServeHTTP(w, r)
			}))
		})
		s := c.OpenOnly()
		_, abandon := s.Park()
		defer abandon()
		mounttest.Wait(t, "the poll", polls)
		assert.Equal(t, "POST", c.Do("POST", "/?EIO=4&transport=polling&sid="+s.ID, "40").Status, http.StatusTooManyRequests)
	})
}

// TestCORS: go-chi/cors and the server's own list give one header.
func TestCORS(t *testing.T) {
	t.Parallel()
	app := mounttest.NewApp(t)
	r := chi.NewRouter()
	r.Use(cors.Handler(cors.Options{AllowedOrigins: []string{mounttest.Origin, "https://other.example"}}))
	siochi.Mount(r, app.Server)
	url := mounttest.Serve(t, r) + "/socket.io"
	mounttest.HeaderOnceFrom(t, url, mounttest.Origin, "Access-Control-Allow-Origin")
	c := mounttest.NewClient(t, url)
	c.Header.Set("Origin", "https://other.example")
	assert.Equal(t, "only in chi's list", c.Do("GET", "/?EIO=4&transport=polling", "").Status, http.StatusForbidden)
	if !strings.Contains(app.Log.String(), "Options.CORS.Origins") {
		t.Errorf("the log does not name the option: %s", app.Log)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	r := chi.NewRouter()
	r.Use(middleware.SetHeader("X-Request-Id", "7"), middleware.Compress(5, "text/plain"))
	siochi.Mount(r, mounttest.NewApp(t).Server)
	mounttest.HeaderOnce(t, mounttest.Serve(t, r)+"/socket.io", "X-Request-Id")
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, poll string
		use        []func(http.Handler) http.Handler
	}{
		{"WriteTimeout", "2", nil},
		{"WriteTimeout and Compress", "2", []func(http.Handler) http.Handler{middleware.Compress(5, "text/plain")}},
		{"Timeout", "6", []func(http.Handler) http.Handler{middleware.Timeout(mounttest.ShortTimeout)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			mounttest.Outlives(t, tc.poll, func(t *testing.T, srv *socketio.Server, ln net.Listener) string {
				r := chi.NewRouter()
				r.Use(tc.use...)
				siochi.Mount(r, srv)
				mounttest.ServeListener(t, &http.Server{Handler: r, ReadTimeout: mounttest.ShortTimeout, WriteTimeout: mounttest.ShortTimeout}, ln)
				return "/socket.io"
			})
		})
	}
}

func TestUnhijackable(t *testing.T) {
	t.Parallel()
	app := mounttest.NewApp(t)
	r := chi.NewRouter()
	r.Use(middleware.Compress(5), func(next http.Handler) http.Handler { return http.TimeoutHandler(next, time.Minute, "") })
	siochi.Mount(r, app.Server)
	mounttest.Unhijackable(t, app, mounttest.Serve(t, r)+"/socket.io", "*http.timeoutWriter")
}

func TestLogout(t *testing.T) {
	t.Parallel()
	mounttest.Logout(t, func(_ *testing.T, srv *socketio.Server, loadAndSave func(http.Handler) http.Handler) http.Handler {
		r := chi.NewRouter()
		r.Use(logger(new(mounttest.Log)), loadAndSave, middleware.Compress(5))
		siochi.Mount(r, srv)
		return r
	})
}

type userKey struct{}

// TestUpstream reads what middleware has set, many requests later.
func TestUpstream(t *testing.T) {
	t.Parallel()
	app := mounttest.NewAppWith(t, socketio.Options{ContextKeys: []any{userKey{}, middleware.RequestIDKey}})
	r := chi.NewRouter()
	r.Use(middleware.RequestID, middleware.ClientIPFromXFF("127.0.0.0/8"))
	r.Route("/{tenant}", func(r chi.Router) {
		r.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if siochi.IsHandshake(r) {
					middleware.WithValue(userKey{}, r.Header.Get("X-User"))(next).ServeHTTP(w, r)
					return
				}
				next.ServeHTTP(w, r)
			})
		})
		siochi.Mount(r, app.Server)
	})
	url := mounttest.Serve(t, r)
	mounttest.Users(t, app, func(user string) string { return url + "/t-" + user + "/socket.io" }, func(s *socketio.Socket, user string) {
		got, ok := siochi.Get[string](s, userKey{})
		assert.True(t, "a string", ok)
		assert.Equal(t, "user", got, user)
		_, ok = siochi.Get[int](s, userKey{})
		assert.True(t, "another type", !ok)
		id, _ := siochi.Get[string](s, middleware.RequestIDKey)
		assert.True(t, "request id", id != "")
		assert.Equal(t, "tenant", siochi.URLParam(s, "tenant"), "t-"+user)
		assert.Equal(t, "wildcard", siochi.URLParam(s, "*"), "")
		assert.Equal(t, "address", s.Handshake().Address, "203.0.113.9")
	})
}

// TestAddress: the older way, which replaces RemoteAddr.
func TestAddress(t *testing.T) {
	t.Parallel()
	for _, want := range []string{"203.0.113.9", "2001:db8::9"} {
		app := mounttest.NewApp(t)
		r := chi.NewRouter()
		r.Use(middleware.RealIP) //nolint:staticcheck // apps still have it
		siochi.Mount(r, app.Server)
		c := mounttest.NewClient(t, mounttest.Serve(t, r)+"/socket.io")
		c.Header.Set("X-Real-IP", want)
		c.Dial()
		assert.Equal(t, "address", mounttest.Wait(t, "the socket", app.Connected).Handshake().Address, want)
	}
}

// TestWithoutChi: the handler does not need a chi router.
func TestWithoutChi(t *testing.T) {
	t.Parallel()
	app := mounttest.NewApp(t)
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", siochi.Handler(app.Server))
	mounttest.NewClient(t, mounttest.Serve(t, mux)+"/socket.io").Dial().Echo("x")
	assert.Equal(t, "no parameter", siochi.URLParam(mounttest.Wait(t, "the socket", app.Connected), "tenant"), "")
}

// TestHoldsNothing: nothing of chi's is reachable from an upgraded connection.
func TestHoldsNothing(t *testing.T) {
	t.Parallel()
	app := mounttest.NewAppWith(t, socketio.Options{ContextKeys: []any{userKey{}}})
	refs := make(chan weak.Pointer[chi.Context], 16)
	r := chi.NewRouter()
	r.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			refs <- weak.Make(chi.RouteContext(r.Context()))
			next.ServeHTTP(w, r)
		})
	}, middleware.Compress(5), middleware.WithValue(userKey{}, "alice"))
	r.Route("/{tenant}", func(r chi.Router) { siochi.Mount(r, app.Server) })
	c := mounttest.NewClient(t, mounttest.Serve(t, r)+"/acme/socket.io")
	s := c.Open()
	s.Upgrade()
	c.Dial().Echo("x")
	close(refs)
	for ref := range refs {
		mounttest.Collected(t, "a *chi.Context", func() bool { return ref.Value() != nil })
	}
	s.Echo("still open")
}

func TestWrongWiring(t *testing.T) {
	t.Parallel()
	srv := mounttest.NewApp(t).Server
	for name, f := range map[string]func(){
		"nil":       func() { siochi.Mount(chi.NewRouter(), nil) },
		"no slash":  func() { siochi.Mount(chi.NewRouter(), srv, siochi.Config{Path: "socket.io"}) },
		"parameter": func() { siochi.Mount(chi.NewRouter(), srv, siochi.Config{Path: "/{x}"}) },
	} {
		mounttest.Panics(t, name, f)
	}
}

func TestPin(t *testing.T) {
	t.Parallel()
	mounttest.Pinned(t, userKey{}, func(t *testing.T, srv *socketio.Server) string {
		r := chi.NewRouter()
		r.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				middleware.WithValue(userKey{}, r.Header.Get("X-User"))(next).ServeHTTP(w, r)
			})
		})
		siochi.Mount(r, srv)
		return mounttest.Serve(t, r) + "/socket.io"
	})
}

// TestClientCertificate: see docs/securing.md.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	mounttest.ClientCertificate(t, func(t *testing.T, srv *socketio.Server) func(net.Listener) {
		r := chi.NewRouter()
		siochi.Mount(r, srv)
		return func(ln net.Listener) { mounttest.ServeListener(t, &http.Server{Handler: r}, ln) }
	})
}

// TestUnixSocket: a client of one has the address that net/http gives it.
func TestUnixSocket(t *testing.T) {
	t.Parallel()
	mounttest.UnixSocket(t, func(srv *socketio.Server, ln net.Listener) {
		h := chi.NewRouter()
		siochi.Mount(h, srv)
		hs := &http.Server{Handler: h}
		go func() { _ = hs.Serve(ln) }() // ends with Close
		t.Cleanup(func() { _ = hs.Close() })
	})
}
