package socketio

import "github.com/gosio/gosio/core/engine"

// Reason says why a socket was disconnected. The strings are those of the
// Socket.IO documentation.
// See https://socket.io/docs/v4/server-socket-instance/#disconnect.
type Reason string

// The reasons for which a socket is disconnected.
const (
	// ClientNamespaceDisconnect: the client left with socket.disconnect().
	ClientNamespaceDisconnect Reason = "client namespace disconnect"
	// ServerNamespaceDisconnect: this server called [Socket.Disconnect].
	ServerNamespaceDisconnect Reason = "server namespace disconnect"
	// TransportError: the connection failed.
	TransportError Reason = "transport error"
	// TransportClose: the client closed the connection, or lost it.
	TransportClose Reason = "transport close"
	// PingTimeout: the client did not answer a ping in time.
	PingTimeout Reason = "ping timeout"
	// ParseError: the client sent something that is no Engine.IO packet.
	ParseError Reason = "parse error"
	// ForcedClose: this server closed the connection: the client broke the
	// Socket.IO protocol, or was disconnected with its connection.
	ForcedClose Reason = "forced close"
	// ServerShuttingDown: [Server.Shutdown] or [Server.Close] was called.
	ServerShuttingDown Reason = "server shutting down"
)

// reasonOf maps the engine's reasons, one to one.
func reasonOf(r engine.Reason) Reason {
	switch r {
	case engine.ReasonTransportError:
		return TransportError
	case engine.ReasonTransportClose:
		return TransportClose
	case engine.ReasonPingTimeout:
		return PingTimeout
	case engine.ReasonParseError:
		return ParseError
	case engine.ReasonServerShuttingDown:
		return ServerShuttingDown
	}
	return ForcedClose
}
