package adaptertest

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"sync"

	"github.com/gosio/gosio/core/adapter"
)

// node is one server's adapter for one namespace.
type node struct {
	bus   *bus
	place int
	local adapter.Local
	wake  chan struct{} // holds one
	ended chan struct{} // closed when the deliverer has ended

	closing chan struct{} // closed by Close

	asked     adapter.Collector // what this node has requested
	answering adapter.Answerer  // what others have

	// Guarded by bus.mu.
	sent   map[*node]uint64 // operations for each other node
	names  map[string]bool  // rooms and sockets that the node subscribes to, see byRoom
	joined map[string]bool  // rooms that the node has put sockets of others into

	read    uint64     // number of the entry of the log that is handed over
	epoch   int        // of the log
	outbox  []logEntry // that waits for the engine
	dropped int        // operations that it had no room for

	// Used by the deliverer only.
	got  map[int]map[uint64]bool // messages that have come from each other node
	next map[int]uint64          // place of the operation that is due from each

	mu     sync.Mutex
	queue  [][]byte
	closed bool
}

var _ adapter.Adapter = (*node)(nil)

func newNode(b *bus, place int, local adapter.Local) *node {
	return &node{
		bus: b, place: place, local: local, wake: make(chan struct{}, 1), ended: make(chan struct{}), closing: make(chan struct{}),
		sent: make(map[*node]uint64), got: make(map[int]map[uint64]bool), next: make(map[int]uint64),
	}
}

// name is what collectors and answerers call a node.
func name(place int) string { return strconv.Itoa(place) }

// errLeft is what Publish and Request say after Close.
var errLeft = errors.New("adaptertest: the node has left the cluster")

// Publish implements adapter.Adapter.
func (n *node) Publish(op *adapter.Operation) error {
	n.bus.mu.Lock() // held over all of them: the same order for everybody
	defer n.bus.mu.Unlock()
	if !n.bus.has(n) {
		return errLeft
	}
	for _, other := range n.bus.others(n) {
		if !n.bus.byRoom || n.concerns(op, other) {
			n.bus.send(n, other, op.Type, envelope{Op: op})
		}
	}
	return nil
}

// Request implements adapter.Adapter.
func (n *node) Request(ctx context.Context, op *adapter.Operation, each func(*adapter.Response)) (func() error, error) {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	others := n.bus.others(n)
	names := make([]string, len(others))
	for i, other := range others {
		names[i] = name(other.place)
	}
	req, err := n.asked.Begin(op, each, names, 0)
	if err != nil {
		return nil, err
	}
	for _, other := range others {
		n.bus.send(n, other, op.Type, envelope{Op: op, Request: req.ID()})
	}
	return func() error {
		err := req.Wait(ctx)
		n.giveUp(op, req)
		return err
	}, nil
}

// giveUp tells those who have not answered a request that nobody waits any more.
func (n *node) giveUp(op *adapter.Operation, req *adapter.Request) {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	for _, missing := range req.Missing() {
		if other := n.bus.find(n, missing); other != nil {
			n.bus.send(n, other, op.Type, envelope{Request: req.ID(), GivenUp: true})
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
	switch {
	case e.Woken:
		n.readLog(e.Epoch, e.Number)
		if e.Told && e.Epoch == n.epoch {
			n.local.Reached(positionOf(n.read))
		}
		return
	case e.Dropped > 0:
		n.local.Gap(adapter.Gap{Type: adapter.GapOutgoing, Operations: e.Dropped, Err: errStopped})
		return
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
		delete(n.next, e.From) // another one may come in its place
		n.asked.Left(name(e.From))
		n.answering.Left(name(e.From))
	case e.GivenUp:
		n.answering.GiveUp(name(e.From), e.Request)
	case e.Response != nil:
		n.asked.Response(e.Request, name(e.From), e.Part, e.Response)
	case e.Request != "":
		// An error is one of the asker's: it waits in vain.
		_ = n.answering.Answer(n.local, name(e.From), e.Request, e.Op, func(part int, r *adapter.Response) {
			n.respond(&e, part, r)
		})
	default:
		n.lookForGap(&e)
		_ = n.local.Apply(e.Op) // an event that was encoded once encodes again
	}
}

// lookForGap reports operations that have not come before a later one.
func (n *node) lookForGap(e *envelope) {
	due, known := n.next[e.From]
	if !known {
		due = 1
	}
	if e.Place > due {
		n.local.Gap(adapter.Gap{Type: adapter.GapIncoming, Operations: int(e.Place - due), Err: errLost})
	}
	n.next[e.From] = max(due, e.Place+1)
}

var errLost = errors.New("adaptertest: messages of another node have not arrived")

// respond sends a response to the node that has asked.
func (n *node) respond(asked *envelope, part int, r *adapter.Response) {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	if to := n.bus.find(n, name(asked.From)); to != nil {
		n.bus.send(n, to, asked.Op.Type, envelope{Request: asked.Request, Response: r, Part: part})
	}
}

// Close implements adapter.Adapter.
func (n *node) Close() error {
	n.bus.leave(n)
	n.mu.Lock()
	if !n.closed {
		close(n.closing)
	}
	n.closed = true
	n.mu.Unlock()
	n.answering.Close()
	n.asked.Close(errLeft)
	n.ring()
	<-n.ended
	return nil
}
