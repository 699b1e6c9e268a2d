// Package sessionredis shares logouts between all nodes of a cluster, by Redis, and
// reads and writes the sessions of express-session in Redis.
package sessionredis

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gosio/gosio/internal/loglimit"
	"github.com/gosio/gosio/session"
	"github.com/gosio/gosio/session/express"
)

// Bus is a [session.Bus] over Redis pub/sub. A node that loses its connection to Redis
// may miss events: it checks all live sessions when the connection is back. The methods
// may be called concurrently.
//
// The event of a renewed session contains the new id, which is a secret: give read
// access to the channel only to programs that may read the sessions.
type Bus struct {
	client  redis.UniversalClient
	channel string
	log     *slog.Logger
	done    chan struct{}

	mu       sync.Mutex
	watchers []func(session.Event)
}

var _ session.Bus = (*Bus)(nil)

// BusOptions configures [NewBus]. The zero value of each field means its
// documented default.
type BusOptions struct {
	// Channel is the Redis channel of the events. Default "gosio:session".
	Channel string
	// Logger logs invalid messages. Nil means slog.Default().
	Logger *slog.Logger
}

// NewBus returns a bus. NewBus starts a goroutine that listens on one connection until
// ctx ends; see [Bus.Done]. The caller closes the client.
func NewBus(ctx context.Context, client redis.UniversalClient, o BusOptions) *Bus {
	if client == nil {
		panic("session: sessionredis.NewBus without a client: give it a redis.NewClient(…)")
	}
	if o.Channel == "" {
		o.Channel = "gosio:session"
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	b := &Bus{client: client, channel: o.Channel, log: o.Logger, done: make(chan struct{})}
	go b.listen(ctx)
	return b
}

// Done is closed when the goroutine has ended.
func (b *Bus) Done() <-chan struct{} { return b.done }

// listen runs until ctx ends.
func (b *Bus) listen(ctx context.Context) {
	defer close(b.done)
	var noted loglimit.Limiter
	sub := b.client.Subscribe(ctx, b.channel)
	stop := context.AfterFunc(ctx, func() { _ = sub.Close() }) // ends the range
	defer stop()
	for m := range sub.ChannelWithSubscriptions() {
		var e session.Event
		switch m := m.(type) {
		case *redis.Subscription: // anew after each lost connection
		case *redis.Message:
			if json.Unmarshal([]byte(m.Payload), &e) != nil || e.Session == "" {
				noted.Log(b.log, slog.LevelWarn, "message", "session: message is no event")
				continue
			}
		}
		b.tell(e)
	}
}

func (b *Bus) tell(e session.Event) {
	b.mu.Lock()
	watchers := b.watchers
	b.mu.Unlock()
	for _, f := range watchers {
		f(e)
	}
}

// Watch implements [session.Bus].
func (b *Bus) Watch(f func(session.Event)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watchers = append(b.watchers[:len(b.watchers):len(b.watchers)], f)
}

// Publish implements [session.Bus].
func (b *Bus) Publish(ctx context.Context, e session.Event) error {
	message, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return b.client.Publish(ctx, b.channel, message).Err()
}

// KV is an [sessionexpress.KV] over Redis. Its methods may be called
// concurrently.
type KV struct{ client redis.UniversalClient }

var _ sessionexpress.KV = (*KV)(nil)

// NewKV returns a KV. The caller closes the client.
func NewKV(client redis.UniversalClient) *KV { return &KV{client} }

// Get implements [sessionexpress.KV].
func (k *KV) Get(ctx context.Context, key string) (value []byte, left time.Duration, err error) {
	return get(ctx, k.client, key)
}

// get returns a value and its time to live from one request; nil if there is no value.
func get(ctx context.Context, c redis.Cmdable, key string) (value []byte, left time.Duration, err error) {
	var text *redis.StringCmd
	var life *redis.DurationCmd
	_, err = c.Pipelined(ctx, func(p redis.Pipeliner) error {
		text, life = p.Get(ctx, key), p.PTTL(ctx, key)
		return nil
	})
	switch left = life.Val(); {
	case errors.Is(err, redis.Nil), err == nil && left == -2: // gone, or just gone
		return nil, 0, nil
	case err != nil:
		return nil, 0, err
	case left == -1: // it has none
		left = 0
	case left == 0: // less than a millisecond
		left = 1
	}
	value, err = text.Bytes()
	return value, left, err
}

// attempts is the number of times that Replace tries to change a key that others
// change, too.
const attempts = 20

// Replace implements [sessionexpress.KV], by WATCH.
func (k *KV) Replace(ctx context.Context, key string, change func(old []byte, left time.Duration) ([]byte, time.Duration, error)) (found bool, err error) {
	for range attempts {
		err = k.client.Watch(ctx, func(tx *redis.Tx) error {
			old, left, err := get(ctx, tx, key)
			if found = old != nil; err != nil || !found {
				return err
			}
			value, ttl, err := change(old, left)
			if err != nil {
				return err
			}
			// XX: do not make a key anew that has expired meanwhile. WATCH of older
			// servers does not notice that a key expires.
			var set *redis.BoolCmd
			_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error { set = p.SetXX(ctx, key, value, ttl); return nil })
			found = err == nil && set.Val()
			return err
		}, key)
		if !errors.Is(err, redis.TxFailedErr) {
			return found, err
		}
	}
	return found, err
}

// Delete implements [sessionexpress.KV].
func (k *KV) Delete(ctx context.Context, key string) error { return k.client.Del(ctx, key).Err() }
