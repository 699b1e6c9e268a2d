package docs_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/graceful"
	"github.com/gosio/gosio/internal/assert"
)

// whole stands for the engine of adapters/redis.
type whole struct{}

func (whole) Ready() error { return nil }

func TestDeployment(t *testing.T) {
	t.Parallel()
	var engine whole
	l, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	// code: serve
	srv := socketio.NewServer(nil)
	service := graceful.New(srv, nil)
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.HandleFunc("GET /healthz", service.Healthz) // gin.WrapF(service.Healthz), r.Get("/healthz", service.Healthz) …
	mux.HandleFunc("GET /readyz", service.Readyz)

	app := &http.Server{Addr: ":3000", Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	serve := func(ctx context.Context) error {
		return service.ListenAndServe(ctx, app) // until SIGTERM, SIGINT or the end of ctx
	}
	// end
	_ = serve // port 3000 may not be free

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	served := make(chan error, 1)
	go func() { served <- service.Serve(ctx, app, l) }()
	c := siotest.Dial(t, mux, siotest.Options{})
	stop()
	assert.NoError(t, <-served)
	c.ExpectDisconnect(siotest.TransportClose)

	// code: options
	service = graceful.New(srv, &graceful.Options{
		Timeout: 50 * time.Second, // all of it; the process gets 60 s before it is killed
		Delay:   5 * time.Second,  // between readiness and the first socket that ends
		Checks: map[string]func(context.Context) error{
			"redis": func(context.Context) error { return engine.Ready() }, // of adapters/redis
		},
		Logger: slog.Default(),
	})
	// end

	// code: other
	serve = func(ctx context.Context) error {
		return service.ListenAndServeTLS(ctx, app, "cert.pem", "key.pem")
	}
	// end
	_ = serve
}
