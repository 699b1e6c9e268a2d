package socketio

import "errors"

// eachLocal calls f with the namespaces of this server that this one stands for.
func eachLocal(ns *Namespace, f func(*Namespace)) {
	_ = each(ns, false, func(ns *Namespace) error { f(ns); return nil })
}

// each calls f with the namespaces that this one stands for: a parent's
// children that can have sockets, or a child's successor. With cluster, a child
// that is not there is made for the call if it may be on other servers.
func each(ns *Namespace, cluster bool, f func(*Namespace) error) error {
	switch {
	case ns.pattern != nil:
		return eachChild(ns, f)
	case ns.alias.Load():
		return eachNamed(ns, cluster, f)
	case ns.parent == nil:
		return f(ns)
	}
	live := ns
	if !ns.hold() {
		live = ns.srv.held(ns.name, false)
		if live == nil && cluster && ns.srv.opts.Adapter != nil {
			live, _ = ns.srv.adopt(ns.parent, ns.name, noLimit)
		}
		if live == nil {
			return nil
		}
	}
	defer live.release()
	if live.parent != ns.parent {
		return nil
	}
	return f(live.ready())
}

func eachChild(ns *Namespace, f func(*Namespace) error) error {
	var errs []error
	for _, child := range ns.Children() {
		if !child.hold() {
			continue
		}
		if child.life.ready.Load() { // one that is being made has no sockets
			errs = append(errs, f(child))
		}
		child.release()
	}
	return errors.Join(errs...)
}

// eachNamed is each for an alias. With cluster, a child that may be on other servers
// is made for the call, of the first of several functions that may want the name.
func eachNamed(ns *Namespace, cluster bool, f func(*Namespace) error) error {
	srv := ns.srv
	live := srv.held(ns.name, false)
	if live == nil && cluster && srv.opts.Adapter != nil {
		srv.mu.RLock()
		p := srv.parentByNameLocked(ns.name)
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

// members are the namespaces that another one stands for, held.
type members []*Namespace

// members is each for calls that take their time: what it returns must be
// released.
func membersOf(ns *Namespace, cluster bool) (all members) {
	_ = each(ns, cluster, func(ns *Namespace) error {
		ns.hold()
		all = append(all, ns)
		return nil
	})
	return all
}

func (m members) release() {
	for _, ns := range m {
		ns.release()
	}
}
