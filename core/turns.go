package socketio

// A connection is in a few namespaces at a time, but a client can leave and join
// again as fast as it sends, while middleware and handlers of the sockets that it
// has left still run. So that one client cannot have any number of them run, a
// socket has a turn, from before its middleware until its last hook has run, and a
// connection has Limits.Namespaces turns. Sockets for which there is none wait, in
// order: their middleware has not begun, and their events queue behind it. One that
// leaves before its turn is forgotten as if it had never come.

// turns counts those of one connection. conn.mu guards it.
type turns struct {
	taken   int32 // by sockets whose last job has not run, also those that are off the list
	waiting int32 // sockets of the list that wait for one
	missed  int32 // sockets that have left before their turn, since one was given back
}

// takeTurnLocked reports whether the socket's dispatcher is to run. Otherwise it
// is started later.
func (c *conn) takeTurnLocked(s *Socket) bool {
	if int(c.turns.taken) < c.srv.opts.Limits.Namespaces {
		c.turns.taken++
		return true
	}
	s.waits = true
	c.turns.waiting++
	return false
}

// takeAnotherTurn takes a turn for something that a socket with one has left running.
func (c *conn) takeAnotherTurn() {
	c.mu.Lock()
	c.turns.taken++
	c.mu.Unlock()
}

// giveTurn passes a turn on.
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
		go next.dispatch()
	}
}

// nextLocked is the socket that has waited longest, which waits no more.
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

// missTurn takes a socket that has been disconnected off the waiting ones, if it
// is among them. It must not be dispatched then.
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
