package docs_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
)

// TestFirstHour: each mistake of a new user's first hour shows on the client what
// happened, and in the log what to do.
func TestFirstHour(t *testing.T) {
	t.Parallel()
	secret := []byte("0123456789abcdef0123456789abcdef")
	type order struct{ Count int }
	token := func(c jwt.Claims) map[string]string {
		text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(secret)
		if err != nil {
			t.Fatal(err)
		}
		return map[string]string{"token": text}
	}
	call := func(event string, args ...any) func(*testing.T, *socketio.Server) string {
		return func(t *testing.T, srv *socketio.Server) string {
			c := siotest.Dial(t, srv, siotest.Options{})
			return c.ExpectAck(c.EmitWithAck(event, args...)).String()
		}
	}
	connect := func(namespace string, value any) func(*testing.T, *socketio.Server) string {
		return func(t *testing.T, srv *socketio.Server) string {
			e := siotest.Refused(t, srv, siotest.Options{Namespace: namespace, Auth: value})
			return e.Message
		}
	}
	for name, step := range map[string]struct {
		do           func(*testing.T, *socketio.Server) string
		client, logs string
	}{
		"a text for an int":     {call("add", "1", 2), "argument 1 has to be an integer of type int, not a string", "which was not called"},
		"an argument too few":   {call("add", 1), "argument 2 is missing", "event=add"},
		"a field of wrong type": {call("order", map[string]any{"count": "3"}), "field Count of argument 1", "event=order"},
		"panic":                 {call("boom"), "internal error", `panic="no more"`},
		"error":                 {call("fail"), "internal error", `error="no such file"`},
		"mistyped event": {func(t *testing.T, srv *socketio.Server) string {
			c := siotest.Dial(t, srv, siotest.Options{})
			c.Emit("ad", 1)
			c.Call("add", 1, 2) // behind it
			return ""
		}, "", "an event has no handler: its name is to be the same on both sides"},
		"mistyped event in a protected namespace": {func(t *testing.T, srv *socketio.Server) string {
			c := siotest.Dial(t, srv, siotest.Options{Namespace: "/secret", Auth: token(jwt.RegisteredClaims{Subject: "ann", ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour))})})
			c.Emit("ad", 1)
			return ""
		}, "", "an event has no handler: its name is to be the same on both sides"},
		"mistyped namespace": {connect("/scret", nil), "Invalid namespace", "Server.Of makes one"},
		"auth that is a text": {func(_ *testing.T, srv *socketio.Server) string {
			ask := func(method, query, body string) *httptest.ResponseRecorder {
				w := httptest.NewRecorder()
				srv.ServeHTTP(w, httptest.NewRequest(method, "/socket.io/?EIO=4&transport=polling"+query, strings.NewReader(body)))
				return w
			}
			_, rest, _ := strings.Cut(ask("GET", "", "").Body.String(), `"sid":"`)
			sid, _, _ := strings.Cut(rest, `"`)
			return ask("POST", "&sid="+sid, `40/secret,"the token"`).Body.String()
		}, "Bad request", "auth has to be an object, like { token }"},
		"no token":  {connect("/secret", nil), "authentication required", "Config.Sources"},
		"expired":   {connect("/secret", token(jwt.RegisteredClaims{ExpiresAt: jwt.NewNumericDate(time.Now().Add(-time.Hour))})), "token has expired", "expired"},
		"no expiry": {connect("/secret", token(jwt.RegisteredClaims{Subject: "ann"})), "token is invalid", "a required claim is missing: exp"},
		"foreign origin": {func(_ *testing.T, srv *socketio.Server) string {
			w := httptest.NewRecorder()
			r := httptest.NewRequest("GET", "/socket.io/?EIO=4&transport=polling", nil)
			r.Header.Set("Origin", "http://localhost:5173")
			srv.ServeHTTP(w, r)
			return w.Result().Status + w.Body.String()
		}, "403", "add it to Options.CORS.Origins"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			logged := &lines{more: make(chan struct{}, 100)}
			log := slog.New(slog.NewTextHandler(logged, &slog.HandlerOptions{Level: slog.LevelWarn}))
			srv := start(t, &socketio.Options{Logger: log})
			srv.On("add", func(a, b int) int { return a + b })
			srv.On("order", func(o order) int { return o.Count })
			srv.On("boom", func() { panic("no more") })
			srv.On("fail", func() error { return errors.New("no such file") })
			srv.Of("/secret").Use(auth.JWT(auth.Config[jwt.RegisteredClaims]{Keys: auth.Secret(secret), Algorithms: []string{"HS256"}, Logger: log}))
			if got := step.do(t, srv); !strings.Contains(got, step.client) {
				t.Errorf("the client hears %s, want %s", got, step.client)
			}
			late := time.After(10 * time.Second)
			for !strings.Contains(logged.String(), step.logs) {
				select {
				case <-logged.more:
				case <-late:
					t.Fatalf("the log has %q, want %s", logged, step.logs)
				}
			}
		})
	}
}

// lines are a log that several goroutines write.
type lines struct {
	mu   sync.Mutex
	b    bytes.Buffer
	more chan struct{} // for each write, as long as somebody looks
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.more <- struct{}{}:
	default:
	}
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
