package sessionredis_test

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/session"
	sessionexpress "github.com/gosio/gosio/session/express"
	sessionredis "github.com/gosio/gosio/session/redis"
)

// A logout on one server ends the sockets of that session on all of them. The example is
// compiled and not run: it needs a Redis.
func ExampleNewBus() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	client := redis.NewClient(&redis.Options{Addr: "redis:6379"})
	defer client.Close()

	store := session.NewMemory("sid", 24*time.Hour) // yours: one store for all servers
	srv := socketio.NewServer(nil)
	defer srv.Close()
	srv.Use(session.New(store, session.Config{Bus: sessionredis.NewBus(ctx, client, sessionredis.BusOptions{})}))
}

// The sessions of express-session in the Redis of connect-redis. The example is compiled
// and not run: it needs a Redis.
func ExampleNewKV() {
	client := redis.NewClient(&redis.Options{Addr: "redis:6379"})
	defer client.Close()
	srv := socketio.NewServer(nil)
	defer srv.Close()
	provider := sessionexpress.New(sessionredis.NewKV(client), sessionexpress.Options{Secrets: []string{"the secret of the Express app"}})
	srv.Use(session.New(provider, session.Config{}))
}
