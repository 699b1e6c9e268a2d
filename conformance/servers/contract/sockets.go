package contract

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// ownRoom puts a socket into the room that its auth names. It takes its time,
// as a hook does that asks a database.
func ownRoom(s *socketio.Socket) {
	var auth struct{ Room string }
	if s.Handshake().DecodeAuth(&auth) != nil || auth.Room == "" {
		return
	}
	<-time.After(20 * time.Millisecond)
	_ = s.Join(auth.Room) // or the client is gone
}

// mayCount is event middleware that lets some of the events "count-if" through.
func mayCount(next socketio.EventHandler) socketio.EventHandler {
	return func(ctx context.Context, in *socketio.Incoming) error {
		var may bool
		if in.Event == "count-if" && (in.Arg(1, &may) != nil || !may) {
			return errors.New("not let through")
		}
		return next(ctx, in)
	}
}

// utilities are what is done to all sockets of a room.
func utilities(ns *socketio.Namespace) {
	ns.On("gather", func(from, to string) (bool, error) { return true, ns.In(from).SocketsJoin(to) })
	ns.On("scatter", func(from, room string) (bool, error) { return true, ns.In(from).SocketsLeave(room) })
	ns.On("dismiss", func(room string, whole bool) (bool, error) { return true, ns.In(room).DisconnectSockets(whole) })
	ns.On("sockets", func(ctx context.Context, s *socketio.Socket, room string) ([]found, error) {
		return find(ctx, s.Namespace().In(room))
	})
}

// found is a socket as others see it.
type found struct {
	ID     string   `json:"id"`
	Rooms  []string `json:"rooms"`
	Auth   any      `json:"auth"`
	Query  string   `json:"query"`
	Header string   `json:"header"`
}

func find(ctx context.Context, room socketio.Broadcast) ([]found, error) {
	sockets, err := room.FetchSockets(ctx)
	all := []found{}
	for _, s := range sockets {
		h := s.Handshake()
		rooms := slices.Sorted(slices.Values(s.Rooms()))
		all = append(all, found{s.ID(), rooms, h.Auth, h.Query().Get("note"), h.Header.Get("X-Note")})
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Compare(a.ID, b.ID) })
	return all, err
}

// generateID gives a connection the id that it asks for.
func generateID(r *http.Request) (string, error) {
	switch id := r.FormValue("engine"); id {
	case "":
		return rand.Text(), nil
	case "none":
		return "", errors.New("no id for you")
	default:
		return id, nil
	}
}
