package report

import (
	"fmt"

	"github.com/gosio/gosio/bench/load"
)

// line is one demand of the budget and how it stands.
type line struct {
	demand   string
	measured string
	limit    string
	met      bool
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
}

// peerLimits hold in every one of these scenarios.
var peerLimits = []limit{{against: "node-uws", most: 1}, {against: "node-ws", most: 0.65}}

var peerScenarios = []string{"echo1", "echo32", "echo32-pipelined", "ack", "bcast1", "bcast16", "burst"}

var limits = []limit{
	{scenario: "echo1", key: load.CPUMicros, against: "floor-gws", most: 1.3},
	{scenario: "connect", key: load.CPUMicros, against: "node-uws", most: 0.6},
	{scenario: "idle", key: load.RSSKB, most: 8, unit: "KB"},
	{scenario: "idle", key: load.Goroutines, most: 1.01, unit: "goroutines"},
	{scenario: "idle-browser", key: load.RSSKB, most: 10, unit: "KB"},
	{scenario: "idle-polling", key: load.RSSKB, most: 4, unit: "KB"},
	{scenario: "idle-polling", key: load.Goroutines, most: 0.01, unit: "goroutines"},
	{scenario: "room-10000", key: load.CPUMicros, scenarioOf: "bcast1", most: 1.5},
	{scenario: "rooms-10000", key: load.CPUMicros, scenarioOf: "bcast1", most: 1.1},
}

// budget compares gosio with its budget, as far as it was measured.
func budget(d Data) []line {
	var lines []line
	add := func(l limit) {
		if measured, ok := d.check(l); ok {
			lines = append(lines, measured)
		}
	}
	for _, scenario := range peerScenarios {
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
	for _, scenario := range peerScenarios {
		add(limit{scenario: scenario, key: load.CPUMicros, server: "gosio-p2", against: "gosio-p1", most: 1.15})
	}
	return lines
}

func (d Data) check(l limit) (line, bool) {
	server := l.server
	if server == "" {
		server = "gosio"
	}
	value, ok := d.median(server, l.scenario, l.key)
	if !ok {
		return line{}, false
	}
	out := line{demand: fmt.Sprintf("%s: %s", title(l.scenario), l.unit), limit: fmt.Sprintf("%.3g %s", l.most, l.unit)}
	switch {
	case l.against != "":
		other, ok := d.median(l.against, l.scenario, l.key)
		if !ok || other == 0 {
			return line{}, false
		}
		value /= other
		out.demand, out.limit = fmt.Sprintf("%s: CPU, %s / %s", title(l.scenario), server, l.against), fmt.Sprintf("%.2f", l.most)
	case l.scenarioOf != "":
		other, ok := d.median(server, l.scenarioOf, l.key)
		if !ok || other == 0 {
			return line{}, false
		}
		value /= other
		out.demand, out.limit = fmt.Sprintf("%s: CPU per delivery / %s", title(l.scenario), title(l.scenarioOf)), fmt.Sprintf("%.2f", l.most)
	}
	out.measured, out.met = fmt.Sprintf("%.2f", value), value <= l.most
	return out, true
}

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
