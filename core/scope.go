package socketio

import (
	"context"
	"slices"
	"sync"

	"github.com/gosio/gosio/core/internal/listeners"
)

// The scopes that an event passes on its way to its handler, from the outside.
const (
	inParent = iota
	inNamespace
	inSocket
	scopes
)

// scope has the event middleware and the listeners of one parent, namespace or socket.
type scope struct {
	events   listeners.List[func(EventHandler) EventHandler]
	incoming listeners.List[func(*Socket, *Incoming)]
	outgoing listeners.List[func(*Socket, *Outgoing)]
	rooms    listeners.List[func(RoomEvent)] // none of a socket's
	gaps     listeners.List[func(GapEvent)]  // neither

	mu     sync.RWMutex
	chains map[chainKey]chained // of handlers that are registered further out
}

// chained is a handler within the event middleware of a scope.
type chained struct {
	h      *handler
	call   EventHandler
	pieces int // of middleware
}

// chainKey names a handler.
type chainKey struct {
	event  string
	others bool // the one of events without a handler
}

func (c *scope) chain(at int, h *handler) EventHandler {
	events := c.events.All()
	if old := c.chained(at, h); old.pieces == len(events) {
		return old.call
	}
	call := h.call
	if at < inSocket {
		call = func(ctx context.Context, in *Incoming) error {
			next, _ := withinScopes(in.Socket, at+1, h)
			return next(ctx, in)
		}
	}
	for _, m := range slices.Backward(events) {
		call = (*m)(call)
	}
	return c.keep(at, chained{h, call, len(events)}).call
}

// chained returns the stored chain of a handler in this scope. A handler stores the
// chains of its own scope and of the scopes outside of it; a scope further in stores
// its own chains, which end with the scope.
func (c *scope) chained(at int, h *handler) chained {
	if at <= h.scope {
		if k := h.chains[at].Load(); k != nil {
			return *k
		}
		return chained{}
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	if k := c.chains[h.key()]; k.h == h {
		return k
	}
	return chained{}
}

// keep stores a chain, unless another goroutine has stored a newer chain, and returns
// the chain to use.
func (c *scope) keep(at int, k chained) chained {
	if at <= k.h.scope {
		slot := &k.h.chains[at]
		for {
			old := slot.Load()
			if old != nil && old.pieces >= k.pieces {
				return *old
			}
			if slot.CompareAndSwap(old, &k) {
				return k
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.chains[k.h.key()]; old.h == k.h && old.pieces >= k.pieces {
		return old
	}
	if c.chains == nil {
		c.chains = make(map[chainKey]chained)
	}
	c.chains[k.h.key()] = k
	return k
}

// scopeOf returns one of the scopes of a socket, or nil if the socket has no such scope.
func scopeOf(s *Socket, at int) *scope {
	switch {
	case at == inSocket:
		return s.own.Load()
	case at == inNamespace:
		return &s.ns.scope
	case s.ns.parent != nil:
		return &s.ns.parent.scope
	}
	return nil
}

// ownScope returns the socket's own scope, which the first call makes.
func ownScope(s *Socket) *scope {
	if s.own.Load() == nil {
		s.own.CompareAndSwap(nil, new(scope))
	}
	return s.own.Load()
}

// noteRoom queues a change of a room for the listeners, if there are any. rooms.mu is
// held.
func noteRoom(ns *Namespace, step RoomStep, room, socket string) {
	if ns.scope.rooms.Empty() && (ns.parent == nil || ns.parent.scope.rooms.Empty()) {
		return
	}
	ns.rooms.events.Add(RoomEvent{step, ns, room, socket})
}

// tellRoom calls the listeners for one change of a room. Their panics are logged.
func tellRoom(ns *Namespace, e RoomEvent) {
	if ns.parent != nil {
		ns.parent.scope.tellRoom(e)
	}
	ns.scope.tellRoom(e)
}

func (c *scope) tellRoom(e RoomEvent) {
	for _, f := range c.rooms.All() {
		e.Namespace.srv.guard("OnRoom", e.Namespace.name, func() { (*f)(e) })
	}
}

func (c *scope) tellGap(e GapEvent) {
	for _, f := range c.gaps.All() {
		e.Namespace.srv.guard("OnGap", e.Namespace.name, func() { (*f)(e) })
	}
}

// withinScopes returns a handler within the event middleware of a scope and of all
// scopes further in. Each piece of middleware is put around each handler once,
// whichever scopes there are further in: it may keep state.
func withinScopes(s *Socket, at int, h *handler) (call EventHandler, middleware bool) {
	for ; at < scopes; at++ {
		if c := scopeOf(s, at); c != nil && !c.events.Empty() {
			return c.chain(at, h), true
		}
	}
	return h.call, false
}

// hasIncomingListeners reports whether there is a listener to incoming events.
func hasIncomingListeners(s *Socket) bool {
	for at := range scopes {
		if c := scopeOf(s, at); c != nil && !c.incoming.Empty() {
			return true
		}
	}
	return false
}

// find returns the handler of an event: the socket's own before the
// namespace's, that before its parent's; nil if there is none and no event
// middleware either.
func find(s *Socket, event []byte) *handler {
	s.mu.Lock()
	h := s.handlers[string(event)]
	s.mu.Unlock()
	root := s.ns
	for ns := s.ns; h == nil && ns != nil; ns = ns.parent {
		ns.mu.RLock()
		h = ns.handlers[string(event)]
		ns.mu.RUnlock()
		root = ns
	}
	if h == nil {
		if _, middleware := withinScopes(s, inParent, root.unhandled); middleware {
			return root.unhandled
		}
	}
	return h
}
