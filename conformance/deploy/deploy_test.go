//go:build e2e

// Package deploy_test hands the configurations of docs/deployment.md and docs/production.md
// to the programs that read such files: Kubernetes' and Compose's schemas, and systemd.
// docs/configuration_test.go holds their numbers and names to the code.
package deploy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/graceful"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

// activated has this program serve on the socket of its parent, instead of testing.
const activated = "GOSIO_TEST_ACTIVATED"

func TestMain(m *testing.M) {
	if os.Getenv(activated) != "" {
		if err := serve(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	leak.Main(m)
}

// blocks returns the blocks of a page in that language.
func blocks(t *testing.T, page, language string) (all []string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/" + page)
	assert.NoError(t, err)
	for _, m := range regexp.MustCompile("(?s)\n```"+language+"\n(.*?)```").FindAllSubmatch(text, -1) {
		all = append(all, string(m[1]))
	}
	if len(all) == 0 {
		t.Fatalf("docs/%s has no block of %s", page, language)
	}
	return all
}

type object = map[string]any

func decoded(t *testing.T, text string) (o object) {
	t.Helper()
	assert.NoError(t, yaml.UnmarshalWithOptions([]byte(text), &o, yaml.Strict()))
	return o
}

// says runs a program on a file of that content, and returns whether it accepts it, and its output.
func says(t *testing.T, name, content string, program ...string) (ok bool, output string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	assert.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	out, err := exec.Command(program[0], append(program[1:], file)...).CombinedOutput()
	return err == nil, string(out)
}

// kubernetes fails if Kubernetes' schema does not have all of an object, as a server does
// with the validation of fields that kubectl asks for.
func kubernetes(t *testing.T, o object) (ok bool, output string) {
	t.Helper()
	text, err := json.Marshal(o)
	assert.NoError(t, err)
	return says(t, "object.json", string(text), "kubernetes-validate", "--strict")
}

// merged is base with the fields of patch, as kubectl patch makes it of the two blocks:
// containers of one name are one.
func merged(base, patch object) object {
	for name, value := range patch {
		switch value := value.(type) {
		case object:
			if inner, ok := base[name].(object); ok {
				merged(inner, value)
				continue
			}
		case []any:
			if inner, ok := base[name].([]any); ok && name == "containers" {
				merged(inner[0].(object), value[0].(object))
				continue
			}
		}
		base[name] = value
	}
	return base
}

// TestKubernetes: Kubernetes' schemas have each field of the pages, at its place and of its type.
func TestKubernetes(t *testing.T) {
	t.Parallel()
	pod := decoded(t, blocks(t, "deployment.md", "yaml")[0])
	labels := object{"app": "chat"}
	deployment := object{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": object{"name": "chat"},
		"spec": object{
			"selector": object{"matchLabels": labels},
			"template": object{"metadata": object{"labels": labels}, "spec": pod["spec"]},
		},
	}
	production := blocks(t, "production.md", "yaml")
	patch, budget, both := strings.Cut(production[1], "\n---\n")
	assert.True(t, "two documents", both)
	for _, o := range []object{merged(deployment, decoded(t, patch)), decoded(t, budget), decoded(t, production[2])} {
		ok, output := kubernetes(t, o)
		assert.True(t, fmt.Sprintf("%s: %s", o["kind"], output), ok)
	}
	// The hook of the page in the place of graceful's Delay.
	page, err := os.ReadFile("../../docs/deployment.md")
	assert.NoError(t, err)
	hook := regexp.MustCompile("`(lifecycle: \\{ preStop: .*? \\} \\} \\})`").FindSubmatch(page)
	if hook == nil {
		t.Fatal("docs/deployment.md has no preStop hook")
	}
	containers := object{"containers": []any{decoded(t, string(hook[1]))}}
	merged(deployment, object{"spec": object{"template": object{"spec": containers}}})
	ok, output := kubernetes(t, deployment)
	assert.True(t, "with the hook: "+output, ok)

	// What the check is for: a field that is misspelt, or one level too high.
	containers["containers"].([]any)[0].(object)["readinessprobe"] = object{}
	merged(deployment, object{"spec": object{"template": object{"spec": containers}}})
	ok, _ = kubernetes(t, deployment)
	assert.True(t, "a field that does not exist is refused", !ok)
}

// TestCompose: Compose's schema has what the pages set.
func TestCompose(t *testing.T) {
	t.Parallel()
	check := []string{"check-jsonschema", "--builtin-schema", "vendor.compose-spec"}
	file := blocks(t, "deployment.md", "yaml")[1]
	page, err := os.ReadFile("../../docs/production.md")
	assert.NoError(t, err)
	limits := regexp.MustCompile("`(ulimits: \\{ nofile: \\d+ \\})` \\(Compose\\)").FindSubmatch(page)
	if limits == nil {
		t.Fatal("docs/production.md has no ulimits for Compose")
	}
	ok, output := says(t, "compose.yaml", file+"    "+string(limits[1])+"\n", check...)
	assert.True(t, output, ok)
	ok, _ = says(t, "compose.yaml", strings.Replace(file, "stop_grace_period", "stop_grace", 1), check...)
	assert.True(t, "a field that does not exist is refused", !ok)
}

// TestUnits: systemd knows each line of the units.
func TestUnits(t *testing.T) {
	t.Parallel()
	program := strings.NewReplacer("/usr/local/bin/chat", "/bin/true") // it has to be there
	verify := []string{"systemd-analyze", "verify", "--man=no"}
	for _, page := range []string{"deployment.md", "production.md"} {
		unit := blocks(t, page, "ini")[0]
		ok, output := says(t, "chat.service", program.Replace(unit), verify...)
		assert.True(t, page+": "+output, ok && output == "")
		_, output = says(t, "chat.service", program.Replace(strings.Replace(unit, "TimeoutStopSec", "TimeoutStop", 1)), verify...)
		assert.True(t, "a line that systemd does not know is named: "+output, strings.Contains(output, "TimeoutStop"))
	}
}

// serve is the program behind a socket unit, as docs/deployment.md says: the listener is
// descriptor 3.
func serve() error {
	l, err := net.FileListener(os.NewFile(3, "socket"))
	if err != nil {
		return err
	}
	srv := socketio.NewServer(nil)
	service := graceful.New(srv, nil)
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.HandleFunc("GET /readyz", service.Readyz)
	return service.Serve(context.Background(), &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}, l)
}

// TestSocketUnit: the program takes systemd's socket, and ends at SIGTERM without an error.
func TestSocketUnit(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	addr := l.Addr().String()
	assert.NoError(t, l.Close())
	cmd := exec.Command("systemd-socket-activate", "--listen="+addr, "--setenv="+activated+"=1", os.Args[0])
	output := new(strings.Builder)
	cmd.Stderr = output
	assert.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // if the test fails
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // until the program ends
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		resp, err := client.Get("http://" + addr + "/readyz") // the first connection starts the program
		if err == nil {
			assert.NoError(t, resp.Body.Close())
			assert.Equal(t, "status", resp.StatusCode, http.StatusOK)
			break
		}
		select {
		case <-tick.C:
		case err := <-ended:
			t.Fatalf("%v: %s", err, output)
		}
	}
	assert.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	assert.NoError(t, <-ended)
}
