// Package adaptertest proves adapters: [Run] is the contract of
// [adapter.Adapter] as tests, and [Cluster] joins servers of one process, so
// that what must hold on many nodes is tested without an engine.
package adaptertest

import (
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
)

// Cluster returns n servers in one process, with these options, whose
// adapters turn every operation and response into bytes and deliver it in the
// order of its sender, on a goroutine of the receiver. They are closed with
// the test. With Options.Recovery they share a log: what may be recovered is done
// everywhere in one order, and a client is recovered by any server; see
// [adapter.Sequencer] and [adapter.SessionStore].
func Cluster(t testing.TB, n int, opts socketio.Options) []*socketio.Server {
	t.Helper()
	servers, _ := ClusterWithLog(t, n, opts)
	return servers
}

// ClusterByRoom is Cluster, without a log, with adapters that get only what is for rooms and sockets of
// their server: [adapter.RoomSubscriber] and [adapter.SocketSubscriber]. A subscription
// takes effect after a millisecond, as one at an engine would.
func ClusterByRoom(t testing.TB, n int, opts socketio.Options) []*socketio.Server {
	t.Helper()
	return (&bus{byRoom: true}).start(t, slices.Repeat([]socketio.Options{opts}, n))
}

// ClusterOf is Cluster for servers that differ: one for each of the options.
func ClusterOf(t testing.TB, opts ...socketio.Options) []*socketio.Server {
	t.Helper()
	b := new(bus)
	b.log = newLog(b)
	return b.start(t, opts)
}

// Message is one message from one server of a cluster to another, as a fault
// sees it.
type Message struct {
	From, To  int // places in what Faulty returns
	Namespace string
	Type      adapter.OperationType
	Response  bool // to an operation of that type
}

// Faulty is Cluster, without a log, over a network that is not perfect: fault decides how
// often, and after which time each, a message arrives; none is a message that
// is lost. Two that are put off may overtake each other; the receiver takes
// each message once. Fault is called once at a time, and must not emit
// anything. Nil is a perfect network. A published operation that has not arrived before
// a later one is reported as a gap.
func Faulty(t testing.TB, n int, opts socketio.Options, fault func(Message) []time.Duration) []*socketio.Server {
	t.Helper()
	return (&bus{fault: fault}).start(t, slices.Repeat([]socketio.Options{opts}, n))
}

func (b *bus) start(t testing.TB, opts []socketio.Options) []*socketio.Server {
	t.Helper()
	b.nodes = make(map[string][]*node)
	servers := make([]*socketio.Server, len(opts))
	for i, o := range opts {
		o.Adapter = func(local adapter.Local) adapter.Adapter { return b.join(i, local) }
		servers[i] = socketio.NewServer(&o)
	}
	t.Cleanup(func() {
		for _, srv := range servers {
			srv.Close()
		}
	})
	return servers
}

// bus carries messages between the nodes of each namespace.
type bus struct {
	fault  func(Message) []time.Duration
	byRoom bool
	log    *Log // nil: none

	mu     sync.Mutex
	nodes  map[string][]*node
	number uint64 // of the last message; a namespace may come back
}

// envelope is a message on its way. One of its parts is set.
type envelope struct {
	From   int
	Number uint64 // by which the receiver knows it again

	Op       *adapter.Operation
	Place    uint64 // of Op, unless it is a request, among those for this receiver
	Request  string // of the sender that wants responses, or of the receiver that gets one
	Response *adapter.Response
	Part     int // counts the responses of one server
	GivenUp  bool
	Left     bool
	Woken    bool // the log has an entry of that number
	Told     bool // how far it is
	Epoch    int
	Dropped  int // operations that the receiver has dropped itself
}

// send takes a message to another node of the namespace. Called with mu held.
func (b *bus) send(from, to *node, op adapter.OperationType, e envelope) {
	b.number++
	e.From, e.Number = from.place, b.number
	if e.Op != nil && e.Request == "" {
		from.sent[to]++
		e.Place = from.sent[to]
	}
	data, err := json.Marshal(&e)
	if err != nil {
		panic(err) //nolint:forbidigo // what core has encoded encodes: a bug of this module
	}
	arrivals := []time.Duration{0}
	if b.fault != nil && op != 0 {
		arrivals = b.fault(Message{from.place, to.place, from.local.Namespace(), op, e.Response != nil})
	}
	for _, d := range arrivals {
		if d == 0 {
			to.take(data)
		} else {
			time.AfterFunc(d, func() { to.take(data) })
		}
	}
}

// others are the other nodes of the namespace. Called with mu held.
func (b *bus) others(n *node) []*node {
	all := slices.Clone(b.nodes[n.local.Namespace()])
	return slices.DeleteFunc(all, func(other *node) bool { return other == n })
}

// has reports whether a node has not left. Called with mu held.
func (b *bus) has(n *node) bool { return slices.Contains(b.nodes[n.local.Namespace()], n) }

// find returns another node of n's namespace, or nil. Called with mu held.
func (b *bus) find(n *node, called string) *node {
	for _, other := range b.others(n) {
		if name(other.place) == called {
			return other
		}
	}
	return nil
}

// join is Options.Adapter of the server in that place.
func (b *bus) join(place int, local adapter.Local) adapter.Adapter {
	n := newNode(b, place, local)
	b.mu.Lock()
	b.nodes[local.Namespace()] = append(b.nodes[local.Namespace()], n)
	if b.log != nil {
		n.read, n.epoch = b.log.last, b.log.epoch
	}
	b.mu.Unlock()
	n.follow()     // here: a client that joins at once has all of the log from then on
	go n.deliver() // Close ends it, and waits
	switch {
	case b.byRoom:
		return byRoom{n}
	case b.log != nil:
		return logged{n}
	}
	return n
}

// leave takes a node out of its namespace.
func (b *bus) leave(n *node) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.has(n) {
		return
	}
	others := b.others(n)
	b.nodes[n.local.Namespace()] = others
	for _, other := range others {
		b.send(n, other, 0, envelope{Left: true})
	}
}
