package contract

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	socketio "github.com/gosio/gosio/core"
)

// heard is what the listeners of a socket have heard.
type heard struct {
	In  []string `json:"in"`
	Out []string `json:"out"`
}

var heardKey = socketio.NewKey[*heard]("heard")

// dynamic adds the parents of namespaces: /dynamic-<digits>, and /of-<user>
// for that user only.
func (c *Contract) dynamic() {
	byName := c.IO.OfRegexp(regexp.MustCompile(`^/dynamic-\d+$`))
	byUser := c.IO.OfFunc(func(name string, h *socketio.Handshake) bool {
		var auth struct{ User string }
		return strings.HasPrefix(name, "/of-") && h.DecodeAuth(&auth) == nil && name == "/of-"+auth.User
	})
	c.parents = []*socketio.Namespace{byName, byUser}
	rooms := &roomLog{all: make(map[string][]string)}
	for _, parent := range c.parents {
		parent.OnDisconnect(func(s *socketio.Socket, reason socketio.Reason) { c.reasons.set(s.ID(), string(reason)) })
		events(parent)
		parent.UseFunc(func(_ context.Context, s *socketio.Socket) error {
			var auth struct{ Token string }
			if err := s.Handshake().DecodeAuth(&auth); err == nil && auth.Token == "wrong" {
				return &socketio.ConnectError{Message: "not authorized", Data: map[string]string{"code": "E_AUTH"}}
			}
			return nil
		})
		parent.On("say-all", func(text string) (bool, error) { return true, parent.Emit("said", text) })
		parent.OnConnect(listen)
		parent.OnRoom(rooms.note)
		parent.On("room-events", func(s *socketio.Socket) []string { return rooms.of(s.Namespace().Name()) })
	}
}

// listen gives a socket its listeners, and a handler for one event.
func listen(s *socketio.Socket) {
	h := &heard{In: []string{}, Out: []string{}}
	heardKey.Set(s, h)
	s.OnAny(func(_ *socketio.Socket, in *socketio.Incoming) {
		h.In = append(h.In, fmt.Sprint(in.Event, " ", in.Len()))
	})
	s.OnAnyOutgoing(func(_ *socketio.Socket, out *socketio.Outgoing) {
		h.Out = append(h.Out, fmt.Sprint(out.Event, " ", out.Len()))
	})
	s.On("heard", func() heard { return *h })
	s.Once("first", func(ack socketio.Ack) error { return ack("once") })
}

// roomLog remembers what has happened to the rooms of each namespace.
type roomLog struct {
	mu  sync.Mutex
	all map[string][]string
}

func (l *roomLog) note(e socketio.RoomEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := e.Namespace.Name()
	l.all[name] = append(l.all[name], e.Step.String()+" "+e.Room)
}

func (l *roomLog) of(namespace string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all[namespace])
}

// exists answers whether there is a child of that name.
func (c *Contract) exists(w http.ResponseWriter, r *http.Request) {
	for _, parent := range c.parents {
		if slices.ContainsFunc(parent.Children(), func(ns *socketio.Namespace) bool { return ns.Name() == r.FormValue("namespace") }) {
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	http.NotFound(w, r)
}
