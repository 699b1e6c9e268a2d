package socketio

import (
	"net/http"
	"time"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/internal/strangers"
)

// ConnectionEvent is the beginning or the end of a connection.
type ConnectionEvent struct {
	// Open is true for the beginning.
	Open bool
	// Transport is the one in use: "polling", "websocket", "webtransport".
	Transport string
	// Handshake is the snapshot of the first request.
	Handshake *Handshake
	// Request is the first request itself, with the framework's context; nil at
	// the end. It is valid only during the call.
	Request *http.Request
	// Reason is why the connection ends; empty at the beginning.
	Reason Reason
	// Duration is how long it was open; zero at the beginning.
	Duration time.Duration
}

// Keep has [Handshake.Value] return v for the key, for as long as the connection
// lives: a span's context, for example, from the context of Request. It may be
// called only at the beginning, before the call returns.
func (e ConnectionEvent) Keep(key, v any) {
	if e.Handshake.values == nil {
		e.Handshake.values = make(map[any]any, 1)
	}
	e.Handshake.values[key] = v
}

// RefusedEvent is a refused HTTP request.
type RefusedEvent struct {
	// Request is valid only during the call.
	Request *http.Request
	// Err has the code, and in Context what was wrong, which may hold what the
	// client has sent. An error of Options.AllowRequest may have any code.
	Err *RequestError
}

// UpgradeStep is how far an upgrade has come.
type UpgradeStep = engine.UpgradeStep

// The steps of an upgrade: each that is tried is done or fails.
const (
	UpgradeStepTried  = engine.UpgradeStepTried
	UpgradeStepDone   = engine.UpgradeStepDone
	UpgradeStepFailed = engine.UpgradeStepFailed
)

// UpgradeEvent is a step of an upgrade.
type UpgradeEvent struct {
	Step UpgradeStep
	// Err is why it has failed; nil when the client has just gone.
	Err error
}

// NamespaceStep is what a socket has done.
type NamespaceStep string

// The steps of a socket: one that has joined leaves.
const (
	NamespaceStepJoined  NamespaceStep = "joined"
	NamespaceStepRefused NamespaceStep = "refused"
	NamespaceStepLeft    NamespaceStep = "left"
)

// RecoveryOutcome says what became of a session that a client has asked to
// continue; see [Recovery].
type RecoveryOutcome string

// The outcomes of recovery. With all but the first the client has got a fresh
// session.
const (
	// RecoveryOutcomeDone: the client goes on with its session.
	RecoveryOutcomeDone RecoveryOutcome = "recovered"
	// RecoveryOutcomeUnknown: there is no such session here: it was not kept, not for
	// so long, was of another server, or has been ended.
	RecoveryOutcomeUnknown RecoveryOutcome = "unknown"
	// RecoveryOutcomeIdentity: the session is somebody else's.
	RecoveryOutcomeIdentity RecoveryOutcome = "identity"
	// RecoveryOutcomeRefused: a condition of [Socket.RecoverIf] does not hold.
	RecoveryOutcomeRefused RecoveryOutcome = "refused"
	// RecoveryOutcomeSuperseded: a later connection has the session.
	RecoveryOutcomeSuperseded RecoveryOutcome = "superseded"
	// RecoveryOutcomeBusy: hooks of the lost connection did not end in time.
	RecoveryOutcomeBusy RecoveryOutcome = "busy"
	// RecoveryOutcomeOffset: the client's offset makes no sense.
	RecoveryOutcomeOffset RecoveryOutcome = "offset"
	// RecoveryOutcomeMissing: events that the client has missed are not kept any more,
	// are too many, or have disconnected it.
	RecoveryOutcomeMissing RecoveryOutcome = "missing"
	// RecoveryOutcomeGap: the adapter has lost events of other servers since the last
	// one that the client has got. See [Namespace.OnGap].
	RecoveryOutcomeGap RecoveryOutcome = "gap"
)

// NamespaceEvent is a socket that joins a namespace, is refused, or has left.
type NamespaceEvent struct {
	Step NamespaceStep
	// Namespace is nil if there is none of the name that the client has asked
	// for. Children of a parent are as many as clients like: see
	// [Namespace.Parent].
	Namespace *Namespace
	// Socket is nil if Namespace is.
	Socket *Socket
	// Err is why it was refused: what the middleware has returned,
	// [ErrPanicked] if that has panicked, [ErrNoNamespace].
	Err error
	// Reason is why it has left.
	Reason Reason
	// Recovery is the outcome if the client that has joined had asked for its
	// session; otherwise empty.
	Recovery RecoveryOutcome
	// Duration is the time from the start of its middleware until it has joined
	// or is refused; zero when it has left.
	Duration time.Duration
}

// EventInfo is an event that has come from a client.
type EventInfo struct {
	Namespace *Namespace
	Socket    *Socket
	// Name is the event's name, which the client chooses.
	Name string
	// Registered: there is a handler of that name, so that names are as few as
	// the application's. Otherwise there is none, or event middleware only.
	Registered bool
	// Bytes is the size of name and arguments, as JSON, and the attachments.
	Bytes int
	// WantsAck: the client waits for an acknowledgement.
	WantsAck bool
	// Unhandled: there is no handler, nor event middleware.
	Unhandled bool
}

// EventResult is how an event was handled.
type EventResult struct {
	// Err is what the handler or its middleware has returned, [ErrPanicked] if
	// it has panicked. Arguments that do not decode are an [*Error] with
	// [CodeBadRequest].
	Err error
	// Duration is the time that both took; zero if the event is unhandled.
	Duration time.Duration
}

// EmitInfo is an event on its way to clients.
type EmitInfo struct {
	Namespace *Namespace
	// Socket is the recipient; nil for a broadcast.
	Socket *Socket
	// Name is the event's name.
	Name string
	// WantsAck: acknowledgements are waited for.
	WantsAck bool
	// Volatile: it is dropped for clients that cannot take it at once.
	Volatile bool
	// Remote: another server of the cluster has emitted it, and asks this one
	// to deliver it to its own clients.
	Remote bool

	from *strangers.Names
}

// Relayed reports whether the event is likely to have its name from a client: that
// of an event without a handler of its own which is handled now, or was within the last minute. So
// it is where a catch-all handler passes on what clients send. A metric must not have a series for
// each such name. A name that clients give in an argument is not recognised.
func (e *EmitInfo) Relayed() bool { return e.from != nil && e.from.Has(e.Name) }

// EmitResult is what became of an event.
type EmitResult struct {
	// Err is what Emit or EmitWithAck returns, [ErrPanicked] if an argument has
	// panicked while it was encoded. That of a wait that took too long is
	// context.DeadlineExceeded; see also [PartialError].
	Err error
	// Deliveries is for how many of this server's clients it was queued, Bytes
	// what it takes in all their queues together, as WebSocket frames.
	Deliveries int
	Bytes      int64
	// Answers is how many acknowledgements have come, Missing how many have not.
	Answers, Missing int
	// Duration is how long was waited for acknowledgements: for that of a
	// socket its latency, for those of a broadcast that of the last. Zero
	// without.
	Duration time.Duration
}

// DropPolicy says why messages are dropped.
type DropPolicy = engine.DropCause

// The policies by which messages are dropped.
const (
	// DropPolicyVolatile: a volatile event could not leave at once.
	DropPolicyVolatile = engine.DropCauseVolatile
	// DropPolicyEvicted: a volatile event, queued before, has made room for others.
	DropPolicyEvicted = engine.DropCauseEvicted
	// DropPolicyWelcome: too much was waiting for a client to learn that it has
	// joined, for a volatile event to be kept.
	DropPolicyWelcome DropPolicy = "welcome_hold"
	// DropPolicySlowConsumer: the client is disconnected because it does not read,
	// and what was queued for it is lost, unless it is recovered.
	DropPolicySlowConsumer = engine.DropCauseSlowConsumer
)

// DropEvent is messages that one client will not get.
type DropEvent struct {
	Policy DropPolicy
	// Messages is how many: an event, and each of its attachments, is one.
	Messages int
}

// FlushEvent is a message that has left.
type FlushEvent struct {
	// Transport is the one by which it has.
	Transport string
	// Wait is the time from its Emit until it, and all before it, was given to
	// the operating system, or for polling written as the response.
	Wait time.Duration
}

// GapEvent says that an adapter has lost operations of the cluster, or may have. See
// [Namespace.OnGap].
type GapEvent struct {
	// Namespace is the one whose operations are lost, never a parent.
	Namespace *Namespace
	adapter.Gap
}
