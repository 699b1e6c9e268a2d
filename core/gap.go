package socketio

import (
	"log/slog"

	"github.com/gosio/gosio/core/adapter"
)

// Gap implements adapter.Local.
func (l *local) Gap(g adapter.Gap) {
	ns := l.ns
	if g.Type == adapter.GapIncoming && ns.recovery != nil {
		ns.recovery.takeGap()
	}
	if g.Type == adapter.GapOutgoing && ns.recovery != nil {
		ns.recovery.giveUp()
	}
	tellGap(ns, g)
}

// tellGap tells everybody of a gap.
func tellGap(ns *Namespace, g adapter.Gap) {
	ns.srv.note(slog.LevelWarn, "gap "+g.Type.String(), "socketio: the adapter has lost operations of the cluster",
		ns.attrs(slog.String("type", g.Type.String()), slog.Int("operations", g.Operations), slog.Any("error", g.Err))...)
	e := GapEvent{Namespace: ns, Gap: g}
	if o := ns.srv.observer.Load(); o != nil {
		o.gap(e)
	}
	if ns.parent != nil {
		ns.parent.scope.tellGap(e)
	}
	ns.scope.tellGap(e)
}
