package main

import (
	"encoding/json"
	"net"
	"sync"

	"github.com/gosio/gosio/core/adapter"
)

// message is what nodes and the hub send to each other, as lines of JSON.
type message struct {
	Kind      string             `json:"kind"`
	From      string             `json:"from,omitempty"`
	To        string             `json:"to,omitempty"`        // empty: all other nodes
	Namespace string             `json:"namespace,omitempty"` // of a hello
	Again     bool               `json:"again,omitempty"`     // of a hello: the node has been here before
	Names     []string           `json:"names,omitempty"`     // of a welcome: the other nodes
	ID        string             `json:"id,omitempty"`        // of a request
	Part      int                `json:"part,omitempty"`      // of a response
	Op        *adapter.Operation `json:"op,omitempty"`
	Response  *adapter.Response  `json:"response,omitempty"`
}

// hub passes on what each node sends to the other nodes of its namespace, in one order
// for all of them.
type hub struct {
	mu      sync.Mutex
	members map[string]map[string]*member // by namespace and name
}

// member is a node, as the hub knows it.
type member struct {
	hello message
	conn  net.Conn
	out   chan []byte
}

// serve serves nodes until the listener is closed.
func (h *hub) serve(l net.Listener) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go h.attend(conn) // until the node has gone
	}
}

func (h *hub) attend(conn net.Conn) {
	defer conn.Close()
	dec := json.NewDecoder(conn)
	m := &member{conn: conn, out: make(chan []byte, queued)}
	if dec.Decode(&m.hello) != nil || m.hello.Kind != "hello" {
		return
	}
	go write(conn, m.out) // until leave
	h.join(m)
	defer h.leave(m)
	for {
		var msg message
		if dec.Decode(&msg) != nil {
			return
		}
		msg.From = m.hello.From
		if !h.passOn(m, msg) {
			return
		}
	}
}

func (h *hub) join(m *member) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.members == nil {
		h.members = make(map[string]map[string]*member)
	}
	if old := h.members[m.hello.Namespace][m.hello.From]; old != nil { // it has come back before its end was noticed
		h.removeLocked(old)
	}
	all := h.members[m.hello.Namespace]
	if all == nil {
		all = make(map[string]*member)
		h.members[m.hello.Namespace] = all
	}
	welcome := message{Kind: "welcome"}
	for name := range all {
		welcome.Names = append(welcome.Names, name)
	}
	m.send(welcome)
	h.passOnLocked(m, message{Kind: "joined", From: m.hello.From, Again: m.hello.Again})
	all[m.hello.From] = m
}

func (h *hub) leave(m *member) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.members[m.hello.Namespace][m.hello.From] == m { // not a later connection of that node
		h.removeLocked(m)
	}
	close(m.out)
}

func (h *hub) removeLocked(m *member) {
	_ = m.conn.Close()
	all := h.members[m.hello.Namespace]
	delete(all, m.hello.From)
	h.passOnLocked(m, message{Kind: "left", From: m.hello.From})
	if len(all) == 0 {
		delete(h.members, m.hello.Namespace)
	}
}

// passOn reports whether the node is still a member: others have been told if not.
func (h *hub) passOn(from *member, msg message) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.members[from.hello.Namespace][from.hello.From] != from {
		return false
	}
	h.passOnLocked(from, msg)
	return true
}

func (h *hub) passOnLocked(from *member, msg message) {
	for name, m := range h.members[from.hello.Namespace] {
		if m != from && (msg.To == "" || msg.To == name) {
			m.send(msg)
		}
	}
}

// send queues a message. A node that does not read loses its connection, and finds out
// that it has missed something when it comes back.
func (m *member) send(msg message) {
	select {
	case m.out <- encode(&msg):
	default:
		_ = m.conn.Close()
	}
}

// queued is how many messages may wait for a connection to take them. An adapter for
// production bounds their bytes as well.
const queued = 10_000

// encode makes a line of a message.
func encode(msg *message) []byte {
	line, _ := json.Marshal(msg) // operations and responses are data: they always encode
	return append(line, '\n')
}

// write writes lines until the channel is closed, and then closes the connection.
func write(conn net.Conn, out <-chan []byte) {
	defer conn.Close()
	for line := range out {
		_, _ = conn.Write(line) // the reader finds out, too
	}
}
