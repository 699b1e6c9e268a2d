// Package adaptertest proves adapters: [Run] is the contract of
// [socketio.Adapter] as tests, and [Cluster] joins servers of one process, so
// that what must hold on many nodes is tested without an engine.
package adaptertest

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"

	socketio "github.com/gosio/gosio/core"
)

// Cluster returns n servers in one process, with these options, whose
// adapters turn every operation into bytes and deliver it in the order of its
// sender, on a goroutine of the receiver. They are closed with the test.
func Cluster(t testing.TB, n int, opts socketio.Options) []*socketio.Server {
	t.Helper()
	b := &bus{nodes: make(map[string][]*node)}
	servers := make([]*socketio.Server, n)
	for i := range servers {
		opts.Adapter = b.join
		servers[i] = socketio.NewServer(&opts)
	}
	t.Cleanup(func() {
		for _, srv := range servers {
			srv.Close()
		}
	})
	return servers
}

// bus carries operations between the nodes of each namespace.
type bus struct {
	mu    sync.Mutex
	nodes map[string][]*node
}

// node is one server's adapter for one namespace.
type node struct {
	bus   *bus
	local *socketio.Local
	wake  chan struct{} // holds one
	ended chan struct{} // closed when the deliverer has ended

	mu     sync.Mutex
	queue  [][]byte
	closed bool
}

var _ socketio.Adapter = (*node)(nil)

// join is Options.Adapter.
func (b *bus) join(local *socketio.Local) socketio.Adapter {
	n := &node{bus: b, local: local, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	b.mu.Lock()
	b.nodes[local.Namespace()] = append(b.nodes[local.Namespace()], n)
	b.mu.Unlock()
	go n.deliver() // Close ends it, and waits
	return n
}

// errLeft is what Publish says after Close.
var errLeft = errors.New("adaptertest: the node has left the cluster")

// Publish implements socketio.Adapter.
func (n *node) Publish(_ context.Context, op *socketio.Operation) error {
	data, err := json.Marshal(op)
	if err != nil {
		return err
	}
	n.mu.Lock()
	closed := n.closed
	n.mu.Unlock()
	if closed {
		return errLeft
	}
	n.bus.mu.Lock() // held over all of them: the same order for everybody
	defer n.bus.mu.Unlock()
	for _, other := range n.bus.nodes[n.local.Namespace()] {
		if other != n {
			other.take(data)
		}
	}
	return nil
}

// take queues an operation for its deliverer.
func (n *node) take(data []byte) {
	n.mu.Lock()
	n.queue = append(n.queue, data)
	n.mu.Unlock()
	n.ring()
}

func (n *node) ring() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// deliver applies what other nodes have published until the node is closed.
func (n *node) deliver() {
	defer close(n.ended)
	for range n.wake {
		for {
			n.mu.Lock()
			if n.closed {
				n.mu.Unlock()
				return
			}
			batch := n.queue
			n.queue = nil
			n.mu.Unlock()
			if len(batch) == 0 {
				break
			}
			for _, data := range batch {
				n.apply(data)
			}
		}
	}
}

func (n *node) apply(data []byte) {
	var op socketio.Operation
	if err := json.Unmarshal(data, &op); err != nil {
		panic(err) //nolint:forbidigo // written by Publish: a bug of this package
	}
	_ = n.local.Apply(&op) // an event that was encoded once encodes again
}

// Close implements socketio.Adapter.
func (n *node) Close() error {
	n.mu.Lock()
	n.closed = true
	n.mu.Unlock()
	n.ring()
	<-n.ended
	return nil
}
