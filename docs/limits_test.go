package docs_test

import (
	"testing"

	socketio "github.com/gosio/gosio/core"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	// code: limits
	srv := socketio.NewServer(&socketio.Options{Limits: socketio.Limits{
		MaxHTTPBufferSize: 100 << 10, // small messages only
		Rooms:             20,
		PendingAcks:       -1, // as many as you like
	}})
	// end
	defer srv.Close()
}
