package engine

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/gosio/gosio/core/engine/internal/header"
	"github.com/gosio/gosio/internal/loglimit"
)

// The transports.
const (
	Polling      = "polling"
	WebSocket    = "websocket"
	WebTransport = "webtransport" // see [Server.ServeStream]
)

// Options configures a [Server]. The zero value of each field means the documented
// default. A negative limit or duration means no limit, unless the field says
// otherwise.
type Options struct {
	// Transports that clients may use. Default: polling and websocket.
	// WebTransport also needs a caller of [Server.ServeStream].
	Transports []string
	// NoUpgrade keeps polling sessions on polling. The reference only stops
	// advertising the upgrade; here an attempt is refused, too.
	NoUpgrade bool
	// PingInterval is the time between two pings. Default 25 s. With PingTimeout at most
	// 24 days: stock clients wait for both together, and take a longer time for none.
	PingInterval time.Duration
	// PingTimeout is the time in which a ping must be answered. Default 20 s.
	PingTimeout time.Duration
	// UpgradeTimeout is the time in which an upgrade must complete. Default
	// 10 s; negative means none.
	UpgradeTimeout time.Duration
	// MaxHTTPBufferSize bounds, in bytes, the body of a POST and a WebSocket
	// message. Default 1,000,000.
	MaxHTTPBufferSize int64
	// MaxHandshake bounds, in bytes, the URL and the header of a request together. A
	// larger request is answered with status 431. Default 16 KB.
	MaxHandshake int
	// MaxFragments bounds the frames of one WebSocket message. Default 1,024.
	MaxFragments int
	// MessageTimeout is the time in which a fragmented or partial WebSocket
	// message must be complete. Default 30 s.
	MessageTimeout time.Duration
	// HandshakesPerSecond is the number of handshakes that are served in a second. A
	// burst of 50 ms' worth is served at once; further handshakes wait for their turn,
	// so that a crowd that comes back at once does not hold up those who are connected.
	// Default: 1,000 for each CPU (GOMAXPROCS).
	HandshakesPerSecond int
	// Handshakes bounds the handshakes at a time: those that wait for their turn, and
	// those for which AllowRequest runs. Over it a handshake is refused with status 503
	// and a Retry-After of 1 to 5 seconds, by chance; clients come back by themselves.
	// Default: five times HandshakesPerSecond, so nobody waits for more than 5 s.
	Handshakes int
	// MaxSessions bounds the open sessions. Over it a handshake is refused, as over
	// Handshakes. Default: no limit.
	MaxSessions int
	// MemoryLimit bounds, in bytes, the memory of this process, as GOMEMLIMIT does: as
	// soon as 80 % of it are used for what is not garbage, handshakes are refused, as
	// over Handshakes, and the open sessions keep the rest. To find out, a handshake
	// may run a garbage collection, every two seconds at most. Default: what
	// GOMEMLIMIT or runtime/debug.SetMemoryLimit says at the time; without that there
	// is no limit.
	MemoryLimit int64
	// SendBuffer bounds, in bytes, the messages that are queued for one session. An
	// empty queue takes one message of any size. Default: the larger of 4 MB and twice
	// MaxHTTPBufferSize.
	SendBuffer int64
	// WriteTimeout is the time in which a peer must read at least one byte of a message
	// that is sent to it. Default 10 s.
	WriteTimeout time.Duration
	// BodyTimeout is the time in which the body of a POST must arrive. Default 20 s.
	BodyTimeout time.Duration
	// FirstPollTimeout is the time in which the client of a polling session must send
	// its first request after the handshake. Default 10 s.
	FirstPollTimeout time.Duration
	// CloseTimeout is the time in which a peer must answer a close frame, and must read
	// the response to a request that was refused or whose session was closed. Default 2
	// s; it must not be negative.
	CloseTimeout time.Duration
	// ShutdownSpread bounds the time over which [Server.Shutdown] ends the sessions.
	// The time is 10 ms per session if there are more than ten. It is at most half of
	// the time that the context leaves beyond CloseTimeout, or a quarter of the time
	// that the context leaves. Default 10 s; negative: all at once.
	ShutdownSpread time.Duration
	// ControlFrames bounds the WebSocket ping frames taken in a second.
	// Default 100.
	ControlFrames int

	// AllowEIO3 also accepts clients of protocol 3, which Socket.IO 2.x uses: requests
	// with EIO=3. These clients send the pings; all other options apply to them, too.
	// JSONP is refused. Default: false, clients of protocol 3 are refused with
	// [CodeUnsupportedProtocolVersion].
	AllowEIO3 bool

	// HTTPCompression is the smallest size, in bytes, of a response to a poll that is
	// compressed, with gzip or deflate as the client prefers, if at least one of its
	// messages may be compressed (see [Message.Compress]). Default 0: never; so is a
	// negative value. Leave the default if a framework or a proxy compresses: otherwise
	// the response is compressed twice. For WebSockets see PerMessageDeflate.
	//
	// The length of a compressed message reveals something about its content: do not
	// compress messages that contain both secrets and text that others choose.
	HTTPCompression int
	// PerMessageDeflate compresses WebSocket messages for clients that support
	// compression, as all browsers do. Default: nil, off; new(PerMessageDeflate)
	// turns it on with its defaults.
	PerMessageDeflate *PerMessageDeflate
	// GenerateID returns the id of a new session. Ids are bearer secrets: they must be
	// hard to guess, and unique among all servers behind a load balancer. An id has 1
	// to 256 letters, digits or characters of "-._~". Any other id, the id of an open
	// session, and an error refuse the handshake with [CodeBadRequest]. GenerateID is
	// called for each handshake that AllowRequest has accepted, concurrently. Default:
	// 16 random bytes.
	GenerateID func(r *http.Request) (string, error)

	// CORS lists the allowed origins, and sets the CORS headers for browsers.
	CORS CORS
	// Cookie, when set, is the template of a cookie that carries the session
	// id on the first polling response. Name defaults to "io", Path to "/",
	// SameSite to Lax; HttpOnly is always set.
	Cookie *http.Cookie
	// AllowRequest, if not nil, is called for each handshake, before the session is
	// made, and returns nil to accept it. An error refuses the handshake: a
	// [*RequestError] with its own code and text, any other error with [CodeForbidden].
	AllowRequest func(r *http.Request) error
	// Pin, if not nil, returns the user of a request. A poll, POST or upgrade with
	// another user than the handshake is refused with [CodeForbidden], and the session
	// stays open. The session keeps the user in memory.
	Pin func(r *http.Request) string
	// Headers, if not nil, may change the header of every response to a poll or POST,
	// and of the 101 response. initial is true for the first response of a session.
	Headers func(h http.Header, r *http.Request, initial bool)
	// Subprotocol chooses one of the WebSocket subprotocols that a client offers
	// (option protocols of the stock client). The server ignores a result that was not
	// offered; with "" browsers fail the connection. offered has at most 32 names:
	// those that are tokens (RFC 9110 section 5.6.2) of at most 256 bytes. Subprotocol
	// must not keep offered. It is called for each WebSocket of a client that offers
	// subprotocols, concurrently; [Session.Subprotocol] returns the choice. Default:
	// the first.
	Subprotocol func(r *http.Request, offered []string) string
	// OpenDelay is the time between the 101 of a WebSocket and the first packet of
	// its session. Some peers that read both at once lose the packet: some proxies,
	// Apache's for HTTP/2, clients on microcontrollers. Default: 20 ms if the header
	// shows a proxy (Via, Forwarded, X-Forwarded-For and the like, CF-Ray) or such a
	// client, otherwise none, which saves a sixth of the CPU time of a connect
	// (scenario connect of bench/). Positive: for all clients; negative: for none.
	OpenDelay time.Duration
	// OnRefused, if not nil, is called for every refused request, concurrently.
	OnRefused func(r *http.Request, e *RequestError)
	// Observer, if not nil, is called for upgrades, lost messages and their waits.
	Observer Observer
	// Logger is the logger of the server. Default: warnings and errors go to the
	// [slog.Default] of the time when the server is made. Use
	// slog.New(slog.DiscardHandler) to log nothing. The level is info for refused
	// requests, warn for refused requests that the operator can probably do something
	// about and for clients that break the protocol or a limit, error for wrong wiring,
	// and debug for all other lines. Lines that clients cause are limited in rate and
	// size, and never contain session ids or payloads.
	Logger *slog.Logger
}

func orDefault[T int | int64 | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}

// longestPing bounds what a client waits for a ping: timers of JavaScript take 31 bits of
// milliseconds (HTML, 8.7 Timers).
const longestPing = 24 * 24 * time.Hour

// withDefaults returns a copy in which every zero is its default.
func (o Options) withDefaults() Options {
	o.Transports = slices.Clone(o.Transports)
	if len(o.Transports) == 0 {
		o.Transports = []string{Polling, WebSocket}
	}
	for _, name := range o.Transports {
		if name != Polling && name != WebSocket && name != WebTransport {
			panic("socketio: unknown transport " + name + "; known: polling, websocket, webtransport")
		}
	}
	orDefault(&o.PingInterval, 25*time.Second)
	orDefault(&o.PingTimeout, 20*time.Second)
	if o.PingInterval < 0 || o.PingTimeout < 0 {
		panic("socketio: PingInterval and PingTimeout must be positive: a dead peer is found by nothing else")
	}
	if o.PingInterval > longestPing-min(o.PingTimeout, longestPing) {
		panic("socketio: PingInterval and PingTimeout together must be less than 24 days: a timer of JavaScript that is longer ends at once, and stock clients would leave")
	}
	orDefault(&o.UpgradeTimeout, 10*time.Second)
	orDefault(&o.MaxHTTPBufferSize, 1e6)
	orDefault(&o.MaxHandshake, 16<<10)
	o.setHandshakes()
	orDefault(&o.MaxFragments, 1024)
	orDefault(&o.MessageTimeout, 30*time.Second)
	orDefault(&o.SendBuffer, max(4<<20, 2*o.MaxHTTPBufferSize))
	orDefault(&o.WriteTimeout, 10*time.Second)
	orDefault(&o.BodyTimeout, 20*time.Second)
	orDefault(&o.FirstPollTimeout, 10*time.Second)
	orDefault(&o.CloseTimeout, 2*time.Second)
	if o.CloseTimeout < 0 {
		panic("socketio: CloseTimeout must be positive: a peer that does not answer would hold its connection for ever")
	}
	orDefault(&o.ShutdownSpread, 10*time.Second)
	orDefault(&o.ControlFrames, 100)
	if o.Cookie != nil {
		c := *o.Cookie
		c.Unparsed = slices.Clone(c.Unparsed)
		if c.Name == "" {
			c.Name = "io"
		}
		if c.Path == "" {
			c.Path = "/"
		}
		if c.SameSite == 0 {
			c.SameSite = http.SameSiteLaxMode
		}
		c.HttpOnly = true
		checkCookie(c)
		o.Cookie = &c
	}
	if o.Logger == nil {
		o.Logger = loglimit.Default()
	}
	o.CORS = CORS(o.CORS.policy().Clone())
	o.CORS.policy().Validate()
	if o.AllowEIO3 {
		o.CORS.policy().AllowHeader("Content-Type") // of binary payloads: browsers ask first
	}
	return o
}

// checkCookie panics on a cookie that net/http does not send, or that browsers do
// not take: the load balancer would not see it, in silence. See RFC 6265bis
// section 5.7 for the last.
func checkCookie(c http.Cookie) {
	c.Value = "id"
	err := c.Valid()
	if err == nil && c.SameSite == http.SameSiteNoneMode && !c.Secure {
		err = errors.New("SameSite=None needs Secure")
	}
	if err != nil {
		panic("socketio: Options.Cookie: no browser would keep it: " + err.Error())
	}
}

// pin returns the name of a request's user: see Pin.
func (o *Options) pin(r *http.Request) string {
	if o.Pin == nil {
		return ""
	}
	return o.Pin(r)
}

func (o *Options) allows(transport string) bool { return slices.Contains(o.Transports, transport) }

// upgrades returns the transports to which a polling session can upgrade.
func (o *Options) upgrades() []string {
	var to []string
	for _, transport := range []string{WebSocket, WebTransport} {
		if !o.NoUpgrade && o.allows(transport) {
			to = append(to, transport)
		}
	}
	return to
}

// defaultOpenDelay is OpenDelay for requests that need one.
const defaultOpenDelay = 20 * time.Millisecond

// openDelay is the time between the 101 and the open packet: see OpenDelay.
func (o *Options) openDelay(h http.Header) time.Duration {
	switch {
	case o.OpenDelay != 0:
		return max(o.OpenDelay, 0)
	case header.MayLoseFirst(h):
		return defaultOpenDelay
	}
	return 0
}
