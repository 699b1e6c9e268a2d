package adapter

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Sequencer is implemented by adapters whose engine keeps what is published in one
// order, the log of the namespace, as a Redis stream does. With Options.Recovery the
// core then publishes by Append what a client may have missed: broadcasts that are
// neither volatile nor acknowledged, events for one socket, joins, leaves and
// disconnects. What Append takes is done on this server, too, when the log has it, in
// the order of the log: so all servers do the same in the same order, and a client's
// offset, which is the position of the last event that it has got, means the same on
// each of them. The core asks for the interface when the adapter is made. Without
// Recovery it calls Publish alone, and everything of the Local methods below may be
// called all the same. docs/recovery.md says what is promised.
//
// The adapter follows the log from one position on. It calls [Local.Follow] before
// anything else, then for each entry of the log, in its order and one at a time:
// [Local.Placed] for one that this adapter has appended, [Local.Apply] with
// Operation.Position for one of another. Every server gets every entry, whatever it
// subscribes to. It does not matter if an entry is handed over again.
//
// An entry has to say which adapter has appended it: this one value, not its server or
// its host. Numbers begin anew with each adapter; a server that has been started again,
// and a namespace that clients have made again, have another one, which may find entries
// of the adapter before it in the log. Those are entries of another.
type Sequencer interface {
	// Append is Publish for an operation that is to get a position. It queues op and
	// returns, without waiting for the network, when op is encoded. The number n
	// travels with op: when the adapter finds the entry in the log it calls
	// [Local.Placed] with n. So the adapter need not remember what it has appended, and
	// an entry whose fate is not known when a connection breaks is not appended twice:
	// the adapter reads up to the end of the log first, and then sends what is not
	// there. Numbers begin at 1 for each adapter and grow; goroutines that emit at the same
	// time may call Append in another order than that of their numbers. What one
	// goroutine appends and publishes has to arrive in the order of its calls.
	//
	// The core waits while the log has one of this server's operations at least every second,
	// and for no more than 10,000 operations or 16 MB at a time. Beyond that it does not wait: the
	// sockets of this server get the event at once, and those that get no other one
	// afterwards are recovered on no other server. The adapter goes on trying. What it gives up it
	// reports as a [GapOutgoing], and leaves a mark in the log as soon as it can:
	// servers that come to the mark report a [GapIncoming], Replay returns [ErrGap].
	// It may give up by time or number, as its queue must be bounded. It reports the gap when
	// Placed was called for all that was appended before and is in the log.
	//
	// An error says that op will not be in the log, as with Publish. The sockets of
	// this server get the event all the same, behind what was appended before it.
	Append(n uint64, op *Operation) error
}

// SessionStore is implemented by adapters with a [Sequencer] that keep sessions, so
// that a client is recovered by any server. The core calls the methods concurrently,
// holds no lock, and bounds each call by its context, 5 seconds at most. They may wait for the
// network; a client that connects waits for TakeSession and Replay, so when the engine is
// known to be away they had better return an error at once.
type SessionStore interface {
	// SaveSessions keeps sessions of clients that have lost their connections, for TTL,
	// each under its PID; also one that was taken and is given back. There are at most [MaxNames]. An error for which errors.Is
	// reports [ErrNotSaved] says that none of them is kept: they are recovered by this server
	// alone until a later call keeps them, which the core makes when [Local.Reached] says that
	// the log is there. After any other error they may be kept.
	SaveSessions(ctx context.Context, sessions []*Session) error
	// TakeSession returns a session and forgets it, in one step: of all calls on all
	// servers one gets it. It returns nil and no error if there is none. The PID comes
	// from a client: it is any text of at most 64 bytes.
	TakeSession(ctx context.Context, pid string) (*Session, error)
	// Replay returns operations of the namespace that are behind a position in the log of
	// an epoch, with their positions and in their order: at most limit. through is the
	// position up to which the log was looked at: that of the last operation returned or,
	// if there are no more of this namespace, the end of the log. It returns [ErrGap] when
	// the log does not have everything behind the position any more, when a mark is among
	// it (see Sequencer), and when the log has another epoch. The core asks when its own
	// memory does not go back that far.
	Replay(ctx context.Context, epoch, after string, limit int) (ops []*Operation, through string, err error)
}

// Errors of a [SessionStore].
var (
	ErrNotSaved = errors.New("socketio: the sessions are not kept")
	ErrGap      = errors.New("socketio: the log does not have everything any more")
)

// Session is what is kept of a client that has lost its connection. It holds nothing but
// data: encoded and decoded by encoding/json, it is the same session. Positions are of the
// namespace's log; an empty one is before all others.
type Session struct {
	PID      string // the session's private id: a secret
	ID       string // the socket's id
	Identity string
	// Rooms are those that the socket was in at End, Granted those of them that its
	// middleware had joined: the middleware of the next handshake decides about those.
	Rooms, Granted []string
	// Moves are the joins and leaves behind Since, in order.
	Moves []Move
	// Data is an object: the values of shared keys by their names, without those that
	// middleware has set.
	Data json.RawMessage

	// Epoch is that of the log, see [Local.Follow].
	Epoch string
	// Origin tells the servers apart.
	Origin string
	// Start is the position at which the socket joined, End the one at which it left,
	// Last that of the last event that was sent to it. The client has everything up to
	// its offset, or if that is before Start up to Start.
	Start, Last, End string
	// Since is the oldest offset whose rooms are known. The offset must be newer than Gap, if
	// there is one: up to it the socket may have got something else than the log has.
	Since, Gap string
	// Alone, if not empty, is the offset of the last event that the server of Origin alone
	// has sent to the socket, by Broadcast.Local for instance. A client whose offset is
	// before it may have missed that event.
	Alone string
	// TTL is how long the session is kept. Negative: without limit.
	TTL time.Duration
}

// Move is a way into a room or out of it, for what is behind a position or, with Once,
// for the one operation that is at the position.
type Move struct {
	Position string
	Room     string
	Joined   bool
	Once     bool `json:",omitempty"`
}

// MaxPosition is the most bytes of a position.
const MaxPosition = 64

// ValidPosition reports whether a text can be a position: one or more words of
// digits and lower-case letters, joined by hyphens, at most [MaxPosition] bytes.
// See [ComparePositions].
func ValidPosition(p string) bool {
	if p == "" || len(p) > MaxPosition {
		return false
	}
	word := false
	for i := range len(p) {
		switch c := p[i]; {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z':
			word = true
		case c == '-' && word:
			word = false
		default:
			return false
		}
	}
	return word
}

// ComparePositions returns a negative number if a is before b in the log, zero if they
// are the same, and a positive number if a is behind b. Positions are compared word by word: a
// longer word is behind a shorter one, words of the same length compare as text. So
// numbers without leading zeros are in order, and so are the ids of Redis streams
// ("1526919030474-55") and hexadecimal ids of one length. The empty position is before all
// others.
func ComparePositions(a, b string) int {
	for a != "" && b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, "-")
		y, b, _ = strings.Cut(b, "-")
		if len(x) != len(y) {
			return len(x) - len(y)
		}
		if c := strings.Compare(x, y); c != 0 {
			return c
		}
	}
	return len(a) - len(b)
}
