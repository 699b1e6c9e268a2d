package socketio

import (
	"maps"
	"sync"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/engine"
)

// Stats are the numbers of a server at one moment. See [Server.Stats].
type Stats struct {
	// Connections is the number of open connections, by transport. The map has all
	// transports that are allowed.
	Connections map[string]int
	// Namespaces has the numbers of each namespace, by name. The numbers of children
	// are added up under the name of their parent: otherwise clients could make the map
	// grow.
	Namespaces map[string]NamespaceStats
	// SendBytes is the number of bytes that wait to be sent to all clients together,
	// SendBytesMax the number for the client that most bytes wait for.
	// Limits.SendBuffer bounds the latter.
	SendBytes, SendBytesMax int64
	// ReceiveBytes is the number of bytes of received packets that wait, for all
	// connections together: events wait for their handlers, connections and
	// disconnects for middleware and hooks. Limits.ReceiveBuffer bounds the number for
	// each connection.
	ReceiveBytes int64
	// ReceiveHeld is how many connections are not read at the moment because of
	// Limits.ReceiveBuffer, Limits.Namespaces or Limits.Refusals.
	ReceiveHeld int
	// Opened is the number of connections that have opened since the server was made,
	// Ended the number of those that have ended, by reason.
	Opened uint64
	Ended  map[Reason]uint64
	// Traffic is what was sent and received since [Server.CountTraffic].
	Traffic Traffic
	// Cluster has the numbers of the adapter, if it is an [adapter.Meter]; otherwise nil.
	Cluster *adapter.Stats
}

// Traffic counts what all connections have sent and received. See
// [engine.Traffic].
type Traffic = engine.Traffic

// CountTraffic turns Stats.Traffic on, for good. It may be called at any time, and more
// than once. A server that counts does two atomic additions more for a message.
func (srv *Server) CountTraffic() { srv.engine.CountTraffic() }

// lives counts connections that begin and end.
type lives struct {
	mu     sync.Mutex
	opened uint64
	ended  map[Reason]uint64
}

func (l *lives) open() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opened++
}

func (l *lives) end(reason Reason) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended == nil {
		l.ended = make(map[Reason]uint64)
	}
	l.ended[reason]++ // there are a dozen
}

func (l *lives) stats() (opened uint64, ended map[Reason]uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.opened, maps.Clone(l.ended)
}

// NamespaceStats are the numbers of a namespace on one server.
type NamespaceStats struct {
	// Sockets is the number of connected sockets.
	Sockets int
	// Rooms is the number of rooms, without the rooms that sockets have for themselves.
	Rooms int
	// Sessions is the number of sessions of lost connections that are kept for
	// recovery.
	Sessions int
	// Children is the number of namespaces that are added up: the children of a parent,
	// otherwise 1.
	Children int
}

// Stats returns the numbers of this server. A call takes about 100 ns per connection
// and per namespace, and holds each of their locks for no longer than that: call Stats
// every few seconds, not for every event.
func (srv *Server) Stats() Stats {
	st := Stats{Namespaces: make(map[string]NamespaceStats)}
	e := srv.engine.Stats(func(r engine.Receiver) {
		c, ok := r.(*conn)
		if !ok { // Connect has not returned
			return
		}
		c.mu.Lock()
		st.ReceiveBytes += c.backlog.Bytes()
		if c.backlog.Held() || c.past.Pausing() {
			st.ReceiveHeld++
		}
		c.mu.Unlock()
	})
	st.Connections, st.SendBytes, st.SendBytesMax = e.Sessions, e.QueuedBytes, e.QueuedMax
	st.Traffic = e.Traffic
	st.Opened, st.Ended = srv.lives.stats()
	srv.mu.RLock()
	all := make([]*Namespace, 0, len(srv.namespaces))
	for _, ns := range srv.namespaces {
		all = append(all, ns)
	}
	for _, p := range srv.parents {
		st.Namespaces[p.name] = NamespaceStats{}
	}
	srv.mu.RUnlock()
	st.Cluster = clusterStats(all)
	for _, ns := range all {
		name := familyName(ns)
		st.Namespaces[name] = st.Namespaces[name].plus(namespaceStats(ns))
	}
	return st
}

func namespaceStats(ns *Namespace) NamespaceStats {
	st := NamespaceStats{Children: 1}
	st.Sockets, st.Rooms = ns.rooms.count()
	if r := ns.recovery; r != nil {
		r.mu.Lock()
		st.Sessions = len(r.stored)
		r.mu.Unlock()
	}
	return st
}

func (st NamespaceStats) plus(o NamespaceStats) NamespaceStats {
	return NamespaceStats{
		Sockets: st.Sockets + o.Sockets, Rooms: st.Rooms + o.Rooms, Sessions: st.Sessions + o.Sessions, Children: st.Children + o.Children,
	}
}

// clusterStats are those of the server's end of an engine, which all of its namespaces
// have in common.
func clusterStats(all []*Namespace) *adapter.Stats {
	for _, ns := range all {
		if !ns.life.ready.Load() { // its adapter is being made
			continue
		}
		if m, ok := ns.adapter.(adapter.Meter); ok {
			st := m.Stats()
			return &st
		}
	}
	return nil
}

// familyName is the name under which a namespace is counted.
func familyName(ns *Namespace) string {
	if ns.parent != nil {
		return ns.parent.name
	}
	return ns.name
}
