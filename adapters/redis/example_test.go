package sioredis_test

import (
	"net/http"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
)

// One server of a cluster. The example is compiled and not run: it needs a Redis.
func ExampleNew() {
	engine := sioredis.New(&sioredis.Options{URL: "redis://redis:6379"})
	srv := socketio.NewServer(&socketio.Options{Adapter: engine.Adapter})
	defer srv.Close()
	srv.On("say", func(text string) error { return srv.Emit("said", text) }) // to the clients of all servers

	http.Handle("/socket.io/", srv)
	http.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := engine.Ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
}
