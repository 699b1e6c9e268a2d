package idempotencyredis_test

import (
	"github.com/redis/go-redis/v9"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/idempotency"
	idempotencyredis "github.com/gosio/gosio/idempotency/redis"
)

// Events that a client sends again to another server are handled once. The example is
// compiled and not run: it needs a Redis.
func ExampleNew() {
	client := redis.NewClient(&redis.Options{Addr: "redis:6379"})
	defer client.Close()
	srv := socketio.NewServer(nil)
	defer srv.Close()
	srv.UseEvent(idempotency.New(idempotency.Config{
		Key:   idempotency.Field("key"), // of the event's first argument: { key: crypto.randomUUID() }
		Store: idempotencyredis.New(client, idempotencyredis.Options{}),
	}))
}
