package main

import socketio "github.com/gosio/gosio/core"

// docs:typing
// typing passes on who is writing, to the others in the same room.
func typing(ns *socketio.Namespace) {
	ns.On("join", func(s *socketio.Socket, room string) error { return s.Join("chat:" + room) })
	ns.On("typing", func(s *socketio.Socket, room string, on bool) error {
		if !s.InRoom("chat:" + room) {
			return &socketio.Error{Code: socketio.CodeForbidden, Message: "join the room first"}
		}
		return s.To("chat:"+room).Volatile().Emit("typing", room, s.Identity(), on)
	})
}
