// Package idempotencyredis keeps what the servers of a cluster have handled, in Redis:
//
//	srv.UseEvent(idempotency.New(idempotency.Config{
//		Key:   idempotency.Field("key"),
//		Store: idempotencyredis.New(client, idempotencyredis.Options{}),
//	}))
//
// An event is one key, which expires. Redis Cluster will do, too. What Redis forgets, when
// it runs out of memory or starts without its data, is handled again if it comes again.
//
// Nothing bounds the keys of one user: each lives for Config.Keep. Put a rate limit by
// user before it, and give it a Redis of its own, with a maxmemory.
package idempotencyredis

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gosio/gosio/idempotency"
)

// Options configures [New]. The zero value of each field means its documented default.
type Options struct {
	// Prefix is that of the keys. Default "gosio:idempotency:".
	Prefix string
}

// Store is an [idempotency.Store] in Redis. Its methods may be called concurrently.
type Store struct {
	client redis.UniversalClient
	prefix string
}

var _ idempotency.Store = (*Store)(nil)

// New returns the store of a Redis. The client is the caller's to close.
func New(client redis.UniversalClient, o Options) *Store {
	if client == nil {
		panic("idempotency: idempotencyredis.New without a client: give it a redis.NewClient(…)")
	}
	if o.Prefix == "" {
		o.Prefix = "gosio:idempotency:"
	}
	return &Store{client, o.Prefix}
}

// A value is "p" and the token of who handles the event, or "d" and the record.
var (
	begin = redis.NewScript(`
local claim = 'p' .. ARGV[1]
local v = redis.call('GET', KEYS[1])
if v and v ~= claim then
	return v
end
redis.call('SET', KEYS[1], claim, 'PX', ARGV[2])
return claim`)

	end = redis.NewScript(`
local v = redis.call('GET', KEYS[1])
if not v or v == 'p' .. ARGV[1] then
	redis.call('SET', KEYS[1], 'd' .. ARGV[2], 'PX', ARGV[3])
end
return 1`)

	release = redis.NewScript(`
if redis.call('GET', KEYS[1]) == 'p' .. ARGV[1] then
	redis.call('DEL', KEYS[1])
end
return 1`)
)

func (s *Store) keys(id idempotency.ID) []string { return []string{s.prefix + id.Key} }

// milliseconds is a time to live for Redis, which takes none below one.
func milliseconds(d time.Duration) int64 { return max(1, d.Milliseconds()) }

// Begin implements [idempotency.Store].
func (s *Store) Begin(ctx context.Context, id idempotency.ID, token string, lease time.Duration) (idempotency.State, []byte, error) {
	v, err := begin.Run(ctx, s.client, s.keys(id), token, milliseconds(lease)).Text()
	if err != nil {
		return 0, nil, err
	}
	if record, done := strings.CutPrefix(v, "d"); done {
		return idempotency.StateDone, []byte(record), nil
	}
	switch holder, claimed := strings.CutPrefix(v, "p"); {
	case !claimed:
		return 0, nil, errors.New("idempotency: a key in Redis is not of this package")
	case holder == token:
		return idempotency.StateClaimed, nil, nil
	}
	return idempotency.StateBusy, nil, nil
}

// End implements [idempotency.Store].
func (s *Store) End(ctx context.Context, id idempotency.ID, token string, record []byte, keep time.Duration) error {
	return end.Run(ctx, s.client, s.keys(id), token, record, milliseconds(keep)).Err()
}

// Release implements [idempotency.Store].
func (s *Store) Release(ctx context.Context, id idempotency.ID, token string) error {
	return release.Run(ctx, s.client, s.keys(id), token).Err()
}
