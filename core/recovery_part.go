package socketio

import (
	"context"

	"github.com/gosio/gosio/core/adapter"
)

// What waits for the log, and a socket that goes.

// partLocked sends a socket what waits for the log and means it: it is told to leave, and
// comes back for nothing. Afterwards it gets nothing any more.
func partLocked(r *recovery, s *Socket) {
	if s.track.parted {
		return
	}
	r.walkLocked(s, func(st *waiting, in func(string) bool) bool {
		switch v := &st.Value; {
		case v.op == nil && v.s == s:
			r.postStepLocked(s, v.f)
		case v.op == nil || !means(&v.op.Target, s.id, in):
		case v.f != nil:
			giveLocked(r, s, v.f)
		case v.op.Type == adapter.OpDisconnect:
			return false
		}
		return true
	}, nil)
	s.track.parted = true
}

// giveLocked sends a socket an event whose frames get another offset later.
func giveLocked(r *recovery, s *Socket, f *frames) {
	p := f.packet()
	own, err := framesFor(r.ns, &adapter.Packet{Data: p.Data, Attachments: p.Attachments, NoCompress: f.plain})
	if err != nil {
		return
	}
	own.newest = f.newest
	if own.volatile = f.volatile; own.volatile {
		r.postStepLocked(s, own)
		return
	}
	stampLocked(r, own, r.log.Last(), "")
	_ = r.postLocked(s, own)
}

// flushed calls then when the sockets have got what was sent to them and waits for the
// log. Those that may not come back get it at once.
func flushed(sockets []*Socket, then func()) {
	for i, s := range sockets {
		if flushing(s, func() { flushed(sockets[i+1:], then) }) {
			return
		}
	}
	then()
}

// flushing reports whether something waits for the log: then is called when it is done.
func flushing(s *Socket, then func()) bool {
	r := s.ns.recovery
	if !r.sequenced() {
		return false
	}
	r.mu.Lock()
	defer r.unlock()
	switch {
	case r.seq.steps.Empty() || !s.connected():
		return false
	case s.track.barred:
		partLocked(r, s)
		return false
	}
	r.queueLocked(&waiting{Value: step{then: then}})
	return true
}

// flushAll waits until nothing that has been sent waits for a log, or ctx ends.
func flushAll(ctx context.Context, srv *Server) {
	srv.mu.RLock()
	var all []*recovery
	for _, ns := range srv.namespaces {
		if ns.life.ready.Load() && ns.recovery.sequenced() {
			all = append(all, ns.recovery)
		}
	}
	srv.mu.RUnlock()
	for _, r := range all {
		r.awaitSteps(ctx)
	}
}
