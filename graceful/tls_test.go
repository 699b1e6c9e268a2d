package graceful_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/graceful"
	"github.com/gosio/gosio/internal/assert"
)

// TestTLS: with certificates all is as without, also the end of a request that does not
// end by itself.
func TestTLS(t *testing.T) {
	t.Parallel()
	certified := httptest.NewUnstartedServer(nil)
	certified.StartTLS() // for its certificate, and a client that trusts it
	defer certified.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /quick", func(http.ResponseWriter, *http.Request) {})
	began := make(chan struct{})
	mux.HandleFunc("GET /slow", func(_ http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done()
	})
	address := make(chan net.Addr, 1)
	app := &http.Server{
		Addr: "127.0.0.1:0", Handler: mux, TLSConfig: certified.TLS.Clone(), ReadHeaderTimeout: time.Minute,
		BaseContext: func(l net.Listener) context.Context { address <- l.Addr(); return context.Background() },
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	service := graceful.New(socketio.NewServer(nil), &graceful.Options{Timeout: 300 * time.Millisecond})
	go func() { ended <- service.ListenAndServeTLS(ctx, app, "", "") }()
	url := "https://" + (<-address).String()
	client := certified.Client()
	answer, err := client.Get(url + "/quick")
	assert.NoError(t, err)
	assert.Equal(t, "status", answer.StatusCode, http.StatusOK)
	assert.NoError(t, answer.Body.Close())
	assert.True(t, "paced", app.ConnState != nil)

	cut := make(chan error, 1)
	go func() {
		answer, err := client.Get(url + "/slow")
		if err == nil {
			err = answer.Body.Close()
		}
		cut <- err
	}()
	<-began
	stop()
	assert.True(t, "said so", <-ended != nil)
	select {
	case err := <-cut:
		assert.True(t, "cut", err != nil)
	case <-time.After(10 * time.Second): // Shutdown alone does not end it
		t.Fatal("the request goes on")
	}
}
