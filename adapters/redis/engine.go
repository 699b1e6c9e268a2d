package sioredis

import (
	"fmt"
	"sync"

	"github.com/gosio/gosio/core/adapter"
)

// Engine is one server's end of Redis, for all its namespaces: two connections, of which
// one sends and one subscribes, and one that the client library keeps; with a sharded
// mode in a Redis Cluster two to each master. It connects when the server is made, and ends with
// it. Its methods may be called concurrently.
type Engine struct {
	opts Options

	mu   sync.Mutex
	link *link // nil: no adapter is open
}

// New returns an engine for one server: another server needs another one, since Node
// servers count connections. Options may be nil. It panics for options that cannot be.
func New(o *Options) *Engine { return &Engine{opts: o.withDefaults()} }

// Adapter is what socketio.Options.Adapter takes. The first call waits for Redis for up
// to five seconds: without it the server is alone until Redis is there.
func (e *Engine) Adapter(local adapter.Local) adapter.Adapter {
	n := e.join(local)
	n.start()
	if e.opts.Mode == Streams {
		return streamed{n}
	}
	if e.opts.Mode.byRoom() {
		return byRoom{n}
	}
	return n
}

// join returns a new node. It panics when two servers have the engine.
func (e *Engine) join(local adapter.Local) *node {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.link == nil {
		e.link = newLink(&e.opts)
	}
	n := newNode(e, e.link, local)
	e.link.add(n)
	return n
}

// leave ends a node, and with the last one the connections.
func (e *Engine) leave(n *node) {
	e.mu.Lock()
	last := n.link.remove(n)
	if last && e.link == n.link {
		e.link = nil
	}
	e.mu.Unlock()
	if last {
		n.link.stop()
	}
}

// errUnused is of a second engine, as "engine :=" makes one beside a variable of the package.
var errUnused = fmt.Errorf("sioredis: no server has this engine's Adapter, or that server has ended: %w", ErrNotConnected)

// Ready returns nil while this server is in the cluster: both connections are there,
// and all subscriptions are confirmed. Otherwise the error says what is missing. Tell it
// to your load balancer if a server that is alone should get no clients.
func (e *Engine) Ready() error {
	e.mu.Lock()
	l := e.link
	e.mu.Unlock()
	if l == nil {
		return errUnused
	}
	return l.whole()
}

// Stats are the numbers of an engine.
type Stats = adapter.Stats

// Stats returns numbers for a dashboard; socketio.Server.Stats has them, too.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	l := e.link
	e.mu.Unlock()
	if l == nil {
		return Stats{}
	}
	return l.stats()
}
