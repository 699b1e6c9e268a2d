package ratelimitredis_test

import (
	"github.com/redis/go-redis/v9"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/ratelimit"
	ratelimitredis "github.com/gosio/gosio/ratelimit/redis"
)

// Limits that all servers of a cluster count together. The example is compiled and not
// run: it needs a Redis.
func ExampleNew() {
	client := redis.NewClient(&redis.Options{Addr: "redis:6379"})
	defer client.Close()
	srv := socketio.NewServer(nil)
	defer srv.Close()
	srv.Use(ratelimit.New(ratelimit.Config{
		Store:  ratelimitredis.New(client, ratelimitredis.Options{}),
		Events: []ratelimit.Rule{{By: ratelimit.Identity, Limit: ratelimit.PerSecond(10, 20)}},
	}))
}
