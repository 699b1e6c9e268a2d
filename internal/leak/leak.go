// Package leak fails a package's tests when goroutines are left running after
// them: every goroutine of this module has an owner that ends it.
//
//	func TestMain(m *testing.M) { leak.Main(m) }
package leak

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// grace is how long goroutines have to end once the tests are over. Closing a
// connection tells its reader to stop; it does not wait for it.
const grace = 5 * time.Second

// Main runs the tests and exits: with their result, or with 1 and the stacks
// on standard error if they passed but left goroutines behind. endless says
// which functions of other modules start goroutines that nothing ends, by the
// beginning of their names.
func Main(m *testing.M, endless ...string) { os.Exit(run(m, grace, endless...)) }

func run(m *testing.M, grace time.Duration, endless ...string) int {
	code := m.Run()
	if left := remaining(grace, endless...); code == 0 && len(left) > 0 {
		fmt.Fprintf(os.Stderr, "leak: %d goroutines are left after the tests:\n\n%s\n", len(left), strings.Join(left, "\n\n"))
		code = 1
	}
	return code
}

// remaining polls until only known goroutines run, for at most wait, and
// returns the stacks of the others.
func remaining(wait time.Duration, endless ...string) []string {
	for end := time.Now().Add(wait); ; time.Sleep(5 * time.Millisecond) {
		left := strangers(endless)
		if len(left) == 0 || time.Now().After(end) {
			return left
		}
	}
}

// strangers returns the stacks of all goroutines but the caller's, the main
// one, and those that the standard library starts once and never ends.
func strangers(endless []string) []string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var left []string
	for _, stack := range strings.Split(strings.TrimSpace(string(buf)), "\n\n")[1:] { // the caller's is first
		if !known(stack) && !slices.ContainsFunc(endless, func(f string) bool { return strings.Contains(stack, "\ncreated by "+f) }) {
			left = append(left, stack)
		}
	}
	return left
}

func known(stack string) bool {
	return strings.HasPrefix(stack, "goroutine 1 ") ||
		strings.Contains(stack, "\ncreated by runtime.") || // go test -trace
		strings.Contains(stack, "\ncreated by os/signal.")
}
