package socketio

import "strings"

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

// of is Of; with claim it makes the namespace whatever functions may want the name.
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

// checked returns a name that a namespace can have.
func (srv *Server) checked(name string) string {
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	if len(name) > srv.opts.Limits.NamespaceName || strings.ContainsRune(name, ',') {
		panic("socketio: namespace name " + name + " cannot be used: it is too long or has a comma")
	}
	return name
}

// held returns the namespace of that name and holds it; nil if there is none. join
// says that a client is about to join: a namespace that a parent may take is none then.
func (srv *Server) held(name string, join bool) *Namespace {
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

// enter returns the namespace that a client is to join, and holds it; nil if
// there is none for it.
func (srv *Server) enter(name string, h *Handshake) *Namespace {
	for {
		if ns := srv.held(name, true); ns != nil {
			if ns.parent == nil || srv.wants(ns.parent, name, h) {
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

// parentByNameLocked is the first parent whose expression matches.
func (srv *Server) parentByNameLocked(name string) *Namespace {
	for _, p := range srv.parents {
		if p.pattern.re != nil && p.pattern.re.MatchString(name) {
			return p
		}
	}
	return nil
}

// parentByFuncLocked is the first parent of OfFunc, nil if there is none.
func (srv *Server) parentByFuncLocked() *Namespace {
	for _, p := range srv.parents {
		if p.pattern.re == nil {
			return p
		}
	}
	return nil
}

// parentFor is the first parent that wants the client.
func (srv *Server) parentFor(name string, h *Handshake) *Namespace {
	srv.mu.RLock()
	parents := srv.parents
	srv.mu.RUnlock()
	for _, p := range parents {
		if srv.wants(p, name, h) {
			return p
		}
	}
	return nil
}

// wants asks a parent, without a lock held.
func (srv *Server) wants(p *Namespace, name string, h *Handshake) (yes bool) {
	srv.guard("OfFunc", name, func() { yes = p.pattern.match(name, h) })
	return yes
}

// adopt returns the parent's child of that name, which it makes if there is
// none and there are fewer than limit, those aside that only sessions are kept
// of, and holds it. taken reports that the name has become another one's.
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
// that no client has joined: a parent wants its name.
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
		ns.ready().removed(left)
	}()
}

// newChild returns a child that is not there yet.
func newChild(parent *Namespace, name string) *Namespace {
	ns := newNamespace(parent.srv, name)
	ns.parent = parent
	if ns.recovery != nil {
		parent.recovery.share.join(ns.recovery)
	}
	ns.life.users.Store(removed)
	return ns
}

// While a parent of [Server.OfFunc] may want any name, a namespace that [Server.Of]
// makes for an Emit alone would be one that every client can join without the
// parent's guard. So Of returns an alias then: a Namespace that is not there itself,
// and passes on what is sent with it to the namespace that has its name. What is
// registered with an alias makes the namespace.

func newAlias(srv *Server, name string) *Namespace {
	ns := newNamespace(srv, name)
	ns.alias.Store(true)
	return ns
}
