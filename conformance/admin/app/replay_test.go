//go:build e2e

package app_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/gosio/gosio/conformance/admin/app"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestReplay replays the recording that RECORDING names, which the page of the inspector has
// given, to a server that has never heard of the one that was recorded.
func TestReplay(t *testing.T) {
	file, err := os.Open(os.Getenv("RECORDING"))
	assert.NoError(t, err)
	defer func() { _ = file.Close() }()
	rec, err := siotest.ReadRecording(file)
	assert.NoError(t, err)
	srv := socketio.NewServer(nil)
	defer srv.Close()
	app.Handle(srv)
	got := siotest.Replay(t, srv, rec, siotest.ReplayOptions{Client: func(c siotest.RecordedClient) siotest.Options {
		return siotest.Options{Auth: map[string]string{"user": c.Identity}}
	}})
	for _, line := range siotest.Differences(rec.Answers(), got) {
		t.Error(line)
	}
	fmt.Printf("replayed %d packets of %d clients: %d answers\n", len(rec.Packets), len(rec.Clients), len(got))
}
