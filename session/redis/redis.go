// Package sessionredis connects the nodes of a cluster by Redis: it carries
// logouts to all of them, and reads and writes the sessions of express-session.
package sessionredis

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gosio/gosio/session"
	"github.com/gosio/gosio/session/express"
)

// Bus is a [session.Bus] over Redis pub/sub. After a lost connection, during
// which events may have been missed, all live sessions are checked. Its methods
// may be called concurrently.
//
// An event of a renewed session carries its new id: whoever can read the
// channel can read the sessions.
type Bus struct {
	client  redis.UniversalClient
	channel string
	log     *slog.Logger
	done    chan struct{}

	mu       sync.Mutex
	watchers []func(session.Event)
}

var _ session.Bus = (*Bus)(nil)

// NewBus returns a bus. It listens on one connection and goroutine until ctx
// ends; see [Bus.Done]. channel is empty for "gosio:session"; log may be nil.
// The client is the caller's to close.
func NewBus(ctx context.Context, client redis.UniversalClient, channel string, log *slog.Logger) *Bus {
	if channel == "" {
		channel = "gosio:session"
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	b := &Bus{client: client, channel: channel, log: log, done: make(chan struct{})}
	go b.listen(ctx)
	return b
}

// Done is closed when the goroutine has ended.
func (b *Bus) Done() <-chan struct{} { return b.done }

// listen runs until ctx ends.
func (b *Bus) listen(ctx context.Context) {
	defer close(b.done)
	sub := b.client.Subscribe(ctx, b.channel)
	stop := context.AfterFunc(ctx, func() { _ = sub.Close() }) // ends the range
	defer stop()
	for m := range sub.ChannelWithSubscriptions() {
		var e session.Event
		switch m := m.(type) {
		case *redis.Subscription: // anew after each lost connection
		case *redis.Message:
			if json.Unmarshal([]byte(m.Payload), &e) != nil || e.Session == "" {
				b.log.Warn("session: message is no event")
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

// KV is an [expresssession.KV] over Redis. Its methods may be called
// concurrently.
type KV struct{ client redis.UniversalClient }

var _ expresssession.KV = (*KV)(nil)

// NewKV returns a KV. The client is the caller's to close.
func NewKV(client redis.UniversalClient) *KV { return &KV{client} }

// Get implements [expresssession.KV].
func (k *KV) Get(ctx context.Context, key string) ([]byte, error) {
	b, err := k.client.Get(ctx, key).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return b, err
}

// attempts is how often Replace tries before it gives up on a busy key.
const attempts = 20

// Replace implements [expresssession.KV], by WATCH.
func (k *KV) Replace(ctx context.Context, key string, change func(old []byte) ([]byte, time.Duration, error)) (found bool, err error) {
	for range attempts {
		err = k.client.Watch(ctx, func(tx *redis.Tx) error {
			old, err := tx.Get(ctx, key).Bytes()
			if found = err == nil; !found {
				if errors.Is(err, redis.Nil) {
					return nil
				}
				return err
			}
			value, ttl, err := change(old)
			if err != nil {
				return err
			}
			_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error { return p.Set(ctx, key, value, ttl).Err() })
			return err
		}, key)
		if !errors.Is(err, redis.TxFailedErr) {
			return found, err
		}
	}
	return found, err
}

// Delete implements [expresssession.KV].
func (k *KV) Delete(ctx context.Context, key string) error { return k.client.Del(ctx, key).Err() }
