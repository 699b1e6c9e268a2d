// Package sioprometheus counts what a Socket.IO server does, for Prometheus:
//
//	metrics := sioprometheus.New(sioprometheus.Options{})
//	prometheus.MustRegister(metrics)
//	srv := socketio.NewServer(&socketio.Options{Observer: metrics})
//
// An [Observer] is both: the server tells it what happens, and Prometheus
// collects it. What is a number of the moment (connections, sockets, rooms, what
// is queued) it asks the server for at each scrape, see [socketio.Server.Stats].
//
// Labels have few values, whatever clients send: see [Options]. All durations are
// seconds, all sizes bytes.
package sioprometheus

import (
	"context"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/engine"
)

// Observer is a [socketio.Observer] and a [prometheus.Collector]. Make one with
// [New]. It may be the observer of several servers: it counts what they do
// together.
type Observer struct {
	socketio.NopObserver
	opts    Options
	metrics *metrics
	gauges  *gauges
	in      *table[incoming]
	out     *table[outgoing]

	namespaces    sync.Map // names that are labels
	namespacesMu  sync.Mutex
	namespacesLen int

	mu      sync.Mutex
	servers []*socketio.Server
}

var (
	_ socketio.Observer    = (*Observer)(nil)
	_ socketio.Watcher     = (*Observer)(nil)
	_ prometheus.Collector = (*Observer)(nil)
)

// New returns an observer, which is to be given to socketio.Options.Observer and
// to a [prometheus.Registerer]. It panics on options that cannot work.
func New(opts Options) *Observer {
	opts.check()
	o := &Observer{opts: opts.withDefaults()}
	o.metrics, o.gauges = newMetrics(&o.opts), newGauges(&o.opts)
	o.in, o.out = newTable(o.newIncoming), newTable(o.newOutgoing)
	// What has few values is there from the beginning: the first one is a
	// change, too, and alerts see it.
	m := o.metrics
	for c := engine.CodeTransportUnknown; c <= engine.CodeUnsupportedProtocolVersion; c++ {
		m.refused.WithLabelValues(snake(c.String()))
	}
	m.upgradesTried.WithLabelValues()
	m.upgrades.WithLabelValues(string(socketio.UpgradeStepDone))
	m.upgrades.WithLabelValues(string(socketio.UpgradeStepFailed))
	for _, policy := range []socketio.DropPolicy{socketio.DropPolicyVolatile, socketio.DropPolicyEvicted, socketio.DropPolicyWelcome, socketio.DropPolicySlowConsumer} {
		m.dropped.WithLabelValues(string(policy))
	}
	return o
}

// Connection implements socketio.Observer.
func (o *Observer) Connection(e socketio.ConnectionEvent) {
	if e.Open {
		o.metrics.opened.WithLabelValues(e.Transport).Inc()
		return
	}
	o.metrics.closed.WithLabelValues(e.Transport, snake(string(e.Reason))).Inc()
	o.metrics.lived.WithLabelValues(e.Transport).Observe(e.Duration.Seconds())
}

// Refused implements socketio.Observer.
func (o *Observer) Refused(e socketio.RefusedEvent) {
	o.metrics.refused.WithLabelValues(codeOf(e.Err)).Inc()
}

// Upgrade implements socketio.Observer.
func (o *Observer) Upgrade(e socketio.UpgradeEvent) {
	if e.Step == socketio.UpgradeStepTried {
		o.metrics.upgradesTried.WithLabelValues().Inc()
		return
	}
	o.metrics.upgrades.WithLabelValues(string(e.Step)).Inc()
}

// Namespace implements socketio.Observer.
func (o *Observer) Namespace(e socketio.NamespaceEvent) {
	m, ns := o.metrics, o.namespaceOf(e.Namespace)
	switch e.Step {
	case socketio.NamespaceStepJoined:
		m.joined.WithLabelValues(ns).Inc()
		if e.Recovery != "" {
			m.recoveries.WithLabelValues(ns, string(e.Recovery)).Inc()
		}
	case socketio.NamespaceStepRefused:
		m.turnedAway.WithLabelValues(ns, refusalOf(e.Err)).Inc()
	case socketio.NamespaceStepLeft:
		m.left.WithLabelValues(ns, snake(string(e.Reason))).Inc()
		return
	}
	if e.Namespace != nil {
		m.joinTime.WithLabelValues(ns).Observe(e.Duration.Seconds())
	}
}

func (o *Observer) newIncoming(namespace, event string) *incoming {
	m := o.metrics
	s := &incoming{
		received: m.received.WithLabelValues(namespace, event), bytes: m.receivedBytes.WithLabelValues(namespace),
		time: m.handlerTime.WithLabelValues(namespace, event),
	}
	s.done = func(r socketio.EventResult) {
		s.time.Observe(r.Duration.Seconds())
		if r.Err != nil {
			m.handlerFailures.WithLabelValues(namespace, event, failureOf(r.Err)).Inc()
		}
	}
	return s
}

// Event implements socketio.Observer.
func (o *Observer) Event(ctx context.Context, e socketio.EventInfo) (context.Context, func(socketio.EventResult)) {
	s := o.in.of(o, e.Namespace, e.Name, e.Registered, nil)
	s.received.Inc()
	s.bytes.Add(float64(e.Bytes))
	if e.Unhandled {
		return ctx, nil
	}
	return ctx, s.done
}

func (o *Observer) newOutgoing(namespace, event string) *outgoing {
	m := o.metrics
	s := &outgoing{
		emitted: m.emitted.WithLabelValues(namespace, event), delivered: m.delivered.WithLabelValues(namespace, event),
		bytes: m.sentBytes.WithLabelValues(namespace),
	}
	s.remote = func(r socketio.EmitResult) {
		s.delivered.Add(float64(r.Deliveries))
		s.bytes.Add(float64(r.Bytes))
	}
	s.done = func(r socketio.EmitResult) {
		s.remote(r)
		if r.Err != nil {
			m.emitErrors.WithLabelValues(namespace, event, missingFor(r.Err)).Inc()
		}
	}
	s.asked = func(r socketio.EmitResult) {
		s.remote(r)
		switch {
		case r.Missing > 0:
			m.acksMissing.WithLabelValues(namespace, event, missingFor(r.Err)).Add(float64(r.Missing))
		case r.Err != nil:
			m.emitErrors.WithLabelValues(namespace, event, missingFor(r.Err)).Inc()
		case r.Answers > 0:
			m.ackTime.WithLabelValues(namespace, event).Observe(r.Duration.Seconds())
		}
	}
	return s
}

// Emit implements socketio.Observer.
func (o *Observer) Emit(_ context.Context, e socketio.EmitInfo) func(socketio.EmitResult) {
	s := o.out.of(o, e.Namespace, e.Name, true, &e)
	if e.Remote {
		return s.remote
	}
	s.emitted.Inc()
	if e.WantsAck {
		return s.asked
	}
	return s.done
}

// Dropped implements socketio.Observer.
func (o *Observer) Dropped(e socketio.DropEvent) {
	o.metrics.dropped.WithLabelValues(string(e.Policy)).Add(float64(e.Messages))
}

// Gap implements socketio.Observer.
func (o *Observer) Gap(e socketio.GapEvent) {
	o.metrics.gaps.WithLabelValues(o.namespaceOf(e.Namespace), e.Type.String()).Inc()
}

// Flushed implements socketio.Observer.
func (o *Observer) Flushed(e socketio.FlushEvent) {
	o.metrics.flushed.WithLabelValues(e.Transport).Observe(e.Wait.Seconds())
}
