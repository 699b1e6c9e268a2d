//go:build e2e

package hostile

import "os"

// short is the part that CI runs: HOSTILE=short.
func short() bool { return os.Getenv("HOSTILE") == "short" }
