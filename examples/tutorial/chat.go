package main

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	sioredis "github.com/gosio/gosio/adapters/redis"
	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
)

// message is what a client says, said what the others in the room get.
type message struct {
	Room string `json:"room"`
	Text string `json:"text"`
}

type said struct {
	Room string `json:"room"`
	From string `json:"from"`
	Text string `json:"text"`
}

// saved is the acknowledgement of a message.
type saved struct {
	At time.Time `json:"at"`
}

var say = socketio.NewEvent[message, saved]("say")

// newChat makes the Socket.IO server, and says what happens on it.
func newChat() *socketio.Server {
	opts := &socketio.Options{Recovery: &socketio.Recovery{}}
	if url := os.Getenv("REDIS_URL"); url != "" {
		opts.Adapter = sioredis.New(&sioredis.Options{URL: url}).Adapter
	}
	srv := socketio.NewServer(opts)
	srv.Use(auth.JWT(auth.Config[jwt.RegisteredClaims]{
		Keys: auth.Secret(key), Algorithms: []string{"HS256"},
		Room: func(id *auth.Identity[jwt.RegisteredClaims]) string { return "user:" + id.Subject },
	}))
	srv.On("join", func(s *socketio.Socket, room string) error {
		if err := s.Join("chat:" + room); err != nil {
			return err
		}
		return s.To("chat:"+room).Emit("joined", room, s.Identity())
	})
	srv.On("leave", func(s *socketio.Socket, room string) {
		s.Leave("chat:" + room)
	})
	say.Handle(srv, func(_ context.Context, s *socketio.Socket, m message) (saved, error) {
		switch {
		case strings.TrimSpace(m.Text) == "" || len(m.Text) > 1000:
			return saved{}, &socketio.Error{Code: socketio.CodeBadRequest, Message: "a text of 1 to 1000 bytes, please"}
		case !s.InRoom("chat:" + m.Room):
			return saved{}, &socketio.Error{Code: socketio.CodeForbidden, Message: "join the room first"}
		}
		err := s.To("chat:"+m.Room).Emit("said", said{m.Room, s.Identity(), m.Text})
		return saved{time.Now()}, err
	})
	srv.On("whisper", func(s *socketio.Socket, to, text string) error {
		return srv.To("user:"+to).Emit("whispered", s.Identity(), text)
	})
	return srv
}
