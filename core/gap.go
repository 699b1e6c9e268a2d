package socketio

import (
	"log/slog"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/internal/history"
)

// GapEvent says that an adapter has lost operations of the cluster, or may have.
type GapEvent struct {
	// Namespace is the one whose operations are lost, never a parent.
	Namespace *Namespace
	adapter.Gap
}

// OnGap adds a hook that runs when the adapter of the namespace, or of one of its
// children, reports that operations are lost: clients of this server have missed
// events of other servers ([adapter.GapIncoming]), or clients of others have missed
// events of this one. Clients that are connected do not notice it by themselves: tell
// them to load their state anew, for instance. A client that has got no event since an
// incoming gap is not recovered when it loses its connection, so that it does not take
// its state for whole; see [Recovery].
//
// The hook runs on a goroutine of the adapter, which it holds up: it must be quick.
// The returned function takes the hook off again. Each gap is also logged, and
// Options.Observer is told.
func (ns *Namespace) OnGap(f func(GapEvent)) (off func()) {
	notNil("OnGap", f == nil)
	return ns.mine().scope.gaps.add(f)
}

// Gap implements adapter.Local.
func (l *local) Gap(g adapter.Gap) {
	ns := l.ns
	if g.Type == adapter.GapIncoming && ns.recovery != nil {
		ns.recovery.gapped()
	}
	ns.srv.note(slog.LevelWarn, "gap "+g.Type.String(), "socketio: the adapter has lost operations of the cluster",
		ns.attrs(slog.String("type", g.Type.String()), slog.Int("operations", g.Operations), slog.Any("error", g.Err))...)
	e := GapEvent{Namespace: ns, Gap: g}
	if o := ns.srv.observer; o != nil {
		o.gap(e)
	}
	if ns.parent != nil {
		ns.parent.scope.tellGap(e)
	}
	ns.scope.tellGap(e)
}

func (c *scope) tellGap(e GapEvent) {
	for _, f := range c.gaps.get() {
		e.Namespace.srv.guard("OnGap", e.Namespace.name, func() { (*f)(e) })
	}
}

// gapped takes a position for a gap: no session is recovered from a position before it.
func (r *recovery) gapped() {
	r.mu.Lock()
	defer r.unlock()
	rs := &r.ns.rooms
	rs.mu.RLock()
	r.gap = r.log.Take() // as take does
	rs.mu.RUnlock()
	r.keep(entry{Kind: history.KindLeave}) // of no room: nothing is done
}
