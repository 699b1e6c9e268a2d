package goredis_test

import (
	"log"

	"github.com/redis/go-redis/v9"

	"github.com/gosio/gosio/emitter"
	"github.com/gosio/gosio/emitter/goredis"
)

// A worker that tells the clients of a cluster what it has done. The example is compiled
// and not run: it needs a Redis.
func ExampleNew() {
	client := redis.NewClient(&redis.Options{
		Addr:                  "redis:6379",
		ContextTimeoutEnabled: true, // a call ends in time
		MaxRetries:            -1,   // nothing is sent twice
	})
	defer client.Close()
	e := emitter.NewClassic(goredis.New(client), nil)
	if err := e.To("user:ada").Emit("report", "ready"); err != nil {
		log.Print(err)
	}
}
