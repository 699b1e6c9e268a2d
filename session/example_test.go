package session_test

import (
	"context"
	"fmt"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/session"
)

// A counter in the session, which HTTP handlers see, too.
func ExampleSessions_Update() {
	store := session.NewMemory("sid", 24*time.Hour)
	sessions := session.New(store, session.Config{
		User: func(s *session.Session) string { return s.String("user") }, // empty: not signed in
	})
	srv := socketio.NewServer(nil)
	defer srv.Close()
	srv.Use(sessions)
	srv.On("add", func(ctx context.Context, s *socketio.Socket) error {
		return sessions.Update(ctx, s, func(values map[string]any) error {
			n, _ := values["items"].(int)
			values["items"] = n + 1
			return nil
		})
	})
	// Where the application logs a user out:
	id := store.Create(map[string]any{"user": "alice"})
	fmt.Println(sessions.Logout(context.Background(), id))
	// Output:
	// <nil>
}
