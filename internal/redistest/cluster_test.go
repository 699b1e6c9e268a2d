//go:build e2e

package redistest

import (
	"strconv"
	"testing"

	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestPortOfAnother: a server whose port another one has is not taken for that one.
func TestPortOfAnother(t *testing.T) {
	t.Parallel()
	first := StartWith(t)
	port, err := strconv.Atoi(first.port())
	if err != nil {
		t.Fatal(err)
	}
	if p := startAt(t, port, nil); p != nil {
		t.Errorf("two servers at %s", p.Addr)
	}
	first.Kill()
	again := startAt(t, port, nil)
	if again == nil {
		t.Fatal("nobody has the port any more")
	}
	if answer := Ask(t, again.Addr, "PING"); answer != "+PONG\r\n" {
		t.Errorf("PING: %q", answer)
	}
}
