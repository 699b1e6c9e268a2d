package docs_test

import (
	"context"
	"slices"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

func TestRooms(t *testing.T) {
	t.Parallel()
	srv := start(t, nil)

	// code: join
	chat := srv.Of("/chat")
	chat.OnConnect(func(s *socketio.Socket) {
		s.Join("general", "language:en")
	})
	chat.To("general").Emit("news", "somebody is here")
	// end

	isMember := func(_ context.Context, user, channel string) bool { return user == "ada" }
	// code: may
	chat.On("join", func(ctx context.Context, s *socketio.Socket, channel string) error {
		if !isMember(ctx, s.Identity(), channel) {
			return &socketio.Error{Code: socketio.CodeForbidden, Message: "not your channel"}
		}
		return s.Join("channel:" + channel)
	})
	chat.On("message", func(s *socketio.Socket, channel, text string) error {
		if !s.InRoom("channel:" + channel) {
			return &socketio.Error{Code: socketio.CodeForbidden, Message: "join first"}
		}
		return s.To("channel:"+channel).Emit("message", s.Identity(), text)
	})
	// end

	// code: user
	chat.UseFunc(func(ctx context.Context, s *socketio.Socket) error {
		var auth struct{ Name string }
		if s.Handshake().DecodeAuth(&auth) != nil || auth.Name == "" {
			return &socketio.ConnectError{Message: "who are you?"}
		}
		s.SetIdentity(auth.Name)
		return s.Join("user:" + auth.Name)
	})
	notify := func(user, text string) error { return chat.To("user:"+user).Emit("notice", text) }
	// end

	// code: left
	chat.OnDisconnect(func(s *socketio.Socket, reason socketio.Reason) {
		chat.To(s.Rooms()...).Emit("left", s.Identity())
	})
	// end

	started, stopped := make(chan string, 9), make(chan string, 9)
	// code: watch
	chat.OnRoom(func(e socketio.RoomEvent) {
		switch e.Step {
		case socketio.RoomStepCreated:
			started <- e.Room
		case socketio.RoomStepDeleted:
			stopped <- e.Room
		case socketio.RoomStepJoined, socketio.RoomStepLeft: // e.Socket is who
		}
	})
	// end

	connect := func(name string) *siotest.Client {
		return siotest.Dial(t, srv, siotest.Options{Namespace: "/chat", Auth: map[string]string{"name": name}})
	}
	ada, bob := connect("ada"), connect("bob")
	assert.Equal(t, "bob", bob.Call("join", "go").Failure().Code, socketio.CodeForbidden)
	assert.Equal(t, "ada", ada.Call("join", "go").String(), "[]")
	assert.Equal(t, "outside", bob.Call("message", "go", "hi").Failure().Code, socketio.CodeForbidden)
	assert.NoError(t, notify("ada", "tea is ready"))
	ada.Expect("notice")
	bob.Disconnect()
	var name string
	ada.Expect("left", &name)
	assert.Equal(t, "who left", name, "bob")
	rooms := []string{<-started, <-started, <-started, <-started}
	slices.Sort(rooms)
	assert.Equal(t, "started", rooms, []string{"general", "language:en", "user:ada", "user:bob"})
	assert.Equal(t, "stopped", <-stopped, "user:bob")
}
