package report

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gosio/gosio/bench/load"
)

// apart is what was measured by hand, for no run of the benchmark can show it.
//
//go:embed apart.md
var apart string

// Write writes benchmarks.md and the plots in benchmarks/ into dir, and
// returns the text.
func Write(dir string, d Data) (string, error) {
	plots := filepath.Join(dir, "benchmarks")
	if err := os.MkdirAll(plots, 0o755); err != nil {
		return "", err
	}
	text := markdown(d)
	for _, p := range pictures(d) {
		if err := os.WriteFile(filepath.Join(plots, p.file+".svg"), []byte(p.svg), 0o644); err != nil {
			return "", err
		}
	}
	return text, os.WriteFile(filepath.Join(dir, "benchmarks.md"), []byte(text), 0o644)
}

// document is the text under construction.
type document struct {
	strings.Builder
	Data
}

func markdown(d Data) string {
	doc := &document{Data: d}
	doc.WriteString("# Benchmarks\n\nWritten by `make bench`; do not edit.\n\n")
	doc.machine()
	doc.budget()
	for _, p := range pictures(d) {
		fmt.Fprintf(doc, "![%s](benchmarks/%s.svg)\n\n", p.caption, p.file)
	}
	doc.cpu()
	doc.processors()
	doc.contention()
	doc.memory()
	doc.latency()
	doc.WriteString(apart)
	doc.method()
	return doc.String()
}

func (d *document) row(cells ...string) {
	d.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

func (d *document) head(cells ...string) {
	d.row(cells...)
	d.WriteString("|" + strings.Repeat("---|", len(cells)) + "\n")
}

func (d *document) machine() {
	r := d.Run
	fmt.Fprintf(d, "%s, %s run, medians of %d: %s, %d CPUs, %s, %s, Go %s, Node %s", r.Date, r.Level, r.Repeats, r.CPU, r.CPUs, r.Memory, r.Kernel, r.Go, r.Node)
	if r.Rust != "" {
		fmt.Fprintf(d, ", Rust %s", r.Rust)
	}
	d.WriteString(".\n")
	if r.Pin == "split" {
		d.WriteString("The server has one CPU for itself, the load generator another.\n\n")
	} else {
		d.WriteString("Server and load generator share the same two CPUs.\n\n")
	}
	if r.Load > 0.5 {
		fmt.Fprintf(d, "**The machine was busy with something else (load average %.2f at the start): the figures are indicative only.**\n\n", r.Load)
	}
	command := "make bench"
	if r.Level == "quick" {
		command = "BENCH_QUICK=1 make bench"
	}
	fmt.Fprintf(d, "To reproduce, on a quiet machine:\n\n```sh\n%s\n```\n\n", command)
}

func (d *document) budget() {
	list := budget(d.Data)
	if len(list) == 0 {
		return
	}
	d.WriteString("## Budget\n\n")
	d.head("demand", "measured", "at most", "met", "for comparison")
	for _, l := range list {
		verdict := "**missed**"
		if l.met {
			verdict = "met"
		}
		d.row(strings.TrimSuffix(l.demand, ": "), l.measured, l.limit, verdict, l.beside)
	}
	d.WriteString("\n")
}

func (d *document) cpu() {
	d.WriteString("## CPU\n\nServer CPU time in us per message, delivery or connection; in brackets the spread of the repeats, (largest - smallest) / median.\n\n")
	d.table(func(s load.Scenario) bool { return !s.Rests() })
	d.WriteString("Ratio to node-uws:\n\n")
	servers := d.servers()
	d.head(append([]string{"scenario"}, servers...)...)
	for _, s := range load.Scenarios {
		if _, ok := d.ratio(reference, reference, s.Name, load.CPUMicros); s.Rests() || !ok {
			continue
		}
		cells := []string{s.Title}
		for _, server := range servers {
			cell := ""
			if v, ok := d.ratio(server, reference, s.Name, load.CPUMicros); ok {
				cell = fmt.Sprintf("%.2f", v)
			}
			cells = append(cells, cell)
		}
		d.row(cells...)
	}
	d.WriteString("\n")
}

// processors is the table of the servers that run with one CPU and with two.
func (d *document) processors() {
	var rows [][]string
	for _, s := range load.Scenarios {
		row, some := []string{s.Title}, false
		for _, server := range []string{"gosio", "floor-gws"} {
			one, two := d.cell(server+"-p1", s), d.cell(server+"-p2", s)
			l := limit{scenario: s.Name, key: load.CPUMicros}
			ratio := ""
			if v, ok := d.value(l, server+"-p2", server+"-p1"); ok {
				ratio = fmt.Sprintf("%.2f", v)
			}
			row, some = append(row, one, two, ratio), some || one != "" || two != ""
		}
		if some {
			rows = append(rows, row)
		}
	}
	if rows == nil {
		return
	}
	d.WriteString("## One CPU and two\n\nThe same with GOMAXPROCS=1 and 2, and a bare echo beside it, which shows what the Go runtime and the machine take for the second one.\n\n")
	d.head("scenario", "gosio-p1", "gosio-p2", "ratio", "floor-gws-p1", "floor-gws-p2", "ratio")
	for _, row := range rows {
		d.row(row...)
	}
	d.WriteString("\n")
}

func (d *document) table(wanted func(load.Scenario) bool) {
	servers := d.servers()
	d.head(append([]string{"scenario"}, servers...)...)
	for _, s := range load.Scenarios {
		if !wanted(s) {
			continue
		}
		cells, some := []string{s.Title}, false
		for _, server := range servers {
			cell := d.cell(server, s)
			cells, some = append(cells, cell), some || cell != ""
		}
		if some {
			d.row(cells...)
		}
	}
	d.WriteString("\n")
}

func (d *document) cell(server string, s load.Scenario) string {
	key := valueKey(s)
	if n := d.failures(server, s.Name); n > 0 {
		return fmt.Sprintf("failed %d of %d", n, d.Run.Repeats)
	}
	v, ok := d.median(server, s.Name, key)
	if !ok {
		return ""
	}
	cell := fmt.Sprintf("%.3g (%.0f%%)", v, d.spread(server, s.Name, key))
	if n := d.retried(server, s.Name); n > 0 {
		cell += fmt.Sprintf(", %d dialled again", n)
	}
	return cell
}

func (d *document) memory() {
	d.WriteString("## Memory\n\nResident KB per connection or polling session.\n\n")
	d.table(load.Scenario.Rests)
	d.WriteString("What the Go servers say about themselves, per connection (live heap: as the last collection left it; none is forced):\n\n")
	d.head("server", "scenario", "goroutines", "live heap, KB", "stack, KB")
	for _, server := range d.servers() {
		for _, s := range load.Scenarios {
			goroutines, ok := d.median(server, s.Name, load.Goroutines)
			if !s.Rests() || !ok {
				continue
			}
			heap, _ := d.median(server, s.Name, load.HeapKB)
			stack, _ := d.median(server, s.Name, load.StackKB)
			d.row(server, s.Title, fmt.Sprintf("%.2f", goroutines), fmt.Sprintf("%.2f", heap), fmt.Sprintf("%.2f", stack))
		}
	}
	d.WriteString("\n")
}

func (d *document) latency() {
	d.WriteString("## Latency\n\nMicroseconds from the time at which a message was due, so a server that stalls is charged for what it kept waiting (no coordinated omission).\n\n")
	wanted := []float64{50, 90, 99, 99.9, 100}
	d.head("scenario", "server", "p50", "p90", "p99", "p99.9", "max")
	for _, s := range load.Scenarios {
		for _, server := range d.servers() {
			curve := d.curve(server, s.Name)
			if curve == nil {
				continue
			}
			cells := []string{s.Title, server}
			for i, percent := range load.CurvePercents {
				if len(wanted) > len(cells)-2 && percent == wanted[len(cells)-2] {
					cells = append(cells, fmt.Sprintf("%.0f", curve[i]))
				}
			}
			d.row(cells...)
		}
	}
	d.WriteString("\n")
}

func (d *document) method() {
	d.WriteString(`## How it is measured

- CPU time is the process's CPU clock (clock_getcpuclockid(3)): user and system, all threads, to the nanosecond. The kernel's work on behalf of the process is in it.
- Resident memory is Rss in /proc/PID/smaps_rollup, after minus before, divided by the number of connections; the server has served twenty connections before. Memory of the kernel's sockets is not in it.
- Each server serves one namespace: echo, ack, join, bcast, flood. Its options are the defaults. The message is an event with a string of 32 characters.
- The servers take turns within each repeat, in one order and in the other. A ratio is the median of the repeats' ratios, not the ratio of the medians: what disturbs the machine meets servers that are measured one after the other alike. A server warms up four times longer before its first repeat.
- The load generator is one goroutine over epoll. It compares every message with what must come, byte by byte and in order; a run with a message lost, doubled, changed or out of order fails. A client whose handshake or join gets no answer for three seconds dials again, and the table says so.
- "1 in flight" is one connection with one message on the way, "32 in flight" 32 connections with one each, "on one connection" 32 on one. A broadcast is in flight until the last member has it; the sender is not a member. "At once, 25 times a second" is an open load: what costs more by the message does not get fewer of them. Two CPUs are held against one in that, for with 16 in flight a server that uses both CPUs leaves less to the load generator, which sends the next broadcast, and fewer of them share a write.
- A polling echo is a POST and then a GET on one keep-alive connection, or, as in a browser, a GET that waits while the POST comes on another connection. floor-nethttp answers each at once. (With a parked GET uWebSockets writes the poll's answer in many small pieces, for it corks one connection at a time: hence the budget is held against the other form.)
- "a browser's headers" were recorded from headless Chromium.
- node-ws is socket.io 4.8.4 with its defaults, node-uws the same on uWebSockets by attachApp (npm uwebsockets 3.0.6), zishang is zishang520/socket.io v3.0.6, socketioxide is socketioxide 0.18.9 in axum 0.8.9 (Rust; it is left out where there is no cargo), with TCP_NODELAY and 4,096 packets for a client's queue in the place of 128; its handlers do their work in the call, because what they await comes back in any order. The floors are bare echoes without any protocol: lxzan/gws, coder/websocket, and net/http for polling. gosio-p1 and gosio-p2 are gosio with GOMAXPROCS=1 and 2, floor-gws-p1 and -p2 the bare echo. gosio-metrics is gosio with the Prometheus observer, gosio-fiber gosio mounted in Fiber, on fasthttp. gosio-contention is gosio with the runtime's mutex profile on. gosio-unpaced is gosio with HandshakesPerSecond: -1, as no peer bounds the handshakes of a second: with the default gosio takes in 2,000 a second here, and sleeps and wakes between them.
`)
}
