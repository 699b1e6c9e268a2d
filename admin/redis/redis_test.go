//go:build e2e

package adminredis_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	adminredis "github.com/gosio/gosio/admin/redis"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
	"github.com/gosio/gosio/internal/redistest"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestSessions: another server knows a session, one of Node's is a session, and what is
// over or unknown is none.
func TestSessions(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	connect := func() *redis.Client {
		client := redis.NewClient(&redis.Options{Addr: r.Addr})
		t.Cleanup(func() { _ = client.Close() })
		return client
	}
	client, ctx := connect(), t.Context()
	one, two := adminredis.New(client, adminredis.Options{}), adminredis.New(connect(), adminredis.Options{})
	assert.NoError(t, one.Save(ctx, "abc", "ops", time.Hour))
	assert.NoError(t, client.Set(ctx, "socket.io-admin#node", "1", time.Hour).Err()) // as Node's RedisStore does
	for id, want := range map[string]string{"abc": "ops", "node": "1", "none": ""} {
		user, ok, err := two.User(ctx, id)
		assert.NoError(t, err)
		assert.Equal(t, id, user, want)
		assert.Equal(t, id, ok, want != "")
	}
	ttl, err := client.TTL(ctx, "socket.io-admin#abc").Result()
	assert.NoError(t, err)
	assert.True(t, "expires", ttl > 0 && ttl <= time.Hour)
	_ = client.Close()
	_, ok, err := one.User(ctx, "abc")
	assert.True(t, "an error is no session", err != nil && !ok)
}
