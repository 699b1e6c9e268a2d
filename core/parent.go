package socketio

import (
	"fmt"
	"regexp"
	"slices"
)

// OfRegexp returns the parent of all namespaces whose names match: a client
// that joins one makes it, as a child. The expression is not anchored by
// itself: "^/room-[0-9]+$" is meant more often than "/room-[0-9]+".
//
// What is registered with the parent holds for all its children, live: its
// middleware, hooks and listeners come before a child's own, its event
// middleware is outside of theirs, its handlers are for the events that the
// child has none for. What is sent or done with the parent is for all its
// children that have sockets on this server, each on all servers.
//
// Namespaces that [Server.Of] has made come first, then parents in the order of
// their registration; the first that wants the client has it. While a child
// exists its name is its parent's, which alone is asked. A child that nobody
// is in is removed, see [Namespace.Child] and Options.KeepEmptyNamespaces.
//
// It panics on nil. See https://socket.io/docs/v4/namespaces/#dynamic-namespaces.
func (srv *Server) OfRegexp(re *regexp.Regexp) *Namespace {
	notNil("OfRegexp", re == nil)
	return srv.newParent(re.String(), &pattern{re: re, match: func(name string, _ *Handshake) bool { return re.MatchString(name) }})
}

// OfFunc returns the parent of all namespaces that f says yes to. It is asked
// for every client that wants to join, also when the child exists: its answer
// may depend on the handshake, whose Auth is that of this namespace. It runs on
// the goroutine that reads the client's connection and must be quick; what
// takes time is middleware of the parent. When it panics, that is logged and
// means no. It may be called concurrently.
//
// f says which names there are. Query, headers and Auth are what the client claims:
// who may join is for the parent's middleware, after a guard that has verified who
// it is.
//
// [Namespace.Child] returns a child by its name. [Server.Of] does not know f's
// names: to register something with what Of returns makes a namespace that is not
// f's, and has nothing of the parent's, its middleware included. Otherwise OfFunc is
// like [Server.OfRegexp].
func (srv *Server) OfFunc(f func(name string, h *Handshake) bool) *Namespace {
	notNil("OfFunc", f == nil)
	return srv.newParent("func", &pattern{match: f})
}

func (srv *Server) newParent(name string, p *pattern) *Namespace {
	p.children = make(map[string]*Namespace)
	srv.mu.Lock()
	defer srv.mu.Unlock()
	ns := newNamespace(srv, srv.ownNameLocked(name))
	ns.unhandled.scope = inParent
	ns.pattern = p
	srv.parents = append(srv.parents, ns)
	return ns
}

// ownNameLocked returns a name that metrics can tell from those of other parents
// and namespaces.
func (srv *Server) ownNameLocked(name string) string {
	taken := func(name string) bool {
		return srv.namespaces[name] != nil || slices.ContainsFunc(srv.parents, func(p *Namespace) bool { return p.name == name })
	}
	own := name
	for n := 2; taken(own); n++ {
		own = fmt.Sprintf("%s#%d", name, n)
	}
	return own
}

// OnNewNamespace adds a hook that hears of each namespace that is made from
// then on, by [Server.Of] or as a child, before its first client has joined.
// What the hook registers with a child does not keep it from being removed: for
// the next child of that name the hook runs again. When it panics for a child,
// the clients that wait for that are refused.
func (srv *Server) OnNewNamespace(f func(ns *Namespace)) {
	notNil("OnNewNamespace", f == nil)
	srv.mu.Lock()
	defer srv.mu.Unlock()
	srv.onNew = append(srv.onNew, f)
}

// Parent returns the parent of a child, nil for other namespaces.
func (ns *Namespace) Parent() *Namespace { return ns.parent }

// Children returns a parent's children that exist on this server.
func (ns *Namespace) Children() []*Namespace {
	if ns.pattern == nil {
		return nil
	}
	ns.srv.mu.RLock()
	defer ns.srv.mu.RUnlock()
	all := make([]*Namespace, 0, len(ns.pattern.children))
	for _, child := range ns.pattern.children {
		all = append(all, child)
	}
	return all
}

// Child returns a parent's child by its name, to send to it or to register
// something with it. It panics when ns is no parent, and on a name that the
// parent's expression does not match.
//
// A child exists while a socket is in it, or joins it. What is returned can be
// used at any time: what is sent with it goes to the child that exists then,
// here and on other servers, and to nobody if there is none. Registering
// something with it makes the child, if need be, and keeps it for good: do so
// only for a few names that the application knows, and for the others with the
// parent or in [Server.OnNewNamespace]. All that is true of the namespaces that
// [Socket.Namespace] and [Server.Of] return, too, when they are children.
func (ns *Namespace) Child(name string) *Namespace {
	if ns.pattern == nil {
		panic("socketio: Child: namespace " + ns.name + " is no parent")
	}
	name = ns.srv.checked(name)
	if ns.pattern.re != nil && !ns.pattern.re.MatchString(name) {
		panic("socketio: Child: " + name + " does not match " + ns.name)
	}
	ns.srv.mu.RLock()
	defer ns.srv.mu.RUnlock()
	if child := ns.pattern.children[name]; child != nil {
		return child
	}
	return newChild(ns, name)
}

// ensureLive returns the namespace to register something with: a child is made if it
// is not there, and stays.
func (ns *Namespace) ensureLive() *Namespace {
	if ns.parent == nil {
		return ns.claim()
	}
	live := ns
	if !ns.hold() {
		child, taken := ns.srv.adopt(ns.parent, ns.name, noLimit)
		if taken {
			ns.srv.log.Error("socketio: what is registered with a child is lost: its name is another namespace's", "namespace", ns.LogValue())
			return ns
		}
		live = child
	}
	defer live.release()
	if live.life.announcing.Load() {
		return live
	}
	ns.srv.mu.Lock()
	live.life.kept = true
	ns.srv.mu.Unlock()
	live.ready()
	if live != ns {
		live.announce()
	}
	return live
}

// claim returns the namespace to register something with, which keeps its name from
// then on. What hooks of OnNewNamespace register does not count: they run for every
// namespace.
func (ns *Namespace) claim() *Namespace {
	if ns.pattern != nil || ns.claimed.Load() {
		return ns
	}
	srv := ns.srv
	srv.mu.Lock()
	alias := ns.alias.Load()
	if !alias && !ns.life.announcing.Load() {
		ns.claimed.Store(true)
	}
	srv.mu.Unlock()
	if alias {
		return srv.of(ns.name, true).ensureLive()
	}
	return ns
}
