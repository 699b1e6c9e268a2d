// Package report turns the results of a benchmark run into tables and plots.
package report

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/gosio/gosio/bench/load"
)

// Run says what ran, when, and on which machine.
type Run struct {
	Date    string `json:"date"`
	Level   string `json:"level"`
	Pin     string `json:"pin"`
	Repeats int    `json:"repeats"`
	CPU     string `json:"cpu"`
	CPUs    int    `json:"cpus"`
	Memory  string `json:"memory"`
	Kernel  string `json:"kernel"`
	Go      string `json:"go"`
	Node    string `json:"node"`
	Rust    string `json:"rust,omitempty"`

	Load float64 `json:"load"` // the machine's load average before the run
}

// Data is a run with its results.
type Data struct {
	Run     Run
	Results []load.Result
}

// Read reads a file of JSON lines: the run, then its results.
func Read(name string) (Data, error) {
	file, err := os.Open(name)
	if err != nil {
		return Data{}, err
	}
	defer file.Close()
	var data Data
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	if !lines.Scan() {
		return data, errors.Join(fmt.Errorf("report: %s is empty", name), lines.Err())
	}
	if err := json.Unmarshal(lines.Bytes(), &data.Run); err != nil {
		return data, err
	}
	for lines.Scan() {
		var result load.Result
		if err := json.Unmarshal(lines.Bytes(), &result); err != nil {
			return data, err
		}
		data.Results = append(data.Results, result)
	}
	return data, lines.Err()
}

// median of a value over the repeats of a scenario; ok is false if a repeat
// failed, or none ran, or the value was not measured.
func (d Data) median(server, scenario, key string) (median float64, ok bool) {
	var values []float64
	for _, r := range d.Results {
		if r.Server != server || r.Scenario != scenario {
			continue
		}
		value, measured := r.Values[key]
		if !measured || r.Error != "" {
			return 0, false
		}
		values = append(values, value)
	}
	return load.Median(values), len(values) > 0
}

// ratio is the median of the ratios of two servers in the repeats of a
// scenario: what disturbs the machine during a repeat meets both.
func (d Data) ratio(server, against, scenario, key string) (ratio float64, ok bool) {
	if _, ok := d.median(server, scenario, key); !ok {
		return 0, false
	}
	if base, ok := d.median(against, scenario, key); !ok || base == 0 {
		return 0, false
	}
	bases := map[int]float64{}
	for _, r := range d.Results {
		if r.Server == against && r.Scenario == scenario {
			bases[r.Repeat] = r.Values[key]
		}
	}
	var ratios []float64
	for _, r := range d.Results {
		if base := bases[r.Repeat]; r.Server == server && r.Scenario == scenario && base > 0 {
			ratios = append(ratios, r.Values[key]/base)
		}
	}
	return load.Median(ratios), len(ratios) > 0
}

// spread is the distance between the largest and the smallest repeat, in
// percent of the median: how far the machine can be trusted.
func (d Data) spread(server, scenario, key string) float64 {
	var values []float64
	for _, r := range d.Results {
		if r.Server == server && r.Scenario == scenario && r.Error == "" {
			values = append(values, r.Values[key])
		}
	}
	median := load.Median(values)
	if median == 0 {
		return 0
	}
	return (slices.Max(values) - slices.Min(values)) / median * 100
}

// failures counts the repeats that failed.
func (d Data) failures(server, scenario string) int {
	n := 0
	for _, r := range d.Results {
		if r.Server == server && r.Scenario == scenario && r.Error != "" {
			n++
		}
	}
	return n
}

// retried counts the clients of all repeats that had to dial again.
func (d Data) retried(server, scenario string) int {
	n := 0.0
	for _, r := range d.Results {
		if r.Server == server && r.Scenario == scenario {
			n += r.Values[load.Retried]
		}
	}
	return int(n)
}

// curve is the median latency at each of load.CurvePercents, or nil.
func (d Data) curve(server, scenario string) []float64 {
	var curve []float64
	for i := range load.CurvePercents {
		var values []float64
		for _, r := range d.Results {
			if r.Server == server && r.Scenario == scenario && len(r.Curve) == len(load.CurvePercents) {
				values = append(values, r.Curve[i])
			}
		}
		if len(values) == 0 {
			return nil
		}
		curve = append(curve, load.Median(values))
	}
	return curve
}

// aside are servers that have tables of their own beside gosio's.
var aside = []string{"gosio-p1", "gosio-p2", "floor-gws-p1", "floor-gws-p2", Contended}

// servers lists the servers of the tables that have results, in order of
// appearance.
func (d Data) servers() []string {
	var names []string
	for _, r := range d.Results {
		if !slices.Contains(names, r.Server) && !slices.Contains(aside, r.Server) {
			names = append(names, r.Server)
		}
	}
	return names
}

// valueKey is what a scenario is about.
func valueKey(scenario load.Scenario) string {
	if scenario.Rests() {
		return load.RSSKB
	}
	return load.CPUMicros
}
