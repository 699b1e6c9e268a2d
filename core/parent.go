package socketio

import (
	"fmt"
	"regexp"
	"slices"
)

// OfRegexp returns the parent of all namespaces whose names match. A client that joins
// such a namespace makes the namespace, as a child of the parent. The expression is not
// anchored: write "^/room-[0-9]+$", as "/room-[0-9]+" also matches "/x/room-1/y".
//
// Everything that is registered with the parent, at any time, applies to all its
// children: middleware, hooks and listeners of the parent run before those of the
// child, event middleware of the parent is outside of that of the child, and a handler
// of the parent gets the events for which the child has no handler. Methods such as
// Emit act on all children that have sockets on this server, and for each child on all
// servers.
//
// A client joins the namespace that [Server.Of] has made under the name, otherwise a
// child of the first parent, in the order of registration, that accepts the client.
// While a child exists only its own parent is asked. The server removes a child that
// has no sockets, see [Namespace.Child] and Options.KeepEmptyNamespaces.
//
// OfRegexp panics if re is nil. See
// https://socket.io/docs/v4/namespaces/#dynamic-namespaces.
func (srv *Server) OfRegexp(re *regexp.Regexp) *Namespace {
	notNil("OfRegexp", re == nil)
	return srv.newParent(re.String(), &pattern{re: re, match: func(name string, _ *Handshake) bool { return re.MatchString(name) }})
}

// OfFunc returns the parent of all namespaces for which f returns true. The server
// calls f for every client that joins, also when the child exists: the result may
// depend on the handshake, whose Auth is the payload for this namespace. f runs on the
// goroutine that reads the client's connection, and must be quick; put slow checks into
// middleware of the parent. A panic of f is logged and means false. f may be called
// concurrently.
//
// f decides which names exist. It cannot decide who may join, because query, headers
// and Auth are not verified: that is for middleware of the parent, behind middleware
// that verifies the identity of the client.
//
// [Namespace.Child] returns a child by its name. [Server.Of] does not: registering
// something with the value that Of returns makes a namespace that is no child and has
// nothing of the parent. Otherwise OfFunc is like [Server.OfRegexp].
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

// OnNewNamespace adds a hook that runs for each new namespace, of [Server.Of] or a
// child, before the first client has joined. Registering something with a child in the
// hook does not prevent the removal of the child: the hook runs again for the next
// child of that name. When the hook panics for a child, the clients that wait for the
// child are refused.
func (srv *Server) OnNewNamespace(f func(ns *Namespace)) {
	notNil("OnNewNamespace", f == nil)
	srv.mu.Lock()
	defer srv.mu.Unlock()
	srv.onNew = append(srv.onNew, f)
}

// Parents returns the parents of this server in the order of registration, which
// [Server.Namespaces] leaves out.
func (srv *Server) Parents() []*Namespace {
	srv.mu.RLock()
	defer srv.mu.RUnlock()
	return slices.Clone(srv.parents)
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

// Child returns a child of a parent by its name. Child panics if ns is no parent, and
// if the parent's expression does not match the name.
//
// A child exists while at least one socket is in the child or joins. The returned value
// can be used at any time: its methods, such as Emit, act on the child that exists at
// the time of the call, on all servers, and on nobody if there is none. Registering
// something with the returned value makes the child if there is none, and keeps the
// child until the server ends: do so only for a few names that the application knows,
// and for all others register with the parent or in [Server.OnNewNamespace]. The same
// holds for children that [Socket.Namespace] and [Server.Of] return.
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
