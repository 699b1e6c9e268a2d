package emitter

import (
	"context"
	"time"

	"github.com/gosio/gosio/internal/clusterwire"
)

// Publisher sends a message by PUBLISH, and returns when Redis has it. Package
// goredis has one; for another client library it is a few lines. The payload is
// not used again.
type Publisher interface {
	Publish(ctx context.Context, channel string, payload []byte) error
}

// ShardPublisher sends a message by SPUBLISH, to the node of a Redis Cluster that
// the channel belongs to.
type ShardPublisher interface {
	SPublish(ctx context.Context, channel string, payload []byte) error
}

// StreamAppender adds an entry to a stream by XADD, and with maxLen above zero trims the
// stream by MAXLEN ~. Fields are names and values in turn.
type StreamAppender interface {
	XAdd(ctx context.Context, stream string, maxLen int64, fields []string) error
}

// ClassicOptions configures [NewClassic]. The zero value of each field is its
// default.
type ClassicOptions struct {
	// Prefix is that of the channels, "key" of the servers' adapters. Default
	// "socket.io".
	Prefix string
	// Timeout bounds each call, if the client library heeds contexts. Default 5 s;
	// negative: the context alone does.
	Timeout time.Duration
	// MaxSize is the largest message in bytes: Redis ends the connection of a server
	// that is behind by more than its client-output-buffer-limit, 8 MB for a minute
	// by default. Default 8 MB; negative: no limit.
	MaxSize int
}

// NewClassic returns the emitter of "/" for servers with
// @socket.io/redis-adapter's createAdapter, by PUBLISH. Options may be nil. It
// panics without a client.
//
// []byte in [Emitter.ServerSideEmit] needs servers with that adapter from 7.2 on.
func NewClassic(client Publisher, o *ClassicOptions) *Emitter {
	notNil("NewClassic", client)
	opts := ClassicOptions{}
	if o != nil {
		opts = *o
	}
	prefix := prefixOf(opts.Prefix)
	l := options(opts.Timeout, opts.MaxSize)
	l.encode = func(m *clusterwire.Message) (parcel, error) { return classic(prefix, m) }
	l.send = func(ctx context.Context, p parcel) error { return client.Publish(ctx, p.address, p.payload) }
	return &Emitter{link: l, namespace: "/"}
}

// classic encodes a message for PUBLISH. One room has a channel of its own.
func classic(prefix string, m *clusterwire.Message) (p parcel, err error) {
	if m.Type != clusterwire.Broadcast {
		p.address = clusterwire.RequestChannel(prefix, m.Namespace)
		p.payload, err = m.ClassicRequest()
		return p, err
	}
	p.address = clusterwire.Channel(prefix, m.Namespace)
	if len(m.Target.Rooms) == 1 {
		p.address = clusterwire.SubChannel(prefix, m.Namespace, m.Target.Rooms[0])
	}
	p.payload, err = m.ClassicBroadcast()
	return p, err
}

// ShardedOptions configures [NewSharded]. The zero value of each field is its
// default.
type ShardedOptions struct {
	// Prefix is that of the channels, "channelPrefix" of the servers' adapters.
	// Default "socket.io".
	Prefix string
	// ByRoom sends an event for one room to the room's own channel, so that only
	// servers with somebody in it get it. The servers must subscribe to those
	// channels: their subscriptionMode is "dynamic", which is the default, or
	// "dynamic-private", and not "static". The price: an event that follows a
	// SocketsJoin at once is lost on servers for which the room is new, since they
	// have not subscribed yet; and events on several channels are in no order.
	// By default all goes to the namespace's channel, which all servers hear.
	ByRoom bool
	// Timeout bounds each call, if the client library heeds contexts. Default 5 s;
	// negative: the context alone does.
	Timeout time.Duration
	// MaxSize is the largest message in bytes. See [ClassicOptions]. Default 8 MB;
	// negative: no limit.
	MaxSize int
}

// NewSharded returns the emitter of "/" for servers with
// @socket.io/redis-adapter's createShardedAdapter, by SPUBLISH: Redis 7 or later.
// Options may be nil. It panics without a client.
func NewSharded(client ShardPublisher, o *ShardedOptions) *Emitter {
	notNil("NewSharded", client)
	opts := ShardedOptions{}
	if o != nil {
		opts = *o
	}
	prefix := prefixOf(opts.Prefix)
	l := options(opts.Timeout, opts.MaxSize)
	l.encode = func(m *clusterwire.Message) (p parcel, err error) {
		p.address = clusterwire.Channel(prefix, m.Namespace)
		if rooms := m.Target.Rooms; opts.ByRoom && m.Type == clusterwire.Broadcast && len(rooms) == 1 && !clusterwire.LooksPrivate(rooms[0]) {
			p.address = clusterwire.SubChannel(prefix, m.Namespace, rooms[0])
		}
		p.payload, err = m.Sharded()
		return p, err
	}
	l.send = func(ctx context.Context, p parcel) error { return client.SPublish(ctx, p.address, p.payload) }
	return &Emitter{link: l, namespace: "/"}
}

// StreamsOptions configures [NewStreams]. The zero value of each field is its
// default.
type StreamsOptions struct {
	// Stream is the name of the stream, "streamName" of the servers' adapters.
	// Default "socket.io".
	Stream string
	// Count is how many streams there are, "streamCount" of the servers' adapters:
	// each namespace has one of them. Default 1; NewStreams panics if it is negative.
	Count int
	// MaxLen is about how many entries a stream keeps, "maxLen" of the servers'
	// adapters: take the same. Default 10,000; negative: all, for ever.
	MaxLen int64
	// Timeout bounds each call, if the client library heeds contexts. Default 5 s;
	// negative: the context alone does.
	Timeout time.Duration
	// MaxSize is the largest entry in bytes. Default 8 MB; negative: no limit.
	MaxSize int
}

// NewStreams returns the emitter of "/" for servers with
// @socket.io/redis-streams-adapter 0.3, by XADD. Clients that come back find what
// they have missed, where the servers have connection state recovery. Options may
// be nil. It panics without a client, and for a negative Count.
func NewStreams(client StreamAppender, o *StreamsOptions) *Emitter {
	notNil("NewStreams", client)
	opts := StreamsOptions{}
	if o != nil {
		opts = *o
	}
	stream := prefixOf(opts.Stream)
	switch {
	case opts.MaxLen == 0:
		opts.MaxLen = 10_000
	case opts.MaxLen < 0:
		opts.MaxLen = 0
	}
	if opts.Count < 0 {
		panic("emitter: StreamsOptions.Count is negative")
	}
	l := options(opts.Timeout, opts.MaxSize)
	l.encode = func(m *clusterwire.Message) (p parcel, err error) {
		p.address = clusterwire.Stream(stream, opts.Count, m.Namespace)
		p.entry, err = m.Entry()
		return p, err
	}
	l.send = func(ctx context.Context, p parcel) error {
		return client.XAdd(ctx, p.address, opts.MaxLen, p.entry.Fields())
	}
	return &Emitter{link: l, namespace: "/"}
}

func prefixOf(prefix string) string {
	if prefix == "" {
		return "socket.io"
	}
	return prefix
}
