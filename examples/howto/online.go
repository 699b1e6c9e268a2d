package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// docs:online
// online tells everybody who comes and who goes. A user is there from their first
// connection to their last: two tabs are one user. Who is back within grace has
// not been away.
func online(ns *socketio.Namespace, grace time.Duration) {
	ns.OnConnect(func(s *socketio.Socket) { _ = s.Join(userRoom(s.Identity())) })
	ns.OnRoom(func(e socketio.RoomEvent) {
		user, ok := strings.CutPrefix(e.Room, userRoom(""))
		switch {
		case !ok:
		case e.Step == socketio.RoomStepCreated: // the first connection to this server
			_ = ns.Emit("online", user)
		case e.Step == socketio.RoomStepDeleted: // the last one
			time.AfterFunc(grace, func() { gone(ns, user) })
		}
	})
	ns.On("who", func(ctx context.Context) ([]string, error) { return present(ctx, ns) })
}

// docs:gone
// gone says that a user has left, unless they are back, or on another server.
func gone(ns *socketio.Namespace, user string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	devices, err := ns.To(userRoom(user)).FetchSockets(ctx)
	if err != nil {
		slog.Warn("not all servers say who is online", "err", err)
	}
	if len(devices) == 0 {
		_ = ns.Emit("offline", user)
	}
}

// docs:who
// present lists who is there, on all servers.
func present(ctx context.Context, ns *socketio.Namespace) ([]string, error) {
	sockets, err := ns.FetchSockets(ctx)
	var users []string
	for _, s := range sockets {
		users = append(users, s.Identity())
	}
	slices.Sort(users)
	return slices.Compact(users), err
}
