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

// Options configures a [Server]. The zero value of each field means its
// documented default. NewServer copies it, with its slices and pointers.
type Options struct {
	// CORS lists the origins, beside the server's own, whose pages may connect.
	CORS CORS
	// Transports that clients may use. Default: polling and websocket.
	// "webtransport" is for servers that package transports/webtransport serves.
	Transports []string
	// NoUpgrade keeps polling sessions on polling.
	NoUpgrade bool
	// PingInterval is the time between two pings. Default 25 s.
	PingInterval time.Duration
	// PingTimeout is the time in which a ping must be answered. Default 20 s.
	PingTimeout time.Duration
	// UpgradeTimeout is the time in which an upgrade must complete. Default 10 s.
	UpgradeTimeout time.Duration
	// ConnectTimeout closes a connection that is in no namespace for so long.
	// Default 45 s.
	ConnectTimeout time.Duration
	// AckTimeout bounds the wait for the answers of clients and of other servers
	// when the context has no deadline. Default 20 s; negative: none.
	AckTimeout time.Duration

	// Limits bounds what one client can cost.
	Limits Limits

	// AllowEIO3 lets in clients of Socket.IO 2.x, too, which speak revision 3 of
	// Engine.IO; [Socket.Protocol] tells them apart. They are in "/" from the
	// start, have a query in the place of an auth payload, and no recovery. The
	// id of such a socket is its client's Engine.IO session id, because clients
	// believe so: whoever learns it can take over a connection that is on
	// polling, unless Pin is set. Default: they are refused. Not together with
	// Parser.
	AllowEIO3 bool

	// Cookie, when set, is the template of a cookie that carries the
	// Engine.IO session id, for load balancers. See [engine.Options].
	Cookie *http.Cookie
	// ShutdownSpread bounds the time over which [Server.Shutdown] ends the
	// connections, in an order and at moments that chance decides, so that the
	// clients of a fleet do not all come back at once: 10 ms for each if there are
	// more than ten, and of what is left until its context's deadline half, less
	// Limits.CloseTimeout. Default 10 s; negative: all at once.
	ShutdownSpread time.Duration
	// AllowRequest decides on each handshake. An error refuses it: with its
	// own code and text if it is a [*RequestError].
	AllowRequest func(r *http.Request) error
	// Pin, if not nil, ties each connection to who opened it, so that an
	// Engine.IO session id that has leaked serves nobody else: it names the
	// user of a request, and a poll, POST or upgrade for which it returns
	// something else than for the handshake gets 403. The connection itself
	// lives on. It runs on every request; [UpstreamValue] finds what the
	// framework's middleware has stored. Return what stays the same when a
	// token is refreshed: the subject. Default: the id alone counts.
	Pin func(r *http.Request) string
	// Headers may change the header of every polling response and of the 101.
	// initial is true for the first response of a session.
	Headers func(h http.Header, r *http.Request, initial bool)
	// Subprotocol chooses among the WebSocket subprotocols that a client offers, the
	// stock client by its option protocols; [Socket.Subprotocol] tells which. What it
	// returns must be one of them. Default: the first. See [engine.Options].
	Subprotocol func(r *http.Request, offered []string) string
	// OpenDelay is the time between the 101 of a WebSocket and its first packet, for
	// peers that lose the latter if both come at once. Default: 20 ms behind a proxy
	// and for clients on microcontrollers, else none; positive: for all; negative:
	// none. See [engine.Options].
	OpenDelay time.Duration
	// HTTPCompression compresses the responses to polls that have at least so
	// many bytes, unless Compress(false) was said of all messages in them. Zero,
	// the default: never. Not together with a framework or a proxy that
	// compresses. See [engine.Options].
	HTTPCompression int
	// PerMessageDeflate compresses WebSocket messages of at least 1 KB, unless
	// Compress(false) was said of them, for clients that can do that. Default:
	// nil, off; new(PerMessageDeflate) is on. See [engine.PerMessageDeflate].
	PerMessageDeflate *PerMessageDeflate
	// GenerateID makes the Engine.IO session ids: secrets, not the public ids
	// of sockets. An error, and an id that is in use, refuse the handshake.
	// Default: 16 random bytes. See [engine.Options].
	GenerateID func(r *http.Request) (string, error)
	// OnRefused hears of every HTTP request that is refused.
	OnRefused func(r *http.Request, e *RequestError)

	// ContextKeys are the keys of the request context's values that
	// middleware in front of the server has set and that [Handshake.Value]
	// is to return later. The context itself is not kept. Integrations add
	// their framework's own store.
	ContextKeys []any

	// Client is what GET <path>/socket.io.js and its siblings serve: nil is
	// the built-in browser client, an fs.FS one with the official bundles.
	Client fs.FS
	// NoClient serves no client.
	NoClient bool

	// Parser is how packets look on the wire, of all clients of this server;
	// they have to be given the same one. Default: the standard form. See
	// [Parser], and package parsers/msgpack for one that is ready. Not together
	// with AllowEIO3.
	Parser Parser

	// Adapter connects the servers of a cluster, one adapter per namespace. It
	// may ask the server for other namespaces, not for the one that it is
	// called for: that would wait for itself. It must not return nil. Default: none,
	// this server is alone.
	Adapter func(adapter.Local) adapter.Adapter

	// KeepEmptyNamespaces keeps the children of [Server.OfRegexp] and
	// [Server.OfFunc] that nobody is in any more. Default: they are removed.
	KeepEmptyNamespaces bool
	// Recovery turns connection state recovery on. Default: nil, off.
	Recovery *Recovery

	// ClosePanicked ends the connection of a socket whose handler panics.
	// Default: it lives on, as in the web frameworks.
	ClosePanicked bool

	// Observer hears of what the server does, for metrics and traces. Default:
	// nil, which costs nothing.
	Observer Observer

	// Logger hears of what goes wrong. Default: the warnings and errors go to
	// [slog.Default], as it is when the server is made; all else has level debug.
	// slog.New(slog.DiscardHandler) is silent. See [engine.Options] for the levels.
	Logger *slog.Logger
}

// Limits bounds what one client can cost. Zero means the default, a negative
// value no limit.
type Limits struct {
	// MaxHTTPBufferSize bounds, in bytes, the body of a POST, a WebSocket
	// message, and the sum of the parts of a binary packet. Default 1,000,000.
	MaxHTTPBufferSize int64
	// Handshake bounds, in bytes, the URL and the header of a request together:
	// those of a connection's first are kept as long as that lives, see
	// [Handshake]. Over it the answer is 431. Default 16 KB. What the HTTP server
	// takes is bounded by that: http.Server.MaxHeaderBytes, 1 MB by default, and
	// fiber.Config.ReadBufferSize, 4 KB.
	Handshake int
	// SendBuffer bounds, in bytes, what waits to be sent to one client; over
	// it the client is disconnected, volatile messages going first. An empty
	// queue takes any one message. Default: the larger of 4 MB and twice
	// MaxHTTPBufferSize.
	SendBuffer int64
	// WriteTimeout is the time in which a client that has something to read
	// must take at least one byte. Default 10 s.
	WriteTimeout time.Duration
	// ReceiveBuffer bounds, in bytes, the events of one connection that wait
	// for their handlers, and what else waits for middleware and hooks; over it
	// the connection is not read. Default 1 MB.
	ReceiveBuffer int64
	// Attachments bounds the binary attachments of a received packet. Default
	// 10, as stock clients do. What is sent is bounded by 10 in any case.
	Attachments int
	// AttachmentTimeout is the time in which a packet's attachments must
	// arrive. Default 10 s.
	AttachmentTimeout time.Duration
	// JSONDepth bounds the nesting of received JSON. Default 128.
	JSONDepth int
	// EventName, NamespaceName and RoomName bound names in bytes. Default 256,
	// 512 and 1,024.
	EventName, NamespaceName, RoomName int
	// Namespaces bounds the namespaces one connection may be in, and how many of
	// its sockets middleware, handlers and hooks may run for, those that it has
	// left included: further ones wait for their turn, and when as many have left
	// before it the connection is not read. Default 32.
	Namespaces int
	// Refusals bounds how many connections to namespaces that do not exist one
	// connection may ask for in a second; then it is not read until the second is
	// over. Default 1,000.
	Refusals int
	// ChildNamespaces bounds the namespaces that clients make by joining them,
	// of all parents of a server together; over it a client that asks for yet
	// another one is told "Invalid namespace". Default 10,000.
	ChildNamespaces int
	// Rooms bounds the rooms one socket may be in. Default 10,000.
	Rooms int
	// Auth bounds, in bytes, the auth payload of a connection to a namespace.
	// Default 16 KB.
	Auth int
	// MiddlewareTimeout bounds all middleware of one connection to a
	// namespace together: its context ends, and the client is refused even if it
	// runs on. Default 20 s.
	MiddlewareTimeout time.Duration
	// PendingAcks bounds the acknowledgements awaited from one socket.
	// Default 1,000.
	PendingAcks int
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
		SendBuffer: l.SendBuffer, WriteTimeout: l.WriteTimeout, BodyTimeout: l.BodyTimeout,
		FirstPollTimeout: l.FirstPollTimeout, CloseTimeout: l.CloseTimeout, ControlFrames: l.ControlFrames,
		ShutdownSpread: o.ShutdownSpread,
		CORS:           o.CORS, Cookie: o.Cookie, AllowRequest: o.AllowRequest, Pin: o.Pin, Headers: o.Headers,
		Subprotocol: o.Subprotocol, OpenDelay: o.OpenDelay,
		AllowEIO3: o.AllowEIO3, HTTPCompression: o.HTTPCompression, PerMessageDeflate: o.PerMessageDeflate,
		GenerateID: o.GenerateID, OnRefused: o.OnRefused, Logger: o.Logger,
	}
}
