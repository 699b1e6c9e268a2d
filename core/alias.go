package socketio

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
		return srv.of(ns.name, true).mine()
	}
	return ns
}

// eachNamed is each for an alias. With cluster, a child that may be on other servers
// is made for the call, of the first of several functions that may want the name.
func (ns *Namespace) eachNamed(cluster bool, f func(*Namespace) error) error {
	srv := ns.srv
	live := srv.held(ns.name, false)
	if live == nil && cluster && srv.opts.Adapter != nil {
		srv.mu.RLock()
		p := srv.parentByName(ns.name)
		if p == nil {
			p = srv.parentByFuncLocked()
		}
		srv.mu.RUnlock()
		live, _ = srv.adopt(p, ns.name, noLimit) // there is a parent since there is an alias
	}
	if live == nil {
		return nil
	}
	defer live.release()
	return f(live.ready())
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
	srv.work.add()
	go func() { // until the adapter is closed; Shutdown waits
		defer srv.work.done()
		ns.ready().removed(left)
	}()
}
