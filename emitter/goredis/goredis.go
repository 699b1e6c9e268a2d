// Package goredis lets an emitter send by the client library go-redis:
//
//	e := emitter.NewClassic(goredis.New(client), nil)
//
// It works with a *redis.Client, a *redis.ClusterClient, and one with Sentinel. Two
// of its options matter:
//
//   - ContextTimeoutEnabled: without it the library looks at the context, and so at
//     an emitter's Timeout, only between tries, each of which takes up to
//     ReadTimeout (5 s).
//   - MaxRetries: by default it sends a command again when a connection breaks, so
//     a message may arrive twice; -1 makes that an error. A *redis.ClusterClient
//     sends again whatever MaxRetries says, up to MaxRedirects times (3): with -1
//     it does not, and then fails, too, where a slot has moved to another node.
package goredis

import (
	"context"
	"reflect"

	"github.com/redis/go-redis/v9"

	"github.com/gosio/gosio/emitter"
)

// Client is what all constructors of package emitter take. Its methods may be
// called concurrently if those of the client may.
type Client struct{ client redis.Cmdable }

var (
	_ emitter.Publisher      = Client{}
	_ emitter.ShardPublisher = Client{}
	_ emitter.StreamAppender = Client{}
)

// New returns a client, which stays the caller's to close. A redis.Pipeliner, too,
// is one: what is emitted by it is sent when it is executed, many messages in one
// round trip, or with TxPipeline in one transaction with what else is in it. Its
// Exec then has the error, and a context of its own; a pipeline is one goroutine's.
// New panics on nil, also on a pointer that is.
func New(client redis.Cmdable) Client {
	if v := reflect.ValueOf(client); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		panic("emitter: goredis.New without a client")
	}
	return Client{client}
}

// Publish implements [emitter.Publisher].
func (c Client) Publish(ctx context.Context, channel string, payload []byte) error {
	return c.client.Publish(ctx, channel, payload).Err()
}

// SPublish implements [emitter.ShardPublisher].
func (c Client) SPublish(ctx context.Context, channel string, payload []byte) error {
	return c.client.SPublish(ctx, channel, payload).Err()
}

// XAdd implements [emitter.StreamAppender].
func (c Client) XAdd(ctx context.Context, stream string, maxLen int64, fields []string) error {
	return c.client.XAdd(ctx, &redis.XAddArgs{Stream: stream, MaxLen: maxLen, Approx: maxLen > 0, Values: fields}).Err()
}
