package siootel

import (
	"go.opentelemetry.io/otel/metric"

	"github.com/gosio/gosio/core/adapter"
)

// clusterMetrics are those of adapters that have numbers.
type clusterMetrics struct {
	counters  []clusterMetric[metric.Int64ObservableCounter]
	gauges    []clusterMetric[metric.Int64ObservableGauge]
	roundTrip metric.Float64ObservableGauge
}

type clusterMetric[T metric.Int64Observable] struct {
	instrument T
	value      func(*adapter.Stats) int64
}

func newClusterMetrics(meter metric.Meter) *clusterMetrics {
	m := &clusterMetrics{roundTrip: must(meter.Float64ObservableGauge("socketio.cluster.round_trip", metric.WithUnit("s"), metric.WithDescription("Time of the engine's last answer.")))}
	counter := func(name, unit, help string, value func(*adapter.Stats) int64) {
		i := must(meter.Int64ObservableCounter("socketio.cluster."+name, metric.WithUnit(unit), metric.WithDescription(help)))
		m.counters = append(m.counters, clusterMetric[metric.Int64ObservableCounter]{i, value})
	}
	gauge := func(name, unit, help string, value func(*adapter.Stats) int64) {
		i := must(meter.Int64ObservableGauge("socketio.cluster."+name, metric.WithUnit(unit), metric.WithDescription(help)))
		m.gauges = append(m.gauges, clusterMetric[metric.Int64ObservableGauge]{i, value})
	}
	gauge("connected", "{server}", "Servers of this process that are connected to the adapter's engine.", func(s *adapter.Stats) int64 { return one(s.Connected) })
	gauge("ready", "{server}", "Servers of this process that are connected, and to which the engine refuses nothing.", func(s *adapter.Stats) int64 { return one(s.Ready) })
	counter("published", "{message}", "Messages that the engine has taken.", func(s *adapter.Stats) int64 { return int64(s.Published) })                                           //nolint:gosec // does not get there
	counter("received", "{message}", "Messages from the engine.", func(s *adapter.Stats) int64 { return int64(s.Received) })                                                       //nolint:gosec // the same
	counter("messages.dropped", "{message}", "Messages from the engine that cannot be read, or are not to be believed.", func(s *adapter.Stats) int64 { return int64(s.Dropped) }) //nolint:gosec // the same
	counter("operations.lost", "{operation}", "Operations that the engine has not taken.", func(s *adapter.Stats) int64 { return int64(s.Lost) })                                  //nolint:gosec // the same
	counter("outages", "{outage}", "Connections to the engine that were lost.", func(s *adapter.Stats) int64 { return int64(s.Outages) })                                          //nolint:gosec // the same
	gauge("queue.messages", "{message}", "Messages that wait for the engine.", func(s *adapter.Stats) int64 { return int64(s.Queued) })
	gauge("queue", "By", "Bytes that wait for the engine.", func(s *adapter.Stats) int64 { return int64(s.Waiting) })
	gauge("subscriptions", "{subscription}", "Channels and patterns.", func(s *adapter.Stats) int64 { return int64(s.Subscriptions) })
	return m
}

func one(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// all are the instruments.
func (m *clusterMetrics) all() []metric.Observable {
	list := []metric.Observable{m.roundTrip}
	for _, c := range m.counters {
		list = append(list, c.instrument)
	}
	for _, g := range m.gauges {
		list = append(list, g.instrument)
	}
	return list
}

// observe reports the numbers of all servers together.
func (m *clusterMetrics) observe(servers []*adapter.Stats, to metric.Observer) {
	if len(servers) == 0 {
		return
	}
	sum := func(value func(*adapter.Stats) int64) (n int64) {
		for _, s := range servers {
			n += value(s)
		}
		return n
	}
	for _, c := range m.counters {
		to.ObserveInt64(c.instrument, sum(c.value))
	}
	for _, g := range m.gauges {
		to.ObserveInt64(g.instrument, sum(g.value))
	}
	var longest float64
	for _, s := range servers {
		longest = max(longest, s.RoundTrip.Seconds())
	}
	to.ObserveFloat64(m.roundTrip, longest)
}
