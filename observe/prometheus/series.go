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

// key is an event of a namespace: of the parent, for its children, and "other"
// for namespaces that are too many. It holds on to no server.
type key struct{ namespace, event string }

// table finds series without a lock; whoever adds one makes another known.
type table[S any] struct {
	known atomic.Pointer[known[S]]
	mu    sync.Mutex
	made  func(namespace, event string) *S
}

// known is never changed.
type known[S any] struct {
	series map[key]*S
	events map[string]int // of each namespace, "other" aside
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
// chosen its name; there may still be too many. emit is nil for events that come.
func (t *table[S]) of(o *Observer, ns *socketio.Namespace, name string, bounded bool, emit *socketio.EmitInfo) *S {
	if p := ns.Parent(); p != nil {
		ns = p
	}
	k, at := t.known.Load(), key{ns.Name(), name}
	if bounded {
		if s := k.series[at]; s != nil {
			return s
		}
	}
	at.namespace, at.event = o.namespaceLabel(at.namespace), label(name)
	if !bounded || !o.admits(name, k.events[at.namespace], emit) {
		at.event = other
	}
	if s := k.series[at]; s != nil {
		return s
	}
	return t.add(at, o.opts.MaxEvents)
}

// admits reports whether an event may become a label, beside so many that are.
func (o *Observer) admits(name string, labels int, emit *socketio.EmitInfo) bool {
	switch {
	case labels >= o.opts.MaxEvents:
		return false
	case len(o.opts.Events) > 0:
		return slices.Contains(o.opts.Events, name)
	case emit == nil:
		return true
	case emit.Remote: // another server knows whose name it is
		return 2*labels < o.opts.MaxEvents
	}
	return !emit.Relayed()
}

func (t *table[S]) add(at key, most int) *S {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.known.Load()
	if old.events[at.namespace] >= most {
		at.event = other
	}
	if s := old.series[at]; s != nil { // somebody was faster
		return s
	}
	k := &known[S]{series: maps.Clone(old.series), events: maps.Clone(old.events)}
	if k.series == nil {
		k.series, k.events = make(map[key]*S), make(map[string]int)
	}
	s := t.made(at.namespace, at.event)
	k.series[at] = s
	if at.event != other {
		k.events[at.namespace]++
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
	name = label(name)
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
