package engine

// Reason says why a session ended. The strings are those that the clients and
// servers of every language know.
// See https://socket.io/docs/v4/server-socket-instance/#disconnect.
type Reason string

// The reasons for which a session ends.
const (
	// TransportError: the transport failed: an invalid frame, a message over
	// the limit, an aborted or overlapping request, a peer that takes no bytes.
	TransportError Reason = "transport error"
	// TransportClose: the peer closed the connection.
	TransportClose Reason = "transport close"
	// PingTimeout: the peer did not answer a ping in time.
	PingTimeout Reason = "ping timeout"
	// ParseError: the peer sent something that is not an Engine.IO packet.
	ParseError Reason = "parse error"
	// ForcedClose: this side closed the session.
	ForcedClose Reason = "forced close"
	// ServerShuttingDown: [Server.Shutdown] or [Server.Close] was called.
	ServerShuttingDown Reason = "server shutting down"
)
