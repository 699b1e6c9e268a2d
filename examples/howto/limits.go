package main

import (
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/ratelimit"
)

// docs:limits
// limits lets a user say five things at once, and one a second from then on; typing
// is not worth a refusal, and what is too much of it is dropped.
func limits(ns *socketio.Namespace) {
	ns.Use(ratelimit.New(ratelimit.Config{Events: []ratelimit.Rule{
		{By: ratelimit.Identity, Events: []string{"say"}, Limit: ratelimit.PerSecond(1, 5)},
		{By: ratelimit.Identity, Events: []string{"typing"}, Limit: ratelimit.PerSecond(2, 4), Answer: ratelimit.AnswerDrop},
		{By: ratelimit.Connection, Limit: ratelimit.PerSecond(20, 40)}, // everything together
	}}))
	ns.On("say", func(s *socketio.Socket, text string) error {
		return s.Broadcast().Emit("said", s.Identity(), text)
	})
	ns.On("typing", func(s *socketio.Socket) { _ = s.Broadcast().Volatile().Emit("typing", s.Identity()) })
}
