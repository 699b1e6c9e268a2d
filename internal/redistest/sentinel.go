package redistest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Sentinel runs a master that a Sentinel watches under the name "mymaster", and a replica
// that takes its place soon after it is killed. They end with the test.
func Sentinel(t testing.TB) (sentinel string, master *Process) {
	t.Helper()
	master = StartWith(t)
	host, port, _ := net.SplitHostPort(master.Addr)
	replica := StartWith(t, "--replicaof", host, port)
	until(t, "the replica is in step", func() bool {
		return strings.Contains(ask(t, replica.Addr, "INFO", "replication"), "master_link_status:up")
	})
	config := filepath.Join(t.TempDir(), "sentinel.conf") // it writes to it
	text := fmt.Sprintf("sentinel monitor mymaster %s %s 1\nsentinel down-after-milliseconds mymaster 500\nsentinel failover-timeout mymaster 3000\n", host, port)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := StartWith(t, config, "--sentinel")
	until(t, "the Sentinel knows the replica", func() bool {
		info := ask(t, s.Addr, "INFO", "sentinel")
		return strings.Contains(info, "slaves=1")
	})
	return s.Addr, master
}

// Failover has the Sentinel make the replica the master, while the master lives.
func Failover(t testing.TB, sentinel string) {
	t.Helper()
	until(t, "the Sentinel has a replica that it can take", func() bool {
		return strings.HasPrefix(tell(t, sentinel, "SENTINEL", "FAILOVER", "mymaster"), "+OK")
	})
}
