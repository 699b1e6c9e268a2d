package adaptertest

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	socketio "github.com/gosio/gosio/core"
)

// node is one server's adapter for one namespace.
type node struct {
	bus   *bus
	place int
	local *socketio.Local
	ctx   context.Context // ends with Close
	end   context.CancelFunc
	wake  chan struct{} // holds one
	ended chan struct{} // closed when the deliverer has ended

	// Used by the deliverer only.
	got map[int]map[uint64]bool // messages that have come from each other node

	mu        sync.Mutex
	queue     [][]byte
	closed    bool
	pending   map[uint64]*pending             // by the number of the request
	answering map[question]context.CancelFunc // what others wait for
}

// question is a request of another node.
type question struct {
	from    int
	request uint64
}

var _ socketio.Adapter = (*node)(nil)

func newNode(b *bus, place int, local *socketio.Local) *node {
	n := &node{
		bus: b, place: place, local: local, wake: make(chan struct{}, 1), ended: make(chan struct{}),
		got:     make(map[int]map[uint64]bool),
		pending: make(map[uint64]*pending), answering: make(map[question]context.CancelFunc),
	}
	n.ctx, n.end = context.WithCancel(context.Background())
	return n
}

// errLeft is what Publish and Request say after Close.
var errLeft = errors.New("adaptertest: the node has left the cluster")

// Publish implements socketio.Adapter.
func (n *node) Publish(_ context.Context, op *socketio.Operation) error {
	if n.ctx.Err() != nil {
		return errLeft
	}
	n.bus.mu.Lock() // held over all of them: the same order for everybody
	defer n.bus.mu.Unlock()
	for _, other := range n.bus.others(n) {
		n.bus.send(n, other, op.Type, envelope{Op: op})
	}
	return nil
}

// Request implements socketio.Adapter.
func (n *node) Request(ctx context.Context, op *socketio.Operation, each func(*socketio.Response)) (func() error, error) {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	others := n.bus.others(n)
	p := newPending(op.Type, each, others)
	id, err := n.expect(p)
	if err != nil {
		return nil, err
	}
	for _, other := range others {
		n.bus.send(n, other, op.Type, envelope{Op: op, Request: id})
	}
	return func() error {
		defer n.giveUp(id, p)
		return p.wait(ctx)
	}, nil
}

// expect registers a request. Called with bus.mu held.
func (n *node) expect(p *pending) (id uint64, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return 0, errLeft
	}
	n.bus.number++
	n.pending[n.bus.number] = p
	return n.bus.number, nil
}

// giveUp forgets a request and tells those who have not answered it.
func (n *node) giveUp(id uint64, p *pending) {
	n.mu.Lock()
	delete(n.pending, id)
	n.mu.Unlock()
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	for _, place := range p.missing() {
		if other := n.bus.find(n, place); other != nil {
			n.bus.send(n, other, p.op, envelope{Request: id, GivenUp: true})
		}
	}
}

// take queues a message for the deliverer.
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

// deliver handles what other nodes have sent until the node is closed.
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
				n.receive(data)
			}
		}
	}
}

func (n *node) receive(data []byte) {
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil {
		panic(err) //nolint:forbidigo // written by send: a bug of this module
	}
	if n.got[e.From] == nil {
		n.got[e.From] = make(map[uint64]bool)
	}
	if n.got[e.From][e.Number] {
		return
	}
	n.got[e.From][e.Number] = true
	switch {
	case e.Left:
		n.left(e.From)
	case e.GivenUp:
		n.answered(question{e.From, e.Request})
	case e.Response != nil:
		n.mu.Lock()
		p := n.pending[e.Request]
		n.mu.Unlock()
		if p != nil { // otherwise it is late
			p.response(e.From, e.Part, e.Response)
		}
	case e.Request != 0:
		n.respond(&e)
	default:
		_ = n.local.Apply(e.Op) // an event that was encoded once encodes again
	}
}

// respond answers a request of another node.
func (n *node) respond(e *envelope) {
	q := question{e.From, e.Request}
	ctx, cancel := context.WithTimeout(n.ctx, e.Op.Timeout)
	n.mu.Lock()
	n.answering[q] = cancel
	n.mu.Unlock()
	context.AfterFunc(ctx, func() { n.answered(q) })
	part := 0 // replies come one at a time
	err := n.local.Respond(ctx, e.Op, func(r *socketio.Response) {
		n.bus.mu.Lock()
		if to := n.bus.find(n, e.From); to != nil && ctx.Err() == nil {
			n.bus.send(n, to, e.Op.Type, envelope{Request: e.Request, Response: r, Part: part})
		}
		part++
		n.bus.mu.Unlock()
		if r.Last {
			n.answered(q)
		}
	})
	if err != nil {
		n.answered(q) // the other one waits in vain
	}
}

// answered ends the work for a request.
func (n *node) answered(q question) {
	n.mu.Lock()
	cancel := n.answering[q]
	delete(n.answering, q)
	n.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}

// left: another node is not waited for any more, nor its requests answered.
func (n *node) left(place int) {
	n.mu.Lock()
	var waiting []*pending
	for _, p := range n.pending {
		waiting = append(waiting, p)
	}
	var ends []context.CancelFunc
	for q, cancel := range n.answering {
		if q.from == place {
			ends = append(ends, cancel)
		}
	}
	n.mu.Unlock()
	for _, p := range waiting {
		p.left(place)
	}
	for _, end := range ends {
		end()
	}
}

// Close implements socketio.Adapter.
func (n *node) Close() error {
	n.bus.leave(n)
	n.mu.Lock()
	n.closed = true
	waiting := n.pending
	n.pending = nil
	n.mu.Unlock()
	n.end()
	for _, p := range waiting {
		p.fail(errLeft)
	}
	n.ring()
	<-n.ended
	return nil
}
