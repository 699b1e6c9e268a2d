package docs_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

func TestServer(t *testing.T) {
	t.Parallel()
	// code: new
	srv := socketio.NewServer(&socketio.Options{
		PingInterval: 20 * time.Second,
		Limits:       socketio.Limits{MaxHTTPBufferSize: 256 << 10},
	})
	srv.OnConnect(func(s *socketio.Socket) { s.Emit("hello", s.ID()) })
	srv.On("message", func(s *socketio.Socket, text string) {
		s.Broadcast().Emit("message", text)
	})
	// end

	// code: mount
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {})
	// end

	c := dial(t, mux)
	var id string
	c.Expect("hello", &id)
	assert.Equal(t, "id", id, c.ID())
	assert.Equal(t, "connections", srv.Connections(), 1)

	// code: stop
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := srv.Shutdown(ctx) // then httpServer.Shutdown(ctx)
	// end
	assert.NoError(t, err)
	c.ExpectDisconnect(siotest.TransportClose)
}

func TestServerInFront(t *testing.T) {
	t.Parallel()
	srv := start(t, nil)
	mux := http.NewServeMux()
	log := make(printer, 10)

	// code: path
	mux.Handle("/live/", srv)
	// end

	// code: front
	withLog := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if socketio.IsHandshake(r) {
				log.Println("a client connects from", r.RemoteAddr)
			}
			next.ServeHTTP(w, r)
		})
	}
	// end

	// code: rest
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		srv.To("user:"+r.FormValue("user")).Emit("order", r.FormValue("item"))
		w.WriteHeader(http.StatusAccepted)
	})
	// end

	srv.OnConnect(func(s *socketio.Socket) { s.Join("user:ada"); s.Emit("ready") })
	c := siotest.Dial(t, withLog(mux), siotest.Options{Path: "/live/", Transport: "polling"})
	c.Expect("ready")
	post := httptest.NewRequest("POST", "/orders", strings.NewReader("user=ada&item=tea"))
	post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	mux.ServeHTTP(httptest.NewRecorder(), post)
	var item string
	c.Expect("order", &item)
	assert.Equal(t, "item", item, "tea")
	assert.Equal(t, "handshakes", len(log), 1)
}
