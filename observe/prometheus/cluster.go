package sioprometheus

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gosio/gosio/core/adapter"
)

// clusterMetrics are those of adapters that have numbers.
type clusterMetrics struct{ list []clusterMetric }

type clusterMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*clusterStats) float64
}

// clusterStats are the numbers of the adapters of all servers.
type clusterStats struct {
	adapter.Stats
	connected, ready int // servers
}

// add adds those of one server.
func (c *clusterStats) add(s *adapter.Stats) {
	if s.Connected {
		c.connected++
	}
	if s.Ready {
		c.ready++
	}
	c.Published += s.Published
	c.Received += s.Received
	c.Dropped += s.Dropped
	c.Lost += s.Lost
	c.Outages += s.Outages
	c.Queued += s.Queued
	c.Waiting += s.Waiting
	c.Subscriptions += s.Subscriptions
	c.RoundTrip = max(c.RoundTrip, s.RoundTrip)
}

func newClusterMetrics(o *Options) *clusterMetrics {
	m := new(clusterMetrics)
	add := func(kind prometheus.ValueType, name, help string, value func(*clusterStats) float64) {
		m.list = append(m.list, clusterMetric{prometheus.NewDesc("socketio_cluster_"+name, help, nil, o.ConstLabels), kind, value})
	}
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	add(gauge, "connected", "Servers of this process that are connected to the adapter's engine.", func(s *clusterStats) float64 { return float64(s.connected) })
	add(gauge, "ready", "Servers of this process that are connected, and to which the engine refuses nothing.", func(s *clusterStats) float64 { return float64(s.ready) })
	add(counter, "published_total", "Messages that the engine has taken.", func(s *clusterStats) float64 { return float64(s.Published) })
	add(counter, "received_total", "Messages from the engine.", func(s *clusterStats) float64 { return float64(s.Received) })
	add(counter, "messages_dropped_total", "Messages from the engine that cannot be read, or are not to be believed.", func(s *clusterStats) float64 { return float64(s.Dropped) })
	add(counter, "operations_lost_total", "Operations that the engine has not taken.", func(s *clusterStats) float64 { return float64(s.Lost) })
	add(counter, "outages_total", "Connections to the engine that were lost.", func(s *clusterStats) float64 { return float64(s.Outages) })
	add(gauge, "queue_messages", "Messages that wait for the engine.", func(s *clusterStats) float64 { return float64(s.Queued) })
	add(gauge, "queue_bytes", "Bytes that wait for the engine.", func(s *clusterStats) float64 { return float64(s.Waiting) })
	add(gauge, "subscriptions", "Channels and patterns.", func(s *clusterStats) float64 { return float64(s.Subscriptions) })
	add(gauge, "round_trip_seconds", "Time of the engine's last answer.", func(s *clusterStats) float64 { return s.RoundTrip.Seconds() })
	return m
}

// collect sends the numbers, if a server has an adapter that has some.
func (m *clusterMetrics) collect(s *clusterStats, ch chan<- prometheus.Metric) {
	if s == nil {
		return
	}
	for _, c := range m.list {
		if v, err := prometheus.NewConstMetric(c.desc, c.kind, c.value(s)); err == nil { // a scrape does not panic
			ch <- v
		}
	}
}
