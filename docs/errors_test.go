package docs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

func TestErrors(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	counts := map[string]int{}
	opts := &socketio.Options{}

	// code: log
	opts.Logger = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelInfo}))
	// end
	// code: refused
	opts.OnRefused = func(r *http.Request, e *socketio.RequestError) {
		counts[fmt.Sprintf("refused_%d", e.Code)]++ // a metric; e.Context says more
	}
	// end
	srv := start(t, opts)
	rename := func(_ context.Context, _, name string) error {
		if name == "taken" {
			return fmt.Errorf("users: rename: %w", &socketio.Error{Code: "taken", Message: "somebody has that name"})
		}
		return errors.New("pq: relation users does not exist")
	}

	// code: handler
	srv.On("rename", func(ctx context.Context, s *socketio.Socket, name string) error {
		if name == "" {
			return &socketio.Error{Code: socketio.CodeBadRequest, Message: "a name, please"}
		}
		return rename(ctx, s.Identity(), name) // the client sees "internal error", you see why
	})
	// end

	c := dial(t, srv)
	assert.Equal(t, "bad", c.Call("rename", "").Failure().Code, socketio.CodeBadRequest)
	assert.Equal(t, "wrapped", c.Call("rename", "taken").Failure().Code, socketio.Code("taken"))
	assert.Equal(t, "internal", *c.Call("rename", "x").Failure(), socketio.Error{Code: socketio.CodeInternal, Message: "internal error"})
	assert.True(t, out.String(), strings.Contains(out.String(), "relation users"))

	s, _ := srv.Socket(c.ID())
	c.Disconnect()
	<-s.Context().Done()
	warned := false
	// code: is
	if err := s.Emit("hello"); errors.Is(err, socketio.ErrClosed) {
		warned = true // it has left: nothing to do
	}
	// end
	assert.True(t, "closed", warned)

	srv.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/socket.io/?EIO=3&transport=polling", nil))
	assert.Equal(t, "metric", counts["refused_5"], 1)
}
