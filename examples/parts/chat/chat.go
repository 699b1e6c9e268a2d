// Package chat is what the chat of all examples has in common: rooms, messages
// with acknowledgements, and who is here. The mount, the room per user, typing
// notices, the REST route and the shutdown are in each example's main.go.
package chat

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	socketio "github.com/gosio/gosio/core"
)

// Rooms are the rooms of the chat; everybody is in one of them at a time.
var Rooms = []string{"lobby", "gophers", "coffee"}

// The events, each with the types of its payload and of its acknowledgement.
var (
	// From the client.
	Join     = socketio.NewEvent[string, Room]("join")
	Say      = socketio.NewEvent[Draft, Message]("say")
	Received = socketio.NewEvent[int, socketio.None]("received")

	// To the client.
	Said      = socketio.NewEvent[Message, socketio.None]("said")
	Delivered = socketio.NewEvent[int, socketio.None]("delivered")
	Here      = socketio.NewEvent[People, socketio.None]("here")
)

// Draft is a message on its way to the server.
type Draft struct {
	Room string `json:"room"`
	Text string `json:"text"`
}

// Message is a message as the server has accepted it.
type Message struct {
	ID        int       `json:"id"`
	Room      string    `json:"room"`
	From      string    `json:"from"`
	Text      string    `json:"text"`
	At        time.Time `json:"at"`
	Delivered bool      `json:"delivered"` // somebody else's client has it
}

// People are the names of those who are in a room, sorted.
type People struct {
	Room  string   `json:"room"`
	Names []string `json:"names"`
}

// Room is what somebody sees who comes into a room.
type Room struct {
	People
	Rooms  []string  `json:"rooms"`
	Recent []Message `json:"recent"`
}

// The limits of the chat.
const (
	maxName   = 24 // runes
	maxText   = 2000
	maxRecent = 50 // messages kept per room
)

// Chat is the state of one chat server, in memory.
type Chat struct {
	srv *socketio.Server

	mu     sync.Mutex
	lastID int
	recent map[string][]*Message // by room
}

// New adds the chat to a server: its middleware, its hooks and its handlers.
func New(srv *socketio.Server) *Chat {
	c := &Chat{srv: srv, recent: make(map[string][]*Message)}
	srv.UseFunc(signIn)
	srv.OnConnect(c.enter)
	srv.OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) { c.announce(s.Rooms()...) })
	Join.Handle(srv, c.join)
	Say.Handle(srv, c.say)
	Received.Handle(srv, c.received)
	return c
}

// hello is the auth payload of the page. The room is in it, so that messages
// which were written while the connection was lost find their room again.
type hello struct {
	Name string `json:"name"`
	Room string `json:"room"`
}

// signIn believes everybody's name. An app has a token or a session to check
// here, with package auth or session.
func signIn(_ context.Context, s *socketio.Socket) error {
	var h hello
	if err := s.Handshake().DecodeAuth(&h); err != nil {
		return &socketio.ConnectError{Message: "bad auth payload"}
	}
	name := strings.TrimSpace(h.Name)
	if name == "" || utf8.RuneCountInString(name) > maxName {
		return &socketio.ConnectError{Message: "bad name", Data: map[string]int{"max": maxName}}
	}
	s.SetIdentity(name)
	return nil
}

// enter runs before the socket's first event.
func (c *Chat) enter(s *socketio.Socket) {
	var h hello
	if s.Handshake().DecodeAuth(&h) == nil && slices.Contains(Rooms, h.Room) && s.Join(h.Room) == nil {
		c.announce(h.Room)
	}
}

func (c *Chat) join(_ context.Context, s *socketio.Socket, room string) (Room, error) {
	if !slices.Contains(Rooms, room) {
		return Room{}, &socketio.Error{Code: socketio.CodeBadRequest, Message: "there is no such room"}
	}
	for _, other := range Rooms {
		if other != room && s.InRoom(other) {
			s.Leave(other)
			c.announce(other)
		}
	}
	if !s.InRoom(room) {
		if err := s.Join(room); err != nil {
			return Room{}, err
		}
		c.announce(room)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r := Room{People: c.people(room), Rooms: Rooms, Recent: []Message{}}
	for _, m := range c.recent[room] {
		r.Recent = append(r.Recent, *m)
	}
	return r, nil
}

// say sends a message to everybody else in the room; to its author, what it
// returns is the acknowledgement.
func (c *Chat) say(_ context.Context, s *socketio.Socket, d Draft) (Message, error) {
	text := strings.TrimSpace(d.Text)
	switch {
	case !slices.Contains(Rooms, d.Room) || !s.InRoom(d.Room):
		return Message{}, &socketio.Error{Code: socketio.CodeForbidden, Message: "you are not in this room"}
	case text == "" || utf8.RuneCountInString(text) > maxText:
		return Message{}, &socketio.Error{Code: socketio.CodeBadRequest, Message: "a message has 1 to 2000 characters"}
	}
	c.mu.Lock() // held while it is sent: everybody gets messages in the order of their ids
	defer c.mu.Unlock()
	c.lastID++
	m := Message{ID: c.lastID, Room: d.Room, From: s.Identity(), Text: text, At: time.Now()}
	kept := append(c.recent[m.Room], &m)
	c.recent[m.Room] = kept[max(0, len(kept)-maxRecent):]
	return m, Said.Emit(s.To(m.Room), m)
}

// received tells the author, on all their devices, that a message has reached
// somebody else.
func (c *Chat) received(_ context.Context, s *socketio.Socket, id int) (socketio.None, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, room := range Rooms {
		for _, m := range c.recent[room] {
			if m.ID == id && !m.Delivered && m.From != s.Identity() && s.InRoom(room) {
				m.Delivered = true
				return socketio.None{}, Delivered.Emit(c.srv.To("user:"+m.From), id)
			}
		}
	}
	return socketio.None{}, nil
}

// announce tells everybody in the rooms who is there now.
func (c *Chat) announce(rooms ...string) {
	c.mu.Lock() // held while it is sent: the last list that a client gets is the newest
	defer c.mu.Unlock()
	for _, room := range rooms {
		if slices.Contains(Rooms, room) {
			_ = Here.Emit(c.srv.To(room), c.people(room)) // fails only if People were no JSON
		}
	}
}

// people asks the server for a room's sockets; somebody with two windows open
// is there once.
func (c *Chat) people(room string) People {
	p := People{Room: room, Names: []string{}}
	for _, s := range c.srv.Sockets() {
		if s.InRoom(room) {
			p.Names = append(p.Names, s.Identity())
		}
	}
	slices.Sort(p.Names)
	p.Names = slices.Compact(p.Names)
	return p
}
