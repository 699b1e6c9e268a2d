package gosio_test

import (
	"bytes"
	"os/exec"
	"testing"
)

// TestAPIIsShort: what one has to know of the server is read in a few minutes.
// A name that is not needed is easier kept out than taken away.
func TestAPIIsShort(t *testing.T) {
	t.Parallel()
	const most = 150
	out, err := exec.Command("go", "doc", "-short", "./core").Output()
	if err != nil {
		t.Fatal(err)
	}
	names := bytes.Count(out, []byte("\n"))
	if names > most {
		t.Errorf("go doc -short ./core has %d lines, more than %d", names, most)
	}
	if !bytes.Contains(out, []byte("func NewServer(o *Options) *Server\n")) {
		t.Errorf("that is not what go doc prints of the server:\n%s", out)
	}
}
