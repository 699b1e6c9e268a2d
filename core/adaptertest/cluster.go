package adaptertest

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"

	socketio "github.com/gosio/gosio/core"
)

// Cluster returns n servers with the same options, nil for the defaults, that
// are connected to each other. What one of them publishes is encoded at once
// and delivered to the others later, in order. They are closed with the test.
// Options.Adapter must not be set.
//
// A namespace exists on those servers that have been asked for it, with
// Server.Of, as everywhere.
func Cluster(t testing.TB, n int, o *socketio.Options) []*socketio.Server {
	t.Helper()
	var opts socketio.Options
	if o != nil {
		opts = *o
	}
	if opts.Adapter != nil {
		t.Fatal("adaptertest: Options.Adapter is set, and Cluster has one of its own")
	}
	b := &bus{members: make(map[string][]*member)}
	opts.Adapter = b.join
	servers := make([]*socketio.Server, n)
	for i := range servers {
		servers[i] = socketio.NewServer(&opts)
		t.Cleanup(servers[i].Close)
	}
	return servers
}

// bus connects the members of each namespace.
type bus struct {
	mu      sync.Mutex
	members map[string][]*member
}

func (b *bus) join(l *socketio.Local) socketio.Adapter {
	m := &member{bus: b, local: l}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.members[l.Namespace()] = append(b.members[l.Namespace()], m)
	return m
}

// member is one namespace of one server.
type member struct {
	bus   *bus
	local *socketio.Local

	mu      sync.Mutex
	inbox   [][]byte
	idle    chan struct{} // closed when nothing is being delivered; nil if nothing is
	closing bool
}

var _ socketio.Adapter = (*member)(nil)

// ErrClosed is what Publish returns after Close.
var ErrClosed = errors.New("adaptertest: adapter is closed")

// Publish implements socketio.Adapter.
func (m *member) Publish(_ context.Context, op *socketio.Operation) error {
	encoded, err := json.Marshal(op)
	if err != nil {
		return err
	}
	m.mu.Lock()
	closed := m.closing
	m.mu.Unlock()
	if closed {
		return ErrClosed
	}
	m.bus.mu.Lock() // also for the order, which is the same everywhere
	defer m.bus.mu.Unlock()
	for _, other := range m.bus.members[m.local.Namespace()] {
		if other != m {
			other.put(encoded)
		}
	}
	return nil
}

// put queues an operation, and starts to deliver unless that is under way.
func (m *member) put(encoded []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closing {
		return
	}
	m.inbox = append(m.inbox, encoded)
	if m.idle == nil {
		m.idle = make(chan struct{})
		go m.deliver(m.idle)
	}
}

// deliver ends when there is nothing left, which Close waits for.
func (m *member) deliver(idle chan struct{}) {
	defer close(idle)
	for {
		m.mu.Lock()
		if len(m.inbox) == 0 || m.closing {
			m.inbox, m.idle = nil, nil
			m.mu.Unlock()
			return
		}
		encoded := m.inbox[0]
		m.inbox = m.inbox[1:]
		m.mu.Unlock()
		var op socketio.Operation
		if err := json.Unmarshal(encoded, &op); err != nil {
			panic("adaptertest: an operation does not survive encoding: " + err.Error()) //nolint:forbidigo // a bug of this package
		}
		_ = m.local.Apply(&op) // fails for operations of a later version only
	}
}

// Close implements socketio.Adapter.
func (m *member) Close() error {
	m.mu.Lock()
	m.closing = true
	idle := m.idle
	m.mu.Unlock()
	if idle != nil {
		<-idle
	}
	return nil
}
