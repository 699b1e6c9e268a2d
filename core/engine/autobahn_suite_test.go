//go:build autobahn

package engine

import (
	"encoding/json"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/gosio/gosio/core/engine/internal/frame"
	"github.com/gosio/gosio/core/engine/internal/outbox"
	"github.com/gosio/gosio/internal/assert"
)

// The Autobahn suite itself, for which `make autobahn` needs its command. The suite
// expects a server that echoes WebSocket messages. Here that is a Server whose Receiver
// echoes. A connection differs from others in three places, and none of them sees a
// frame: the open packet is not sent, a text gets the "4" of an Engine.IO message once
// package frame has delivered it, and its echo has none.

// echo is the Handler, and the Receiver of each session.
type echo struct{ s *Session }

func (echo) Connect(s *Session, _ *http.Request) Receiver {
	ws := s.ws.Load() // not started yet
	ws.writer.queue.Drop(1)
	ws.writer.framing = typing{ws.writer.framing}
	return echo{s}
}

func (e echo) Message(data []byte, binary bool) (Worker, error) {
	if binary {
		return nil, e.s.Send(Binary(data))
	}
	m := outbox.TextPacket(string(data))
	m.Plain = false // may be compressed, as other messages
	return nil, e.s.Send(Message{m})
}

func (echo) Backlog() <-chan struct{} { return nil }
func (echo) Closed(Reason, error)     {}

// typing is a framing whose texts are messages of Engine.IO.
type typing struct{ framing }

func (f typing) feed(data []byte, h frame.Handler) (bool, error) {
	return f.framing.feed(data, typed{h})
}

type typed struct{ frame.Handler }

func (h typed) Message(data []byte, binary bool) error {
	if !binary {
		data = append([]byte{'4'}, data...)
	}
	return h.Handler.Message(data, binary)
}

// bare is a listener whose connections have no file descriptor to be read directly.
type bare struct{ net.Listener }

func (l bare) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return struct {
		net.Conn
		closeWriter
	}{c, c.(closeWriter)}, nil
}

type closeWriter interface{ CloseWrite() error }

// outcome is what the suite says of a case.
type outcome struct {
	Behavior      string `json:"behavior"`
	BehaviorClose string `json:"behaviorClose"`
	ReportFile    string `json:"reportfile"`
}

func (o outcome) String() string { return o.Behavior + ", close " + o.BehaviorClose }

// passed are the words for what RFC 6455 allows.
var passed = []string{"OK", "INFORMATIONAL"}

func (o outcome) passed() bool {
	return slices.Contains(passed, o.Behavior) && slices.Contains(passed, o.BehaviorClose)
}

// plain are the groups without compression, and how many cases they have. compressed are
// those with it, which have 18 cases each, in which 1,000 messages are echoed; large
// are the numbers of those whose messages are longer than 8 KB.
var (
	plain      = map[string]int{"1": 16, "2": 11, "3": 7, "4": 10, "5": 20, "6": 145, "7": 37, "9": 54, "10": 1}
	compressed = map[string]int{
		"12.1": 18, "12.2": 18, "12.3": 18, "12.4": 18, "12.5": 18,
		"13.1": 18, "13.2": 18, "13.3": 18, "13.4": 18, "13.5": 18, "13.6": 18, "13.7": 18,
	}
	large = []int{7, 8, 9, 10, 12, 13, 14, 15, 16, 17, 18}
)

// short leaves the large cases out, which are nearly all of 11 GB.
var short = os.Getenv("AUTOBAHN_SHORT") != ""

// TestSuite runs the suite: all cases without context takeover, as by default; those
// with compression once more with it; and those without compression on connections
// that are read in the other way.
func TestSuite(t *testing.T) { //nolint:paralleltest // the suite has timeouts of a second
	if os.Getenv("AUTOBAHN") == "" {
		t.Fatal("AUTOBAHN must be the command of the suite, wstest")
	}
	runs := []struct {
		name     string
		takeover bool
		bare     bool
		groups   map[string]int
	}{
		{"plain", false, false, plain},
		{"bare", false, true, plain},
		{"deflate", false, false, compressed},
		{"takeover", true, false, compressed},
	}
	for _, run := range runs {
		t.Run(run.name, func(t *testing.T) {
			srv := NewServer(echo{}, &Options{
				Logger: slog.New(slog.DiscardHandler), PingInterval: time.Hour, MessageTimeout: time.Hour, MaxHTTPBufferSize: 1 << 25, MaxFragments: -1,
				PerMessageDeflate: &PerMessageDeflate{
					Threshold: -1, ServerContextTakeover: run.takeover, ClientContextTakeover: run.takeover,
				},
			})
			ts := httptest.NewUnstartedServer(srv)
			if run.bare {
				ts.Listener = bare{ts.Listener}
			}
			ts.Start()
			defer ts.Close()
			counts := map[string]int{}
			for _, group := range slices.Sorted(maps.Keys(run.groups)) {
				t.Run(group, func(t *testing.T) { //nolint:paralleltest // as above
					without := []string{}
					if short && run.groups[group] == 18 {
						for _, n := range large {
							without = append(without, group+"."+strconv.Itoa(n))
						}
					}
					got := suite(t, ts.Listener.Addr().String(), group, without)
					judge(t, got, counts)
					assert.Equal(t, "cases that were run", len(got), run.groups[group]-len(without))
				})
			}
			for _, words := range slices.Sorted(maps.Keys(counts)) {
				t.Logf("%4d cases: %s", counts[words], words)
			}
		})
	}
}

// suite runs the cases of a group against the server at addr.
func suite(t *testing.T, addr, group string, without []string) map[string]outcome {
	t.Helper()
	dir := t.TempDir()
	spec, err := json.Marshal(map[string]any{
		"outdir": dir, "cases": []string{group + ".*"}, "exclude-cases": without, "exclude-agent-cases": struct{}{},
		"servers": []any{map[string]any{"agent": "gosio", "url": "ws://" + addr + "/?EIO=4&transport=websocket"}},
		// The defaults are shorter than a pause of a busy machine.
		"options": map[string]int{"openHandshakeTimeout": 20, "closeHandshakeTimeout": 20, "serverConnectionDropTimeout": 20},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "spec.json")
	if err := os.WriteFile(file, spec, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `exec $AUTOBAHN "$@"`, "sh", "--mode", "fuzzingclient", "--spec", file)
	cmd.Dir = "../.." // for a relative AUTOBAHN
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("the suite: %v\n%s", err, out)
	}
	index, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var agents map[string]map[string]outcome
	if err := json.Unmarshal(index, &agents); err != nil {
		t.Fatal(err)
	}
	for id, o := range agents["gosio"] {
		if !o.passed() {
			report, _ := os.ReadFile(filepath.Join(dir, o.ReportFile))
			t.Logf("case %s: %v\n%.3000s", id, o, report)
		}
	}
	return agents["gosio"]
}

// judge fails for each case that has not passed. It counts the outcomes.
func judge(t *testing.T, got map[string]outcome, counts map[string]int) {
	t.Helper()
	for _, id := range slices.Sorted(maps.Keys(got)) {
		o := got[id]
		counts[o.String()]++
		if !o.passed() {
			t.Errorf("case %s: %v", id, o)
		}
	}
}
