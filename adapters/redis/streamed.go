package sioredis

import (
	"context"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/clusterwire"
)

// streamed is a node in the mode Streams.
type streamed struct{ *node }

var (
	_ adapter.Adapter      = streamed{}
	_ adapter.Sequencer    = streamed{}
	_ adapter.SessionStore = streamed{}
)

// Publish implements adapter.Adapter.
func (n streamed) Publish(op *adapter.Operation) error { return n.Append(0, op) }

// Append implements adapter.Sequencer.
func (n streamed) Append(number uint64, op *adapter.Operation) error {
	s := scratches.Get().(*scratch)
	defer s.free()
	if err := n.message(&s.message, op); err != nil {
		return err
	}
	return n.enter(&s.message, &entry{volatile: op.Packet.Volatile}, clusterwire.Place{Append: number, One: op.Target.Own})
}

// enter queues an entry for the stream: e, with what m says.
func (n streamed) enter(m *clusterwire.Message, e *entry, p clusterwire.Place) error {
	if n.closed.Load() {
		return ErrClosed
	}
	if err := m.EncodeEntry(&e.Entry); err != nil {
		return err
	}
	e.node, e.Place = n.node, p
	if e.size() > n.link.opts.MaxSize {
		return ErrTooLarge
	}
	return n.link.stream.out.push(e)
}

// Request implements adapter.Adapter. Servers of this module find the request in the
// stream, others hear it.
func (n streamed) Request(ctx context.Context, op *adapter.Operation, each func(*adapter.Response)) (func() error, error) {
	m := new(clusterwire.Message)
	if err := n.message(m, op); err != nil {
		return nil, err
	}
	req, err := n.collector.BeginUncounted(op, each)
	if err != nil {
		return nil, err
	}
	m.RequestID, m.FromPeer = req.ID(), true
	// Who finds it in the stream does what it says, also when nobody can ask the others.
	if err = n.link.out.state(); err == nil {
		err = n.enter(m, &entry{request: req}, clusterwire.Place{Timeout: op.Timeout})
	}
	if err != nil {
		req.Cancel()
		return nil, err
	}
	return n.ask(ctx, req, m, nil)
}

// take takes an entry of the stream that another server has appended.
func (n streamed) take(e *clusterwire.Entry, id string) error {
	m, err := e.Decode(&n.link.opts.limits)
	if err != nil {
		return err
	}
	op := operation(m)
	switch {
	case m.Type == clusterwire.Gap:
		return errTheirGap
	case op == nil:
		return nil
	case m.FromPeer:
		op.Timeout = e.Place.Timeout
		n.answer(m, op)
		return nil
	case m.RequestID != "":
		n.answer(m, op)
		return nil
	}
	op.Position, op.Target.Own = id, e.Place.One
	return n.local.Apply(op)
}
