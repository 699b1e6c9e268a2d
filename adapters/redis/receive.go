package sioredis

import (
	"strings"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/clusterwire"
)

// broadcast takes what came on a channel of broadcasts: that of a room, unless that is
// empty. What is not for this server is not decoded.
func (n *node) broadcast(room, payload string) {
	if strings.HasPrefix(payload, n.own[0]) || room != "" && !n.local.HasRoom(room) {
		return
	}
	m, err := clusterwire.DecodeClassicBroadcast([]byte(payload), nil)
	if err != nil {
		n.unreadable(err)
		return
	}
	if m.Namespace == n.namespace && m.UID != n.uid {
		n.apply(operation(m))
	}
}

// apply does what others have published.
func (n *node) apply(op *adapter.Operation) {
	n.joining(op)
	if err := n.local.Apply(op); err != nil {
		n.unreadable(err)
	}
}

// unreadable counts a message that is broken, or of a later version. What it should
// have done is lost.
func (n *node) unreadable(err error) {
	n.link.dropped.Add(1)
	n.local.Gap(adapter.Gap{Type: adapter.GapIncoming, Operations: 1, Err: err})
}

// request takes what came on the channel of requests, which also has what is published
// and is no broadcast.
func (n *node) request(payload string) {
	if strings.HasPrefix(payload, n.own[1]) {
		return
	}
	m, err := clusterwire.DecodeClassicRequest([]byte(payload), nil)
	if err != nil {
		n.unreadable(err)
		return
	}
	if m.UID == n.uid || m.Namespace != "" && m.Namespace != n.namespace {
		return
	}
	op := operation(m)
	switch {
	case m.SocketID != "":
		n.move(m, op)
	case m.RequestID == "" || op.Type == adapter.OpJoin || op.Type == adapter.OpLeave || op.Type == adapter.OpDisconnect:
		n.apply(op)
	default:
		n.answer(m, op)
	}
}

// move does what an older server wants of one socket. The server that has it says so.
func (n *node) move(m *clusterwire.Message, op *adapter.Operation) {
	if !n.local.HasRoom(m.SocketID) {
		return
	}
	n.apply(op)
	if m.RequestID != "" {
		n.send(m, &clusterwire.Message{Type: clusterwire.Done, RequestID: m.RequestID})
	}
}

// response takes what came on the channels of responses.
func (n *node) response(payload string) {
	if clusterwire.IsPeer([]byte(payload[:min(1, len(payload))])) {
		n.peer(payload)
		return
	}
	m, err := clusterwire.DecodeClassicResponse([]byte(payload), nil)
	if err != nil {
		n.link.dropped.Add(1) // it may be another server's: who asks counts
		return
	}
	r := new(adapter.Response)
	switch m.Type {
	case clusterwire.FetchResponse:
		r.Sockets = socketInfos(m.Sockets)
	case clusterwire.ServerSideResponse, clusterwire.Ack:
		r.Reply = packet(&m.Packet)
	case clusterwire.ClientCount:
		r.Clients = m.Clients
	default:
		return // to requests that this server does not make
	}
	n.collector.Response(m.RequestID, "", -1, r)
}
