package sioredis

import (
	"maps"
	"slices"
	"sync/atomic"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/clusterwire"
)

// known are the nodes of this module.
func (n *node) known() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Collect(maps.Keys(n.peers))
}

// hello tells the peers of this node, and asks who is there. answered, if not nil, is
// called when all have answered.
func (n *node) hello(answered func()) {
	if answered == nil {
		_ = n.link.out.push(job{channel: n.channels.peers, payload: n.peerMessage(clusterwire.PeerHello)}) // said again when Redis is back
		return
	}
	// One less for each answer, and as many more as are due.
	var due atomic.Int64
	due.Store(1)
	add := func(k int64) {
		if due.Add(k) == 0 {
			answered()
		}
	}
	n.mu.Lock()
	n.here = func() { add(-1) }
	n.mu.Unlock()
	err := n.link.count([]string{n.channels.peers}, func(numbers []int, err error) {
		if err != nil {
			answered()
			return
		}
		add(int64(max(numbers[0]-1, 0)) - 1) // this node is among them
	}, job{channel: n.channels.peers, payload: n.peerMessage(clusterwire.PeerHello)})
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
	return job{channel: n.channels.gaps, payload: n.peerMessage(clusterwire.PeerGap)}
}

func (n *node) sendPeer(channel string, p *clusterwire.Peer) {
	payload, err := p.Encode()
	if err != nil {
		n.link.opts.Logger.Error("sioredis: a response does not encode", "namespace", n.namespace, "err", err)
		return
	}
	n.sendResponse(channel, payload)
}

// peer takes what a node of this module says to this one.
func (n *node) peer(payload string) {
	p, err := clusterwire.DecodePeer([]byte(payload), nil)
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
		n.sendPeer(n.channels.response(p.UID), &clusterwire.Peer{Type: clusterwire.PeerHere, UID: n.uid})
	case clusterwire.PeerHere:
		n.met(p.UID)
		n.mu.Lock()
		here := n.here
		n.mu.Unlock()
		if here != nil {
			here()
		}
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
func (n *node) met(uid string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.peers) < mostPeers {
		n.peers[uid] = struct{}{}
	}
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
