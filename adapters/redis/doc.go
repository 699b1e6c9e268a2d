// Package sioredis joins servers to a cluster by Redis: what is said to sockets on one
// server reaches those of all others.
//
//	engine := sioredis.New(&sioredis.Options{URL: "redis://localhost:6379"})
//	srv := socketio.NewServer(&socketio.Options{Adapter: engine.Adapter})
//
// The servers speak what @socket.io/redis-adapter 8.3 speaks with createAdapter, by
// PUBLISH, so Node servers and servers of this module may be in one cluster, and
// emitters of both kinds reach it. With the modes of sharded pub/sub they speak what it
// speaks with createShardedAdapter, by SPUBLISH, which needs Redis 7:
//
//	engine := sioredis.New(&sioredis.Options{
//		URL:  "redis://redis-1:6379?addr=redis-2:6379&addr=redis-3:6379",
//		Mode: sioredis.ShardedDynamic,
//	})
//
// # A stream
//
// With the mode [Streams] what is said goes by a stream that Redis keeps, as Node servers
// with @socket.io/redis-streams-adapter do it: an outage loses nothing, and a client that
// has lost its connection goes on at any server, with what it has missed.
//
//	engine := sioredis.New(&sioredis.Options{URL: "redis://localhost:6379", Mode: sioredis.Streams})
//	srv := socketio.NewServer(&socketio.Options{Adapter: engine.Adapter, Recovery: &socketio.Recovery{}})
//
// # Delivery
//
// Emit never waits for Redis. What is emitted is queued, and one writer sends it in
// that order, as much at once as has gathered meanwhile. Pub/sub keeps nothing: while
// Redis, or the connection to it, is away the servers serve their own clients only,
// Emit says so by its error, and each loss is a gap, see socketio.Namespace.OnGap. The
// connections come back by themselves.
//
// # Who gets what
//
// By default a server subscribes to the channels of its rooms and sockets, and gets
// what concerns them alone. See [Mode] for the others. With the mode ClassicByPattern it subscribes to all of a
// namespace.
package sioredis
