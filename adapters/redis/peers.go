package sioredis

import (
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/clusterwire"
)

// known are the nodes of this module.
func (n *node) known() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Collect(maps.Keys(n.peers))
}

// hello tells the peers of this node, and asks who is there. answered is called when all
// have answered.
func (n *node) hello(answered func()) {
	due := -1 // nobody knows yet
	answers := make(map[string]bool)
	check := func() {
		if len(answers) == due {
			answered()
		}
	}
	n.mu.Lock()
	n.here = func(uid string) {
		answers[uid] = true
		check()
	}
	n.mu.Unlock()
	n.greeted.Store(n.link.ups.Load())
	err := n.link.count([]string{n.channels.peers}, func(numbers []int, _ error) {
		if numbers == nil {
			answered()
			return
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		due = max(numbers[0]-1, 0) // this node is among them
		check()
	}, publication(n.channels.peers, n.peerMessage(clusterwire.PeerHello)))
	if err != nil {
		answered()
	}
}

// peerMessage is a message that has nothing but its sender.
func (n *node) peerMessage(t clusterwire.PeerType) []byte {
	b, _ := (&clusterwire.Peer{Type: t, UID: n.uid}).Encode() // of two fields
	return b
}

func (n *node) peerGap() job {
	return publication(n.channels.gaps, n.peerMessage(clusterwire.PeerGap))
}

func (n *node) sendPeer(channel string, p *clusterwire.Peer) {
	payload, err := p.Encode()
	if err != nil {
		n.link.opts.Logger.Error("sioredis: a response does not encode", "namespace", n.namespace, "err", err)
		return
	}
	n.sendResponse(channel, payload)
}

// peer hands on what came on the peers' channel of a namespace, or on that of all.
func (l *link) peer(namespace, payload string) {
	if namespace == "" {
		l.theyAreBack(payload)
		return
	}
	l.exactly(namespace, func(n *node) { n.peer(payload) })
}

// peer takes what a node of this module says to this one.
func (n *node) peer(payload string) {
	p, err := clusterwire.DecodePeer([]byte(payload), &n.link.opts.limits)
	if err != nil {
		n.link.dropped.Add(1)
		return
	}
	if p.UID == n.uid {
		return
	}
	switch p.Type {
	case clusterwire.PeerHello:
		n.met(p.UID)
		n.greet(p.UID)
	case clusterwire.PeerHere:
		n.met(p.UID)
		n.mu.Lock()
		if n.here != nil {
			n.here(p.UID)
		}
		n.mu.Unlock()
	case clusterwire.PeerClosed:
		n.left(p.UID)
	case clusterwire.PeerGap:
		n.local.Gap(adapter.Gap{Type: adapter.GapIncoming, Err: errTheirGap})
	case clusterwire.PeerGiveUp:
		n.answerer.GiveUp(p.UID, p.RequestID)
	case clusterwire.PeerResponse:
		n.collector.Response(p.RequestID, p.UID, p.Part, &adapter.Response{
			Clients: p.Clients, Last: p.Last, Reply: packet(p.Reply), Sockets: socketInfos(p.Sockets),
		})
	}
}

// met: there is a peer. Their number is bounded: what is published to Redis may be
// anybody's.
func (n *node) met(uid string) (first bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, known := n.peers[uid]; !known && len(n.peers) >= mostPeers {
		return false
	} else if !known {
		first = true
	}
	n.peers[uid] = time.Time{}
	return first
}

const mostPeers = 10_000

// left: a peer is not waited for any more.
func (n *node) left(uid string) {
	n.mu.Lock()
	delete(n.peers, uid)
	n.mu.Unlock()
	n.collector.Left(uid)
	n.answerer.Left(uid)
}

// greet tells a peer of this node. When many ask at the same time one message tells all.
func (n *node) greet(uid string) {
	now := time.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.closed.Load() || n.greeting != nil:
	case now.Sub(n.lastGreeting) >= greetEvery:
		n.lastGreeting = now
		_ = n.link.out.push(publication(n.channels.response(uid), n.peerMessage(clusterwire.PeerHere)))
	default:
		n.greeting = time.AfterFunc(greetEvery+rand.N(greetEvery), n.greetAll)
	}
}

func (n *node) greetAll() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.greeting = nil
	if !n.closed.Load() {
		n.lastGreeting = time.Now()
		_ = n.link.out.push(publication(n.channels.peers, n.peerMessage(clusterwire.PeerHere)))
	}
}

// back tells all servers, in one message, of the nodes that have not said hello since
// both connections are there. It is called a while later: other servers may be back at
// the same moment.
func (l *link) back() {
	ups := l.ups.Load()
	var nodes []clusterwire.PeerNode
	for _, n := range l.heard() {
		if n.greeted.Swap(ups) != ups {
			nodes = append(nodes, clusterwire.PeerNode{Namespace: n.namespace, UID: n.uid})
		}
	}
	for some := range slices.Chunk(nodes, atOnce) {
		payload, err := (&clusterwire.Peer{Type: clusterwire.PeerBack, UID: l.id, Nodes: some}).Encode()
		if err == nil {
			_ = l.out.push(publication(l.peers, payload)) // said again when Redis is back
		}
	}
}

// theyAreBack takes what another server says by back. Who did not know it is not known
// to it, either.
func (l *link) theyAreBack(payload string) {
	p, err := clusterwire.DecodePeer([]byte(payload), nil)
	if err != nil || p.Type != clusterwire.PeerBack {
		l.dropped.Add(1)
		return
	}
	if p.UID == l.id {
		return
	}
	for _, other := range p.Nodes {
		l.exactly(other.Namespace, func(n *node) {
			if n.met(other.UID) {
				n.greet(other.UID)
			}
		})
	}
}
