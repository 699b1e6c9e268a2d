package app

import (
	"context"
	"regexp"
	"strings"

	socketio "github.com/gosio/gosio/core"
)

var profile = socketio.NewSharedKey[map[string]string]("profile")

// Handle registers what the app does: a lobby that everybody is in, teams, and events that
// have the answers of which the inspector tells.
func Handle(srv *socketio.Server) {
	srv.Of("/news")
	srv.UseFunc(identify)
	srv.OnConnect(func(s *socketio.Socket) {
		_ = s.Join("lobby")
		profile.Set(s, map[string]string{"name": "Ann", "password": "t0p-value"})
	})
	srv.On("say", func(text string) string { return text })
	srv.On("counted", func() {})
	srv.On("join", func(s *socketio.Socket, room string) error { return s.Join(room) })
	srv.On("shout", func(s *socketio.Socket, text string) error { return s.To("lobby").Emit("said", text) })
	srv.On("flicker", func(s *socketio.Socket, room string) error { return s.To(room).Volatile().Emit("flickered") })
	srv.On("flood", func(s *socketio.Socket, room string) error {
		return s.To(room).Emit("flooded", strings.Repeat("x", 3<<20))
	})
	srv.On("ask", func(ctx context.Context, s *socketio.Socket) (string, error) {
		return socketio.Call[string](ctx, s, "what is your name", map[string]string{"password": "t0p-asked"})
	})
	teams := srv.OfRegexp(regexp.MustCompile(`^/team-\d+$`))
	teams.UseFunc(identify)
	teams.OnConnect(func(s *socketio.Socket) { _ = s.Join("players") })
	teams.On("say", func(text string) string { return text })
}

// identify believes what a client says: this is a test.
func identify(_ context.Context, s *socketio.Socket) error {
	var who struct{ User string }
	if s.Handshake().DecodeAuth(&who) == nil && who.User != "" {
		s.SetIdentity(who.User)
	}
	return nil
}
