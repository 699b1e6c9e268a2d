// Package emitter speaks to a cluster of Socket.IO servers from a process that has
// no sockets: a worker, a cron job, another service. The servers may be Node's,
// with the official adapters for Redis:
//
//	e := emitter.NewClassic(goredis.New(client), nil)
//	err := e.To("news").Emit("headline", "It works")
//
// What it sends is what the official emitters send, so there is one constructor
// for each official adapter: [NewClassic], [NewSharded] and [NewStreams]. The one
// that the servers use is the one to take: with another nobody hears.
//
// # Waiting
//
// Unlike a server's, an emitter's Emit waits until Redis has the message, and
// fails when Redis does not take it in time: an emitter has no clients of its own
// that it could serve meanwhile, and a job has to know whether it may end. It waits
// as long as the context of [Emitter.WithContext] allows, and at most for the
// constructor's Timeout, if the client library heeds contexts: see package goredis
// for what go-redis has to be told. That Redis has it does not mean that somebody has
// heard: pub/sub, classic and sharded, loses what is sent while a server is not
// connected; a stream does not.
//
// After an error the message may have arrived all the same. Whether it is sent
// again is the client library's business and yours.
//
// All methods may be called concurrently. What one goroutine sends arrives in
// that order; calls at the same time are in no order.
package emitter

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"
)

// Emitter speaks to one namespace of a cluster. It never changes: [Emitter.Of] and
// [Emitter.WithContext] return others.
type Emitter struct {
	link      link
	namespace string
	ctx       context.Context // nil: Background
}

// Of returns the emitter of a namespace. A missing leading slash is added. It may
// be one that clients make by joining it, see the server's OfRegexp.
func (e *Emitter) Of(namespace string) *Emitter {
	if len(namespace) == 0 || namespace[0] != '/' {
		namespace = "/" + namespace
	}
	out := *e
	out.namespace = namespace
	return &out
}

// Name is that of the namespace.
func (e *Emitter) Name() string { return e.namespace }

// WithContext returns an emitter whose calls end with ctx, and do nothing but
// return its error if it has ended before. Nil is context.Background.
func (e *Emitter) WithContext(ctx context.Context) *Emitter {
	out := *e
	out.ctx = ctx
	return &out
}

// To returns the sockets that are in at least one of the rooms. See [Broadcast.To].
func (e *Emitter) To(rooms ...string) Broadcast { return e.all().To(rooms...) }

// In is To.
func (e *Emitter) In(rooms ...string) Broadcast { return e.To(rooms...) }

// Except returns all sockets that are in none of the rooms.
func (e *Emitter) Except(rooms ...string) Broadcast { return e.all().Except(rooms...) }

// Volatile returns all sockets. See [Broadcast.Volatile].
func (e *Emitter) Volatile() Broadcast { return e.all().Volatile() }

// Latest returns all sockets. See [Broadcast.Latest].
func (e *Emitter) Latest(key string) Broadcast { return e.all().Latest(key) }

// Newest returns all sockets. See [Broadcast.Newest].
func (e *Emitter) Newest(key string, n int) Broadcast { return e.all().Newest(key, n) }

// Compress returns all sockets. See [Broadcast.Compress].
func (e *Emitter) Compress(on bool) Broadcast { return e.all().Compress(on) }

// Emit sends an event to all sockets. See [Broadcast.Emit].
func (e *Emitter) Emit(event string, args ...any) error { return e.all().Emit(event, args...) }

// SocketsJoin puts all sockets into the rooms. See [Broadcast.SocketsJoin].
func (e *Emitter) SocketsJoin(rooms ...string) error { return e.all().SocketsJoin(rooms...) }

// SocketsLeave takes all sockets out of the rooms.
func (e *Emitter) SocketsLeave(rooms ...string) error { return e.all().SocketsLeave(rooms...) }

// DisconnectSockets disconnects all sockets. See [Broadcast.DisconnectSockets].
func (e *Emitter) DisconnectSockets(closeConn bool) error {
	return e.all().DisconnectSockets(closeConn)
}

func (e *Emitter) all() Broadcast { return Broadcast{e: e} }

// Broadcast is a set of sockets of one namespace, on all servers of the cluster,
// to which something is sent or done. It is a value: each of its modifiers returns
// another one.
//
// A socket's id is the name of a room that it is alone in.
type Broadcast struct {
	e        *Emitter
	rooms    []string
	except   []string
	chosen   bool // To has said whom, be it nobody
	volatile bool
	plain    bool // see Compress
	newest   int  // see Newest; 0: all wait
	key      string
}

// To adds the sockets that are in at least one of the rooms. With no room it adds
// nobody, and what is sent or done then reaches nobody: a list of rooms that
// happens to be empty does not mean everybody.
//
// In Node a room may be a number, which is another room than that of its text: an
// emitter in Go does not reach it.
func (b Broadcast) To(rooms ...string) Broadcast {
	b.chosen = true
	b.rooms = append(slices.Clip(b.rooms), rooms...)
	return b
}

// In is To.
func (b Broadcast) In(rooms ...string) Broadcast { return b.To(rooms...) }

// Except takes out the sockets that are in one of the rooms.
func (b Broadcast) Except(rooms ...string) Broadcast {
	b.except = append(slices.Clip(b.except), rooms...)
	return b
}

// Volatile skips clients that cannot take the event at once.
func (b Broadcast) Volatile() Broadcast {
	b.volatile = true
	return b
}

// Latest has an event replace the one of the same name and key that still waits for a
// client, on servers of this module: Broadcast.Latest of package socketio tells more.
// Servers in Node send every event.
func (b Broadcast) Latest(key string) Broadcast { return b.Newest(key, 1) }

// Newest is like Latest, and keeps the n newest events of the same name and key.
func (b Broadcast) Newest(key string, n int) Broadcast {
	b.key, b.newest = key, max(n, 1)
	return b
}

// Compress says whether the servers may compress the events, as they do by default
// where their compression is on. False is for what is compressed already.
func (b Broadcast) Compress(on bool) Broadcast {
	b.plain = !on
	return b
}

// WithContext returns a broadcast whose calls end with ctx. See
// [Emitter.WithContext].
func (b Broadcast) WithContext(ctx context.Context) Broadcast {
	b.e = b.e.WithContext(ctx)
	return b
}

// nobody reports that no room was chosen.
func (b *Broadcast) nobody() bool { return b.chosen && len(b.rooms) == 0 }

// within bounds a call by the timeout.
func (e *Emitter) within(timeout time.Duration) (context.Context, context.CancelFunc) {
	ctx := e.ctx
	if ctx == nil {
		ctx = context.Background()
	}
	if timeout < 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no answer within the emitter's Timeout of %v: is it the right address, and Redis up?", timeout))
}

// notNil panics for a client that is missing.
func notNil(constructor string, client any) {
	v := reflect.ValueOf(client)
	if !v.IsValid() || (v.Kind() == reflect.Pointer || v.Kind() == reflect.Func) && v.IsNil() {
		panic("emitter: without a client: " + constructor)
	}
}
