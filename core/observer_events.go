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
	// Open is true when the connection opens, false when it ends.
	Open bool
	// Transport is the transport in use: "polling", "websocket" or "webtransport".
	Transport string
	// Handshake is a snapshot of the first request.
	Handshake *Handshake
	// Request is the first request itself, with the framework's context; nil when the
	// connection ends. It is valid only during the call.
	Request *http.Request
	// Reason is the reason for the end; empty when the connection opens.
	Reason Reason
	// Duration is the time for which the connection was open; zero when it opens.
	Duration time.Duration
	// Connection is what [Socket.Connection] returns for the sockets of the connection.
	Connection uint64
}

// Keep stores v so that [Handshake.Value] returns v for the key as long as the
// connection is open: the context of a span, for example. Call Keep only during
// [Observer] Connection for a connection that opens.
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
	// Err has the code and, in Context, the cause, which may contain text of the
	// client. An error of Options.AllowRequest may have any code.
	Err *RequestError
}

// UpgradeStep is a step of an upgrade.
type UpgradeStep = engine.UpgradeStep

// The steps of an upgrade: it is tried, and then is done or fails.
const (
	UpgradeStepTried  = engine.UpgradeStepTried
	UpgradeStepDone   = engine.UpgradeStepDone
	UpgradeStepFailed = engine.UpgradeStepFailed
)

// UpgradeEvent is a step of an upgrade.
type UpgradeEvent struct {
	Step UpgradeStep
	// Err is the cause of a failure; nil if the client has disconnected.
	Err error
	// Connection is what [Socket.Connection] returns for the sockets of the connection.
	Connection uint64
	// Transport is the transport in use: the new one when the upgrade is done.
	Transport string
}

// NamespaceStep is a step of a socket in a namespace.
type NamespaceStep string

// The steps of a socket: it joins and later leaves, or is refused.
const (
	NamespaceStepJoined  NamespaceStep = "joined"
	NamespaceStepRefused NamespaceStep = "refused"
	NamespaceStepLeft    NamespaceStep = "left"
)

// RecoveryOutcome is the result for a client that has asked for the recovery of a
// session. See [Recovery].
type RecoveryOutcome string

// The results of recovery. With all but RecoveryOutcomeDone the client has got a new
// session.
const (
	// RecoveryOutcomeDone: the client continues its session.
	RecoveryOutcomeDone RecoveryOutcome = "recovered"
	// RecoveryOutcomeUnknown: the server has no such session. The session was not kept,
	// has expired, belongs to another server, or was ended.
	RecoveryOutcomeUnknown RecoveryOutcome = "unknown"
	// RecoveryOutcomeIdentity: the session belongs to another identity.
	RecoveryOutcomeIdentity RecoveryOutcome = "identity"
	// RecoveryOutcomeRefused: a condition of [Socket.RecoverIf] does not hold.
	RecoveryOutcomeRefused RecoveryOutcome = "refused"
	// RecoveryOutcomeSuperseded: another, later connection continues the session.
	RecoveryOutcomeSuperseded RecoveryOutcome = "superseded"
	// RecoveryOutcomeBusy: hooks of the lost connection did not return in time.
	RecoveryOutcomeBusy RecoveryOutcome = "busy"
	// RecoveryOutcomeOffset: the client's offset is invalid.
	RecoveryOutcomeOffset RecoveryOutcome = "offset"
	// RecoveryOutcomeMissing: events that the client has missed are not kept any more
	// or are too many, or one of the missed operations disconnects the client.
	RecoveryOutcomeMissing RecoveryOutcome = "missing"
	// RecoveryOutcomeGap: the adapter has lost events of other servers since the last
	// event that the client has got. See [Namespace.OnGap].
	RecoveryOutcomeGap RecoveryOutcome = "gap"
)

// NamespaceEvent says that a socket joins a namespace, is refused, or has left.
type NamespaceEvent struct {
	Step NamespaceStep
	// Namespace is nil if the client has asked for a namespace that does not exist.
	// Clients choose the number and the names of children: see [Namespace.Parent].
	Namespace *Namespace
	// Socket is nil if Namespace is.
	Socket *Socket
	// Err is the cause of a refusal: the error of the middleware, [ErrPanicked] if
	// middleware has panicked, or [ErrNoNamespace].
	Err error
	// Reason is the reason for which the socket has left.
	Reason Reason
	// Recovery is the result of recovery for a socket that has joined; empty if the
	// client has not asked for a session.
	Recovery RecoveryOutcome
	// Duration is the time from the start of middleware until the socket has joined or
	// is refused; zero when it has left.
	Duration time.Duration
}

// EventInfo describes an incoming event.
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
	// Data is the event as the client has sent it: JSON, name and arguments, with a
	// placeholder for each attachment. It is valid only during the call, and must not be
	// changed.
	Data []byte
}

// EventResult is the result of handling an event.
type EventResult struct {
	// Err is the error of the handler or of event middleware, [ErrPanicked] after a
	// panic. It is an [*Error] with [CodeBadRequest] if the arguments do not decode.
	Err error
	// Duration is the time that handler and event middleware have taken; zero if the
	// event is unhandled.
	Duration time.Duration
}

// EmitInfo describes an outgoing event.
type EmitInfo struct {
	Namespace *Namespace
	// Socket is the recipient; nil for a broadcast.
	Socket *Socket
	// Name is the event's name.
	Name string
	// WantsAck: the caller waits for acknowledgements.
	WantsAck bool
	// Volatile: the event is dropped for clients that cannot take it at once.
	Volatile bool
	// Remote: another server of the cluster has emitted the event, and this server
	// delivers it to its own clients.
	Remote bool
	// Rooms and Except are those of a broadcast, whether they are rooms or ids of sockets;
	// without Rooms it is for all sockets of the namespace. They must not be changed.
	Rooms, Except []string
	// Nobody: To was called without a room, so that nobody gets the event.
	Nobody bool
	// Local: the broadcast is for the sockets of this server.
	Local bool

	from *strangers.Names
}

// Relayed reports whether a client has probably chosen the name of the event: the
// server handles, or has handled within the last minute, an incoming event of that name
// that has no handler of its own. That is so when a listener passes incoming events on.
// A metric must not have a series for each such name. Relayed does not recognise a name
// that a client has sent in an argument.
func (e *EmitInfo) Relayed() bool { return e.from != nil && e.from.Has(e.Name) }

// EmitResult is the result of sending an event.
type EmitResult struct {
	// Err is the error of Emit or EmitWithAck, [ErrPanicked] if the encoding of an
	// argument has panicked. After a wait that was too long it is
	// context.DeadlineExceeded; see also [PartialError].
	Err error
	// Deliveries is the number of clients of this server for which the event was
	// queued, Bytes the size of the event in all these queues together, as WebSocket
	// frames.
	Deliveries int
	Bytes      int64
	// Answers is the number of acknowledgements that have arrived, Missing the number
	// of those that have not.
	Answers, Missing int
	// Duration is the time that EmitWithAck has waited: the latency of the last
	// acknowledgement. It is zero for Emit.
	Duration time.Duration
	// Recipients are sockets of this server that the event was for, as many as a [Tracer]
	// has asked for and, besides, as many again that do not get the event. Data is the
	// event as JSON, name and arguments; nil if it was not encoded, or nobody has asked.
	// They are valid only during the call, and must not be changed.
	Recipients []Recipient
	Data       []byte
}

// DropPolicy is the reason for which messages are dropped.
type DropPolicy = engine.DropCause

// The reasons for which messages are dropped.
const (
	// DropPolicyVolatile: a volatile event could not leave at once.
	DropPolicyVolatile = engine.DropCauseVolatile
	// DropPolicyEvicted: a queued volatile event was dropped to make room for other
	// messages.
	DropPolicyEvicted = engine.DropCauseEvicted
	// DropPolicyReplaced: a queued event was dropped because a newer one with its key was
	// sent. See [Broadcast.Latest].
	DropPolicyReplaced = engine.DropCauseReplaced
	// DropPolicyWelcome: a volatile event was dropped because too many packets wait
	// behind the CONNECT packet, see [Namespace.OnConnect].
	DropPolicyWelcome DropPolicy = "welcome_hold"
	// DropPolicySlowConsumer: the client is disconnected because it does not read, and
	// its queued messages are lost unless the session is recovered.
	DropPolicySlowConsumer = engine.DropCauseSlowConsumer
)

// DropEvent says that messages for one client are dropped.
type DropEvent struct {
	Policy DropPolicy
	// Messages is the number of messages: one for an event, and one for each of its
	// attachments.
	Messages int
}

// FlushEvent says that a message was written.
type FlushEvent struct {
	// Transport is the transport that the message was written to.
	Transport string
	// Wait is the time from Emit until the operating system has taken the message and
	// all messages before it, or on polling until the response was written.
	Wait time.Duration
}

// ValueEvent says that a value of a socket has changed.
type ValueEvent struct {
	Socket *Socket
	// Key is the name of the key; see [NewSharedKey]. It is empty if Identity is true.
	Key string
	// Identity: it is the identity that has changed; see [Socket.SetIdentity].
	Identity bool
}

// GapEvent says that an adapter has lost operations of the cluster, or may have. See
// [Namespace.OnGap].
type GapEvent struct {
	// Namespace is the namespace whose operations are lost, never a parent.
	Namespace *Namespace
	adapter.Gap
}
