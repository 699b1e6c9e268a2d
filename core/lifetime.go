package socketio

import (
	linked "container/list"
	"math"
	"sync/atomic"

	"github.com/gosio/gosio/core/internal/apperror"
)

// lifetime is how long a child is there.
type lifetime struct {
	// users are its sockets, from the moment they connect until their last
	// hook has run, and calls under way; removed once it is not there. Sessions that
	// are kept for recovery are none: a child that has only these rests.
	users      atomic.Int64
	kept       bool            // the application has registered something; guarded by Server.mu
	resting    *linked.Element // of Server.resting; guarded by Server.mu
	rests      atomic.Bool     // resting is not nil
	visited    atomic.Bool     // a socket has left it since it began to rest
	after      <-chan struct{} // closed when the adapter of the one before is
	ready      atomic.Bool     // it has its adapter
	known      atomic.Bool     // the hooks of OnNewNamespace have run
	announcing atomic.Bool     // they run
	leaving    atomic.Bool     // its adapter is being closed
	left       chan struct{}   // closed when that has returned; made with the adapter
}

const removed = math.MinInt64 / 2

// maxEvicted is how many children that were removed for others may be closing
// their adapters at a time.
const maxEvicted = 100

// hold keeps a child from being removed until release. It reports whether the
// namespace is there.
func (ns *Namespace) hold() bool {
	for ns.parent != nil {
		n := ns.life.users.Load()
		if n < 0 {
			return false
		}
		if ns.life.users.CompareAndSwap(n, n+1) {
			break
		}
	}
	return true
}

// release ends a hold. The last one removes the child.
func (ns *Namespace) release() {
	if ns.parent != nil && ns.life.users.Add(-1) == 0 && !ns.restsOn() {
		ns.settle()
	}
}

// restsOn reports whether a child that nobody uses is where it belongs: something
// was sent to it, or asked of it, while it rested. This needs no lock: a broadcast
// of a parent does it for each of its children. Whoever takes such a child off the
// resting ones, or the last session off the child, looks at its users afterwards.
func (ns *Namespace) restsOn() bool {
	return ns.life.rests.Load() && !ns.life.visited.Load() && ns.recovery.kept.Load() > 0
}

// releaseAside is release for a goroutine that must not wait for an adapter.
func (ns *Namespace) releaseAside() {
	if ns.parent == nil || ns.life.users.Add(-1) != 0 || ns.restsOn() {
		return
	}
	if !ns.life.ready.Load() { // it has none
		ns.settle()
		return
	}
	ns.srv.work.Add()
	go func() { // until the adapter is closed; Shutdown waits
		defer ns.srv.work.Done()
		ns.settle()
	}()
}

// settle removes a child that nobody uses, unless sessions of it are kept.
func (ns *Namespace) settle() {
	srv := ns.srv
	if srv.opts.KeepEmptyNamespaces {
		return
	}
	srv.mu.Lock()
	if ns.recovery != nil && ns.recovery.kept.Load() > 0 {
		if ns.life.users.Load() == 0 && !ns.life.kept { // else whoever uses it settles it
			ns.restLocked()
		}
		srv.mu.Unlock()
		return
	}
	left, ok := ns.removeLocked()
	srv.mu.Unlock()
	if ok {
		ns.removed(left)
	}
}

// removeLocked takes a child that nobody uses off its server's. The caller must
// call removed, with what it returns, when Server.mu, which is held, is released.
func (ns *Namespace) removeLocked() (left chan struct{}, ok bool) {
	srv := ns.srv
	if ns.life.kept || !ns.life.users.CompareAndSwap(0, removed) {
		return nil, false
	}
	ns.riseLocked()
	delete(srv.namespaces, ns.name)
	delete(ns.parent.pattern.children, ns.name)
	srv.children--
	if ns.adapter == nil {
		return nil, true
	}
	left = make(chan struct{})
	if srv.leaving == nil {
		srv.leaving = make(map[string]chan struct{})
	}
	srv.leaving[ns.name] = left
	return left, true
}

// restLocked makes a child one of the resting ones; the last of them if it is
// new, or if somebody has been in. Server.mu is held.
func (ns *Namespace) restLocked() {
	visited := ns.life.visited.Swap(false)
	switch {
	case ns.life.resting == nil:
		ns.life.resting = ns.srv.resting.PushBack(ns)
		ns.life.rests.Store(true)
	case visited:
		ns.srv.resting.MoveToBack(ns.life.resting)
	}
}

// riseLocked takes a child off the resting ones. Server.mu is held.
func (ns *Namespace) riseLocked() {
	if ns.life.resting != nil {
		ns.srv.resting.Remove(ns.life.resting)
		ns.life.resting = nil
		ns.life.rests.Store(false)
	}
}

// removed ends what a removed child has: the log of its events, which nobody
// misses any more, and its adapter.
func (ns *Namespace) removed(left chan struct{}) {
	if ns.recovery != nil {
		ns.recovery.end()
	}
	if left == nil {
		return
	}
	srv := ns.srv
	defer func() {
		srv.mu.Lock()
		delete(srv.leaving, ns.name)
		srv.mu.Unlock()
		close(left)
	}()
	var err error
	srv.guard("Adapter.Close", ns.name, func() { err = ns.closeAdapter() }) // on whatever goroutine has let go of the child
	if err != nil {
		srv.log.Warn("socketio: adapter of a removed namespace", "namespace", ns.LogValue(), "error", apperror.Logged(err))
	}
}

// evictLocked removes the child that has had only kept sessions for longest. It
// reports false when there is none. Server.mu is held.
func evictLocked(srv *Server) bool {
	if srv.evicted >= maxEvicted {
		return false
	}
	for e := srv.resting.Front(); e != nil; e = srv.resting.Front() {
		ns := e.Value.(*Namespace)
		left, ok := ns.removeLocked()
		if !ok { // it is in use, and rests again later
			ns.riseLocked()
			if ns.life.users.Load() == 0 && !ns.life.kept { // not any more, see restsOn
				ns.restLocked()
			}
			continue
		}
		srv.evicted++
		srv.work.Add()
		go func() { // until the adapter is closed; Shutdown waits
			defer srv.work.Done()
			defer func() {
				srv.mu.Lock()
				srv.evicted--
				srv.mu.Unlock()
			}()
			ns.removed(left)
		}()
		return true
	}
	return false
}

// closeAdapter closes the adapter once. Further callers wait for the first.
func (ns *Namespace) closeAdapter() error {
	switch {
	case ns.adapter == nil:
		return nil
	case ns.life.leaving.Swap(true):
		<-ns.life.left
		return nil
	}
	defer close(ns.life.left) // also when Close panics
	ns.rooms.subs.End()
	ns.rooms.ownSubs.End()
	return ns.adapter.Close()
}
