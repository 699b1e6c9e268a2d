package main

import (
	"sync"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// docs:mail
type mail struct {
	From string    `json:"from"`
	To   string    `json:"to"`
	Text string    `json:"text"`
	Sent time.Time `json:"sent"`
}

// A mailbox keeps what was said. In an application it is a table.
type mailbox struct {
	mu  sync.Mutex
	all []mail
}

func (b *mailbox) add(m mail) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, m)
}

// between lists what two users have said to each other.
func (b *mailbox) between(one, other string) (found []mail) {
	b.mu.Lock()
	defer b.mu.Unlock()
	found = []mail{} // not nil, which is null in JSON
	for _, m := range b.all {
		if m.From == one && m.To == other || m.From == other && m.To == one {
			found = append(found, m)
		}
	}
	return found
}

// docs:private
// private passes messages from user to user.
func private(ns *socketio.Namespace) {
	box := new(mailbox)
	ns.OnConnect(func(s *socketio.Socket) { _ = s.Join(userRoom(s.Identity())) })
	ns.On("say", func(s *socketio.Socket, to, text string) (mail, error) {
		if to == "" || text == "" || len(text) > 4<<10 {
			return mail{}, &socketio.Error{Code: socketio.CodeBadRequest, Message: "to whom, and what?"}
		}
		m := mail{From: s.Identity(), To: to, Text: text, Sent: time.Now().UTC()}
		box.add(m) // first: who is not there finds it later
		// All devices of the recipient, and the sender's others.
		return m, s.To(userRoom(to), userRoom(m.From)).Emit("mail", m)
	})
	ns.On("history", func(s *socketio.Socket, with string) []mail { return box.between(s.Identity(), with) })
}
