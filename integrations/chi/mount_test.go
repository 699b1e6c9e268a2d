package siochi_test

import (
	"io"
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
	"github.com/gosio/gosio/integrations/mounttest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

type (
	mw      = func(http.Handler) http.Handler
	userKey struct{}
)

var front = mounttest.Front[mw]{
	NetHTTP: true,
	Serve: func(t *testing.T, s mounttest.Setup[mw]) {
		r := chi.NewRouter()
		r.Use(middleware.RequestID, middleware.ClientIPFromXFF("127.0.0.0/8"))
		r.Use(s.Use...)
		path := strings.Replace(s.Path, ":tenant", "{tenant}", 1)
		if s.Group == "" {
			siochi.Mount(r, s.Server, siochi.Config{Path: path})
		} else {
			r.Route(strings.Replace(s.Group, ":tenant", "{tenant}", 1), func(r chi.Router) {
				siochi.Mount(r, s.Server, siochi.Config{Path: path})
			})
		}
		s.ServeHTTP(t, r)
	},
	Usual: []mw{logger(io.Discard), middleware.Recoverer, middleware.Compress(5)},
	Middleware: map[string][]mw{
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
	},
	Authorization: "Basic YW5uOng=",
	Log:           logger,
	Logged:        " - 101 ",
	CORS: func(origins ...string) mw {
		return cors.Handler(cors.Options{AllowedOrigins: origins})
	},
	HeaderOnce: map[string][]mw{"X-Request-Id": {middleware.SetHeader("X-Request-Id", "7"), middleware.Compress(5, "text/plain")}},
	Outlives:   map[string][]mw{"WriteTimeout": nil, "WriteTimeout and Compress": {middleware.Compress(5, "text/plain")}},
	Cut:        map[string][]mw{"Timeout": {middleware.Timeout(mounttest.ShortTimeout)}},
	User: func(handshakesOnly bool) mw {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if handshakesOnly && !siochi.IsHandshake(r) {
					next.ServeHTTP(w, r)
					return
				}
				middleware.WithValue(userKey{}, r.Header.Get("X-User"))(next).ServeHTTP(w, r)
			})
		}
	},
	UserKey:     userKey{},
	ContextKeys: []any{userKey{}, middleware.RequestIDKey},
	Get:         siochi.Get[string],
	Param:       siochi.Param,
	Refuse:      func() mw { return refuse(siochi.IsHandshake, http.StatusUnauthorized) },
	Skip: func(path string) mw {
		skip := siochi.Skip(path)
		return refuse(func(r *http.Request) bool { return !skip(r) }, http.StatusTeapot)
	},
	Check: func(t *testing.T, s *socketio.Socket, _ string) {
		_, ok := siochi.Get[int](s, userKey{})
		assert.True(t, "another type", !ok)
		id, _ := siochi.Get[string](s, middleware.RequestIDKey)
		assert.True(t, "request id", id != "")
	},
	Holds: func(alive chan<- func() bool) mw {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ref := weak.Make(chi.RouteContext(r.Context()))
				alive <- func() bool { return ref.Value() != nil }
				middleware.Compress(5)(next).ServeHTTP(w, r)
			})
		}
	},
}

// refuse answers the requests that are meant with a status.
func refuse(meant func(*http.Request) bool, status int) mw {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if meant(r) {
				w.WriteHeader(status)
			} else {
				next.ServeHTTP(w, r)
			}
		})
	}
}

// logger is middleware.Logger with another output.
func logger(w io.Writer) mw {
	return middleware.RequestLogger(&middleware.DefaultLogFormatter{Logger: line{w}, NoColor: true})
}

type line struct{ io.Writer }

func (l line) Print(v ...any) {
	for _, s := range v {
		_, _ = l.Write([]byte(s.(string) + "\n"))
	}
}

func TestMount(t *testing.T) {
	t.Parallel()
	front.Run(t)
}

// TestHandler: chi's own Mount.
func TestHandler(t *testing.T) {
	t.Parallel()
	app := mounttest.NewApp(t)
	r := chi.NewRouter()
	r.Mount("/socket.io", siochi.Handler(app.Server))
	mounttest.Drive(t, app, mounttest.Serve(t, r)+"/socket.io", nil)
}

// TestRefusals: middleware that cannot work in front, and what its answer is.
func TestRefusals(t *testing.T) {
	t.Parallel()
	mount := func(t *testing.T, use func(http.Handler) http.Handler) *mounttest.Client {
		return mounttest.NewClient(t, front.Mount(use).Start(t, mounttest.NewApp(t).Server))
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
	assert.Equal(t, "no parameter", siochi.Param(mounttest.Wait(t, "the socket", app.Connected), "tenant"), "")
}
