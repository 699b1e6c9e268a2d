// Package ratelimitredis has the servers of a cluster count together, by Redis:
//
//	srv.Use(ratelimit.New(ratelimit.Config{
//		Store:  ratelimitredis.New(client, ratelimitredis.Options{}),
//		Events: []ratelimit.Rule{{By: ratelimit.Identity, Limit: ratelimit.PerSecond(10, 20)}},
//	}))
//
// Each event that a rule counts is one round trip, of one script on one key, so Redis
// Cluster will do, too; rules that count by socket ask nobody. What holds while Redis is
// away is said by ratelimit.Config.Unavailable.
package ratelimitredis

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math"
	"math/bits"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gosio/gosio/ratelimit"
)

// Options configures [New]. The zero value of each field means its documented default.
type Options struct {
	// Prefix is that of the keys. Default "gosio:ratelimit:".
	Prefix string
}

// Store is a [ratelimit.Store] in Redis. A name is a key with two numbers, which expires
// when the name has its whole limit back. Its clock is that of Redis, so those of the
// servers need not agree; if it goes back, nobody waits for that. Its methods may be called concurrently.
type Store struct {
	client redis.UniversalClient
	prefix string
}

var _ ratelimit.Store = (*Store)(nil)

// New returns the store of a Redis, of version 5 or later. The client is the caller's to
// close.
func New(client redis.UniversalClient, o Options) *Store {
	if client == nil {
		panic("ratelimit: ratelimitredis.New without a client: give it a redis.NewClient(…)")
	}
	if o.Prefix == "" {
		o.Prefix = "gosio:ratelimit:"
	}
	return &Store{client, o.Prefix}
}

// take is GCRA. The key has the time at which the name is whole again, and that at which
// this was said, for a clock that has gone back since; both in microseconds, of which there
// are fewer than 2^53 until the year 2255. The arguments are times, too: those in which the
// cost and a whole burst are allowed, and the longest wait. It returns whether it has
// taken, and the wait.
var take = redis.NewScript(`
local cost, burst, wait = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000000 + tonumber(t[2])
local whole, said = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%d+)$')
local at = cost + math.max(now, whole and whole - math.max(0, said - now) or 0)
local over = math.max(0, at - burst - now)
if over > wait then
	return {0, over}
end
redis.call('SET', KEYS[1], string.format('%.0f %.0f', at, now), 'PX', math.ceil((at - now) / 1000))
return {1, over}`)

// unit is that of the script.
const unit = time.Microsecond

// timeOf is the time in which n are allowed, in units. It is rounded down, so that those of
// the parts of a burst are not longer together than that of the burst. It is one at least.
func timeOf(n int, l ratelimit.Limit) int64 {
	hi, lo := bits.Mul64(uint64(n), uint64(l.Per))
	of := uint64(l.Count) * uint64(unit)
	if hi >= of {
		return math.MaxInt64 // a limit that ratelimit.New does not take
	}
	units, _ := bits.Div64(hi, lo, of)
	return int64(max(1, units)) //nolint:gosec // of at most a year
}

// longName is the length over which a key has the hash of a name.
const longName = 128

func (s *Store) key(name string) string {
	if len(name) > longName {
		sum := sha256.Sum256([]byte(name))
		name = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return s.prefix + name
}

var errAnswer = errors.New("ratelimit: Redis has answered something else than the script returns")

// Take implements [ratelimit.Store].
func (s *Store) Take(ctx context.Context, name string, l ratelimit.Limit, cost int, maxWait time.Duration) (wait time.Duration, ok bool, err error) {
	if cost > l.Burst {
		return -1, false, nil
	}
	answer, err := take.Run(ctx, s.client, []string{s.key(name)}, timeOf(cost, l), timeOf(l.Burst, l), int64(maxWait/unit)).Int64Slice()
	switch {
	case err != nil:
		return 0, false, err
	case len(answer) != 2:
		return 0, false, errAnswer
	}
	return time.Duration(answer[1]) * unit, answer[0] == 1, nil
}
