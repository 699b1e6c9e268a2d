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
		"| gosio | idle WebSocket | 1.00 | 2.00 | 3.00 |", "performance/cpu.svg", "p99.9",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	plots, err := filepath.Glob(filepath.Join(dir, "performance", "*.svg"))
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
