package socketio

import (
	"maps"
	"slices"
	"strings"
)

// Of returns the namespace of that name, and makes the namespace if there is none.
// Clients can join a namespace that Of has made. Of adds a missing leading slash.
//
// A name that a parent of [Server.OfRegexp] matches is that parent's child: see
// [Namespace.Child]. A parent of [Server.OfFunc] may want any name, so a server that
// has one makes a namespace only when something is registered with what Of returns: a
// handler, a hook, a listener or middleware. Until then Of has made nothing that
// clients can join, and methods of the returned value, such as Emit, act on the
// namespace that has the name at the time of the call, most often a child of the
// parent. The namespace that registering makes has nothing of the parent: no handlers,
// no hooks, no middleware.
//
// A parent that is added later takes the name of a namespace of Of, with the first
// client that the parent accepts, if nothing was registered with the namespace and no
// client has joined. While there is a parent of [Server.OfFunc], clients can join such
// a namespace only if that parent accepts them.
func (srv *Server) Of(name string) *Namespace { return srv.of(srv.checked(name), false) }

// Namespaces returns the namespaces that exist on this server, ordered by name: those of
// Of, and the children of parents, but not the parents.
func (srv *Server) Namespaces() []*Namespace {
	srv.mu.RLock()
	defer srv.mu.RUnlock()
	all := slices.Collect(maps.Values(srv.namespaces))
	slices.SortFunc(all, func(a, b *Namespace) int { return strings.Compare(a.name, b.name) })
	return all
}

// Lookup returns the namespace of that name if clients can be in it: one that exists on
// this server, or a child that a parent of this server may have on another one. Lookup
// makes nothing, so the name may come from a client. Of makes what it does not find.
func (srv *Server) Lookup(name string) (ns *Namespace, ok bool) {
	srv.mu.RLock()
	ns, byName, byFunc := srv.namespaces[name], srv.parentByNameLocked(name), srv.parentByFuncLocked()
	srv.mu.RUnlock()
	switch {
	case ns != nil:
		return ns, true
	case len(name) > srv.opts.Limits.NamespaceName || !strings.HasPrefix(name, "/") || strings.Contains(name, ","):
		return nil, false
	case byName != nil:
		return newChild(byName, name), true
	case byFunc != nil:
		return newAlias(srv, name), true
	}
	return nil, false
}

// of is Of for a checked name. With claim it makes the namespace even if there is a
// parent of OfFunc.
func (srv *Server) of(name string, claim bool) *Namespace {
	srv.mu.Lock()
	ns, made := srv.namespaces[name], false
	if ns == nil {
		if p := srv.parentByNameLocked(name); p != nil {
			srv.mu.Unlock()
			return newChild(p, name)
		}
		if !claim && srv.parentByFuncLocked() != nil {
			srv.mu.Unlock()
			return newAlias(srv, name)
		}
		ns, made = newNamespace(srv, name), true
		ns.claimed.Store(claim)
		if left := srv.leaving[name]; left != nil {
			ns.life.after = left
		}
		srv.namespaces[name] = ns
	}
	srv.mu.Unlock()
	if ns.parent != nil { // its adapter is the business of those who hold it
		return ns
	}
	ns.ready()
	if made {
		ns.announce()
	}
	return ns
}

// checked returns a name with a leading slash. It panics if no namespace can have the
// name.
func (srv *Server) checked(name string) string {
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	if len(name) > srv.opts.Limits.NamespaceName || strings.ContainsRune(name, ',') {
		panic("socketio: namespace name " + name + " cannot be used: it is too long or has a comma")
	}
	return name
}

// holdNamed returns the namespace of that name, held, or nil if there is none. With
// join a client is about to join: then a namespace whose name a parent may take does
// not count.
func (srv *Server) holdNamed(name string, join bool) *Namespace {
	srv.mu.RLock()
	defer srv.mu.RUnlock()
	ns := srv.namespaces[name]
	if ns == nil || !ns.hold() { // which is so for all that are in the map
		return nil
	}
	if join && ns.parent == nil && !ns.claimed.Load() {
		if srv.parentByNameLocked(name) != nil || srv.parentByFuncLocked() != nil {
			return nil
		}
		ns.claimed.Store(true)
	}
	return ns
}

// holdFor returns the namespace that a client joins, held, or nil if there is none for
// the client.
func (srv *Server) holdFor(name string, h *Handshake) *Namespace {
	for {
		if ns := srv.holdNamed(name, true); ns != nil {
			if ns.parent == nil || srv.accepts(ns.parent, name, h) {
				return ns
			}
			ns.release()
			return nil
		}
		p := srv.parentFor(name, h)
		if p == nil {
			return nil
		}
		if ns, taken := srv.adopt(p, name, srv.opts.Limits.ChildNamespaces); !taken {
			return ns
		}
	}
}

// parentByNameLocked returns the first parent whose expression matches, or nil.
func (srv *Server) parentByNameLocked(name string) *Namespace {
	for _, p := range srv.parents {
		if p.pattern.re != nil && p.pattern.re.MatchString(name) {
			return p
		}
	}
	return nil
}

// parentByFuncLocked returns the first parent of OfFunc, or nil.
func (srv *Server) parentByFuncLocked() *Namespace {
	for _, p := range srv.parents {
		if p.pattern.re == nil {
			return p
		}
	}
	return nil
}

// parentFor returns the first parent that accepts the client, or nil.
func (srv *Server) parentFor(name string, h *Handshake) *Namespace {
	srv.mu.RLock()
	parents := srv.parents
	srv.mu.RUnlock()
	for _, p := range parents {
		if srv.accepts(p, name, h) {
			return p
		}
	}
	return nil
}

// accepts reports whether a parent accepts the client. No lock may be held.
func (srv *Server) accepts(p *Namespace, name string, h *Handshake) (yes bool) {
	srv.guard("OfFunc", name, func() { yes = p.pattern.match(name, h) })
	return yes
}

// adopt returns the child of that name, held, and makes the child if there is none. It
// returns nil if there are limit children already, and none of them can be evicted.
// taken reports that another namespace has the name.
func (srv *Server) adopt(p *Namespace, name string, limit int) (ns *Namespace, taken bool) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	switch ns = srv.namespaces[name]; {
	case ns == nil:
	case ns.parent == p:
		ns.hold()
		return ns, false
	case ns.parent != nil || ns.claimed.Load():
		return nil, true
	default:
		srv.displaceLocked(ns)
	}
	if srv.children >= limit && !evictLocked(srv) {
		return nil, false
	}
	ns = newChild(p, name)
	ns.life.users.Store(1)
	if left := srv.leaving[name]; left != nil {
		ns.life.after = left
	}
	srv.namespaces[name] = ns
	p.pattern.children[name] = ns
	srv.children++
	return ns, false
}

// displaceLocked makes an alias of a namespace that nothing was registered with, and
// that no client has joined, because a parent takes the name.
func (srv *Server) displaceLocked(ns *Namespace) {
	delete(srv.namespaces, ns.name)
	ns.alias.Store(true)
	var left chan struct{}
	if srv.opts.Adapter != nil {
		left = make(chan struct{})
		if srv.leaving == nil {
			srv.leaving = make(map[string]chan struct{})
		}
		srv.leaving[ns.name] = left
	}
	srv.work.Add()
	go func() { // until the adapter is closed; Shutdown waits
		defer srv.work.Done()
		ns.ready().closeRemoved(left)
	}()
}

// newChild returns a child that the server does not have yet.
func newChild(parent *Namespace, name string) *Namespace {
	ns := newNamespace(parent.srv, name)
	ns.parent = parent
	if ns.recovery != nil {
		parent.recovery.share.join(ns.recovery)
	}
	ns.life.users.Store(usersRemoved)
	return ns
}

// newAlias returns an alias: a Namespace that the server does not have. Its methods act
// on the namespace that has the name at the time of the call, and registering something
// with the alias makes the namespace. [Server.Of] returns an alias while there is a
// parent of [Server.OfFunc]: if Of made a namespace for a mere Emit, every client could
// join it, without the guard of the parent.

func newAlias(srv *Server, name string) *Namespace {
	ns := newNamespace(srv, name)
	ns.alias.Store(true)
	return ns
}
