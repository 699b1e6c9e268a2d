package authredis_test

import (
	"context"
	"log"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/redis/go-redis/v9"

	"github.com/gosio/gosio/auth"
	authredis "github.com/gosio/gosio/auth/redis"
	socketio "github.com/gosio/gosio/core"
)

// Revocations that all servers of a cluster hear of, and that outlive all of them. The
// example is compiled and not run: it needs a Redis.
func ExampleNew() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	client := redis.NewClient(&redis.Options{Addr: "redis:6379"})
	defer client.Close()

	revocations := authredis.New(ctx, client, authredis.Options{MaxAge: 24 * time.Hour})
	srv := socketio.NewServer(nil)
	defer srv.Close()
	srv.Use(auth.JWT(auth.Config[jwt.RegisteredClaims]{
		Keys: auth.Secret([]byte("a secret of 32 bytes or more than that")), Algorithms: []string{"HS256"},
		Watch: revocations,
	}))

	// Where the application blocks an account, on any server:
	if err := revocations.Revoke(ctx, auth.Revocation{Subject: "ada"}); err != nil {
		log.Print(err)
	}
}
