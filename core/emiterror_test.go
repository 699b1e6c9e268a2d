package socketio_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestErrorsNameTheEvent: whichever way an event takes, what fails names the event, and
// a limit that was reached its option; errors.Is goes on working.
func TestErrorsNameTheEvent(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(&socketio.Options{Limits: socketio.Limits{PendingAcks: 1, Rooms: 2, RoomName: 20}})
	t.Cleanup(srv.Close)
	sockets := make(chan *socketio.Socket, 1)
	srv.OnConnect(func(s *socketio.Socket) { sockets <- s })
	client := siotest.Dial(t, srv, siotest.Options{})
	s := <-sockets

	ctx := t.Context()
	over := make([]any, 11)
	for i := range over {
		over[i] = []byte{1}
	}
	bad := map[string]struct {
		args []any
		is   error
		text string
	}{
		"channel":     {[]any{make(chan int)}, nil, "chan int"},
		"attachments": {over, socketio.ErrTooManyAttachments, "10"},
		"lookalike":   {[]any{[]byte{1}, map[string]any{"_placeholder": true, "num": 0}}, socketio.ErrLookalike, "_placeholder"},
	}
	ways := map[string]func(args []any) error{
		"socket":    func(args []any) error { return s.Emit("news", args...) },
		"modified":  func(args []any) error { return s.Compress(true).Emit("news", args...) },
		"volatile":  func(args []any) error { return s.Volatile().Emit("news", args...) },
		"ack":       func(args []any) error { _, err := s.EmitWithAck(ctx, "news", args...); return err },
		"broadcast": func(args []any) error { return srv.Emit("news", args...) },
		"room":      func(args []any) error { return s.To("room").Emit("news", args...) },
		"acks":      func(args []any) error { _, err := srv.Local().EmitWithAck(ctx, "news", args...); return err },
		"servers":   func(args []any) error { return srv.Of("/").ServerSideEmit("news", args...) },
		"typed": func(args []any) error {
			return socketio.NewEvent[[]any, socketio.None]("news").Emit(s, args)
		},
	}
	check := func(what string, err, is error, text string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), `"news"`) || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v; want one with the event and %q", what, err, text)
		}
		if is != nil && !errors.Is(err, is) {
			t.Errorf("%s: %v is not %v", what, err, is)
		}
	}
	for name, way := range ways {
		for why, b := range bad {
			check(name+" "+why, way(b.args), b.is, b.text)
		}
	}

	// The limits that a call can reach.
	ended, end := context.WithCancelCause(ctx)
	waiting := make(chan error, 1)
	go func() { _, err := s.EmitWithAck(ended, "news"); waiting <- err }() // ends with end, below
	client.Expect("news")
	_, err := s.EmitWithAck(ctx, "news")
	check("a second acknowledgement", err, socketio.ErrTooManyAcks, "Limits.PendingAcks")
	enough := errors.New("enough")
	end(enough)
	check("a wait that was given up", <-waiting, enough, "acknowledgement")
	assert.NoError(t, s.Join("a"))
	assert.NoError(t, s.Join("b"))
	if err := s.Join("c"); !errors.Is(err, socketio.ErrTooManyRooms) || !strings.Contains(err.Error(), "Limits.Rooms") {
		t.Errorf("one room too many: %v", err)
	}
	if err := s.Join(strings.Repeat("x", 21)); !errors.Is(err, socketio.ErrRoomName) || !strings.Contains(err.Error(), "Limits.RoomName") {
		t.Errorf("a room with a long name: %v", err)
	}

	// And a client that has gone.
	s.Disconnect(true)
	check("gone", s.Emit("news"), socketio.ErrClosed, "disconnected")
	check("gone, modified", s.Compress(false).Emit("news"), socketio.ErrClosed, "disconnected")
	_, err = s.EmitWithAck(ctx, "news")
	check("gone, with an acknowledgement", err, socketio.ErrClosed, "disconnected")
}
