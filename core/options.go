package socketio

import (
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/loglimit"
)

// CORS decides which web pages may connect. See [engine.CORS].
type CORS = engine.CORS

// RequestError refuses an HTTP request; see Options.AllowRequest.
type RequestError = engine.RequestError

// PerMessageDeflate compresses WebSocket messages. See [engine.PerMessageDeflate].
type PerMessageDeflate = engine.PerMessageDeflate

// Options configures a [Server]. The zero value of each field means the documented
// default. NewServer copies the Options, with slices and pointers.
type Options struct {
	// CORS lists the origins, beside the server's own, whose pages may connect.
	CORS CORS
	// Transports are the transports that clients may use. Default: polling and
	// websocket. "webtransport" also needs package transports/webtransport.
	Transports []string
	// NoUpgrade keeps polling sessions on polling.
	NoUpgrade bool
	// PingInterval is the time between two pings. Default 25 s.
	PingInterval time.Duration
	// PingTimeout is the time in which a ping must be answered. Default 20 s.
	PingTimeout time.Duration
	// UpgradeTimeout is the time in which an upgrade must complete. Default 10 s.
	UpgradeTimeout time.Duration
	// ConnectTimeout is the time after which a connection is closed that is in no
	// namespace. Default 45 s.
	ConnectTimeout time.Duration
	// AckTimeout bounds the wait for the answers of clients and other servers if the
	// context has no deadline. Default 20 s; negative: no bound.
	AckTimeout time.Duration

	// Limits bounds what one client can cost.
	Limits Limits

	// AllowEIO3 also accepts clients of Socket.IO 2.x, which use revision 3 of
	// Engine.IO; [Socket.Protocol] returns the revision. Such a client is in "/" from
	// the start, sends a query instead of an auth payload, and is not recovered. The id
	// of its socket is its Engine.IO session id, as the client expects: somebody who
	// learns the id can take over a connection on polling, unless Pin is set. Default:
	// false, these clients are refused. AllowEIO3 and Parser exclude each other.
	AllowEIO3 bool

	// Cookie, when set, is the template of a cookie that carries the
	// Engine.IO session id, for load balancers. See [engine.Options].
	Cookie *http.Cookie
	// ShutdownSpread bounds the time over which [Server.Shutdown] closes the
	// connections, in random order at random times, so that clients do not reconnect
	// all at once. The time is 10 ms per connection if there are more than ten, and at
	// most half of the time until the deadline of its context, less
	// Limits.CloseTimeout. Default 10 s; negative: all at once.
	ShutdownSpread time.Duration
	// AllowRequest is called for each handshake, and returns nil to accept it. An error
	// refuses the handshake; a [*RequestError] sets the code and the text of the
	// response.
	AllowRequest func(r *http.Request) error
	// Pin, if not nil, returns the user of a request. A poll, POST or upgrade with
	// another user than the handshake is refused with status 403, and the connection
	// stays open: a leaked Engine.IO session id is useless to others. Pin runs for
	// every request; [UpstreamValue] returns values that HTTP middleware has stored.
	// Return a value that does not change when a token is refreshed, such as the
	// subject. Default: nil, the session id is enough.
	Pin func(r *http.Request) string
	// Headers, if not nil, may change the header of every response to a poll or POST
	// and of the 101 response. initial is true for the first response of a session.
	Headers func(h http.Header, r *http.Request, initial bool)
	// Subprotocol chooses one of the WebSocket subprotocols that a client offers
	// (option protocols of the stock client), and must return one of them.
	// [Socket.Subprotocol] returns the choice. Default: the first. See
	// [engine.Options].
	Subprotocol func(r *http.Request, offered []string) string
	// OpenDelay is the time between the 101 response of a WebSocket and its first
	// packet, for peers that lose a packet that arrives together with the response.
	// Default: 20 ms behind a proxy and for clients on microcontrollers, otherwise
	// none; positive: for all clients; negative: for none. See [engine.Options].
	OpenDelay time.Duration
	// HTTPCompression is the smallest size, in bytes, of a response to a poll that is
	// compressed, unless all its messages were sent with Compress(false). Zero, the
	// default: never. Do not set it if a framework or proxy compresses. See
	// [engine.Options].
	HTTPCompression int
	// PerMessageDeflate compresses WebSocket messages of at least 1 KB for clients that
	// support it, unless they were sent with Compress(false). Default: nil, off;
	// new(PerMessageDeflate) turns it on. See [engine.PerMessageDeflate].
	PerMessageDeflate *PerMessageDeflate
	// GenerateID returns a new Engine.IO session id, which is a secret and not the
	// public id of a socket. An error, or an id that is in use, refuses the handshake.
	// Default: 16 random bytes. See [engine.Options].
	GenerateID func(r *http.Request) (string, error)
	// OnRefused, if not nil, is called for every HTTP request that is refused.
	OnRefused func(r *http.Request, e *RequestError)

	// ContextKeys are keys of values in the context of the first request, set by HTTP
	// middleware, that [Handshake.Value] returns later. The server does not keep the
	// context itself. Integrations add the values of their framework.
	ContextKeys []any

	// Client has the files that GET <path>/socket.io.js and the like serve. Default:
	// nil, the built-in browser client; set an fs.FS with the official bundles to serve
	// those.
	Client fs.FS
	// NoClient turns the browser client off.
	NoClient bool

	// Parser encodes and decodes the packets of all clients, which must use the same
	// parser. Default: nil, the standard encoding. See [Parser] and package
	// parsers/msgpack. Parser and AllowEIO3 exclude each other.
	Parser Parser

	// Adapter returns the adapter of a namespace, which connects the servers of a
	// cluster. It must not return nil. It may call the server for other namespaces, but
	// not for its own: that would wait for ever. Default: nil, the server is no part of
	// a cluster.
	Adapter func(adapter.Local) adapter.Adapter

	// KeepEmptyNamespaces keeps the children of [Server.OfRegexp] and [Server.OfFunc]
	// that have no sockets any more. Default: false, they are removed.
	KeepEmptyNamespaces bool
	// Recovery turns connection state recovery on. Default: nil, off.
	Recovery *Recovery

	// ClosePanicked closes the connection of a socket whose handler panics. Default:
	// false, the connection stays open.
	ClosePanicked bool

	// Observer is called for what the server does, for metrics and traces. Default:
	// nil, which costs nothing.
	Observer Observer

	// Logger is the logger of the server. Default: warnings and errors go to the
	// [slog.Default] of the time when the server is made; all other lines have level
	// debug. slog.New(slog.DiscardHandler) discards all. See [engine.Options] for the
	// levels.
	Logger *slog.Logger
}

// Limits bounds the memory and time that one client can use, and what all can that come
// at once. Zero means the default, a negative value no limit.
type Limits struct {
	// MaxHTTPBufferSize bounds, in bytes, the body of a POST, a WebSocket message, and
	// all parts of a binary packet together. Default 1,000,000.
	MaxHTTPBufferSize int64
	// Handshake bounds, in bytes, the URL and the header of a request together. A
	// larger request is answered with status 431. The server keeps URL and header of a
	// connection's first request, see [Handshake]. Default 16 KB. HTTP servers have
	// limits of their own: http.Server.MaxHeaderBytes, 1 MB by default, and
	// fiber.Config.ReadBufferSize, 4 KB.
	Handshake int
	// HandshakesPerSecond is the number of connections that the server opens in a
	// second; more than that wait for their turn. Handshakes bounds those that wait, and
	// those for which AllowRequest runs. Connections bounds the open connections. Memory
	// bounds, in bytes, the memory of this process: nobody new gets in when 80 % of it
	// are used. Over the last three the answer is status 503 with Retry-After, and
	// clients come back by themselves. Defaults: 1,000 per CPU; five times
	// HandshakesPerSecond; no limit; GOMEMLIMIT. See [engine.Options], where the last
	// two are MaxSessions and MemoryLimit.
	HandshakesPerSecond, Handshakes, Connections int
	Memory                                       int64
	// Joins bounds the clients for which middleware runs at a time, on the whole server;
	// more than that wait for their turn. Default 1,000.
	Joins int
	// SendBuffer bounds, in bytes, the messages that are queued for one client. Over
	// the limit queued volatile messages are dropped first, then the client is
	// disconnected. An empty queue takes one message of any size. Default: the larger
	// of 4 MB and twice MaxHTTPBufferSize.
	SendBuffer int64
	// WriteTimeout is the time in which a client must read at least one byte of a
	// message that is sent to it. Default 10 s.
	WriteTimeout time.Duration
	// ReceiveBuffer bounds, in bytes, the packets of one connection that wait: events
	// for their handlers, connections and disconnects for middleware and hooks. Over
	// the limit the server does not read the connection. Default 1 MB.
	ReceiveBuffer int64
	// Attachments bounds the binary attachments of a received packet. Default 10, as in
	// stock clients. A packet that is sent has at most 10 in any case.
	Attachments int
	// AttachmentTimeout is the time in which a packet's attachments must
	// arrive. Default 10 s.
	AttachmentTimeout time.Duration
	// JSONDepth bounds the nesting of received JSON. Default 128.
	JSONDepth int
	// EventName, NamespaceName and RoomName bound names in bytes. Default 256,
	// 512 and 1,024.
	EventName, NamespaceName, RoomName int
	// Namespaces bounds the namespaces that one connection may be in. It also bounds
	// the number of sockets of one connection, with those that have left, for which
	// middleware, handlers and hooks run at a time: further sockets wait for their
	// turn. When as many sockets have left while they waited, the server does not read
	// the connection. Default 32.
	Namespaces int
	// Refusals bounds the requests of one connection, in a second, for namespaces that
	// do not exist. Over the limit the server does not read the connection until the
	// second has passed. Default 1,000.
	Refusals int
	// ChildNamespaces bounds the children of all parents of a server together, which
	// clients make by joining them. Over the limit a client that asks for a new child
	// gets the error "Invalid namespace". Default 10,000.
	ChildNamespaces int
	// Rooms bounds the rooms of one socket. Default 10,000.
	Rooms int
	// Auth bounds, in bytes, the auth payload of a connection to a namespace.
	// Default 16 KB.
	Auth int
	// MiddlewareTimeout bounds the time of all middleware for one socket together. Then
	// the context of the middleware ends, and the client is refused even if middleware
	// continues to run. Default 20 s.
	MiddlewareTimeout time.Duration
	// PendingAcks bounds the outstanding acknowledgements of one socket. Default 1,000.
	PendingAcks int
	// ServerSideBuffer bounds, in bytes, the events of other servers that wait for the
	// handlers of a namespace's [Namespace.OnServerSide], each with 128 bytes for itself.
	// Over the limit an event is dropped and logged, and a server that waits for an
	// answer gets an [Error] with [CodeRateLimited]. Default 16 MB.
	ServerSideBuffer int64
	// FirstPollTimeout, BodyTimeout, MessageTimeout, CloseTimeout, Fragments
	// and ControlFrames: see [engine.Options].
	FirstPollTimeout, BodyTimeout, MessageTimeout, CloseTimeout time.Duration
	Fragments, ControlFrames                                    int
}

func (l *Limits) tooLong(room string) bool { return len(room) > l.RoomName }

// orDefault puts the default in the place of zero, and the largest value in
// the place of "no limit".
func orDefault[T int | int64 | time.Duration](v *T, def, unlimited T) {
	switch {
	case *v == 0:
		*v = def
	case *v < 0:
		*v = unlimited
	}
}

const (
	noLimit = int(^uint(0) >> 1)
	noTime  = time.Duration(1<<63 - 1)
)

func (o Options) withDefaults() Options {
	o.ContextKeys = slices.Clone(o.ContextKeys)
	o.CORS.Origins = slices.Clone(o.CORS.Origins) // the engine copies the rest
	orDefault(&o.ConnectTimeout, 45*time.Second, noTime)
	orDefault(&o.AckTimeout, 20*time.Second, noTime)
	l := &o.Limits
	orDefault(&l.MaxHTTPBufferSize, 1e6, -1)
	orDefault(&l.ReceiveBuffer, 1<<20, int64(noLimit))
	orDefault(&l.Attachments, 10, noLimit)
	orDefault(&l.AttachmentTimeout, 10*time.Second, noTime)
	orDefault(&l.JSONDepth, 128, noLimit)
	orDefault(&l.EventName, 256, noLimit)
	orDefault(&l.NamespaceName, 512, noLimit)
	orDefault(&l.RoomName, 1024, noLimit)
	orDefault(&l.Namespaces, 32, noLimit)
	orDefault(&l.Refusals, 1000, noLimit)
	orDefault(&l.ChildNamespaces, 10_000, noLimit)
	orDefault(&l.Rooms, 10_000, noLimit)
	orDefault(&l.Auth, 16<<10, noLimit)
	orDefault(&l.MiddlewareTimeout, 20*time.Second, noTime)
	orDefault(&l.PendingAcks, 1000, noLimit)
	orDefault(&l.ServerSideBuffer, 16<<20, int64(noLimit))
	orDefault(&l.Joins, 1000, noLimit)
	if o.Recovery != nil {
		o.Recovery = o.Recovery.withDefaults()
	}
	if o.Logger == nil {
		o.Logger = loglimit.Default()
	}
	return o
}

func (o *Options) engine() *engine.Options {
	l := &o.Limits
	return &engine.Options{
		Transports: o.Transports, NoUpgrade: o.NoUpgrade,
		PingInterval: o.PingInterval, PingTimeout: o.PingTimeout, UpgradeTimeout: o.UpgradeTimeout,
		MaxHTTPBufferSize: l.MaxHTTPBufferSize, MaxHandshake: l.Handshake, MaxFragments: l.Fragments, MessageTimeout: l.MessageTimeout,
		HandshakesPerSecond: l.HandshakesPerSecond, Handshakes: l.Handshakes, MaxSessions: l.Connections, MemoryLimit: l.Memory,
		SendBuffer: l.SendBuffer, WriteTimeout: l.WriteTimeout, BodyTimeout: l.BodyTimeout,
		FirstPollTimeout: l.FirstPollTimeout, CloseTimeout: l.CloseTimeout, ControlFrames: l.ControlFrames,
		ShutdownSpread: o.ShutdownSpread,
		CORS:           o.CORS, Cookie: o.Cookie, AllowRequest: o.AllowRequest, Pin: o.Pin, Headers: o.Headers,
		Subprotocol: o.Subprotocol, OpenDelay: o.OpenDelay,
		AllowEIO3: o.AllowEIO3, HTTPCompression: o.HTTPCompression, PerMessageDeflate: o.PerMessageDeflate,
		GenerateID: o.GenerateID, OnRefused: o.OnRefused, Logger: o.Logger,
	}
}

// inForce returns the options with what the engine has made of them.
func (o *Options) inForce(e engine.Options) Options {
	is := *o
	is.ContextKeys, is.CORS.Origins = slices.Clone(o.ContextKeys), slices.Clone(o.CORS.Origins)
	is.Transports, is.Cookie = e.Transports, clone(o.Cookie)
	is.Recovery, is.PerMessageDeflate = clone(o.Recovery), clone(o.PerMessageDeflate)
	is.PingInterval, is.PingTimeout, is.UpgradeTimeout, is.ShutdownSpread = e.PingInterval, e.PingTimeout, e.UpgradeTimeout, e.ShutdownSpread
	l := &is.Limits
	l.MaxHTTPBufferSize, l.Handshake, l.Fragments, l.MessageTimeout = e.MaxHTTPBufferSize, e.MaxHandshake, e.MaxFragments, e.MessageTimeout
	l.HandshakesPerSecond, l.Handshakes, l.Connections, l.Memory = e.HandshakesPerSecond, e.Handshakes, e.MaxSessions, e.MemoryLimit
	l.SendBuffer, l.WriteTimeout, l.BodyTimeout = e.SendBuffer, e.WriteTimeout, e.BodyTimeout
	l.FirstPollTimeout, l.CloseTimeout, l.ControlFrames = e.FirstPollTimeout, e.CloseTimeout, e.ControlFrames
	for _, n := range []*int{
		&l.Attachments, &l.JSONDepth, &l.EventName, &l.NamespaceName, &l.RoomName, &l.Namespaces, &l.Refusals, &l.ChildNamespaces, &l.Rooms,
		&l.Auth, &l.PendingAcks, &l.Joins, &l.Handshake, &l.Fragments, &l.HandshakesPerSecond, &l.Handshakes, &l.ControlFrames,
	} {
		bounded(n, noLimit)
	}
	if l.Connections == 0 {
		l.Connections = -1
	}
	bounded(&l.Connections, noLimit)
	for _, d := range []*time.Duration{
		&is.ConnectTimeout, &is.AckTimeout, &is.UpgradeTimeout, &is.ShutdownSpread, &l.AttachmentTimeout, &l.MiddlewareTimeout,
		&l.MessageTimeout, &l.WriteTimeout, &l.BodyTimeout, &l.FirstPollTimeout,
	} {
		bounded(d, noTime)
	}
	for _, n := range []*int64{&l.MaxHTTPBufferSize, &l.ReceiveBuffer, &l.SendBuffer, &l.Memory, &l.ServerSideBuffer} {
		bounded(n, int64(noLimit))
	}
	if r := is.Recovery; r != nil {
		bounded(&r.MaxDisconnection, forever)
		bounded(&r.MaxPackets, noLimit)
		bounded(&r.MaxSessions, noLimit)
		bounded(&r.MaxBytes, int64(noLimit))
		bounded(&r.MaxSessionBytes, int64(noLimit))
	}
	return is
}

// clone returns a pointer to a copy; nil for nil.
func clone[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// bounded puts -1 in the place of what stands for "no limit".
func bounded[T int | int64 | time.Duration](v *T, unlimited T) {
	if *v < 0 || *v == unlimited {
		*v = -1
	}
}
