package sioredis

import (
	"cmp"
	"fmt"
	"time"

	"github.com/redis/rueidis"

	"github.com/gosio/gosio/internal/clusterwire"
)

// Mode is how the servers of a cluster talk to each other by Redis. Those of one family,
// classic for instance, can be in one cluster, together with Node servers that have the
// official adapter of that family. See docs/cluster.md for which to choose.
type Mode uint8

// The modes.
const (
	// ClassicByRoom is by PUBLISH, as createAdapter of Node's @socket.io/redis-adapter
	// does it. A server subscribes to the channels of its rooms and sockets, and gets
	// what concerns them alone; the first join of a room waits until Redis has
	// confirmed that.
	ClassicByRoom Mode = iota
	// ClassicByPattern is the same, but subscribes to each namespace by one pattern, as
	// Node's servers do. A server gets all broadcasts of the cluster, and drops those
	// for rooms that it does not have; no join waits.
	ClassicByPattern
	// ShardedDynamic is by SPUBLISH, as createShardedAdapter of Node's
	// @socket.io/redis-adapter does it by default: it needs Redis 7. A server subscribes
	// to the channels of its rooms, except those that look like a socket's own: their
	// names have 20 characters. What is for these goes to all servers. The first join of
	// a room waits until Redis has confirmed the subscription.
	ShardedDynamic
	// ShardedDynamicPrivate is the same, but subscribes to the channels of all rooms and
	// sockets, as Node's subscriptionMode "dynamic-private" does.
	ShardedDynamicPrivate
	// ShardedStatic is the same, but a server gets all that concerns a namespace, as with
	// Node's subscriptionMode "static"; no join waits.
	ShardedStatic
	// Streams is by a stream that keeps what is said for a while, as createAdapter of
	// Node's @socket.io/redis-streams-adapter 0.3 does it: nothing is lost when Redis, or
	// the connection to it, was away, and with socketio.Options.Recovery a client is
	// recovered by any server. Every server reads everything. It needs Redis 6.2.
	// docs/cluster.md says what is lost when.
	Streams
	lastMode = Streams
)

// String returns the name of the constant.
func (m Mode) String() string {
	switch m {
	case ClassicByRoom:
		return "ClassicByRoom"
	case ClassicByPattern:
		return "ClassicByPattern"
	case ShardedDynamic:
		return "ShardedDynamic"
	case ShardedDynamicPrivate:
		return "ShardedDynamicPrivate"
	case ShardedStatic:
		return "ShardedStatic"
	case Streams:
		return "Streams"
	}
	return fmt.Sprintf("Mode(%d)", uint8(m))
}

// byRoom reports whether a server subscribes to the channels of rooms and sockets.
func (m Mode) byRoom() bool { return m != ClassicByPattern && m != ShardedStatic }

// sharded reports whether each channel belongs to one master of a Redis Cluster.
func (m Mode) sharded() bool {
	return m == ShardedDynamic || m == ShardedDynamicPrivate || m == ShardedStatic
}

// dialect returns what the servers speak in this mode.
func (m Mode) dialect() dialect {
	if m.sharded() {
		return sharded{m}
	}
	if m == Streams {
		return streams{}
	}
	return classic{m}
}

// Stream are options of the mode Streams. The zero value of each field is its default.
type Stream struct {
	// Name is the key of the stream, "streamName" of Node's adapter. All namespaces share
	// it. Default "socket.io".
	Name string
	// MaxLen is how many entries are kept, about. A client can be recovered as long as
	// what it has missed is among them, or in the memory of the server that it comes to;
	// a server that is behind by more misses something, and reports a gap: take what the
	// cluster says in some seconds at least. Default 10,000; 100 or more.
	MaxLen int
	// SessionPrefix begins the keys of sessions, "sessionKeyPrefix" of Node's adapter.
	// Default "sio:session:".
	SessionPrefix string
	// Patience is how long an operation waits for Redis when that is away; afterwards it
	// is given up, and a gap reported. Default 1 min.
	Patience time.Duration
}

// shortest is the smallest MaxLen.
const shortest = 100

func (s Stream) withDefaults() Stream {
	if s.MaxLen > 0 && s.MaxLen < shortest {
		panic(fmt.Sprintf("socketio: sioredis.Options.Stream.MaxLen: %d are too few: a server that is busy for a moment would miss something; take %d or more", s.MaxLen, shortest))
	}
	s.Name, s.SessionPrefix = cmp.Or(s.Name, "socket.io"), cmp.Or(s.SessionPrefix, "sio:session:")
	s.MaxLen, s.Patience = cmp.Or(max(s.MaxLen, 0), 10_000), cmp.Or(max(s.Patience, 0), time.Minute)
	return s
}

// dialect is what the servers of a cluster say to each other, on which channels, and by
// which commands of Redis. What it decodes it hands to the methods of node: apply,
// handle and responded.
type dialect interface {
	// channels are those that the node of this uid needs.
	channels(prefix, namespace, uid string) channels
	// separate reports whether what is for one room alone has a channel of its own.
	separate(room string) bool
	// encode appends a broadcast or a request of a node to dst.
	encode(dst []byte, m *clusterwire.Message) ([]byte, error)
	// encodeResponse encodes a response to a server of another kind.
	encodeResponse(n *node, m *clusterwire.Message) ([]byte, error)
	// route hands a message of Redis to the nodes that it is for.
	route(l *link, m *rueidis.PubSubMessage)

	publish(b rueidis.Builder, channel, payload string) rueidis.Completed
	subscribe(b rueidis.Builder, channels []string) rueidis.Completed
	unsubscribe(b rueidis.Builder, channels []string) rueidis.Completed
	// count asks how many connections subscribe to each of the channels.
	count(b rueidis.Builder, channels []string) rueidis.Completed
}

// channels are those of one node of a namespace.
type channels struct {
	base      string    // of broadcasts; with a room's name and "#" of what is for that room
	pattern   string    // of all broadcasts; empty: nobody subscribes to it
	request   string    // of all that is no broadcast; servers of other kinds are counted by it
	responses string    // with a uid and "#" of what is for that node alone
	own       string    // that of this node
	peers     string    // what nodes of this module tell each other of themselves
	gaps      string    // where they tell what is lost
	names     []string  // all that the node subscribes to, except the pattern
	signature [2]string // how messages of this node end, where that can be told
}

// response is the channel of responses to a node.
func (c *channels) response(uid string) string {
	if uid == "" {
		return c.responses
	}
	return c.responses + uid + "#"
}
