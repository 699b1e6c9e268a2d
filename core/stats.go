package socketio

// Stats are numbers of this server at one moment. See [Server.Stats].
type Stats struct {
	// Connections is how many are open, by transport. Each transport that is
	// allowed is there.
	Connections map[string]int
	// Namespaces are the sockets of each, by name. Those of children are added
	// up under the name of their parent, so that clients cannot make it grow.
	Namespaces map[string]NamespaceStats
	// SendBytes wait to be sent, to all clients together; SendBytesMax to the
	// one that has most, which Limits.SendBuffer bounds.
	SendBytes, SendBytesMax int64
	// ReceiveBytes are of what waits for the sockets' dispatchers (events for
	// their handlers, connections and disconnects for middleware and hooks), of
	// all connections together; Limits.ReceiveBuffer bounds that of each.
	ReceiveBytes int64
	// ReceiveHeld is how many connections are not read because of that, or of
	// Limits.Namespaces or Limits.Refusals.
	ReceiveHeld int
}

// NamespaceStats are numbers of a namespace on this server.
type NamespaceStats struct {
	// Sockets is how many are connected.
	Sockets int
	// Rooms is how many rooms there are, without the one that each socket has
	// for itself.
	Rooms int
	// Sessions is how many lost ones are kept for recovery.
	Sessions int
	// Children is how many namespaces the numbers stand for: those of a parent,
	// otherwise 1.
	Children int
}

// familyName is the name under which a namespace is counted.
func familyName(ns *Namespace) string {
	if ns.parent != nil {
		return ns.parent.name
	}
	return ns.name
}
