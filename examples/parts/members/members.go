// Package members is what the chats for members have in common: what happens
// in their three namespaces, and the web page. Who may join a namespace is
// decided by a guard in each example's main.go, next to the login, the REST
// routes and the mount.
package members

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/examples/parts/login"
)

// The events of the namespaces, each with the types of its payload and of its
// acknowledgement.
var (
	// Of "/", which is for everybody.
	Visitors     = socketio.NewEvent[int, socketio.None]("visitors")
	Announcement = socketio.NewEvent[Notice, socketio.None]("announcement")

	// Of /chat, to the client and from it.
	Welcome = socketio.NewEvent[State, socketio.None]("welcome")
	Here    = socketio.NewEvent[[]string, socketio.None]("here")
	Said    = socketio.NewEvent[Message, socketio.None]("said")
	Say     = socketio.NewEvent[Draft, Message]("say")

	// Of /admin.
	Announce = socketio.NewEvent[string, socketio.None]("announce")
)

// Notice is what an admin tells everybody.
type Notice struct {
	From string `json:"from"`
	Text string `json:"text"`
}

// Draft is a message on its way to the server. Its key is the client's, which
// sends the same draft again when it does not know whether it has arrived.
type Draft struct {
	Key  string `json:"key"`
	Text string `json:"text"`
}

// Message is a message as the server has accepted it.
type Message struct {
	ID   int       `json:"id"`
	From string    `json:"from"`
	Text string    `json:"text"`
	At   time.Time `json:"at"`

	key string
}

// State is what somebody gets who comes into the chat, or comes back with a
// fresh token: who they are, and what they have missed.
type State struct {
	Name   string    `json:"name"`
	Roles  []string  `json:"roles"`
	Here   []string  `json:"here"`
	Recent []Message `json:"recent"`
}

// The limits of the chat.
const (
	maxText   = 2000 // runes
	maxKey    = 64   // bytes
	maxRecent = 100  // messages kept
	// absence is how long somebody may be away before they are gone: fetching
	// a fresh token, or loading the page again, is nobody else's business.
	absence = 5 * time.Second
)

// New adds the handlers of all three namespaces to a server.
func New(srv *socketio.Server) {
	c := &chat{srv: srv, members: srv.Of("/chat"), away: make(map[string]time.Time)}
	srv.OnConnect(func(*socketio.Socket) { c.count() })
	srv.OnDisconnect(func(*socketio.Socket, socketio.Reason) { c.count() })

	c.members.OnConnect(c.enter)
	c.members.OnDisconnect(c.leave)
	Say.Handle(c.members, c.say)

	Announce.Handle(srv.Of("/admin"), c.announce)
}

// chat is the state of one server, in memory.
type chat struct {
	srv     *socketio.Server
	members *socketio.Namespace

	mu     sync.Mutex // held while something is sent: everybody gets the newest last
	lastID int
	recent []Message
	here   []string
	away   map[string]time.Time // who has left, and may be back until then
}

// count tells everybody on the public namespace how many they are.
func (c *chat) count() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = Visitors.Emit(c.srv, len(c.srv.Sockets())) // fails only if an int were no JSON
}

// announce is for admins: the namespace has seen to that.
func (c *chat) announce(_ context.Context, s *socketio.Socket, text string) (socketio.None, error) {
	text, err := tidy(text)
	if err != nil {
		return socketio.None{}, err
	}
	return socketio.None{}, Announcement.Emit(c.srv, Notice{From: s.Identity(), Text: text})
}

// enter runs before the socket's first event.
func (c *chat) enter(s *socketio.Socket) {
	id, ok := auth.From[login.Claims](s)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.updateLocked()
	_ = Welcome.Emit(s, State{Name: id.Subject, Roles: id.Claims.Roles, Here: c.here, Recent: append([]Message{}, c.recent...)})
}

func (c *chat) leave(s *socketio.Socket, reason socketio.Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if reason != socketio.ReasonClientNamespaceDisconnect { // that is a goodbye
		c.away[s.Identity()] = time.Now().Add(absence)
		time.AfterFunc(absence, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.updateLocked()
		})
	}
	c.updateLocked()
}

// updateLocked tells everybody who is here, if that has changed.
func (c *chat) updateLocked() {
	names := []string{}
	for _, s := range c.members.Sockets() {
		names = append(names, s.Identity())
	}
	for name, until := range c.away {
		if time.Now().Before(until) {
			names = append(names, name)
		} else {
			delete(c.away, name)
		}
	}
	slices.Sort(names)
	if names = slices.Compact(names); !slices.Equal(names, c.here) {
		c.here = names
		_ = Here.Emit(c.members, names)
	}
}

// say sends a message to everybody else; to its author, what it returns is the
// acknowledgement.
func (c *chat) say(_ context.Context, s *socketio.Socket, d Draft) (Message, error) {
	text, err := tidy(d.Text)
	if err != nil {
		return Message{}, err
	}
	if d.Key == "" || len(d.Key) > maxKey {
		return Message{}, &socketio.Error{Code: socketio.CodeBadRequest, Message: "a draft needs a key"}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.recent {
		if m.From == s.Identity() && m.key == d.Key {
			return m, nil // its acknowledgement was lost
		}
	}
	c.lastID++
	m := Message{ID: c.lastID, From: s.Identity(), Text: text, At: time.Now(), key: d.Key}
	c.recent = append(c.recent, m)
	c.recent = c.recent[max(0, len(c.recent)-maxRecent):]
	return m, Said.Emit(s.Broadcast(), m)
}

func tidy(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" || utf8.RuneCountInString(text) > maxText {
		return "", &socketio.Error{Code: socketio.CodeBadRequest, Message: "a text has 1 to 2000 characters"}
	}
	return text, nil
}
