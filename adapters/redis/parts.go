package sioredis

import (
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/clusterwire"
)

// peerAnswer is what this server answers to a request of a server of this module. Many
// sockets go in several parts: Redis ends the connection of a server that is to get too
// much at once, and other messages wait behind a large one.
type peerAnswer struct {
	node    *node
	request string
	channel string
	next    int  // the number of the next part
	cut     bool // a part is missing, so none is the last one
}

// send sends a response. Calls come one at a time.
func (a *peerAnswer) send(r *adapter.Response) {
	p := clusterwire.Peer{Last: r.Last, Clients: r.Clients, Reply: wirePacket(r.Reply)}
	list, most := wireSockets(r.Sockets), min(batchSize, a.node.link.opts.MaxSize)
	for {
		n, size := 0, 0
		for n < len(list) {
			if size += socketSize(&list[n]); size > most && n > 0 {
				break
			}
			n++
		}
		p.Sockets, list, p.Last = list[:n], list[n:], r.Last && n == len(list)
		a.push(&p)
		if len(list) == 0 {
			return
		}
	}
}

// push sends a part, or two if it takes more bytes than it seemed to. One socket that has
// more than Options.MaxSize is left out, and the server that asks waits for it in vain.
func (a *peerAnswer) push(p *clusterwire.Peer) {
	p.Type, p.UID, p.RequestID, p.Part = clusterwire.PeerResponse, a.node.uid, a.request, a.next
	whole := *p
	p.Last = p.Last && !a.cut
	payload, err := p.Encode()
	if n := len(p.Sockets); err == nil && n > 1 && len(payload) > a.node.link.opts.MaxSize {
		first, second := whole, whole
		first.Sockets, first.Last, second.Sockets = p.Sockets[:n/2], false, p.Sockets[n/2:]
		a.push(&first)
		a.push(&second)
		return
	}
	if err != nil {
		a.node.link.opts.Logger.Error("sioredis: a response does not encode", "namespace", a.node.namespace, "err", err)
	}
	if err != nil || !a.node.sendResponse(a.channel, payload) {
		a.cut = true
		return
	}
	a.next++
}

// socketSize is about how many bytes a socket takes in a message.
func socketSize(s *clusterwire.Socket) int {
	size := len(s.ID) + len(s.Handshake) + len(s.Data) + len(s.Identity) + 64
	for _, room := range s.Rooms {
		size += len(room) + 3
	}
	return size
}
