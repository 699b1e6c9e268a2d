package docs_test

import (
	"cmp"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
	sioprometheus "github.com/gosio/gosio/observe/prometheus"
)

var (
	described  = regexp.MustCompile(`^Desc\{fqName: "([^"]*)", help: "([^"]*)", .*variableLabels: \{([^}]*)\}\}$`)
	instrument = regexp.MustCompile(`(?:counter|seconds|gauge)\("([a-z._]+)", (?:"[^"]*", )?"([A-Z][^"]*)"`)
)

// TestMetrics: the table has what the observers have; with -update the test writes it. It
// does not run in parallel: what it writes is read by others.
func TestMetrics(t *testing.T) {
	const begin, end = "<!-- metrics -->\n", "<!-- end of metrics -->\n"
	page := read(t, "metrics.md")
	head, rest, ok1 := strings.Cut(page, begin)
	got, tail, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatal("metrics.md has no place for the table")
	}
	want := metricsTable(t)
	if *update {
		write(t, "metrics.md", head+begin+want+end+tail)
		got = want
	}
	if got != want {
		t.Error("the table is not what the observers have: go test ./docs -update")
	}
	if rows := strings.Count(want, "\n| `"); rows < 35 {
		t.Errorf("%d metrics: have they gone?", rows)
	}
}

// metricsTable is a row for each metric, sorted by its name.
func metricsTable(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("../observe/otel/*.go")
	if err != nil {
		t.Fatal(err)
	}
	dotted := map[string]string{"Time of the engine's last answer.": "cluster.round_trip"}
	for _, file := range files {
		for _, m := range instrument.FindAllStringSubmatch(read(t, file), -1) {
			name := m[1]
			if filepath.Base(file) == "cluster.go" {
				name = "cluster." + name
			}
			dotted[m[2]] = name
		}
	}
	kinds := metricKinds(t)
	ch := make(chan *prometheus.Desc)
	go func() {
		sioprometheus.New(sioprometheus.Options{}).Describe(ch)
		close(ch)
	}()
	var rows []string
	for desc := range ch {
		m := described.FindStringSubmatch(desc.String())
		if m == nil {
			t.Fatalf("what is %s?", desc)
		}
		kind := "gauge"
		switch {
		case strings.HasSuffix(m[1], "_total"):
			kind = "counter"
		case strings.HasSuffix(m[1], "_duration_seconds"):
			kind = "histogram"
		}
		if real := kinds[m[1]]; real != "" && real != kind {
			t.Errorf("%s is a %s, and its name says that it is a %s", m[1], real, kind)
		}
		otel := "none"
		if name := dotted[m[2]]; name != "" {
			otel = "`socketio." + name + "`"
			delete(dotted, m[2])
		}
		labels := cmp.Or(strings.ReplaceAll(m[3], ",", ", "), "none")
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s | %s | %s |\n", m[1], kind, labels, m[2], otel))
	}
	for help, name := range dotted {
		t.Errorf("OpenTelemetry has socketio.%s, and Prometheus nothing with the text %q", name, help)
	}
	slices.Sort(rows)
	return "| metric | kind | labels | meaning | in OpenTelemetry |\n|---|---|---|---|---|\n" + strings.Join(rows, "")
}

// metricKinds are the kinds of those metrics that a server with one client has.
func metricKinds(t *testing.T) map[string]string {
	t.Helper()
	metrics := sioprometheus.New(sioprometheus.Options{})
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics)
	srv := start(t, &socketio.Options{Observer: metrics})
	srv.On("hello", func(s *socketio.Socket) error { return s.Emit("hello") })
	dial(t, srv).Call("hello")
	families, err := registry.Gather()
	assert.NoError(t, err)
	kinds := make(map[string]string)
	for _, f := range families {
		kinds[f.GetName()] = strings.ToLower(f.GetType().String())
	}
	assert.True(t, "some metrics", len(kinds) > 15)
	return kinds
}

// TestLabels: the page has each value of the labels that are constants of the code.
func TestLabels(t *testing.T) {
	t.Parallel()
	values := make(map[string]string)
	for _, row := range section(t, "metrics.md", "Labels") {
		values[strings.Trim(row[0], "`")+" of "+strings.Trim(row[1], "`")] = row[2]
	}
	for label, all := range map[string]map[string]string{
		"policy of messages_dropped_total": constants(t, "../core/engine", "DropCause"),
		"outcome of recoveries_total":      constants(t, "../core", "RecoveryOutcome"),
	} {
		if values[label] == "" {
			t.Fatalf("no row for %s", label)
		}
		for name, value := range all {
			if value == "" || !strings.Contains(values[label], "`"+value+"`") {
				t.Errorf("%s: %s, %q, is not in %s", label, name, value, values[label])
			}
		}
	}
}
