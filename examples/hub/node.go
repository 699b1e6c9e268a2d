package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/gosio/gosio/core/adapter"
)

// node is the adapter: one server's end of one namespace.
type node struct {
	local     adapter.Local
	address   string
	name      string
	collector adapter.Collector // what this server has asked
	answerer  adapter.Answerer  // what others have
	ready     chan struct{}     // closed when the node is in the cluster for the first time
	done      chan struct{}     // closed when run has ended
	life      context.Context   // ends with Close
	end       context.CancelFunc

	mu     sync.Mutex
	conn   net.Conn
	out    chan []byte // nil: not connected
	others []string
	unseen []string // others that do not know yet that this node has joined
	came   bool     // it has been in the cluster
	closed bool
}

var (
	errDown   = errors.New("hub: not connected")
	errFull   = errors.New("hub: too much is waiting to be sent")
	errClosed = errors.New("hub: the node has left")
	errBroken = errors.New("hub: the connection was lost")
)

// connect returns socketio.Options.Adapter for a hub at that address.
func connect(address string) func(adapter.Local) adapter.Adapter {
	return func(local adapter.Local) adapter.Adapter {
		n := &node{local: local, address: address, name: rand.Text(), ready: make(chan struct{}), done: make(chan struct{})}
		n.life, n.end = context.WithCancel(context.Background())
		go n.run() // until Close, which waits
		select {
		case <-n.ready:
		case <-time.After(5 * time.Second): // the server is alone until the hub is there
		}
		return n
	}
}

// Publish implements adapter.Adapter.
func (n *node) Publish(op *adapter.Operation) error { return n.send(message{Kind: "publish", Op: op}) }

// Request implements adapter.Adapter.
func (n *node) Request(ctx context.Context, op *adapter.Operation, each func(*adapter.Response)) (func() error, error) {
	n.mu.Lock()
	defer n.mu.Unlock() // who is asked and who hears it must be the same
	req, err := n.collector.Begin(op, each, n.others, 0)
	if err != nil {
		return nil, err
	}
	if err := n.sendLocked(message{Kind: "request", ID: req.ID(), Op: op}); err != nil {
		req.Cancel()
		return nil, err
	}
	return func() error {
		err := req.Wait(ctx)
		if len(req.Missing()) > 0 {
			_ = n.send(message{Kind: "give up", ID: req.ID()}) // or they find out by themselves
		}
		return err
	}, nil
}

// Close implements adapter.Adapter.
func (n *node) Close() error {
	n.mu.Lock()
	n.closed = true
	if n.out != nil {
		close(n.out) // when all is sent, the connection is closed
		n.out = nil
		_ = n.conn.SetDeadline(time.Now().Add(time.Second)) // or when the hub does not read
	} else if n.conn != nil {
		_ = n.conn.Close()
	}
	n.mu.Unlock()
	n.end()
	n.answerer.Close()
	n.collector.Close(errClosed)
	<-n.done
	return nil
}

func (n *node) send(msg message) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sendLocked(msg)
}

func (n *node) sendLocked(msg message) error {
	switch {
	case n.closed:
		return errClosed
	case n.out == nil:
		return errDown
	}
	select {
	case n.out <- encode(&msg): // now: the attachments of an event belong to who has emitted it
		return nil
	default:
		_ = n.conn.Close() // so that everybody hears that something is lost
		return errFull
	}
}

// run keeps a connection to the hub.
func (n *node) run() {
	defer close(n.done)
	told := false // of this outage
	for n.life.Err() == nil {
		conn, err := new(net.Dialer).DialContext(n.life, "tcp", n.address)
		if err == nil {
			told = !n.serve(conn) && told // an outage ends when the hub answers
			err = errBroken
		}
		if !told && n.life.Err() == nil {
			slog.Warn("no hub: this server is alone until it answers", "hub", n.address, "namespace", n.local.Namespace(), "err", err)
			told = true
		}
		select {
		case <-n.life.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// serve handles what comes by one connection. It reports whether that was from a hub.
func (n *node) serve(conn net.Conn) (welcomed bool) {
	defer conn.Close()
	out := make(chan []byte, queued)
	go write(conn, out) // until out is closed
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		close(out)
		return false
	}
	n.conn, n.out = conn, out
	out <- encode(&message{Kind: "hello", Namespace: n.local.Namespace(), From: n.name, Again: n.came})
	n.mu.Unlock()
	for dec := json.NewDecoder(conn); ; {
		var msg message
		if dec.Decode(&msg) != nil {
			break
		}
		n.receive(&msg)
		welcomed = welcomed || msg.Kind == "welcome"
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.out != nil {
		close(n.out)
		n.out = nil
	}
	return welcomed
}

// receive handles one message, in the order of the hub.
func (n *node) receive(msg *message) {
	if msg.Op == nil && (msg.Kind == "publish" || msg.Kind == "request") {
		return // of no node
	}
	switch msg.Kind {
	case "welcome":
		n.welcomed(msg.Names)
	case "joined":
		if msg.Again { // what it has sent may not have left it
			n.local.Gap(adapter.Gap{Type: adapter.GapIncoming, Err: errBroken})
		}
		n.mu.Lock()
		n.others = append(slices.Clip(n.others), msg.From)
		n.mu.Unlock()
		_ = n.send(message{Kind: "seen", To: msg.From})
	case "seen":
		n.seen(msg.From)
	case "left":
		n.left(msg.From)
		n.seen(msg.From)
	case "publish":
		_ = n.local.Apply(msg.Op) // an error is the sender's: a later version, or another kind of server
	case "request":
		_ = n.answerer.Answer(n.local, msg.From, msg.ID, msg.Op, func(part int, r *adapter.Response) {
			_ = n.send(message{Kind: "response", To: msg.From, ID: msg.ID, Part: part, Response: r})
		})
	case "response":
		n.collector.Response(msg.ID, msg.From, msg.Part, msg.Response)
	case "give up":
		n.answerer.GiveUp(msg.From, msg.ID)
	}
}

// welcomed: this node is in the cluster, together with others.
func (n *node) welcomed(others []string) {
	n.mu.Lock()
	again, before := n.came, n.others
	n.came, n.others, n.unseen = true, others, slices.Clone(others)
	n.mu.Unlock()
	for _, name := range before {
		if !slices.Contains(others, name) {
			n.left(name)
		}
	}
	if again { // before the first operation that comes now
		n.local.Gap(adapter.Gap{Type: adapter.GapIncoming, Err: errBroken})
		n.local.Gap(adapter.Gap{Type: adapter.GapOutgoing, Err: errBroken})
	}
	n.seen("")
}

// seen: another node knows this one. When all do, what is asked anywhere comes here.
func (n *node) seen(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.unseen = slices.DeleteFunc(n.unseen, func(s string) bool { return s == name })
	if len(n.unseen) > 0 || !n.came {
		return
	}
	select {
	case <-n.ready:
	default:
		close(n.ready)
	}
}

// left: another node is not waited for any more.
func (n *node) left(name string) {
	n.mu.Lock()
	n.others = slices.DeleteFunc(slices.Clone(n.others), func(s string) bool { return s == name })
	n.mu.Unlock()
	n.collector.Left(name)
	n.answerer.Left(name)
}
