package sioredis

import (
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/clusterwire"
)

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

// handle does what another server says, or answers what that asks.
func (n *node) handle(m *clusterwire.Message) {
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

// response takes what came on a channel of responses.
func (n *node) response(payload string, decode func([]byte, *clusterwire.Limits) (*clusterwire.Message, error)) {
	if clusterwire.IsPeer([]byte(payload[:min(1, len(payload))])) {
		n.peer(payload)
		return
	}
	m, err := decode([]byte(payload), &n.link.opts.limits)
	if err != nil {
		n.link.dropped.Add(1) // it may be another server's: who asks counts
		return
	}
	n.responded(m)
}

// responded takes a response of a server of another kind.
func (n *node) responded(m *clusterwire.Message) {
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
	if m.UID != "" {
		n.met(m.UID) // to be told from those who are only counted
	}
	n.collector.Response(m.RequestID, m.UID, -1, r)
}
