package sioprometheus_test

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	sioprometheus "github.com/gosio/gosio/observe/prometheus"
)

// dashboard is what this test knows of Grafana's format.
type dashboard struct {
	Title      string
	Templating struct {
		List []struct {
			Name  string
			Type  string
			Query json.RawMessage
		}
	}
	Panels []struct {
		ID      int
		Type    string
		Title   string
		Targets []struct{ RefID, Expr, LegendFormat string }
		GridPos struct{ H, W, X, Y int }
	}
}

var (
	metricName = regexp.MustCompile(`socketio_[a-z_]+`)
	byLabels   = regexp.MustCompile(`\bby \(([^)]*)\)`)
	legend     = regexp.MustCompile(`\{\{(\w+)\}\}`)
	sample     = regexp.MustCompile(`^(socketio_\w+)(?:\{(.*)\})? \S+$`)
	labelName  = regexp.MustCompile(`(\w+)="`)
	selected   = regexp.MustCompile(`\{([^{}]*)\}`)
)

// exposed returns the names of all samples of a server that has done everything,
// and the labels of each.
func exposed(t *testing.T) map[string][]string {
	var local adapter.Local
	sys := start(t, sioprometheus.Options{}, socketio.Options{
		Recovery: &socketio.Recovery{}, Adapter: func(l adapter.Local) adapter.Adapter { local = l; return alone{} },
	})
	run(t, sys)
	local.Gap(adapter.Gap{Type: adapter.GapOutgoing})
	sys.Of("/again")
	c := siotest.Dial(t, sys, siotest.Options{Namespace: "/again"})
	c = c.Resume()
	assert.True(t, "recovered", c.Recovered())
	sys.expect(t, map[string]float64{`recoveries_total{namespace="/again",outcome="recovered"}`: 1})
	assert.NoError(t, sys.Shutdown(t.Context()))
	sys.expect(t, map[string]float64{`connections{transport="websocket"}`: 0})
	_, text := sys.scrape(t)
	all := make(map[string][]string)
	for line := range strings.Lines(text) {
		m := sample.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		var labels []string
		for _, l := range labelName.FindAllStringSubmatch(m[2], -1) {
			labels = append(labels, l[1])
		}
		all[m[1]] = labels
	}
	return all
}

// TestDashboard: each query of the dashboard asks for metrics that there are, by
// labels that they have.
func TestDashboard(t *testing.T) {
	t.Parallel()
	var all map[string][]string
	synctest.Test(t, func(t *testing.T) { all = exposed(t) })
	content, err := os.ReadFile("../grafana/dashboard.json")
	assert.NoError(t, err)
	var d dashboard
	assert.NoError(t, json.Unmarshal(content, &d))
	assert.True(t, "it has a title", d.Title != "")

	shown := make(map[string]bool)
	titles, ids := make(map[string]bool), make(map[int]bool)
	for _, p := range d.Panels {
		assert.True(t, "another panel "+p.Title, !titles[p.Title] && !ids[p.ID])
		titles[p.Title], ids[p.ID] = true, true
		assert.Equal(t, "has queries: "+p.Title, len(p.Targets) > 0, p.Type != "row")
		for _, target := range p.Targets {
			checkQuery(t, p.Title, target.Expr, target.LegendFormat, all)
			for _, name := range metricName.FindAllString(target.Expr, -1) {
				shown[family(name)] = true
			}
		}
	}
	for _, v := range d.Templating.List {
		for _, name := range metricName.FindAllString(string(v.Query), -1) {
			_, ok := all[name]
			assert.True(t, "variable "+v.Name+" asks for "+name, ok)
		}
	}
	for name := range all {
		assert.True(t, "some panel shows "+name, shown[family(name)])
	}
}

// checkQuery looks at one query.
func checkQuery(t *testing.T, panel, expr, legendFormat string, all map[string][]string) {
	t.Helper()
	names := metricName.FindAllString(expr, -1)
	assert.Equal(t, panel+": metrics in "+expr, len(names), 1)
	labels, ok := all[names[0]]
	assert.True(t, panel+" asks for "+names[0], ok)
	by := ""
	if m := byLabels.FindStringSubmatch(expr); m != nil {
		by = m[1]
	}
	for _, l := range strings.FieldsFunc(by, func(r rune) bool { return r == ',' || r == ' ' }) {
		assert.True(t, panel+": "+names[0]+" has the label "+l, slices.Contains(labels, l))
	}
	for _, m := range legend.FindAllStringSubmatch(legendFormat, -1) {
		assert.True(t, panel+": the query keeps the label "+m[1], strings.Contains(by, m[1]))
	}
	for _, m := range selected.FindAllStringSubmatch(expr, -1) {
		known := append([]string{"job", "instance"}, labels...)
		for _, l := range regexp.MustCompile(`(\w+)[=!]`).FindAllStringSubmatch(m[1], -1) {
			assert.True(t, panel+": a selector by "+l[1], slices.Contains(known, l[1]))
		}
	}
	for open, end := range maps.All(map[string]string{"(": ")", "{": "}", "[": "]"}) {
		assert.Equal(t, panel+": pairs of "+open, strings.Count(expr, open), strings.Count(expr, end))
	}
}

// family is a metric's name without what a histogram's samples add.
func family(name string) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if cut, ok := strings.CutSuffix(name, suffix); ok && strings.HasSuffix(cut, "_seconds") {
			return cut
		}
	}
	return name
}
