package socketio

import "github.com/gosio/gosio/core/engine"

// Reason says why a socket was disconnected. The strings are those of the
// Socket.IO documentation.
// See https://socket.io/docs/v4/server-socket-instance/#disconnect.
type Reason string

// The reasons for which a socket is disconnected.
const (
	// ReasonClientNamespaceDisconnect: the client left with socket.disconnect().
	ReasonClientNamespaceDisconnect Reason = "client namespace disconnect"
	// ReasonServerNamespaceDisconnect: this server called [Socket.Disconnect].
	ReasonServerNamespaceDisconnect Reason = "server namespace disconnect"
	// ReasonTransportError: the connection failed.
	ReasonTransportError Reason = "transport error"
	// ReasonTransportClose: the client closed the connection, or lost it.
	ReasonTransportClose Reason = "transport close"
	// ReasonPingTimeout: the client did not answer a ping in time.
	ReasonPingTimeout Reason = "ping timeout"
	// ReasonParseError: the client sent something that is no Engine.IO packet.
	ReasonParseError Reason = "parse error"
	// ReasonForcedClose: this server closed the connection: the client broke the
	// Socket.IO protocol, or was disconnected with its connection.
	ReasonForcedClose Reason = "forced close"
	// ReasonServerShuttingDown: [Server.Shutdown] or [Server.Close] was called.
	ReasonServerShuttingDown Reason = "server shutting down"
)

// reasonOf maps the engine's reasons, one to one.
func reasonOf(r engine.Reason) Reason {
	switch r {
	case engine.ReasonTransportError:
		return ReasonTransportError
	case engine.ReasonTransportClose:
		return ReasonTransportClose
	case engine.ReasonPingTimeout:
		return ReasonPingTimeout
	case engine.ReasonParseError:
		return ReasonParseError
	case engine.ReasonServerShuttingDown:
		return ReasonServerShuttingDown
	}
	return ReasonForcedClose
}
