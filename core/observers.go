package socketio

import (
	"context"
	"log/slog"
	"slices"
	"time"
)

// Observers returns an Observer that calls every Observer of the list, in order, one
// for metrics and one for traces for example. nil entries are left out. Observer.Event
// of each gets the context that the one before has returned, and the handler gets the
// last context. The done functions are called in reverse order. A panic of one Observer
// does not affect the others.
func Observers(list ...Observer) Observer {
	list = slices.DeleteFunc(slices.Clone(list), func(o Observer) bool { return o == nil })
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	}
	each := make(fanOut, len(list))
	for i, o := range list {
		each[i] = &observing{to: o, log: slog.Default()} // unless guard makes others
	}
	return each
}

// guard returns an Observer of which one member's panic does not reach the
// others.
func guard(o Observer, log *slog.Logger, began time.Time) *observing {
	if several, ok := o.(fanOut); ok {
		each := make(fanOut, len(several))
		for i, o := range several {
			each[i] = guard(o.to, log, began)
		}
		o = each
	}
	return &observing{to: o, tracer: tracerOf(o), log: log, began: began}
}

// with returns an Observer that also calls another one.
func (o *observing) with(other Observer) *observing {
	all := fanOut{o}
	if several, ok := o.to.(fanOut); ok {
		all = slices.Clone(several)
	}
	all = append(all, guard(other, o.log, o.began))
	return &observing{to: all, tracer: tracerOf(all), log: o.log, began: o.began}
}

// watch gives the server to those who want it.
func watch(o Observer, srv *Server) {
	if several, ok := o.(fanOut); ok {
		for _, o := range several {
			watch(o.to, srv)
		}
	} else if w, ok := o.(Watcher); ok {
		w.Watch(srv)
	}
}

// fanOut is what Observers returns.
type fanOut []*observing

// Connection implements Observer.
func (f fanOut) Connection(e ConnectionEvent) {
	for _, o := range f {
		o.connection(e)
	}
}

// Refused implements Observer.
func (f fanOut) Refused(e RefusedEvent) {
	for _, o := range f {
		o.refused(e)
	}
}

// Upgrade implements Observer.
func (f fanOut) Upgrade(e UpgradeEvent) {
	for _, o := range f {
		o.upgrade(e)
	}
}

// Namespace implements Observer.
func (f fanOut) Namespace(e NamespaceEvent) {
	for _, o := range f {
		o.namespace(e)
	}
}

// Event implements Observer.
func (f fanOut) Event(ctx context.Context, e EventInfo) (context.Context, func(EventResult)) {
	var ends []func(EventResult)
	for _, o := range f {
		out, done := o.event(ctx, &e)
		if ctx = out; done != nil {
			ends = append(ends, func(r EventResult) { o.eventDone(done, r) })
		}
	}
	return ctx, reversed(ends)
}

// Emit implements Observer.
func (f fanOut) Emit(ctx context.Context, e EmitInfo) func(EmitResult) {
	var ends []func(EmitResult)
	for _, o := range f {
		if done := o.emit(ctx, &e, nil); done != nil {
			ends = append(ends, func(r EmitResult) { o.emitDone(done, &r) })
		}
	}
	return reversed(ends)
}

// Dropped implements Observer.
func (f fanOut) Dropped(e DropEvent) {
	for _, o := range f {
		o.dropped(e)
	}
}

// Flushed implements Observer.
func (f fanOut) Flushed(e FlushEvent) {
	for _, o := range f {
		o.flushed(e)
	}
}

// Gap implements Observer.
func (f fanOut) Gap(e GapEvent) {
	for _, o := range f {
		o.gap(e)
	}
}

// Value implements Observer.
func (f fanOut) Value(e ValueEvent) {
	for _, o := range f {
		o.value(e)
	}
}

func (fanOut) embedsNopObserver() {}

// reversed calls what is in the list, the last first.
func reversed[R any](list []func(R)) func(R) {
	if len(list) == 0 {
		return nil
	}
	return func(r R) {
		for _, f := range slices.Backward(list) {
			f(r)
		}
	}
}
