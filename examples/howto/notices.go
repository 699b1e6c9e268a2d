package main

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// docs:notice
type notice struct {
	ID   string `json:"id"`
	User string `json:"user"`
	Text string `json:"text"`
}

// notices is a REST route that tells a user something, on all devices. It answers
// on how many of them it has arrived.
func notices(ns *socketio.Namespace) http.HandlerFunc {
	ns.OnConnect(func(s *socketio.Socket) { _ = s.Join(userRoom(s.Identity())) })

	// What is read on one device is read on the others.
	ns.On("read", func(s *socketio.Socket, id string) error {
		return s.To(userRoom(s.Identity())).Emit("read", id)
	})

	return func(w http.ResponseWriter, r *http.Request) {
		var n notice
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(&n)
		if err != nil || n.ID == "" || n.User == "" {
			http.Error(w, "id and user are required", http.StatusBadRequest)
			return
		}
		devices := tell(r.Context(), ns, n)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]int{"devices": devices}) // fails only if nobody reads it any more
	}
}

// docs:tell
// tell sends a notice, and waits until the devices have it, for two seconds at most.
// A device that is there and silent does not count.
func tell(ctx context.Context, ns *socketio.Namespace, n notice) (devices int) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	replies, _ := ns.To(userRoom(n.User)).EmitWithAck(ctx, "notice", n) // a *PartialError comes with those that have answered
	return len(replies)
}
