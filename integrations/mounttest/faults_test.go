package mounttest_test

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/integrations/mounttest"
)

type front = mounttest.Front[around]

// faults are fronts that are wrong, and what the kit has to say of each.
var faults = map[string]struct {
	edit func(f *front)
	run  string // the check
	want string
}{
	"accepts everything": {func(f *front) {
		f.Serve = func(t *testing.T, s mounttest.Setup[around]) { s.ServeHTTP(t, http.NotFoundHandler()) }
	}, "wrong wiring", "no server: no panic"},
	"panics without a word": {func(f *front) {
		f.Serve = func(*testing.T, mounttest.Setup[around]) { panic(net.ErrClosed) }
	}, "wrong wiring", "want a text that begins with"},
	"holds nothing": {func(f *front) {
		f.Holds = func(chan<- func() bool) around { return func(h http.Handler) http.Handler { return h } }
	}, "nothing kept", "Front.Holds has sent 0 functions"},
	"no timeout": {func(f *front) {
		serve := f.Serve
		f.Serve = func(t *testing.T, s mounttest.Setup[around]) { s.Timeout = 0; serve(t, s) }
	}, "timeouts", "Front.Serve must apply Setup.Timeout"},
	"not around": {func(f *front) {
		serve := f.Serve
		f.Serve = func(t *testing.T, s mounttest.Setup[around]) { s.Around = nil; serve(t, s) }
	}, "net/http/logout", "apply Setup.Around"},
	"no Serve":   {func(f *front) { f.Serve = nil }, "", "Front.Serve is nil"},
	"no UserKey": {func(f *front) { f.UserKey = nil }, "", "without Front.UserKey"},
	"no Get":     {func(f *front) { f.Get = nil }, "", "without Front.Get"},
	"no Param":   {func(f *front) { f.Param = nil }, "", "without Front.Param"},
	"no User":    {func(f *front) { f.User = nil }, "", "without Front.User"},
	"no Logged":  {func(f *front) { f.Log, f.Logged = nil, "101" }, "", "without Front.Log"},
	"no Check": {func(f *front) {
		f.User, f.UserKey, f.Get, f.Param = nil, nil, nil, nil
		f.Check = func(*testing.T, *socketio.Socket, string) {}
	}, "", "without Front.User"},
}

// faultyFront has the test's binary run one of faults.
const faultyFront = "MOUNTTEST_FAULTY_FRONT"

// TestFaultyFront is what TestFaults runs in processes of their own.
func TestFaultyFront(t *testing.T) {
	t.Parallel()
	if fault, ok := faults[os.Getenv(faultyFront)]; ok {
		f := netHTTP
		fault.edit(&f)
		f.Run(t)
	}
}

// TestFaults: a front that is wrong fails, with a text that says what is wrong, and
// does not crash.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pattern := "^TestFaultyFront$"
			if fault.run != "" {
				pattern += "/^" + strings.ReplaceAll(fault.run, " ", "_") + "$"
			}
			cmd := exec.Command(os.Args[0], "-test.run="+pattern, "-test.timeout=1m") //nolint:gosec // ourselves
			cmd.Env = append(os.Environ(), faultyFront+"="+name)
			out, err := cmd.CombinedOutput()
			if text := string(out); err == nil || !strings.Contains(text, fault.want) || strings.Contains(text, "goroutine ") {
				t.Errorf("%v, want a failure that says %q:\n%.2000s", err, fault.want, text)
			}
		})
	}
}
