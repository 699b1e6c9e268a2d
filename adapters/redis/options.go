package sioredis

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/rueidis"

	"github.com/gosio/gosio/internal/clusterwire"
)

// Options configures [New]. The zero value of each field is its default.
type Options struct {
	// URL is where Redis is: redis://user:password@host:6379, rediss:// with TLS,
	// unix:///path. With ?master_set=name it is a Sentinel; with ?addr=host:port more
	// nodes of a Redis Cluster, which is recognised as one, or more Sentinels. Default
	// redis://localhost:6379.
	URL string
	// Client is all of that, and what a URL has no place for, in the words of the
	// client library; it takes the place of URL. Its retries, its cache and its
	// multiplexing are not used. WriteBufferEachConn is 32 KB by default.
	Client rueidis.ClientOption
	// Prefix is that of the channels, "key" of Node's adapters. Default "socket.io".
	Prefix string
	// Mode is how the servers talk to each other. Default ClassicByRoom.
	Mode Mode
	// Stream is what the mode Streams needs beside.
	Stream Stream
	// MaxSize is the largest operation in bytes: Redis ends the connection of each
	// server that is behind by more than its client-output-buffer-limit, 8 MB for a
	// minute by default. What comes may be as large as that, or 64 MB if that is more:
	// give all servers the same. Default 8 MB; negative: no limit but that of Redis,
	// 512 MB.
	MaxSize int
	// OutboxSize is how many bytes may wait for Redis to take them, unless one operation
	// has more. Default 64 MB.
	OutboxSize int
	// InboxSize is how many bytes may wait to be delivered to this server's sockets,
	// unless one message has more. Default 64 MB.
	InboxSize int
	// Keys are secrets that all servers of the cluster share: what a server says to the
	// others is signed by the first one (HMAC-SHA256 over channel and message), and what
	// is signed by none of them is dropped and counted in Stats.Dropped. Nobody without a
	// key can then make a server emit, disconnect or answer; to hear again what was said
	// before, and to read it, takes no key. To change a key add the new one behind the
	// old one on all servers, then put it first, then take the old one away. Node servers
	// and emitters know no keys: a cluster with them has none. A key has 16 bytes or
	// more. Not with Mode Streams. Default: no keys.
	Keys [][]byte
	// Logger is told when connections are lost and come back. Default: nobody.
	Logger *slog.Logger

	limits clusterwire.Limits // of what comes
	signer *signer
}

// Errors of what is emitted or asked.
var (
	// ErrNotConnected: there is no connection to Redis. The sockets of this server have
	// got what was emitted.
	ErrNotConnected = errors.New("sioredis: not connected to Redis")
	// ErrRefused: Redis does not let this server subscribe to all that it needs: the
	// rights of its user are too few. See docs/cluster.md.
	ErrRefused = errors.New("sioredis: Redis refuses a subscription")
	// ErrOutboxFull: Redis does not take what is emitted fast enough.
	ErrOutboxFull = errors.New("sioredis: more waits for Redis than Options.OutboxSize")
	// ErrTooLarge: the operation is larger than Options.MaxSize.
	ErrTooLarge = errors.New("sioredis: operation is larger than Options.MaxSize: send less, or say where the clients find it")
	// ErrClosed: the server has left the cluster.
	ErrClosed = errors.New("sioredis: the server has left the cluster")
)

// Errors of gaps.
var (
	errBroken   = errors.New("sioredis: the connection to Redis was lost")
	errSilent   = errors.New("sioredis: what is published does not arrive any more")
	errReplica  = errors.New("sioredis: this Redis is a replica: give the address of the master, or of Sentinels")
	errInbox    = errors.New("sioredis: more has come than Options.InboxSize")
	errRefused  = errors.New("sioredis: Redis had refused a subscription")
	errLate     = errors.New("sioredis: Redis has not confirmed a subscription in time")
	errAway     = errors.New("sioredis: a server had no connection to Redis when it was asked")
	errMoved    = errors.New("sioredis: channels have another master in the Redis Cluster")
	errNoSlots  = errors.New("sioredis: no node of the Redis Cluster says which slots it has")
	errTrimmed  = errors.New("sioredis: the stream has been cut before it was read")
	errAnew     = errors.New("sioredis: the stream has begun anew")
	errPatience = errors.New("sioredis: Redis was away for longer than Options.Stream.Patience")
	errUnwanted = errors.New("sioredis: Redis has refused an operation")
	errEntry    = errors.New("sioredis: this is no entry of a stream of Redis")
	errTheirGap = errors.New("sioredis: another server could not send all to Redis")
)

// Times of this package.
const (
	firstPatience = 5 * time.Second        // for Redis when the engine starts
	helloPatience = time.Second            // for the answers of the other servers
	answerTimeout = 5 * time.Second        // for Redis to answer a batch
	pause         = 100 * time.Millisecond // between attempts to connect, at first
	longestPause  = 2 * time.Second
	probeEvery    = 10 * time.Second            // how often a connection without traffic is tried
	slotsEvery    = 5 * time.Second             // how often the masters of a Redis Cluster are asked for their slots
	joinWindow    = 10 * time.Second            // see adapter.RoomSubscriber
	checkEvery    = 500 * time.Millisecond      // whether those who have not answered are still there
	countTimeout  = time.Second                 // for a node of a Redis Cluster to count its subscribers
	muteTimeout   = 50 * time.Millisecond       // for one that has not done so last time
	refreshEvery  = 10 * time.Second            // which nodes a Redis Cluster has
	goneAfter     = time.Second - checkEvery/10 // a peer that nobody hears any more has left
	greetEvery    = 100 * time.Millisecond      // more hellos at a time get one answer
	backWithin    = 500 * time.Millisecond      // after an outage: not all servers tell of themselves at once
	farewell      = time.Second                 // for what is queued when the engine ends
	marked        = 15 * time.Second            // how long Redis knows that it has had a session
	atOnce        = 512                         // commands in one batch, channels in one command
	mostOfRedis   = 512<<20 - 64<<10            // a larger argument ends the connection; the rest is the command's
	batchSize     = 256 << 10                   // bytes in one batch, unless one command has more
	writeBuffer   = 32 << 10                    // Redis works on the first part of a batch while the rest is written
	lookEvery     = time.Second                 // whether a stream is still the same
	readCount     = 256                         // entries of a stream in one batch, at most
	firstCount    = 8                           // in the first one, when nobody knows how large they are
	readBytes     = 1 << 20                     // of a stream in one batch, about
	largeTimeout  = 30 * time.Second            // for an entry that alone takes longer than answerTimeout
	mostBroken    = 3                           // connections that one large entry may end
	mostAgain     = 1 << 13                     // entries of one server that it may have sent twice
	smallEntry    = 1 << 10                     // bytes of an entry that may well be read twice
	largeBatch    = 32                          // entries of this server in one batch, for whose ids the reader waits
	ownPatience   = 5 * time.Millisecond        // for that
)

// withDefaults returns a copy in which all is decided. It panics for what cannot be.
func (o *Options) withDefaults() Options {
	var out Options
	if o != nil {
		out = *o
	}
	if out.Mode > lastMode {
		panic(fmt.Sprintf("socketio: sioredis.Options.Mode: there is no %v", out.Mode))
	}
	if out.URL != "" && len(out.Client.InitAddress) > 0 {
		panic("socketio: sioredis.Options has both URL and Client: set one of them")
	}
	if len(out.Client.InitAddress) == 0 {
		parsed, err := rueidis.ParseURL(cmp.Or(out.URL, "redis://localhost:6379"))
		if err != nil {
			panic("socketio: sioredis.Options.URL: " + err.Error() + ": write redis://host:6379, rediss:// for TLS, or unix:///path")
		}
		out.Client = parsed
	}
	out.Prefix = cmp.Or(out.Prefix, "socket.io")
	out.Stream = out.Stream.withDefaults()
	out.MaxSize = cmp.Or(out.MaxSize, 8<<20)
	if out.MaxSize < 0 {
		out.MaxSize = mostOfRedis
	}
	if len(out.Keys) > 0 && out.Mode == Streams {
		panic("socketio: sioredis.Options.Keys: entries of a stream are not signed: leave Keys out, or take another Mode")
	}
	out.signer = newSigner(out.Keys)
	out.limits.Size = max(out.MaxSize, 64<<20)
	out.OutboxSize = cmp.Or(max(out.OutboxSize, 0), 64<<20)
	out.InboxSize = cmp.Or(max(out.InboxSize, 0), 64<<20)
	if out.Logger == nil {
		out.Logger = slog.New(slog.DiscardHandler)
	}
	c := &out.Client
	c.DisableRetry, c.DisableCache, c.PipelineMultiplex = true, true, -1 // a retry could send twice
	c.WriteBufferEachConn = cmp.Or(c.WriteBufferEachConn, writeBuffer)
	c.ConnWriteTimeout = cmp.Or(c.ConnWriteTimeout, answerTimeout)
	c.ClusterOption.ShardsRefreshInterval = cmp.Or(c.ClusterOption.ShardsRefreshInterval, refreshEvery)
	if c.Sentinel.MasterSet != "" { // a demoted master closes no connection
		c.Sentinel.TopologyRefreshInterval = cmp.Or(c.Sentinel.TopologyRefreshInterval, 5*time.Second)
	}
	return out
}
