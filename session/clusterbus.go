package session

import (
	"context"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
)

// eventSession is the event by which servers tell each other of sessions.
const eventSession = "session:event"

// clusterBus is a Bus over the adapter of a server.
type clusterBus struct {
	localBus

	srv *socketio.Server
}

// NewClusterBus returns a bus to all servers of the cluster that srv belongs to, by
// its adapter (socketio.Options.Adapter): nothing else has to be set up. It is to be
// called once for a server. When the adapter reports that operations of the cluster
// were missed, all live sessions are checked. Publish fails when the other servers
// could not be told; those learn of a logout then by their checks.
//
// An event of a renewed session carries its new id: whoever can read what the servers
// tell each other can use the session.
func NewClusterBus(srv *socketio.Server) Bus {
	if srv == nil {
		panic("session: NewClusterBus without a server: give it the one that socketio.NewServer has returned")
	}
	b := &clusterBus{srv: srv}
	defer func() {
		if p := recover(); p != nil { // of OnServerSide: a handler of the event is there
			panic("session: NewClusterBus for a server that has one already: make the bus once, and give it to each Sessions")
		}
	}()
	srv.OnServerSide(eventSession, b.tell)
	srv.OnGap(func(e socketio.GapEvent) {
		if e.Type == adapter.GapIncoming {
			b.tell(Event{})
		}
	})
	return b
}

// Publish implements [Bus].
func (b *clusterBus) Publish(_ context.Context, e Event) error {
	b.tell(e)
	return b.srv.ServerSideEmit(eventSession, e)
}
