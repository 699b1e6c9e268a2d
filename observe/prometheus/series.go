package sioprometheus

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	socketio "github.com/gosio/gosio/core"
)

// Looking a metric up by its labels costs more than counting. So what an event
// needs is put together when it comes for the first time.

// key is an event of a namespace: of the parent, for its children, and nil for
// namespaces that are too many.
type key struct {
	ns   *socketio.Namespace
	name string
}

// table finds series without a lock; whoever adds one makes another known.
type table[S any] struct {
	known atomic.Pointer[known[S]]
	mu    sync.Mutex
	made  func(namespace, event string) *S
}

// known is never changed.
type known[S any] struct {
	series map[key]*S
	events map[*socketio.Namespace]int // of each, "other" aside
}

func newTable[S any](made func(namespace, event string) *S) *table[S] {
	t := &table[S]{made: made}
	t.known.Store(&known[S]{})
	return t
}

// incoming is what is counted of an event that clients send. Its function is
// made once, not per event.
type incoming struct {
	received, bytes prometheus.Counter
	time            prometheus.Observer
	done            func(socketio.EventResult)
}

// outgoing is what is counted of an event that is emitted.
type outgoing struct {
	emitted, delivered, bytes prometheus.Counter
	done, asked, remote       func(socketio.EmitResult)
}

// of returns the series of an event. bounded says that the application has
// chosen its name; there may still be too many.
func (t *table[S]) of(o *Observer, ns *socketio.Namespace, name string, bounded bool) *S {
	if p := ns.Parent(); p != nil {
		ns = p
	}
	k := t.known.Load()
	if bounded {
		if s := k.series[key{ns, name}]; s != nil {
			return s
		}
	}
	label := o.namespaceLabel(ns.Name())
	if label == other {
		ns = nil
	}
	if !bounded || k.events[ns] >= o.opts.MaxEvents || len(o.opts.Events) > 0 && !slices.Contains(o.opts.Events, name) {
		name = other
	}
	if s := k.series[key{ns, name}]; s != nil {
		return s
	}
	return t.add(key{ns, name}, label, o.opts.MaxEvents)
}

func (t *table[S]) add(at key, label string, most int) *S {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.known.Load()
	if old.events[at.ns] >= most {
		at.name = other
	}
	if s := old.series[at]; s != nil { // somebody was faster
		return s
	}
	k := &known[S]{series: maps.Clone(old.series), events: maps.Clone(old.events)}
	if k.series == nil {
		k.series, k.events = make(map[key]*S), make(map[*socketio.Namespace]int)
	}
	s := t.made(label, at.name)
	k.series[at] = s
	if at.name != other {
		k.events[at.ns]++
	}
	t.known.Store(k)
	return s
}

// namespaceOf is the label of a namespace, that of its parent for a child.
func (o *Observer) namespaceOf(ns *socketio.Namespace) string {
	if ns == nil {
		return other
	}
	if p := ns.Parent(); p != nil {
		ns = p
	}
	return o.namespaceLabel(ns.Name())
}

func (o *Observer) namespaceLabel(name string) string {
	if _, known := o.namespaces.Load(name); known {
		return name
	}
	o.namespacesMu.Lock()
	defer o.namespacesMu.Unlock()
	if _, known := o.namespaces.Load(name); known {
		return name
	}
	if o.namespacesLen >= o.opts.MaxNamespaces {
		return other
	}
	o.namespacesLen++
	o.namespaces.Store(name, nil)
	return name
}
