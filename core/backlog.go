package socketio

import "slices"

// A connection is in a few namespaces at a time, but a client can leave and join
// again as fast as it sends, while middleware and handlers of the sockets that it
// has left still run. So that one client cannot have any number of them run, a
// socket has a turn, from before its middleware until its last hook has run, and a
// connection has Limits.Namespaces turns. When all turns are taken, further sockets wait
// in their order: their middleware has not begun, and their events queue behind it. A
// socket that leaves before its turn is forgotten as if it had never come.

// turns counts the turns of one connection. conn.mu guards it.
type turns struct {
	taken   int32 // by sockets whose last job has not run, also those that are off the list
	waiting int32 // sockets of the list that wait for one
	missed  int32 // sockets that have left before their turn, since one was given back
}

// takeTurnLocked takes a turn for a socket, and reports true if there is one: the caller
// starts the socket's dispatcher. Otherwise giveTurn of another socket starts it.
func (c *conn) takeTurnLocked(s *Socket) bool {
	if int(c.turns.taken) < c.srv.opts.Limits.Namespaces {
		c.turns.taken++
		return true
	}
	s.waits = true
	c.turns.waiting++
	return false
}

// takeAnotherTurn takes a turn for code that a socket with a turn has left running.
func (c *conn) takeAnotherTurn() {
	c.mu.Lock()
	c.turns.taken++
	c.mu.Unlock()
}

// giveTurn passes a turn to the socket that has waited longest, or gives it back.
func (c *conn) giveTurn() {
	c.mu.Lock()
	next := c.nextLocked()
	if next == nil {
		c.turns.taken--
	}
	c.turns.missed = 0
	c.readOnLocked()
	c.mu.Unlock()
	if next != nil {
		next.startDispatcher()
	}
}

// nextLocked returns the socket that has waited longest, or nil. That socket waits no more.
func (c *conn) nextLocked() *Socket {
	if c.turns.waiting == 0 {
		return nil
	}
	for _, s := range c.sockets {
		if s.waits {
			s.waits = false
			c.turns.waiting--
			return s
		}
	}
	return nil
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
	c.turns.waiting--
	if c.turns.taken > 0 { // else nobody gives one back
		c.turns.missed++
	}
	return true
}

// hold counts bytes of packets that wait for a socket's dispatcher, until unhold.
func (c *conn) hold(n int64) {
	c.mu.Lock()
	c.queued += n
	c.mu.Unlock()
}

func (c *conn) unhold(n int64) {
	c.mu.Lock()
	c.queued -= n
	c.readOnLocked()
	c.mu.Unlock()
}

// fullLocked reports whether the connection is not to be read: too many bytes wait, or too
// many sockets have left before their turn.
func (c *conn) fullLocked() bool {
	l := &c.srv.opts.Limits
	return c.queued >= l.ReceiveBuffer || int(c.turns.missed) >= l.Namespaces
}

// readOnLocked lets the reader go on if there is room again.
func (c *conn) readOnLocked() {
	if c.room == nil || c.fullLocked() {
		return
	}
	close(c.room)
	c.room = nil
	if c.attached != nil { // its attachments can be read only now
		c.extendAttachmentsLocked()
	}
}

// Backlog implements engine.Receiver. The reader waits for the channel that Backlog
// returns: while too much waits for the sockets' dispatchers, and for a moment when the
// client asks for too many namespaces that do not exist. Meanwhile no acknowledgement is
// read, so calls that wait for one fail with ErrBacklog.
func (c *conn) Backlog() <-chan struct{} {
	c.mu.Lock()
	if !c.fullLocked() {
		defer c.mu.Unlock()
		return c.past.Pause(c.srv.opts.Limits.Refusals)
	}
	if c.room == nil {
		c.room = make(chan struct{})
	}
	room := c.room
	sockets := slices.Clone(c.sockets)
	c.mu.Unlock()
	for _, s := range sockets {
		failAcks(s, ErrBacklog)
	}
	return room
}

// heldUp reports whether the connection is not read, see Backlog.
func (c *conn) heldUp() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.room != nil
}
