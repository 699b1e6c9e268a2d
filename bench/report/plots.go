package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gosio/gosio/bench/load"
)

// picture is a plot with its place.
type picture struct {
	file, caption, svg string
}

const reference = "node-uws" // its CPU time is 1 in the plot of ratios

var cpuScenarios = []string{"echo1", "echo32", "ack", "bcast1", "bcast16", "burst", "polling-echo", "connect"}

// pictures draws what the data has.
func pictures(d Data) []picture {
	all := []picture{
		{"cpu", "Server CPU time, node-uws = 1 (less is better)", d.cpuPlot()},
		{"memory", "Resident memory per connection (less is better)", d.memoryPlot()},
		{"rooms", "Server CPU time of one broadcast by the size of the room", d.roomPlot()},
		{"latency-echo", "Latency of an echo at 2,000 a second", d.latencyPlot("latency-echo")},
		{"latency-bcast", "Latency of a delivery, 10 broadcasts to 1,000 a second", d.latencyPlot("latency-bcast")},
	}
	return slices.DeleteFunc(all, func(p picture) bool { return p.svg == "" })
}

// over collects a series per server; servers without any value are left out.
func (d Data) over(n int, value func(server string, i int) (float64, bool)) []series {
	var list []series
	for _, server := range d.servers() {
		s, some := series{name: server}, false
		for i := range n {
			v, ok := value(server, i)
			if !ok {
				v = math.NaN()
			}
			s.values, some = append(s.values, v), some || ok
		}
		if some {
			list = append(list, s)
		}
	}
	return list
}

func (d Data) cpuPlot() string {
	p := plot{title: "Server CPU time per message", unit: "node-uws = 1", log: true}
	var shown []string
	for _, name := range cpuScenarios {
		if base, ok := d.median(reference, name, load.CPUMicros); ok && base > 0 {
			shown, p.labels = append(shown, name), append(p.labels, name)
		}
	}
	p.series = d.over(len(shown), func(server string, i int) (float64, bool) {
		return d.ratio(server, reference, shown[i], load.CPUMicros)
	})
	return drawn(p, bars)
}

func (d Data) memoryPlot() string {
	names := []string{"idle", "idle-browser", "idle-polling"}
	p := plot{title: "Resident memory per connection", unit: "KB", labels: []string{"WebSocket", "WebSocket,\na browser's headers", "polling session"}}
	p.series = d.over(len(names), func(server string, i int) (float64, bool) {
		v, ok := d.median(server, names[i], load.RSSKB)
		return max(v, 0), ok
	})
	return drawn(p, bars)
}

func (d Data) roomPlot() string {
	names, sizes := []string{"bcast1", "room-2000", "room-5000", "room-10000"}, []float64{1000, 2000, 5000, 10000}
	p := plot{title: "Server CPU time of one broadcast", unit: "ms", log: true, labels: []string{"1,000", "2,000", "5,000", "10,000"}}
	p.series = d.over(len(names), func(server string, i int) (float64, bool) {
		v, ok := d.median(server, names[i], load.CPUMicros)
		return v * sizes[i] / 1e3, ok
	})
	p.series = slices.DeleteFunc(p.series, func(s series) bool { return math.IsNaN(s.values[len(s.values)-1]) })
	return drawn(p, lines)
}

func (d Data) latencyPlot(scenario string) string {
	p := plot{title: title(scenario), unit: "us at the percentile", log: true}
	for _, percent := range load.CurvePercents {
		p.labels = append(p.labels, fmt.Sprintf("%v", percent))
	}
	p.series = d.over(len(load.CurvePercents), func(server string, i int) (float64, bool) {
		curve := d.curve(server, scenario)
		if curve == nil {
			return 0, false
		}
		return curve[i], true
	})
	return drawn(p, lines)
}

func drawn(p plot, draw func(plot) string) string {
	if len(p.series) == 0 || len(p.labels) == 0 {
		return ""
	}
	return strings.TrimSpace(draw(p)) + "\n"
}
