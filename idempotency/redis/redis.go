// Package idempotencyredis keeps what the servers of a cluster have handled, in Redis:
//
//	srv.UseEvent(idempotency.New(idempotency.Config{
//		Key:   idempotency.Field("key"),
//		Store: idempotencyredis.New(client, idempotencyredis.Options{}),
//	}))
//
// An event is one key, which expires. The events of a user share a slot, with a list of
// them, so Redis Cluster will do, too. What Redis forgets, when it runs out of memory or
// starts without its data, is handled again if it comes again.
//
// What is kept of one user is bounded, of all users together it is not: put a rate limit by
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
	// MaxScopeBytes bounds what is kept of one scope (Config.Scope: a user), in bytes. Over
	// it the record of the scope that was kept longest is forgotten: an event that is sent
	// once more after that is handled once more. Default: 4 MB.
	MaxScopeBytes int
}

// Store is an [idempotency.Store] in Redis. Its methods may be called concurrently.
type Store struct {
	client redis.UniversalClient
	opts   Options
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
	if o.MaxScopeBytes <= 0 {
		o.MaxScopeBytes = 4 << 20
	}
	return &Store{client, o}
}

// overhead is what a record takes beside its bytes, about: its key, and its place in the
// list.
const overhead = 400

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

	// The list has the records of the scope, those that were kept first in front, with
	// their sizes and when they expire; the third key is the sum of the sizes.
	end = redis.NewScript(`
local v = redis.call('GET', KEYS[1])
if v and v ~= 'p' .. ARGV[1] then
	return 0
end
local keep, most, size = tonumber(ARGV[3]), tonumber(ARGV[4]), #ARGV[2] + tonumber(ARGV[5])
redis.call('SET', KEYS[1], 'd' .. ARGV[2], 'PX', keep)
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('RPUSH', KEYS[2], string.format('%.0f %d %s', now + keep, size, KEYS[1]))
local sum = redis.call('INCRBY', KEYS[3], size)
while true do
	local first = redis.call('LINDEX', KEYS[2], 0)
	if not first then
		redis.call('DEL', KEYS[3])
		break
	end
	local over, of, key = string.match(first, '^(%d+) (%d+) (.*)$')
	local expired = tonumber(over) <= now
	if not expired and sum <= most then
		break
	end
	if not expired then
		redis.call('DEL', key)
	end
	redis.call('LPOP', KEYS[2])
	sum = redis.call('DECRBY', KEYS[3], of)
end
for i = 2, 3 do
	if redis.call('PTTL', KEYS[i]) < keep then
		redis.call('PEXPIRE', KEYS[i], keep)
	end
end
return 1`)

	release = redis.NewScript(`
if redis.call('GET', KEYS[1]) == 'p' .. ARGV[1] then
	redis.call('DEL', KEYS[1])
end
return 1`)
)

// keys are those of the event, of its scope's list and of that one's size: of one slot.
func (s *Store) keys(id idempotency.ID) []string {
	scope := id.Scope
	if scope == "" {
		scope = "all"
	}
	scope = s.opts.Prefix + "{" + scope + "}"
	return []string{scope + ":" + id.Key, scope, scope + "size"}
}

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
	return end.Run(ctx, s.client, s.keys(id), token, record, milliseconds(keep), s.opts.MaxScopeBytes, overhead).Err()
}

// Release implements [idempotency.Store].
func (s *Store) Release(ctx context.Context, id idempotency.ID, token string) error {
	return release.Run(ctx, s.client, s.keys(id), token).Err()
}
