package socketio

import "github.com/gosio/gosio/core/internal/backlog"

// A connection's Backlog says when the connection is not read: see package backlog, also
// for the turns of sockets.

func (c *conn) bounds() backlog.Limits {
	l := &c.srv.opts.Limits
	return backlog.Limits{Bytes: l.ReceiveBuffer, Turns: l.Namespaces}
}

// hold counts bytes of packets that wait for a socket's dispatcher, until unhold.
func (c *conn) hold(n int64) {
	c.mu.Lock()
	c.backlog.Add(n)
	c.mu.Unlock()
}

func (c *conn) unhold(n int64) {
	c.mu.Lock()
	if c.backlog.Sub(n, c.bounds()) {
		c.readOnLocked()
	}
	c.mu.Unlock()
}

// takeTurnLocked takes a turn for a socket, and reports true if there is one: the caller
// starts the socket's dispatcher. Otherwise giveTurn of another socket starts it.
func (c *conn) takeTurnLocked(s *Socket) bool {
	s.waits = !c.backlog.TakeTurn(c.bounds())
	return !s.waits
}

// takeAnotherTurn takes a turn for code that a socket with a turn has left running.
func (c *conn) takeAnotherTurn() {
	c.mu.Lock()
	c.backlog.TakeAnother()
	c.mu.Unlock()
}

// passTurn passes a turn to the socket that has waited longest, and returns that socket,
// or gives the turn back.
func (c *conn) passTurn() (next *Socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.backlog.Waiting() {
		for _, s := range c.sockets {
			if s.waits {
				s.waits = false
				next = s
				break
			}
		}
	}
	if c.backlog.GiveTurn(next != nil, c.bounds()) {
		c.readOnLocked()
	}
	return next
}

// missTurn takes a disconnected socket off the waiting ones. When it reports true, the
// socket has waited, and its dispatcher must not run.
func (c *conn) missTurn(s *Socket) (missed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !s.waits {
		return false
	}
	s.waits = false
	c.backlog.MissTurn()
	return true
}

// readOnLocked gives attachments that can be read only now their time anew.
func (c *conn) readOnLocked() {
	if c.attached != nil {
		c.extendAttachmentsLocked()
	}
}

// held reports whether the connection is not read, see Backlog.
func (c *conn) held() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.backlog.Held()
}
