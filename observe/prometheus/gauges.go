package sioprometheus

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	socketio "github.com/gosio/gosio/core"
)

// gauges are numbers of the moment, from socketio.Server.Stats.
type gauges struct {
	connections, sockets, rooms, namespaces, sessions *prometheus.Desc
	sendBytes, sendBytesMax, receiveBytes, held       *prometheus.Desc
	cluster                                           *clusterMetrics
}

func newGauges(o *Options) *gauges {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("socketio_"+name, help, labels, o.ConstLabels)
	}
	return &gauges{
		connections:  desc("connections", "Open connections.", "transport"),
		sockets:      desc("sockets", "Connected sockets.", "namespace"),
		rooms:        desc("rooms", "Rooms, without the one that each socket has for itself.", "namespace"),
		namespaces:   desc("namespaces", "Namespaces: 1, or the children of a parent.", "namespace"),
		sessions:     desc("recovery_sessions", "Lost sessions that are kept for recovery.", "namespace"),
		sendBytes:    desc("send_queue_bytes", "Waiting to be sent, to all clients together."),
		sendBytesMax: desc("send_queue_max_bytes", "Waiting to be sent to the client that has most."),
		receiveBytes: desc("receive_queue_bytes", "Events that wait for their handlers, of all connections together."),
		held:         desc("receive_held_connections", "Connections that are not read, because so much waits for handlers."),
		cluster:      newClusterMetrics(o),
	}
}

func (g *gauges) all() []*prometheus.Desc {
	return []*prometheus.Desc{g.connections, g.sockets, g.rooms, g.namespaces, g.sessions, g.sendBytes, g.sendBytesMax, g.receiveBytes, g.held}
}

// Watch implements socketio.Watcher: NewServer calls it.
func (o *Observer) Watch(srv *socketio.Server) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.servers = append(o.servers, srv)
}

// Forget stops asking a server that has been shut down, so that it can be
// collected. A process that has one server for its whole life need not call it.
func (o *Observer) Forget(srv *socketio.Server) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.servers = slices.DeleteFunc(o.servers, func(s *socketio.Server) bool { return s == srv })
}

// Describe implements prometheus.Collector.
func (o *Observer) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range o.metrics.all {
		c.Describe(ch)
	}
	for _, d := range o.gauges.all() {
		ch <- d
	}
	for _, c := range o.gauges.cluster.list {
		ch <- c.desc
	}
}

// Collect implements prometheus.Collector. It may be called concurrently.
func (o *Observer) Collect(ch chan<- prometheus.Metric) {
	for _, c := range o.metrics.all {
		c.Collect(ch)
	}
	st, namespaces, cluster := o.stats()
	g := o.gauges
	set := func(d *prometheus.Desc, v float64, labels ...string) {
		if m, err := prometheus.NewConstMetric(d, prometheus.GaugeValue, v, labels...); err == nil { // a scrape does not panic
			ch <- m
		}
	}
	for transport, n := range st.Connections {
		set(g.connections, float64(n), transport)
	}
	for name, n := range namespaces {
		set(g.sockets, float64(n.Sockets), name)
		set(g.rooms, float64(n.Rooms), name)
		set(g.namespaces, float64(n.Children), name)
		set(g.sessions, float64(n.Sessions), name)
	}
	set(g.sendBytes, float64(st.SendBytes))
	set(g.sendBytesMax, float64(st.SendBytesMax))
	set(g.receiveBytes, float64(st.ReceiveBytes))
	set(g.held, float64(st.ReceiveHeld))
	g.cluster.collect(cluster, ch)
}

// stats adds up those of all servers; namespaces are by label.
func (o *Observer) stats() (sum socketio.Stats, namespaces map[string]socketio.NamespaceStats, cluster *clusterStats) {
	o.mu.Lock()
	servers := slices.Clone(o.servers)
	o.mu.Unlock()
	sum.Connections = make(map[string]int)
	namespaces = make(map[string]socketio.NamespaceStats)
	for _, srv := range servers {
		st := srv.Stats()
		for transport, n := range st.Connections {
			sum.Connections[transport] += n
		}
		for name, n := range st.Namespaces {
			label := o.namespaceLabel(name)
			of := namespaces[label]
			of.Sockets += n.Sockets
			of.Rooms += n.Rooms
			of.Sessions += n.Sessions
			of.Children += n.Children
			namespaces[label] = of
		}
		sum.SendBytes += st.SendBytes
		sum.SendBytesMax = max(sum.SendBytesMax, st.SendBytesMax)
		sum.ReceiveBytes += st.ReceiveBytes
		sum.ReceiveHeld += st.ReceiveHeld
		if st.Cluster != nil {
			if cluster == nil {
				cluster = new(clusterStats)
			}
			cluster.add(st.Cluster)
		}
	}
	return sum, namespaces, cluster
}
