package socketio

import (
	"math"

	"github.com/gosio/gosio/core/internal/apperror"
)

const usersRemoved = math.MinInt64 / 2

// maxEvicted is how many children that were removed for others may be closing
// their adapters at a time.
const maxEvicted = 100

// hold prevents the removal of a child until release. It reports false if the child has
// been removed.
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

// release undoes hold. The last release removes the child.
func (ns *Namespace) release() {
	if ns.parent != nil && ns.life.users.Add(-1) == 0 && !ns.staysResting() {
		ns.settle()
	}
}

// staysResting reports whether an unused child is in Server.resting and belongs there:
// a broadcast has used the child, but no socket. It takes no lock, because a broadcast
// of a parent calls it for each child. Code that removes a child from Server.resting,
// or the last session from a child, must check the users of the child afterwards.
func (ns *Namespace) staysResting() bool {
	return ns.life.rests.Load() && !ns.life.visited.Load() && ns.recovery.kept.Load() > 0
}

// releaseAside is like release, for a goroutine that must not wait for an adapter.
func (ns *Namespace) releaseAside() {
	if ns.parent == nil || ns.life.users.Add(-1) != 0 || ns.staysResting() {
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

// settle removes an unused child, or adds it to Server.resting if sessions of the child
// are kept.
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
		ns.closeRemoved(left)
	}
}

// removeLocked removes an unused child from the server. The caller must call
// closeRemoved with left after it has released Server.mu.
func (ns *Namespace) removeLocked() (left chan struct{}, ok bool) {
	srv := ns.srv
	if ns.life.kept || !ns.life.users.CompareAndSwap(0, usersRemoved) {
		return nil, false
	}
	ns.wakeLocked()
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

// restLocked adds a child to the end of Server.resting, or moves it there if a socket
// has been in the child meanwhile.
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

// wakeLocked removes a child from Server.resting.
func (ns *Namespace) wakeLocked() {
	if ns.life.resting != nil {
		ns.srv.resting.Remove(ns.life.resting)
		ns.life.resting = nil
		ns.life.rests.Store(false)
	}
}

// closeRemoved closes the event log and the adapter of a removed child.
func (ns *Namespace) closeRemoved(left chan struct{}) {
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

// evictLocked removes the child that has been in Server.resting for longest. It reports
// false if there is none, or if maxEvicted removed children still close their adapters.
func evictLocked(srv *Server) bool {
	if srv.evicted >= maxEvicted {
		return false
	}
	for e := srv.resting.Front(); e != nil; e = srv.resting.Front() {
		ns := e.Value.(*Namespace)
		left, ok := ns.removeLocked()
		if !ok { // it is in use, and rests again later
			ns.wakeLocked()
			if ns.life.users.Load() == 0 && !ns.life.kept { // not any more, see staysResting
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
			ns.closeRemoved(left)
		}()
		return true
	}
	return false
}

// closeAdapter closes the adapter once. Later callers wait for the first call.
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
