package main

import (
	"context"
	"sync"

	socketio "github.com/gosio/gosio/core"
)

// traps is a namespace that is silent until it is asked.
func traps(ns *socketio.Namespace) {
	var mu sync.Mutex
	runs := make(map[string]int) // of the middleware, by the client's name
	ns.UseFunc(func(_ context.Context, s *socketio.Socket) error {
		mu.Lock()
		defer mu.Unlock()
		runs[name(s)]++
		return nil
	})
	ns.OnConnect(func(s *socketio.Socket) {
		if !s.Recovered() {
			_ = s.Join("kept " + name(s)) // or the client is gone
		}
	})
	ns.On("runs", func(s *socketio.Socket) int {
		mu.Lock()
		defer mu.Unlock()
		return runs[name(s)]
	})
	ns.On("rooms", func(s *socketio.Socket) []string { return s.Rooms() })
	ns.On("notes", func(s *socketio.Socket) (bool, error) {
		if err := s.Emit("note", "text"); err != nil {
			return false, err
		}
		return true, s.Volatile().Emit("volatile", "text") // without an offset, and a string is last
	})
	ns.On("tell", func(room, text string) (bool, error) { return true, ns.To(room).Emit("told", text) })
}
