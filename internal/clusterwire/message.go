package clusterwire

import (
	"errors"
	"time"
)

// Emitter is the UID of all emitters: they are no servers, and are not counted.
const Emitter = "emitter"

// Type says what a message is.
type Type uint8

// The types, with the numbers that envelopes and entries have.
const (
	InitialHeartbeat   Type = iota + 1 // nothing else; is answered with a Heartbeat
	Heartbeat                          // nothing else
	Broadcast                          // Target, Packet; with a RequestID clients are to acknowledge it
	Join                               // Target, Rooms
	Leave                              // Target, Rooms
	Disconnect                         // Target, Close
	Fetch                              // Target, RequestID
	FetchResponse                      // RequestID, Sockets
	ServerSide                         // Packet; with a RequestID it is to be answered
	ServerSideResponse                 // RequestID, Packet
	ClientCount                        // RequestID, Clients
	Ack                                // RequestID, Packet
	Closed                             // nothing else: the server has left
	lastInEnvelope     = Closed
)

// The types that only classic requests and responses have.
const (
	AllRooms         Type = iota + 64 // RequestID
	AllRoomsResponse                  // RequestID, Rooms
	ListSockets                       // RequestID, Target; of older servers
	ListResponse                      // RequestID, Sockets of which only the ID is set
	Done                              // RequestID: the answer to a Join, Leave or Disconnect with one
)

// The types that only entries of our own servers have, beside requests.
const (
	Gap   Type = iota + 96 // something that the server has sent before is lost
	Begin                  // nothing else: the stream has an entry
)

// Message is one message of any form. Which fields it has depends on its Type;
// the others are zero.
type Message struct {
	Type Type
	// UID is the sender's: a server and namespace, or Emitter. In classic form
	// some requests of emitters, and all responses, have none.
	UID string
	// Namespace is empty in classic requests and responses, where the channel
	// alone tells.
	Namespace string
	RequestID string // empty: there is none
	Target    Target
	Packet    Packet
	Rooms     []string
	Close     bool
	Clients   int
	Sockets   []Socket
	// SocketID is of a Join, Leave or Disconnect in the form of older servers: it
	// means one socket in the place of a Target, and a Done is waited for.
	SocketID string
	// FromPeer is of a request in classic form, an envelope or an entry: the server that
	// asks is one of ours, and takes a [Peer] for an answer. Then Target.Timeout is how
	// long it waits, whatever the Type.
	FromPeer bool
}

// Target says which sockets of a namespace are meant: those in at least one of
// Rooms, or all if there are none, that are in none of Except.
type Target struct {
	Rooms, Except []string
	Volatile      bool
	NoCompress    bool
	Timeout       time.Duration // how long the sender waits for answers; zero: it does not say
	// Newest and Key are of our own servers, and of events: only the Newest newest of their
	// name and Key need wait for a client. Node's servers take no notice.
	Newest int
	Key    string
}

// Packet is JSON with placeholders, as core/parser writes them, for attachments.
// Data is an array: of an event its name and arguments, of an answer its one
// value, which is null where there is none.
type Packet struct {
	Data        []byte
	Attachments [][]byte
}

// Socket is one that a server tells of. Handshake and Data are JSON, or nil; bytes
// in them are base64. Identity is of our own servers.
type Socket struct {
	ID        string
	Handshake []byte
	Rooms     []string
	Data      []byte
	Identity  string
}

// Limits bound what a message may cost. The zero value of each field is its
// default.
type Limits struct {
	Size        int // of a message in bytes; 64 MB
	Depth       int // of arrays and objects in it; 1,024
	Attachments int // of an event or an answer; 999
	Names       int // rooms of one list; 100,000
	Sockets     int // of a response; 100,000
}

func (l *Limits) orDefault() Limits {
	var out Limits
	if l != nil {
		out = *l
	}
	def := func(n *int, v int) {
		if *n <= 0 {
			*n = v
		}
	}
	def(&out.Size, 64<<20)
	def(&out.Depth, 1024)
	def(&out.Attachments, 999)
	def(&out.Names, 100_000)
	def(&out.Sockets, 100_000)
	return out
}

// The errors of decoders, beside those of msgjson and core/parser. The texts tell
// nothing of the input.
var (
	ErrTooLarge = errors.New("clusterwire: message is larger than the limit")
	ErrTooMany  = errors.New("clusterwire: message has more rooms or sockets than the limit")
	ErrMessage  = errors.New("clusterwire: no message of the form that is expected")
	ErrType     = errors.New("clusterwire: message of an unknown type")
)

// errEncode is of a message that the form has no place for: a mistake of the
// caller's.
var errEncode = errors.New("clusterwire: message has no such form")
