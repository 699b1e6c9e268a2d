package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gosio/gosio/bench/load"
)

// line is one demand of the budget and how it stands.
type line struct {
	demand   string
	measured string
	limit    string
	met      bool
	beside   string // the same of another server, which changes no verdict
}

// limit is one demand: a value of gosio divided by another server's, or as it
// is if there is no other, is at most so much.
type limit struct {
	scenario, key string
	server        string // ours; "" is gosio
	against       string // server, or
	scenarioOf    string // other scenario of the same server
	most          float64
	unit          string
	beside        [2]string // these servers divided, or one's two scenarios, for comparison
}

// Contended is the server that measures what waits for its locks.
const Contended = "gosio-contention"

// peerLimits hold in every one of the compared scenarios.
var peerLimits = []limit{{against: "node-uws", most: 1}, {against: "node-ws", most: 0.65}}

// Compared are the scenarios in which gosio is held against its peers.
var Compared = []string{"echo1", "echo32", "echo32-pipelined", "ack", "bcast1", "bcast16", "burst"}

// Scaled are those in which two CPUs are held against one. Broadcasts in flight
// together share writes, the more of them the longer a round takes: only at one
// and the same rate do both have the same to do.
var Scaled = []string{"echo1", "echo32", "echo32-pipelined", "ack", "bcast1", "bcast16-paced", "burst"}

var limits = []limit{
	{scenario: "echo1", key: load.CPUMicros, against: "floor-gws", most: 1.3},
	// The peers have no limit of handshakes: beside them stands a server without.
	{scenario: "connect", key: load.CPUMicros, server: "gosio-unpaced", against: "node-uws", most: 0.6, beside: [2]string{"gosio", reference}},
	{scenario: "idle", key: load.RSSKB, most: 8, unit: "KB"},
	{scenario: "idle", key: load.Goroutines, most: 1.01, unit: "goroutines"},
	{scenario: "idle-browser", key: load.RSSKB, most: 10, unit: "KB"},
	{scenario: "idle-polling", key: load.RSSKB, most: 4, unit: "KB"},
	{scenario: "idle-polling", key: load.Goroutines, most: 0.01, unit: "goroutines"},
	{scenario: "room-2000", key: load.CPUMicros, scenarioOf: "bcast1", most: 1.5, beside: [2]string{reference}},
	{scenario: "room-5000", key: load.CPUMicros, scenarioOf: "bcast1", most: 1.5, beside: [2]string{reference}},
	{scenario: "room-10000", key: load.CPUMicros, scenarioOf: "bcast1", most: 1.5, beside: [2]string{reference}},
	{scenario: "rooms-1000", key: load.CPUMicros, scenarioOf: "bcast1", most: 1.1, beside: [2]string{reference}},
	{scenario: "rooms-10000", key: load.CPUMicros, scenarioOf: "bcast1", most: 1.1, beside: [2]string{reference}},
	{scenario: "idle", key: load.RSSKB, server: "gosio-fiber", most: 12, unit: "KB"},
	{scenario: "idle", key: load.Goroutines, server: "gosio-fiber", most: 1.01, unit: "goroutines"},
	{scenario: "echo1", key: load.CPUMicros, server: "gosio-fiber", against: "gosio", most: 1.1},
	{scenario: "echo32", key: load.CPUMicros, server: "gosio-fiber", against: "gosio", most: 1.1},
}

// budget compares gosio with its budget, as far as it was measured.
func budget(d Data) []line {
	var lines []line
	add := func(l limit) {
		if measured, ok := d.check(l); ok {
			lines = append(lines, measured)
		}
	}
	for _, scenario := range Compared {
		for _, l := range peerLimits {
			l.scenario, l.key = scenario, load.CPUMicros
			add(l)
		}
	}
	if polling, ok := d.polling(); ok {
		lines = append(lines, polling)
	}
	for _, l := range limits {
		add(l)
	}
	for _, scenario := range Scaled {
		add(limit{
			scenario: scenario, key: load.CPUMicros, server: "gosio-p2", against: "gosio-p1", most: 1.15,
			beside: [2]string{"floor-gws-p2", "floor-gws-p1"},
		})
	}
	for _, scenario := range Compared { // with metrics on the budget holds within 5 %
		for _, l := range peerLimits {
			l.scenario, l.key, l.server, l.most = scenario, load.CPUMicros, "gosio-metrics", l.most*1.05
			l.beside = [2]string{"gosio-metrics", "gosio"}
			add(l)
		}
	}
	return append(lines, d.lockLimits()...)
}

func (d Data) check(l limit) (line, bool) {
	server := l.server
	if server == "" {
		server = "gosio"
	}
	value, ok := d.value(l, server, l.against)
	if !ok {
		return line{}, false
	}
	out := line{
		demand:   fmt.Sprintf("%s: %s", title(l.scenario), l.unit),
		measured: fmt.Sprintf("%.2f", value), limit: fmt.Sprintf("%.2f", l.most), met: value <= l.most,
	}
	switch {
	case l.against != "":
		out.demand = fmt.Sprintf("%s: CPU, %s / %s", title(l.scenario), server, l.against)
	case l.scenarioOf != "":
		out.demand = fmt.Sprintf("%s: CPU per delivery / %s", title(l.scenario), title(l.scenarioOf))
	default:
		if l.server != "" {
			out.demand = fmt.Sprintf("%s, %s: %s", title(l.scenario), server, l.unit)
		}
		out.limit = fmt.Sprintf("%.3g %s", l.most, l.unit)
	}
	if value, ok := d.value(l, l.beside[0], l.beside[1]); ok {
		out.beside = fmt.Sprintf("%s: %.2f", strings.Join(slices.DeleteFunc(l.beside[:], empty), " / "), value)
	}
	return out, true
}

// value is what a limit bounds, measured on these servers.
func (d Data) value(l limit, server, against string) (float64, bool) {
	if against != "" {
		return d.ratio(server, against, l.scenario, l.key)
	}
	value, ok := d.median(server, l.scenario, l.key)
	other, measured := 1.0, true
	if l.scenarioOf != "" {
		other, measured = d.median(server, l.scenarioOf, l.key)
	}
	if !ok || !measured || other == 0 {
		return 0, false
	}
	return value / other, true
}

func empty(s string) bool { return s == "" }

// polling is the one demand with an alternative.
func (d Data) polling() (line, bool) {
	ours, ok := d.median("gosio", "polling-echo", load.CPUMicros)
	peer, peerOK := d.median("node-uws", "polling-echo", load.CPUMicros)
	floor, floorOK := d.median("floor-nethttp", "polling-echo", load.CPUMicros)
	if !ok || !peerOK || !floorOK || peer == 0 || floor == 0 {
		return line{}, false
	}
	most := max(peer, 1.15*floor)
	return line{
		demand:   title("polling-echo") + ": CPU, gosio / the larger of node-uws and 1.15 floor-nethttp",
		measured: fmt.Sprintf("%.2f", ours/most), limit: "1.00", met: ours <= most,
	}, true
}

func title(name string) string {
	scenario, ok := load.Find(name)
	if !ok {
		return name
	}
	return scenario.Title
}
