package inspector

import (
	"encoding/json"
	"errors"
	"fmt"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/loglimit"
)

// action is what a viewer does to sockets: to one, to those of a room, or to all of the
// namespace.
type action struct {
	Do        string // emit, join, leave or disconnect
	Namespace string
	Socket    string
	In        string // a room
	All       bool

	Room  string            // to join or leave
	Event string            // to emit
	Args  []json.RawMessage // of it
	Close bool              // the whole connection
}

// act does it, on all servers, and says who did it.
func (in *inspector) act(s *socketio.Socket, a action) result {
	viewer, _ := viewerKey.Get(s)
	log := in.opts.Logger.With("viewer", viewer, "action", loglimit.Clip(a.Do), "namespace", loglimit.Clip(a.Namespace),
		"socket", loglimit.Clip(a.Socket), "in", loglimit.Clip(a.In), "room", loglimit.Clip(a.Room), "event", loglimit.Clip(a.Event))
	if err := in.do(&a); err != nil {
		log.Warn("inspector: action failed", "error", err)
		return result{Error: err.Error()}
	}
	log.Info("inspector: action")
	return result{}
}

func (in *inspector) do(a *action) error {
	ns, ok := in.srv.Lookup(a.Namespace) // the name is the viewer's: nothing is made
	if !ok || ns == in.ns {
		return errors.New("there is no such namespace")
	}
	var to socketio.Broadcast
	switch {
	case a.Socket != "" && a.In == "" && !a.All:
		to = ns.In(a.Socket)
	case a.In != "" && a.Socket == "" && !a.All:
		to = ns.In(a.In)
	case a.All && a.Socket == "" && a.In == "":
		to = ns.Except()
	default:
		return errors.New("to whom? One of socket, in and all")
	}
	switch a.Do {
	case "emit":
		args := make([]any, len(a.Args))
		for i, v := range a.Args {
			args[i] = v
		}
		return to.Emit(a.Event, args...)
	case "join":
		if a.Room == "" {
			return errors.New("which room?")
		}
		return to.SocketsJoin(a.Room)
	case "leave":
		return to.SocketsLeave(a.Room)
	case "disconnect":
		return to.DisconnectSockets(a.Close)
	}
	return fmt.Errorf("%q is no action", loglimit.Clip(a.Do))
}
