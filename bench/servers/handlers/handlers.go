// Package handlers are the event handlers of the benchmark's servers on gosio,
// written as a user would: typed, default options.
package handlers

import (
	"os"
	"strconv"

	socketio "github.com/gosio/gosio/core"
)

// Options are the default ones, but for what the environment says: HANDSHAKES is how many a
// server takes in a second, and with RECOVERY=1 it keeps sessions.
func Options() *socketio.Options {
	perSecond, _ := strconv.Atoi(os.Getenv("HANDSHAKES")) // none: the default
	o := &socketio.Options{Limits: socketio.Limits{HandshakesPerSecond: perSecond}}
	if os.Getenv("RECOVERY") == "1" {
		o.Recovery = &socketio.Recovery{MaxPackets: 100_000} // an echo takes a place: 10,000 are 5 s of the storm's 2,000 a second
	}
	return o
}

// Register gives srv the events that every server of the benchmark has.
func Register(srv *socketio.Server) {
	srv.On("echo", func(s *socketio.Socket, data string) error { return s.Emit("echo", data) })
	srv.On("ack", func(data string) string { return data })
	srv.On("join", func(s *socketio.Socket, room string) string {
		s.Join(room)
		return "ok"
	})
	srv.On("bcast", func(room, data string) error { return srv.To(room).Emit("msg", data) })
	srv.On("flood", func(s *socketio.Socket, count int, data string) error {
		for range count {
			if err := s.Emit("msg", data); err != nil {
				return err
			}
		}
		return nil
	})
}
