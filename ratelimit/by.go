package ratelimit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/subnet"
)

// By is what a rule counts by: each name that it finds has a limit of its own. The zero
// By is [Connection].
type By struct {
	name  string
	of    func(s *socketio.Socket, in *socketio.Incoming) (name string, v verdict)
	event bool // it looks at the event: not for handshakes
	local bool // its names mean nothing to other servers
}

// verdict says what is to be done with an event besides counting it.
type verdict uint8

const (
	counted   verdict = iota
	uncounted         // the rule is not about it
	forbidden         // it may not be counted for that name
)

func namedOr(v verdict, name string) (string, verdict) {
	if name == "" {
		return "", v
	}
	return name, counted
}

// String is the name of a rule that counts by it.
func (b By) String() string { return b.name }

// The ways to count.
var (
	// Connection counts for each client, in all namespaces that have the limiter
	// together. A client that leaves a namespace and joins it, or another one, is the
	// same; with another connection it is not: bound those with [Requests]. The servers
	// of a cluster do not count together, as a client has one server.
	Connection = By{name: "connection", local: true, of: func(s *socketio.Socket, _ *socketio.Incoming) (string, verdict) {
		return strconv.FormatUint(s.Connection(), 36), counted
	}}
	// Socket counts for each client in each namespace; otherwise it is as [Connection].
	// Where clients choose among many namespaces (OfRegexp, OfFunc) a client has the
	// limit anew in each: use Connection there.
	Socket = By{name: "socket", local: true, of: func(s *socketio.Socket, _ *socketio.Incoming) (string, verdict) {
		return joined(strconv.FormatUint(s.Connection(), 36), s.Namespace().Name()), counted
	}}
	// Identity counts for each user, on all devices: [socketio.Socket.Identity], which
	// authentication sets. Somebody without an identity counts as its address. Of
	// middleware for handshakes, put the limiter behind the authentication.
	Identity = By{name: "identity", of: func(s *socketio.Socket, _ *socketio.Incoming) (string, verdict) {
		if id := s.Identity(); id != "" {
			return "user " + id, counted
		}
		return "address " + subnet.Of(s.Handshake().Address), counted
	}}
	// Address counts for each IP address: Handshake.Address, so tell your framework
	// which proxies to trust (docs/proxies.md), or all clients have the proxy's. Of
	// IPv6 it is the network of 64 bits, as a client has all addresses of one.
	Address = By{name: "address", of: func(s *socketio.Socket, _ *socketio.Incoming) (string, verdict) {
		return subnet.Of(s.Handshake().Address), counted
	}}
	// Namespace counts for all clients of a namespace together.
	Namespace = By{name: "namespace", of: func(s *socketio.Socket, _ *socketio.Incoming) (string, verdict) {
		return s.Namespace().Name(), counted
	}}
	// Event counts for each event that has a handler, for all clients together, and for
	// all events without one together.
	Event = By{name: "event", event: true, of: func(_ *socketio.Socket, in *socketio.Incoming) (string, verdict) {
		if !in.Registered() {
			return "", counted
		}
		return in.Event, counted
	}}
)

// Room counts for each room, for all clients together. room finds the name of the room in
// an event; "" leaves the event uncounted. The limiter refuses as forbidden what is for a
// room that the client is not in, so that rooms that clients think up count for nothing
// and nobody uses up the limit of others.
func Room(room func(in *socketio.Incoming) string) By {
	if room == nil {
		panic("ratelimit: Room: nil function")
	}
	return By{name: "room", event: true, of: func(s *socketio.Socket, in *socketio.Incoming) (string, verdict) {
		name, v := namedOr(uncounted, room(in))
		if v == counted && !s.InRoom(name) {
			return "", forbidden
		}
		return name, v
	}}
}

// Func counts by names of the application's own: an API key, a tenant. In a rule for
// handshakes in is nil. "" leaves the event uncounted. The names that clients can choose
// should cost them something, a login for instance, or they choose another one each time.
// It may be called concurrently. name, of letters, is for the log and for Redis.
func Func(name string, of func(s *socketio.Socket, in *socketio.Incoming) string) By {
	if name == "" || of == nil {
		panic("ratelimit: Func: a name and a function are needed")
	}
	return By{name: name, of: func(s *socketio.Socket, in *socketio.Incoming) (string, verdict) {
		return namedOr(uncounted, of(s, in))
	}}
}

// Each counts for each combination: Each(Identity, Event) for each user and event.
func Each(by ...By) By {
	all := By{name: "each"}
	by = slices.Clone(by)
	for i, b := range by {
		by[i] = b.orConnection()
		all.name += "_" + by[i].name
		all.event = all.event || by[i].event
		all.local = all.local || by[i].local
	}
	all.of = func(s *socketio.Socket, in *socketio.Incoming) (string, verdict) {
		names := make([]string, len(by))
		for i, b := range by {
			name, v := b.of(s, in)
			if v != counted {
				return "", v
			}
			names[i] = name
		}
		return joined(names...), counted
	}
	return all
}

func (b By) orConnection() By {
	if b.of == nil {
		return Connection
	}
	return b
}

// joined is a name made of names, which may hold any characters.
func joined(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "%d:%s", len(name), name)
	}
	return b.String()
}
