package engine

// Reason says why a session ended. The strings are those that the clients and
// servers of every language know.
// See https://socket.io/docs/v4/server-socket-instance/#disconnect.
type Reason string

// The reasons for which a session ends.
const (
	// ReasonTransportError: the transport failed: an invalid frame, a message over
	// the limit, an aborted or overlapping request, a peer that takes no bytes.
	ReasonTransportError Reason = "transport error"
	// ReasonTransportClose: the peer closed the connection.
	ReasonTransportClose Reason = "transport close"
	// ReasonPingTimeout: the peer did not answer a ping in time.
	ReasonPingTimeout Reason = "ping timeout"
	// ReasonParseError: the peer sent something that is not an Engine.IO packet.
	ReasonParseError Reason = "parse error"
	// ReasonForcedClose: this side closed the session.
	ReasonForcedClose Reason = "forced close"
	// ReasonServerShuttingDown: [Server.Shutdown] or [Server.Close] was called.
	ReasonServerShuttingDown Reason = "server shutting down"
)
