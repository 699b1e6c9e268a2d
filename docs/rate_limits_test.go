package docs_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/ratelimit"
	ratelimitredis "github.com/gosio/gosio/ratelimit/redis"
)

func TestRateLimitOfEachClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := socketio.NewServer(nil)
		defer srv.Close()
		// code: one
		srv.Use(ratelimit.Events(10, 20)) // of each client ten events a second, and twenty at once
		// end
		srv.On("say", func() {})
		c := dial(t, srv)
		for range 20 {
			assert.True(t, "passes", c.Call("say").Failure() == nil)
		}
		assert.Equal(t, "data", c.Call("say").Failure().Data, any(map[string]any{"retryAfter": 100.0}))
	})
}

func TestRateLimitRules(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := socketio.NewServer(nil)
		defer srv.Close()
		// code: rules
		limiter := ratelimit.New(ratelimit.Config{
			Events: []ratelimit.Rule{
				{Limit: ratelimit.PerSecond(20, 40)},
				{
					By: ratelimit.Identity, Events: []string{"upload"},
					Limit: ratelimit.PerMinute(10<<20, 1<<20), // bytes
					Cost: func(in *socketio.Incoming) int {
						var data []byte
						_ = in.Arg(0, &data)
						return len(data)
					},
				},
				{
					By:     ratelimit.Room(func(in *socketio.Incoming) (room string) { _ = in.Arg(0, &room); return room }),
					Events: []string{"say"},
					Limit:  ratelimit.PerSecond(50, 50),
					Answer: ratelimit.AnswerDelay,
				},
			},
			Handshakes: []ratelimit.Rule{{By: ratelimit.Identity, Limit: ratelimit.PerMinute(30, 10)}},
		})
		srv.Use(limiter) // behind auth.JWT, which says who somebody is
		srv.Of("/chat").Use(limiter)
		// end
		srv.On("upload", func([]byte) {})
		c := dial(t, srv)
		assert.True(t, "passes", c.Call("upload", make([]byte, 900_000)).Failure() == nil)
		assert.Equal(t, "code", c.Call("upload", make([]byte, 900_000)).Failure().Code, socketio.CodeRateLimited)
	})
}

func TestRateLimitOfRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// code: requests
		srv := socketio.NewServer(&socketio.Options{
			AllowRequest: ratelimit.Requests(ratelimit.PerMinute(120, 50)),
		})
		// end
		defer srv.Close()
		for range 50 {
			dial(t, srv)
		}
		assert.Equal(t, "status", siotest.Rejected(t, srv, siotest.Options{}).Status, http.StatusTooManyRequests)
	})
}

func TestRateLimitOfACluster(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "localhost:0", MaxRetries: -1, DialerRetries: 1})
	defer client.Close()
	srv := socketio.NewServer(nil)
	defer srv.Close()
	// code: redis
	srv.Use(ratelimit.New(ratelimit.Config{
		Store:  ratelimitredis.New(client, ratelimitredis.Options{}),
		Events: []ratelimit.Rule{{By: ratelimit.Identity, Limit: ratelimit.PerSecond(10, 20)}},
	}))
	// end
	srv.On("say", func() {})
	c := siotest.Dial(t, srv, siotest.Options{Timeout: time.Minute})
	assert.True(t, "without Redis each server counts alone", c.Call("say").Failure() == nil)
}
