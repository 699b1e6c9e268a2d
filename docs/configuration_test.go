package docs_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goccy/go-yaml"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/graceful"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/pipe"
)

// The numbers and names in the configurations of deployment.md, production.md, proxies.md
// and cluster.md agree with the code and with each other. conformance/deploy asks the
// programs that read these configurations; integrations/proxies runs the proxies.

// configurations returns the blocks of a page in that language, of which there are n.
func configurations(t *testing.T, page, language string, n int) []string {
	t.Helper()
	var all []string
	for _, m := range regexp.MustCompile("(?s)\n```"+language+"\n(.*?)```").FindAllStringSubmatch(read(t, page), -1) {
		all = append(all, m[1])
	}
	if len(all) != n {
		t.Fatalf("%s has %d blocks of %s, not %d", page, len(all), language, n)
	}
	return all
}

// found returns what the group of a pattern matches in a text, where it has to match once.
func found(t *testing.T, where, text, pattern string) string {
	t.Helper()
	all := regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1)
	if len(all) != 1 {
		t.Fatalf("%s has %d of %s, not one", where, len(all), pattern)
	}
	return all[0][1]
}

// decoded decodes one document of YAML.
func decoded[T any](t *testing.T, text string) (v T) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return v
}

// times are what graceful takes at the end of a process.
type times struct {
	usual, example, delay, check time.Duration
}

func gracefulTimes(t *testing.T) (g times) {
	t.Helper()
	example := strings.Join(readRegions(t, "deployment_test.go")["options"], "\n")
	g.example = kill(t, "deployment.md", example, `Timeout: (\d+) \* time\.Second`)
	g.delay = kill(t, "deployment.md", example, `Delay: +(\d+) \* time\.Second`)
	hangs := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	synctest.Test(t, func(t *testing.T) {
		service := graceful.New(socketio.NewServer(nil), &graceful.Options{
			Signals: []os.Signal{}, Logger: slog.New(slog.DiscardHandler),
			Checks: map[string]func(context.Context) error{"hangs": hangs},
		})
		began := time.Now()
		service.Readyz(httptest.NewRecorder(), httptest.NewRequest("GET", "/readyz", http.NoBody))
		g.check = time.Since(began)

		cut := make(chan struct{})
		app := graceful.AppFunc(func(net.Listener) error { <-cut; return nil }, hangs)
		ctx, stop := context.WithCancel(t.Context())
		stop()
		began = time.Now()
		_ = service.Serve(ctx, app, pipe.Listen())
		g.usual = time.Since(began)
		close(cut)
	})
	if says := kill(t, "deployment.md", read(t, "deployment.md"), "`Options\\.Timeout` at most, (\\d+) s by default"); says != g.usual {
		t.Errorf("deployment.md says that graceful takes %s at most, and it takes %s", says, g.usual)
	}
	return g
}

// longest is the Timeout of the example, which has a Delay, or that by default behind a
// preStop hook as long as the Delay.
func (g times) longest() time.Duration { return max(g.example, g.usual+g.delay) }

// kills fails if a process is killed after d, before graceful has had its time and a little
// more, for the program around it.
func (g times) kills(t *testing.T, where string, d time.Duration) {
	t.Helper()
	if d < g.longest()+time.Second {
		t.Errorf("%s: the process is killed after %s, and graceful takes up to %s", where, d, g.longest())
	}
}

// kill is the time in which a line of the unit or of Docker lets a process end.
func kill(t *testing.T, where, text, pattern string) time.Duration {
	t.Helper()
	n, err := strconv.Atoi(found(t, where, text, pattern))
	assert.NoError(t, err)
	return time.Duration(n) * time.Second
}

// served returns the port that the program of deployment.md listens on, and which of
// graceful's handlers it has at each path.
func served(t *testing.T) (port int, paths map[string]string) {
	t.Helper()
	program := strings.Join(readRegions(t, "deployment_test.go")["serve"], "\n")
	port, err := strconv.Atoi(found(t, "deployment.md", program, `Addr: ":(\d+)"`))
	assert.NoError(t, err)
	paths = make(map[string]string)
	for _, m := range regexp.MustCompile(`HandleFunc\("GET (\S+)", service\.(\w+)\)`).FindAllStringSubmatch(program, -1) {
		paths[m[1]] = m[2]
	}
	return port, paths
}

type probe struct {
	HTTPGet struct {
		Path string
		Port int
	} `yaml:"httpGet"`
	Timeout int `yaml:"timeoutSeconds"`
}

type podSpec struct {
	Grace      int `yaml:"terminationGracePeriodSeconds"`
	Containers []struct {
		Name  string
		Ports []struct {
			ContainerPort int `yaml:"containerPort"`
		}
		Readiness probe `yaml:"readinessProbe"`
		Liveness  probe `yaml:"livenessProbe"`
		Resources struct{ Requests, Limits struct{ Memory string } }
		Env       []struct{ Name, Value string }
	}
	Spread []struct {
		Labels selector `yaml:"labelSelector"`
	} `yaml:"topologySpreadConstraints"`
}

type selector struct {
	Match map[string]string `yaml:"matchLabels"`
}

// TestKubernetesOfDeployment: the pod has the time that graceful takes, and its probes ask
// the handlers that are for them, on the port that the program has.
func TestKubernetesOfDeployment(t *testing.T) {
	t.Parallel()
	pod := decoded[struct{ Spec podSpec }](t, configurations(t, "deployment.md", "yaml", 2)[0]).Spec
	g := gracefulTimes(t)
	g.kills(t, "terminationGracePeriodSeconds", time.Duration(pod.Grace)*time.Second)
	assert.Equal(t, "containers", len(pod.Containers), 1)
	c := pod.Containers[0]
	port, paths := served(t)
	assert.Equal(t, "port", c.Ports[0].ContainerPort, port)
	assert.Equal(t, "port", c.Readiness.HTTPGet.Port, port)
	assert.Equal(t, "port", c.Liveness.HTTPGet.Port, port)
	assert.Equal(t, "readiness", paths[c.Readiness.HTTPGet.Path], "Readyz")
	assert.Equal(t, "liveness", paths[c.Liveness.HTTPGet.Path], "Healthz")
	if timeout := max(1, c.Readiness.Timeout); g.check >= time.Duration(timeout)*time.Second {
		t.Errorf("a readiness probe ends after %d s, and a check of graceful after %s", timeout, g.check)
	}
	hook := kill(t, "deployment.md", read(t, "deployment.md"), `preStop: \{ sleep: \{ seconds: (\d+) \} \}`)
	assert.Equal(t, "preStop and Delay", hook, g.delay)
}

// TestKubernetesOfProduction: the parts are of one Deployment, the memory limit of Go is
// below that of the container, and a pod has ended before the next one begins to.
func TestKubernetesOfProduction(t *testing.T) {
	t.Parallel()
	type resource struct {
		Kind     string
		Metadata struct{ Name string }
		Spec     struct {
			Replicas    int
			Ready       int      `yaml:"minReadySeconds"`
			Min         int      `yaml:"minReplicas"`
			Max         int      `yaml:"maxReplicas"`
			Unavailable int      `yaml:"maxUnavailable"`
			Selector    selector // of the budget
			Template    struct{ Spec podSpec }
			Target      struct{ Kind, Name string } `yaml:"scaleTargetRef"`
			Metrics     []struct {
				Type string
				Pods struct{ Metric struct{ Name string } }
			}
		}
	}
	blocks := configurations(t, "production.md", "yaml", 3)
	first, second, ok := strings.Cut(blocks[1], "\n---\n")
	assert.True(t, "two documents", ok)
	deployment, budget, scaler := decoded[resource](t, first).Spec, decoded[resource](t, second), decoded[resource](t, blocks[2])

	pod := deployment.Template.Spec
	base := decoded[struct{ Spec podSpec }](t, configurations(t, "deployment.md", "yaml", 2)[0]).Spec
	assert.Equal(t, "container", pod.Containers[0].Name, base.Containers[0].Name)
	c := pod.Containers[0]
	assert.Equal(t, "variable", c.Env[0].Name, "GOMEMLIMIT")
	below(t, "the container's memory", c.Env[0].Value, c.Resources.Limits.Memory)
	assert.Equal(t, "memory", c.Resources.Requests.Memory, c.Resources.Limits.Memory)
	assert.Equal(t, "labels", budget.Spec.Selector, pod.Spread[0].Labels)

	srv := start(t, nil)
	if ready := time.Duration(deployment.Ready) * time.Second; ready < srv.Options().ShutdownSpread {
		t.Errorf("the next pod ends after %s, and the connections of one end over %s", ready, srv.Options().ShutdownSpread)
	}
	assert.Equal(t, "target", scaler.Spec.Target.Name, scaler.Metadata.Name)
	assert.Equal(t, "target", scaler.Spec.Target.Kind, "Deployment")
	assert.Equal(t, "replicas", scaler.Spec.Min, deployment.Replicas)
	assert.True(t, "more", scaler.Spec.Max > scaler.Spec.Min)
	assert.True(t, "one pod ends at a time, and others are there", budget.Spec.Unavailable == 1 && scaler.Spec.Min > 1)
	metric := scaler.Spec.Metrics[0].Pods.Metric.Name
	if !strings.Contains(metricsTable(t), "| `"+metric+"` |") {
		t.Errorf("no metric is called %s", metric)
	}
}

// below fails if Go's memory limit is not a little below that of the process.
func below(t *testing.T, what, goLimit, limit string) {
	t.Helper()
	bytes := func(text string) (n int) {
		for unit, factor := range map[string]int{"MiB": 1 << 20, "Mi": 1 << 20, "G": 1 << 30} {
			if number, ok := strings.CutSuffix(text, unit); ok {
				var err error
				n, err = strconv.Atoi(number)
				assert.NoError(t, err)
				return n * factor
			}
		}
		t.Fatalf("%s: what unit has %q?", what, text)
		return 0
	}
	if is, most := bytes(goLimit), bytes(limit); is > most*9/10 || is < most*8/10 {
		t.Errorf("%s is %s: GOMEMLIMIT is %s, which is not 80 to 90 %% of it", what, limit, goLimit)
	}
}

// TestUnits: systemd lets the process end in peace.
func TestUnits(t *testing.T) {
	t.Parallel()
	g := gracefulTimes(t)
	for page, files := range map[string]string{"deployment.md": "", "production.md": `LimitNOFILE=(\d+)` + "` \\(systemd\\)"} {
		unit := configurations(t, page, "ini", 1)[0]
		g.kills(t, page+": TimeoutStopSec", kill(t, page, unit, `(?m)^TimeoutStopSec=(\d+)$`))
		assert.Equal(t, page+": who gets SIGTERM", found(t, page, unit, `(?m)^KillMode=(\w+)$`), "mixed")
		if limit := found(t, page, unit, `(?m)^LimitNOFILE=(\d+)$`); files != "" {
			assert.Equal(t, "files in the table of limits", found(t, page, read(t, page), files), limit)
			below(t, "MemoryMax", found(t, page, unit, `(?m)^Environment=GOMEMLIMIT=(\w+)$`), found(t, page, unit, `(?m)^MemoryMax=(\w+)$`))
		}
	}
}

// TestDocker: so does Docker; and the image of the tutorial starts its program as the page says.
func TestDocker(t *testing.T) {
	t.Parallel()
	page, g := read(t, "deployment.md"), gracefulTimes(t)
	compose := decoded[struct {
		Services map[string]struct {
			Grace string `yaml:"stop_grace_period"`
		}
	}](t, configurations(t, "deployment.md", "yaml", 2)[1])
	grace, err := time.ParseDuration(compose.Services["chat"].Grace)
	assert.NoError(t, err)
	g.kills(t, "stop_grace_period", grace)
	g.kills(t, "docker stop", kill(t, "deployment.md", page, "`docker stop --time (\\d+)`"))
	g.kills(t, "docker run", kill(t, "deployment.md", page, "`docker run --stop-timeout (\\d+)`"))
	short := kill(t, "deployment.md", page, "`graceful.Options\\{Timeout: (\\d+) \\* time.Second\\}`")
	usual := kill(t, "deployment.md", page, "`docker stop` kills the process after (\\d+) s")
	if short >= usual {
		t.Errorf("docker stop kills after %s, and graceful takes %s", usual, short)
	}
	file := read(t, "../examples/tutorial/Dockerfile")
	port, _ := served(t)
	for _, line := range []string{configurations(t, "deployment.md", "dockerfile", 1)[0], fmt.Sprintf("EXPOSE %d\n", port)} {
		if !strings.Contains(file, "\n"+line) {
			t.Errorf("examples/tutorial/Dockerfile has no line %q", line)
		}
	}
}

// TestTimeouts: no timeout of a proxy is shorter than the silence of a connection in
// trouble, and their balancers let through what the server takes.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(nil)
	t.Cleanup(srv.Close)
	o := srv.Options()
	silence, checked := o.PingInterval+o.PingTimeout, 0
	timeout := regexp.MustCompile(`(?m)^\s*(proxy_read_timeout|proxy_send_timeout|timeout (?:client|server|tunnel)|ProxyTimeout|\S*/proxy-read-timeout:) +"?(\d+)s?"?;?(?:\s|$)`)
	fence := regexp.MustCompile("(?s)\n```\\w+\n(.*?)```")
	for _, page := range []string{"proxies.md", "production.md", "cluster.md"} {
		for _, block := range fence.FindAllStringSubmatch(read(t, page), -1) {
			for _, m := range timeout.FindAllStringSubmatch(block[1], -1) {
				checked++
				n, err := strconv.Atoi(m[2])
				assert.NoError(t, err)
				if d := time.Duration(n) * time.Second; d <= silence {
					t.Errorf("%s: %s is %s, and a connection may be silent for %s", page, m[1], d, silence)
				}
			}
		}
	}
	assert.Equal(t, "timeouts that were found", checked, 9)
	for _, page := range []string{"proxies.md", "production.md"} {
		if text := fmt.Sprintf("%d s", int(silence.Seconds())); !strings.Contains(read(t, page), text) {
			t.Errorf("%s does not say that a connection may be silent for %s", page, text)
		}
	}
	body := kill(t, "proxies.md", configurations(t, "proxies.md", "nginx", 1)[0], `client_max_body_size (\d+)m;`)
	if most := int64(body/time.Second) << 20; most < o.Limits.MaxHTTPBufferSize {
		t.Errorf("nginx lets %d bytes through, and the server takes %d", most, o.Limits.MaxHTTPBufferSize)
	}
}
