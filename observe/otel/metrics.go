package siootel

import (
	"context"
	"errors"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
)

// metrics are the instruments.
type metrics struct {
	meter metric.Meter

	opened, closed, refused                    metric.Int64Counter
	upgradesTried, upgrades                    metric.Int64Counter
	joined, turnedAway, left, recoveries       metric.Int64Counter
	received, receivedBytes, handlerFailures   metric.Int64Counter
	emitted, delivered, sentBytes, emitErrors  metric.Int64Counter
	acksMissing, dropped, gaps                 metric.Int64Counter
	handlerTime, ackTime, joinTime, flushed    metric.Float64Histogram
	connections, sockets, rooms, sessions      metric.Int64ObservableGauge
	sendBytes, sendMax, receiveBytes, heldConn metric.Int64ObservableGauge
	cluster                                    *clusterMetrics
}

// buckets suit what takes from half a millisecond to ten seconds.
var buckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// must is for instruments, whose names are right.
func must[T any](v T, err error) T {
	if err != nil {
		panic("socketio: OpenTelemetry: " + err.Error())
	}
	return v
}

func newMetrics(meter metric.Meter) *metrics {
	counter := func(name, unit, help string) metric.Int64Counter {
		return must(meter.Int64Counter("socketio."+name, metric.WithUnit(unit), metric.WithDescription(help)))
	}
	seconds := func(name, help string, bounds []float64) metric.Float64Histogram {
		return must(meter.Float64Histogram("socketio."+name, metric.WithUnit("s"), metric.WithDescription(help), metric.WithExplicitBucketBoundaries(bounds...)))
	}
	gauge := func(name, unit, help string) metric.Int64ObservableGauge {
		return must(meter.Int64ObservableGauge("socketio."+name, metric.WithUnit(unit), metric.WithDescription(help)))
	}
	return &metrics{
		meter:           meter,
		opened:          counter("connections.opened", "{connection}", "Connections that were opened, by their first transport."),
		closed:          counter("connections.closed", "{connection}", "Connections that have ended, by their last transport."),
		refused:         counter("requests.refused", "{request}", "HTTP requests that were refused: handshakes, polls, upgrades."),
		upgradesTried:   counter("upgrade.attempts", "{upgrade}", "Upgrades from polling that have begun."),
		upgrades:        counter("upgrades", "{upgrade}", "Upgrades from polling that have ended: done or failed."),
		joined:          counter("namespace.joins", "{socket}", "Sockets that have joined."),
		turnedAway:      counter("namespace.refusals", "{socket}", "Sockets that were refused."),
		left:            counter("namespace.leaves", "{socket}", "Sockets that have left."),
		recoveries:      counter("recoveries", "{session}", "Sessions that clients have asked to continue."),
		received:        counter("events.received", "{event}", "Events from clients."),
		receivedBytes:   counter("received", "By", "Names, arguments and attachments of events from clients."),
		handlerFailures: counter("handler.failures", "{event}", "Handlers that have failed."),
		emitted:         counter("events.emitted", "{event}", "Events that this server has emitted, each once."),
		delivered:       counter("events.delivered", "{event}", "Events queued for clients of this server, once per client."),
		sentBytes:       counter("sent", "By", "Events queued for clients of this server, as WebSocket frames."),
		emitErrors:      counter("emit.errors", "{event}", "Events that were not sent."),
		acksMissing:     counter("acks.missing", "{ack}", "Acknowledgements that did not come."),
		dropped:         counter("messages.dropped", "{message}", "Messages that clients will not get."),
		gaps:            counter("cluster.gaps", "{gap}", "Outages in which an adapter has lost operations of the cluster."),
		handlerTime:     seconds("handler.duration", "Time of handlers, with their middleware.", buckets),
		ackTime:         seconds("ack.duration", "Time until all clients asked had acknowledged.", buckets),
		joinTime:        seconds("join.duration", "Time of the middleware of a namespace, per socket.", buckets),
		flushed: seconds("flush.duration", "Time from Emit until a message has left; of one message in 64.",
			[]float64{20e-6, 80e-6, 320e-6, .00128, .00512, .02, .08, .32, 1.28}),
		connections:  gauge("connections", "{connection}", "Open connections."),
		sockets:      gauge("sockets", "{socket}", "Connected sockets."),
		rooms:        gauge("rooms", "{room}", "Rooms, without the one that each socket has for itself."),
		sessions:     gauge("recovery.sessions", "{session}", "Lost sessions that are kept for recovery."),
		sendBytes:    gauge("send.queue", "By", "Waiting to be sent, to all clients together."),
		sendMax:      gauge("send.queue.max", "By", "Waiting to be sent to the client that has most."),
		receiveBytes: gauge("receive.queue", "By", "Events that wait for their handlers, of all connections together."),
		cluster:      newClusterMetrics(meter),
		heldConn:     gauge("receive.held", "{connection}", "Connections that are not read, because so much waits for handlers."),
	}
}

// Watch implements socketio.Watcher: NewServer calls it. The server is looked
// at whenever metrics are collected, until Forget.
func (o *Observer) Watch(srv *socketio.Server) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.servers = append(o.servers, srv)
	if o.registered {
		return
	}
	o.registered = true
	m := o.metrics
	must(m.meter.RegisterCallback(o.observe, append(m.cluster.all(), m.connections, m.sockets, m.rooms, m.sessions,
		m.sendBytes, m.sendMax, m.receiveBytes, m.heldConn)...))
}

// Forget stops asking a server that has been shut down, so that it can be
// collected. A process that has one server for its whole life need not call it.
func (o *Observer) Forget(srv *socketio.Server) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.servers = slices.DeleteFunc(o.servers, func(s *socketio.Server) bool { return s == srv })
}

// observe reports the numbers of this moment, of all servers together: of two
// values with the same attributes a meter would take one.
func (o *Observer) observe(_ context.Context, to metric.Observer) error {
	o.mu.Lock()
	servers := slices.Clone(o.servers)
	o.mu.Unlock()
	var cluster []*adapter.Stats
	sum := socketio.Stats{Connections: make(map[string]int), Namespaces: make(map[string]socketio.NamespaceStats)}
	for _, srv := range servers {
		st := srv.Stats()
		for transport, n := range st.Connections {
			sum.Connections[transport] += n
		}
		for name, n := range st.Namespaces {
			name = clip(name)
			all := sum.Namespaces[name]
			all.Sockets += n.Sockets
			all.Rooms += n.Rooms
			all.Sessions += n.Sessions
			sum.Namespaces[name] = all
		}
		sum.SendBytes += st.SendBytes
		sum.SendBytesMax = max(sum.SendBytesMax, st.SendBytesMax)
		sum.ReceiveBytes += st.ReceiveBytes
		sum.ReceiveHeld += st.ReceiveHeld
		if st.Cluster != nil {
			cluster = append(cluster, st.Cluster)
		}
	}
	m := o.metrics
	for transport, n := range sum.Connections {
		to.ObserveInt64(m.connections, int64(n), with(attrTransport.String(transport)))
	}
	for name, n := range sum.Namespaces {
		ns := with(attrNamespace.String(name))
		to.ObserveInt64(m.sockets, int64(n.Sockets), ns)
		to.ObserveInt64(m.rooms, int64(n.Rooms), ns)
		to.ObserveInt64(m.sessions, int64(n.Sessions), ns)
	}
	to.ObserveInt64(m.sendBytes, sum.SendBytes)
	to.ObserveInt64(m.sendMax, sum.SendBytesMax)
	to.ObserveInt64(m.receiveBytes, sum.ReceiveBytes)
	to.ObserveInt64(m.heldConn, int64(sum.ReceiveHeld))
	m.cluster.observe(cluster, to)
	return nil
}

func (m *metrics) connectionEnded(e socketio.ConnectionEvent) {
	m.closed.Add(context.Background(), 1, with(attrTransport.String(e.Transport), attrReason.String(string(e.Reason))))
}

// emitEnded counts what became of an event.
func (m *metrics) emitEnded(ctx context.Context, e *socketio.EmitInfo, r *socketio.EmitResult, set metric.MeasurementOption) {
	m.delivered.Add(ctx, int64(r.Deliveries), set)
	m.sentBytes.Add(ctx, r.Bytes, set)
	switch {
	case e.Remote:
	case r.Missing > 0:
		m.acksMissing.Add(ctx, int64(r.Missing), set)
	case r.Err != nil:
		m.emitErrors.Add(ctx, 1, set)
	case r.Answers > 0:
		m.ackTime.Record(ctx, r.Duration.Seconds(), set)
	}
}

// Refused implements socketio.Observer.
func (o *Observer) Refused(e socketio.RefusedEvent) {
	code := int(e.Err.Code)
	if code < 0 || code > 5 { // the application's own, and may be many
		code = -1
	}
	o.metrics.refused.Add(e.Request.Context(), 1, with(attrCode.Int(code)))
}

// Upgrade implements socketio.Observer.
func (o *Observer) Upgrade(e socketio.UpgradeEvent) {
	if e.Step == socketio.UpgradeStepTried {
		o.metrics.upgradesTried.Add(context.Background(), 1)
		return
	}
	o.metrics.upgrades.Add(context.Background(), 1, with(attrOutcome.String(string(e.Step))))
}

// Namespace implements socketio.Observer.
func (o *Observer) Namespace(e socketio.NamespaceEvent) {
	m, ctx, ns := o.metrics, context.Background(), attrNamespace.String(family(e.Namespace))
	switch e.Step {
	case socketio.NamespaceStepJoined:
		m.joined.Add(ctx, 1, with(ns))
		m.joinTime.Record(ctx, e.Duration.Seconds(), with(ns))
		if e.Recovery != "" {
			m.recoveries.Add(ctx, 1, with(ns, attrOutcome.String(string(e.Recovery))))
		}
	case socketio.NamespaceStepRefused:
		m.turnedAway.Add(ctx, 1, with(ns, refusal(e.Err)))
	case socketio.NamespaceStepLeft:
		m.left.Add(ctx, 1, with(ns, attrReason.String(string(e.Reason))))
	}
}

// refusal is why a socket may not join.
func refusal(err error) attribute.KeyValue {
	switch {
	case errors.Is(err, socketio.ErrNoNamespace):
		return attrReason.String("no_namespace")
	case errors.Is(err, socketio.ErrPanicked):
		return attrReason.String("panic")
	case errors.As(err, new(*socketio.ConnectError)):
		return attrReason.String("refused")
	}
	return attrReason.String("error")
}

// Gap implements socketio.Observer.
func (o *Observer) Gap(e socketio.GapEvent) {
	o.metrics.gaps.Add(context.Background(), 1, with(attrNamespace.String(family(e.Namespace)), attrType.String(e.Type.String())))
}

// Dropped implements socketio.Observer.
func (o *Observer) Dropped(e socketio.DropEvent) {
	o.metrics.dropped.Add(context.Background(), int64(e.Messages), with(attrPolicy.String(string(e.Policy))))
}

// Flushed implements socketio.Observer.
func (o *Observer) Flushed(e socketio.FlushEvent) {
	o.metrics.flushed.Record(context.Background(), e.Wait.Seconds(), with(attrTransport.String(e.Transport)))
}
