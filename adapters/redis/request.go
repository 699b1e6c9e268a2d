package sioredis

import (
	"context"
	"slices"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/clusterwire"
)

// Request implements adapter.Adapter. Redis counts the servers just before it passes the
// request on to them: those of this module are known by name, others are a number.
func (n *node) Request(ctx context.Context, op *adapter.Operation, each func(*adapter.Response)) (func() error, error) {
	m := new(clusterwire.Message)
	if err := n.message(m, op); err != nil {
		return nil, err
	}
	req, err := n.collector.BeginUncounted(op, each)
	if err != nil {
		return nil, err
	}
	m.RequestID, m.FromPeer = req.ID(), true
	var loser *node
	if op.Type != adapter.OpFetch { // which changes nothing: nobody misses it
		loser = n
	}
	return n.ask(ctx, req, m, loser)
}

// ask sends a request. Of loser it is an operation that is missed if it is lost.
func (n *node) ask(ctx context.Context, req *adapter.Request, m *clusterwire.Message, loser *node) (wait func() error, err error) {
	j := publication(n.channels.request, nil)
	j.operation = loser
	if j.text, err = n.link.dialect.encode(j.text, m); err == nil && len(j.payload()) > n.link.opts.MaxSize {
		err = ErrTooLarge
	}
	w := &n.link.watch
	w.begin(n, req)
	if err == nil {
		err = n.census(func(p present, err error) {
			if err != nil {
				req.Fail(err)
				return
			}
			w.doubt(req, p.absent)
			p.expect(req)
		}, j)
	}
	if err != nil {
		w.end(req)
		req.Cancel()
		return nil, err
	}
	return func() error {
		err := req.Wait(ctx)
		w.end(req)
		if len(req.Missing()) > 0 {
			n.giveUp(req.ID())
		}
		return err
	}, nil
}

// giveUp tells peers that nobody waits for an answer any more.
func (n *node) giveUp(id string) {
	p := clusterwire.Peer{Type: clusterwire.PeerGiveUp, UID: n.uid, RequestID: id}
	n.sendPeer(n.channels.peers, &p)
}

// answer has this server answer a request.
func (n *node) answer(m *clusterwire.Message, op *adapter.Operation) {
	send := func(_ int, r *adapter.Response) { n.respond(m, r) }
	if m.FromPeer && m.UID != "" {
		a := &peerAnswer{node: n, request: m.RequestID, channel: n.channels.response(m.UID)}
		send = func(_ int, r *adapter.Response) { a.send(r) }
	}
	_ = n.answerer.Answer(n.local, m.UID, m.RequestID, op, send) // an error is the asker's: it waits in vain
}

// respond sends a response to a server of another kind, as far as it can be told.
func (n *node) respond(m *clusterwire.Message, r *adapter.Response) {
	out := &clusterwire.Message{RequestID: m.RequestID}
	switch m.Type {
	case clusterwire.Fetch:
		out.Type, out.Sockets = clusterwire.FetchResponse, wireSockets(r.Sockets)
	case clusterwire.ListSockets:
		out.Type = clusterwire.ListResponse
		for _, s := range r.Sockets {
			out.Sockets = append(out.Sockets, clusterwire.Socket{ID: s.ID})
		}
	case clusterwire.AllRooms:
		out.Type, out.Rooms = clusterwire.AllRoomsResponse, rooms(r.Sockets)
	case clusterwire.ServerSide:
		if r.Reply == nil { // there is no handler; Node's servers are silent then, too
			return
		}
		out.Type, out.Packet = clusterwire.ServerSideResponse, *wirePacket(r.Reply)
	case clusterwire.Broadcast:
		switch {
		case r.Reply != nil:
			out.Type, out.Packet = clusterwire.Ack, *wirePacket(r.Reply)
		case r.Clients >= 0:
			out.Type, out.Clients = clusterwire.ClientCount, r.Clients
		default:
			return // that a client has left cannot be told
		}
	default:
		return
	}
	n.send(m, out)
}

// rooms are those of the sockets, each once.
func rooms(sockets []adapter.SocketInfo) []string {
	var list []string
	for _, s := range sockets {
		list = append(list, s.Rooms...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// sendResponse queues a response, unless the response is so large that Redis would end
// the connection of the server that has asked. That does not wait for ever.
func (n *node) sendResponse(channel string, payload []byte) (queued bool) {
	if len(payload) > n.link.opts.MaxSize {
		n.link.opts.Logger.Error("sioredis: a response is larger than Options.MaxSize, and is not sent: a Node server may ask for fewer sockets at a time, and a socket may carry less", "namespace", n.namespace, "bytes", len(payload))
		return false
	}
	return n.link.out.push(publication(channel, payload)) == nil
}

// send sends a response to a request.
func (n *node) send(m, response *clusterwire.Message) {
	payload, err := n.link.dialect.encodeResponse(n, response)
	if err != nil {
		n.link.opts.Logger.Error("sioredis: a response does not encode", "namespace", n.namespace, "err", err)
		return
	}
	// Without a uid it goes to all, who know which requests are theirs.
	n.sendResponse(n.channels.response(m.UID), payload)
}
