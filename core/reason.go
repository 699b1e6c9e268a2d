package socketio

import "github.com/gosio/gosio/core/engine"

// Reason says why a socket was disconnected. The strings are those of the
// Socket.IO documentation. An [engine.Reason] converts to the Reason of the same text.
// See https://socket.io/docs/v4/server-socket-instance/#disconnect.
type Reason string

// The reasons for which a socket is disconnected.
const (
	// ReasonClientNamespaceDisconnect: the client left with socket.disconnect().
	ReasonClientNamespaceDisconnect Reason = "client namespace disconnect"
	// ReasonServerNamespaceDisconnect: this server called [Socket.Disconnect].
	ReasonServerNamespaceDisconnect Reason = "server namespace disconnect"
	// ReasonTransportError: the connection failed.
	ReasonTransportError Reason = Reason(engine.ReasonTransportError)
	// ReasonTransportClose: the client closed the connection, or lost it.
	ReasonTransportClose Reason = Reason(engine.ReasonTransportClose)
	// ReasonPingTimeout: the client did not answer a ping in time.
	ReasonPingTimeout Reason = Reason(engine.ReasonPingTimeout)
	// ReasonParseError: the client sent something that is no Engine.IO packet.
	ReasonParseError Reason = Reason(engine.ReasonParseError)
	// ReasonForcedClose: this server closed the connection: the client broke the
	// Socket.IO protocol, or was disconnected with its connection.
	ReasonForcedClose Reason = Reason(engine.ReasonForcedClose)
	// ReasonServerShuttingDown: [Server.Shutdown] or [Server.Close] was called.
	ReasonServerShuttingDown Reason = Reason(engine.ReasonServerShuttingDown)
)
