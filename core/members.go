package socketio

import "errors"

// eachLocal calls f with the namespaces that ns stands for and that this server has.
func eachLocal(ns *Namespace, f func(*Namespace)) {
	_ = each(ns, false, func(ns *Namespace) error { f(ns); return nil })
}

// each calls f with the namespaces that ns stands for: the children of a parent that
// can have sockets, or the child that has the name of ns now. With cluster and an
// adapter, a child that this server does not have is made for the call, because other
// servers may have it.
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
		live = ns.srv.holdNamed(ns.name, false)
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

// eachNamed is each for an alias. With cluster and an adapter, a child that other
// servers may have is made for the call, as a child of the first parent that may accept
// the name.
func eachNamed(ns *Namespace, cluster bool, f func(*Namespace) error) error {
	srv := ns.srv
	live := srv.holdNamed(ns.name, false)
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

// members are the namespaces that a Namespace stands for, held.
type members []*Namespace

// membersOf is each for calls that wait. The caller must release the members.
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
