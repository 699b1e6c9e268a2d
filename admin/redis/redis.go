// Package adminredis stores the logins of the Admin UI in Redis, for all servers of a
// cluster, servers of Node with the RedisStore of @socket.io/admin-ui among them:
//
//	admin.Instrument(srv, admin.Options{…, Sessions: adminredis.New(client, adminredis.Options{})})
package adminredis

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gosio/gosio/admin"
)

// Options configures [New]. The zero value of each field means its documented default.
type Options struct {
	// Prefix is that of the keys; "#" and the id of the session follow. Default
	// "socket.io-admin", which is that of Node's RedisStore.
	Prefix string
}

// Sessions is an [admin.Sessions] in Redis: a key for each session, which expires. Its
// methods may be called concurrently.
type Sessions struct {
	client redis.UniversalClient
	prefix string
}

var _ admin.Sessions = (*Sessions)(nil)

// New returns the store of a Redis. The client is the caller's to close.
func New(client redis.UniversalClient, o Options) *Sessions {
	if client == nil {
		panic("admin: adminredis.New without a client: give it a redis.NewClient(…)")
	}
	if o.Prefix == "" {
		o.Prefix = "socket.io-admin"
	}
	return &Sessions{client, o.Prefix}
}

func (s *Sessions) key(id string) string { return s.prefix + "#" + id }

// Save implements [admin.Sessions].
func (s *Sessions) Save(ctx context.Context, id, user string, lifetime time.Duration) error {
	return s.client.Set(ctx, s.key(id), user, lifetime).Err()
}

// User implements [admin.Sessions]. The user of a session that a server of Node has
// made is "1": Node does not store the name.
func (s *Sessions) User(ctx context.Context, id string) (string, bool, error) {
	user, err := s.client.Get(ctx, s.key(id)).Result()
	if errors.Is(err, redis.Nil) {
		return "", false, nil
	}
	return user, err == nil, err
}
