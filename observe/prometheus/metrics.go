package sioprometheus

import "github.com/prometheus/client_golang/prometheus"

// metrics are what an Observer counts by itself; what it asks the server for
// is in gauges.go.
type metrics struct {
	opened, closed     *prometheus.CounterVec
	lived              *prometheus.HistogramVec
	refused            *prometheus.CounterVec
	upgradesTried      *prometheus.CounterVec
	upgrades           *prometheus.CounterVec
	joined, turnedAway *prometheus.CounterVec
	left, recoveries   *prometheus.CounterVec
	joinTime           *prometheus.HistogramVec

	received, receivedBytes *prometheus.CounterVec
	handlerTime             *prometheus.HistogramVec
	handlerFailures         *prometheus.CounterVec

	emitted, delivered, sentBytes *prometheus.CounterVec
	emitErrors                    *prometheus.CounterVec
	ackTime                       *prometheus.HistogramVec
	acksMissing                   *prometheus.CounterVec

	dropped *prometheus.CounterVec
	gaps    *prometheus.CounterVec
	flushed *prometheus.HistogramVec

	all []prometheus.Collector
}

func newMetrics(o *Options) *metrics {
	m := &metrics{}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "socketio_" + name, Help: help, ConstLabels: o.ConstLabels}, labels)
		m.all = append(m.all, c)
		return c
	}
	seconds := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "socketio_" + name, Help: help, Buckets: buckets, ConstLabels: o.ConstLabels}, labels)
		m.all = append(m.all, h)
		return h
	}
	m.opened = counter("connections_opened_total", "Connections that were opened, by their first transport.", "transport")
	m.closed = counter("connections_closed_total", "Connections that have ended, by their last transport.", "transport", "reason")
	m.lived = seconds("connection_duration_seconds", "How long connections were open.", connectionBuckets, "transport")
	m.refused = counter("requests_refused_total", "HTTP requests that were refused: handshakes, polls, upgrades.", "code")
	m.upgradesTried = counter("upgrade_attempts_total", "Upgrades from polling that have begun.")
	m.upgrades = counter("upgrades_total", "Upgrades from polling that have ended: done or failed.", "outcome")
	m.joined = counter("namespace_joins_total", "Sockets that have joined.", "namespace")
	m.turnedAway = counter("namespace_refusals_total", "Sockets that were refused.", "namespace", "reason")
	m.left = counter("namespace_leaves_total", "Sockets that have left.", "namespace", "reason")
	m.recoveries = counter("recoveries_total", "Sessions that clients have asked to continue.", "namespace", "outcome")
	m.joinTime = seconds("join_duration_seconds", "Time of the middleware of a namespace, per socket.", o.HandlerBuckets, "namespace")

	m.received = counter("events_received_total", "Events from clients.", "namespace", "event")
	m.receivedBytes = counter("received_bytes_total", "Names, arguments and attachments of events from clients.", "namespace")
	m.handlerTime = seconds("handler_duration_seconds", "Time of handlers, with their middleware.", o.HandlerBuckets, "namespace", "event")
	m.handlerFailures = counter("handler_failures_total", "Handlers that have failed.", "namespace", "event", "outcome")

	m.emitted = counter("events_emitted_total", "Events that this server has emitted, each once.", "namespace", "event")
	m.delivered = counter("events_delivered_total", "Events queued for clients of this server, once per client.", "namespace", "event")
	m.sentBytes = counter("sent_bytes_total", "Events queued for clients of this server, as WebSocket frames.", "namespace")
	m.emitErrors = counter("emit_errors_total", "Events that were not sent.", "namespace", "event", "reason")
	m.ackTime = seconds("ack_duration_seconds", "Time until all clients asked had acknowledged.", o.HandlerBuckets, "namespace", "event")
	m.acksMissing = counter("acks_missing_total", "Acknowledgements that did not come.", "namespace", "event", "reason")

	m.dropped = counter("messages_dropped_total", "Messages that clients will not get.", "policy")
	m.gaps = counter("cluster_gaps_total", "Outages in which an adapter has lost operations of the cluster.", "namespace", "type")
	m.flushed = seconds("flush_duration_seconds", "Time from Emit until a message has left; of one message in 64.", o.FlushBuckets, "transport")
	return m
}
