package report

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/gosio/gosio/bench/load"
)

func result(server, scenario string, repeat int, key string, value float64) load.Result {
	return load.Result{Server: server, Scenario: scenario, Repeat: repeat, Values: map[string]float64{key: value}}
}

// sampleData has three repeats; the median is the value given.
func sampleData() Data {
	d := Data{Run: Run{Date: "2026-01-02", Level: "full", Pin: "shared", Repeats: 3, CPU: "A & B <CPU>", CPUs: 2}}
	add := func(server, scenario, key string, value float64) {
		for i, factor := range []float64{1, 5, 0.5} {
			d.Results = append(d.Results, result(server, scenario, i+1, key, value*factor))
		}
	}
	for server, cpu := range map[string]float64{"gosio": 9, "node-uws": 10, "node-ws": 12, "floor-gws": 8} {
		add(server, "echo1", load.CPUMicros, cpu)
	}
	add("gosio", "idle", load.RSSKB, 7)
	for i := range d.Results {
		if r := &d.Results[i]; r.Scenario == "idle" {
			r.Values[load.Goroutines], r.Values[load.HeapKB], r.Values[load.StackKB] = 1, 2, 3
		}
	}
	latency := result("gosio", "latency-echo", 1, load.CPUMicros, 20)
	for i := range load.CurvePercents {
		latency.Curve = append(latency.Curve, float64(100*(i+1)))
	}
	d.Results = append(d.Results, latency)
	return d
}

func TestBudget(t *testing.T) {
	t.Parallel()
	verdicts := map[string]bool{}
	for _, l := range budget(sampleData()) {
		verdicts[l.demand] = l.met
	}
	want := map[string]bool{
		"echo, 1 in flight: CPU, gosio / node-uws":  true,  // 0.9 of at most 1
		"echo, 1 in flight: CPU, gosio / node-ws":   false, // 0.75 of at most 0.65
		"echo, 1 in flight: CPU, gosio / floor-gws": true,  // 1.125 of at most 1.3
		"idle WebSocket: KB":                        true,
		"idle WebSocket: goroutines":                true,
	}
	if !reflect.DeepEqual(verdicts, want) {
		t.Errorf("got %v, want %v", verdicts, want)
	}
}

func TestPollingBudgetHasAnAlternative(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		ours, peer, floor float64
		met               bool
	}{
		{10, 10, 1, true}, {11, 10, 1, false}, {11, 10, 10, true}, {12, 10, 10, false},
	} {
		d := Data{Results: []load.Result{
			result("gosio", "polling-echo", 1, load.CPUMicros, test.ours),
			result("node-uws", "polling-echo", 1, load.CPUMicros, test.peer),
			result("floor-nethttp", "polling-echo", 1, load.CPUMicros, test.floor),
		}}
		list := budget(d)
		if len(list) == 0 || list[0].met != test.met {
			t.Errorf("%+v: %+v", test, list)
		}
	}
}

// What another server shows in comparison stands beside a demand, and does not
// soften it.
func TestBudgetComparesVariants(t *testing.T) {
	t.Parallel()
	d := Data{}
	for server, values := range map[string]map[string]float64{
		"gosio":         {"echo1": 10, "bcast1": 2, "room-10000": 3.2, "rooms-10000": 2.1},
		"gosio-fiber":   {"echo1": 10.9},
		"gosio-metrics": {"echo1": 10.4, "bcast1": 2.09},
		"gosio-p1":      {"echo1": 10},
		"gosio-p2":      {"echo1": 12},
		"floor-gws-p1":  {"echo1": 10},
		"floor-gws-p2":  {"echo1": 14.4},
		"node-uws":      {"bcast1": 2, "room-10000": 4},
	} {
		for scenario, value := range values {
			d.Results = append(d.Results, result(server, scenario, 1, load.CPUMicros, value))
		}
	}
	want := map[string]line{
		"echo, 1 in flight: CPU, gosio-fiber / gosio":                                                     {measured: "1.09", limit: "1.10", met: true},
		"broadcast to 1,000, 1 in flight: CPU, gosio-metrics / node-uws":                                  {measured: "1.04", limit: "1.05", met: true, beside: "gosio-metrics / gosio: 1.04"},
		"echo, 1 in flight: CPU, gosio-p2 / gosio-p1":                                                     {measured: "1.20", limit: "1.15", beside: "floor-gws-p2 / floor-gws-p1: 1.44"},
		"broadcast to 10000, 1 in flight: CPU per delivery / broadcast to 1,000, 1 in flight":             {measured: "1.60", limit: "1.50", beside: "node-uws: 2.00"},
		"broadcast to 1,000 beside 10000 other rooms: CPU per delivery / broadcast to 1,000, 1 in flight": {measured: "1.05", limit: "1.10", met: true},
		"broadcast to 1,000, 1 in flight: CPU, gosio / node-uws":                                          {measured: "1.00", limit: "1.00", met: true},
	}
	got := map[string]line{}
	for _, l := range budget(d) {
		demand := l.demand
		l.demand = ""
		got[demand] = l
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	text := markdown(d)
	if row := "| echo, 1 in flight | 10 (0%) | 12 (0%) | 1.20 | 10 (0%) | 14.4 (0%) | 1.44 |"; !strings.Contains(text, row) {
		t.Errorf("no row %q in\n%s", row, text)
	}
	if strings.Contains(text, "| gosio-p1 | gosio-p2 | node-uws") {
		t.Error("the variants are in the table of the servers")
	}
}

func TestContention(t *testing.T) {
	t.Parallel()
	d := Data{}
	add := func(scenario string, locks map[string]float64) {
		r := result(Contended, scenario, 1, load.CPUMicros, 10)
		r.Locks = locks
		d.Results = append(d.Results, r)
	}
	add("echo32", map[string]float64{"example.com/m/core.(*work).done": 1.2, "runtime": 0.1})
	add("echo32", map[string]float64{"example.com/m/core.(*work).done": 1.4, "runtime": 0.3})
	add("echo32", map[string]float64{"runtime": 0.2, "example.com/m/core.once": 9})
	add("bcast16", map[string]float64{"a.lock": 1.5, "b.lock": 0.6})
	want := []line{
		{demand: "echo, 32 in flight: waits for all locks together / CPU", measured: "1.70 %", limit: "2 %", met: true},
		{demand: "broadcast to 1,000, 16 in flight: waits for all locks together / CPU", measured: "2.10 %", limit: "2 %"},
	}
	if got := budget(d); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	text := markdown(d)
	for _, row := range []string{
		"| echo, 32 in flight | all together | 1.70 % |", "| echo, 32 in flight | `core.(*work).done` | 1.20 % |",
		"| echo, 32 in flight | `core.once` | 0.00 % |",
	} {
		if !strings.Contains(text, row) {
			t.Errorf("no row %q in\n%s", row, text)
		}
	}
}

func TestFailedRepeatLeavesNoFigure(t *testing.T) {
	t.Parallel()
	d := sampleData()
	d.Results = append(d.Results, load.Result{Server: "node-ws", Scenario: "echo1", Repeat: 4, Error: "lost"})
	if _, ok := d.median("node-ws", "echo1", load.CPUMicros); ok {
		t.Error("a server that lost messages has a figure")
	}
	if text := markdown(d); !strings.Contains(text, "failed 1 of 3") {
		t.Error("the table does not tell the failure")
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	want := sampleData()
	var lines strings.Builder
	encoder := json.NewEncoder(&lines)
	if err := encoder.Encode(want.Run); err != nil {
		t.Fatal(err)
	}
	for _, r := range want.Results {
		if err := encoder.Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(t.TempDir(), "x.jsonl")
	if err := os.WriteFile(name, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Read(name)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v: got %+v", err, got)
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text, err := Write(dir, sampleData())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| echo, 1 in flight: CPU, gosio / node-ws | 0.75 | 0.65 | **missed** |",
		"| gosio | idle WebSocket | 1.00 | 2.00 | 3.00 |", "benchmarks/cpu.svg", "p99.9",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	plots, err := filepath.Glob(filepath.Join(dir, "benchmarks", "*.svg"))
	if err != nil || len(plots) != 3 {
		t.Fatalf("%d plots, %v", len(plots), err)
	}
	for _, name := range plots {
		checkXML(t, name)
	}
}

func checkXML(t *testing.T, name string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for decoder := xml.NewDecoder(strings.NewReader(string(text))); ; {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if strings.Contains(string(text), "NaN") || strings.Contains(string(text), "Inf") {
		t.Errorf("%s has numbers that are none", name)
	}
}

func TestNiceTop(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]float64{1: 1, 1.1: 2, 3: 4, 4.5: 5, 6: 8, 9: 10, 0.03: 0.04, 120: 200} {
		if got := niceTop(v); math.Abs(got-want) > want/1e9 {
			t.Errorf("niceTop(%v) = %v, want %v", v, got, want)
		}
	}
}

// TestRatio: each repeat is compared with the same repeat of the other server,
// in whatever order they ran.
func TestRatio(t *testing.T) {
	t.Parallel()
	d := Data{}
	for repeat, v := range []float64{10, 20, 90} {
		d.Results = append(d.Results, result("gosio", "echo1", repeat, load.CPUMicros, v))
	}
	for repeat, v := range []float64{90, 40, 10} {
		d.Results = append(d.Results, result("node-uws", "echo1", 2-repeat, load.CPUMicros, v))
	}
	if got, ok := d.ratio("gosio", "node-uws", "echo1", load.CPUMicros); !ok || got != 1 { // 10/10, 20/40, 90/90
		t.Errorf("ratio: got %v, %v, want 1", got, ok)
	}
	for _, other := range []string{"node-ws", ""} {
		if _, ok := d.ratio("gosio", other, "echo1", load.CPUMicros); ok {
			t.Errorf("%q was not measured", other)
		}
	}
	d.Results = append(d.Results, load.Result{Server: "node-uws", Scenario: "echo1", Repeat: 3, Error: "lost"})
	if _, ok := d.ratio("gosio", "node-uws", "echo1", load.CPUMicros); ok {
		t.Error("a repeat has failed")
	}
}

// TestApart: the page has what was measured by hand.
func TestApart(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "benchmarks.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), apart) {
		t.Error("docs/benchmarks.md does not have bench/report/apart.md")
	}
}
