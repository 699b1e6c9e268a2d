// Package backlog counts what a connection has left to do, and says when no more of it
// is to be read.
package backlog

// Limits bound a Backlog.
type Limits struct {
	Bytes int64 // of what waits
	Turns int   // of sockets
}

// Backlog counts the bytes that wait for the dispatchers of a connection's sockets, and
// the turns of these sockets. The caller's lock guards it.
//
// A connection is in a few namespaces at a time, but a client can leave and join again as
// fast as it sends, while middleware and handlers of the sockets that it has left still
// run. So that one client cannot have any number of them run, a socket has a turn, from
// before its middleware until its last hook has run, and a connection has a limited
// number of turns. When all turns are taken, further sockets wait in their order: their
// middleware has not begun, and their events queue behind it. A socket that leaves before
// its turn has missed it, and is forgotten as if it had never come.
type Backlog struct {
	bytes   int64
	room    chan struct{} // closed when there is room again; nil: nobody waits for that
	taken   int32         // turns of sockets whose last job has not run
	waiting int32         // sockets that wait for a turn
	missed  int32         // sockets that have left before their turn, since one was given back
}

// Bytes is the number of bytes that wait.
func (b *Backlog) Bytes() int64 { return b.bytes }

// Add counts bytes that wait.
func (b *Backlog) Add(n int64) { b.bytes += n }

// Sub undoes Add. opened reports that the reader, which has waited, goes on.
func (b *Backlog) Sub(n int64, l Limits) (opened bool) {
	b.bytes -= n
	return b.open(l)
}

// TakeTurn takes a turn for a socket. When it reports false the socket has to wait for
// one that another socket passes on.
func (b *Backlog) TakeTurn(l Limits) bool {
	if int(b.taken) < l.Turns {
		b.taken++
		return true
	}
	b.waiting++
	return false
}

// TakeAnother takes a turn for code that a socket with a turn has left running.
func (b *Backlog) TakeAnother() { b.taken++ }

// Waiting reports whether a socket waits for a turn.
func (b *Backlog) Waiting() bool { return b.waiting > 0 }

// GiveTurn ends a turn. With next it is the turn of a socket that has waited. opened
// reports that the reader, which has waited, goes on.
func (b *Backlog) GiveTurn(next bool, l Limits) (opened bool) {
	if next {
		b.waiting--
	} else {
		b.taken--
	}
	b.missed = 0
	return b.open(l)
}

// MissTurn counts a waiting socket that has left.
func (b *Backlog) MissTurn() {
	b.waiting--
	if b.taken > 0 { // else nobody gives one back
		b.missed++
	}
}

// Full reports whether the connection is not to be read: too many bytes wait, or too many
// sockets have left before their turn.
func (b *Backlog) Full(l Limits) bool {
	return b.bytes >= l.Bytes || int(b.missed) >= l.Turns
}

// Wait returns a channel that is closed when a full backlog is not full any more.
func (b *Backlog) Wait() <-chan struct{} {
	if b.room == nil {
		b.room = make(chan struct{})
	}
	return b.room
}

// Held reports whether the reader waits.
func (b *Backlog) Held() bool { return b.room != nil }

// open lets the reader go on if there is room again.
func (b *Backlog) open(l Limits) (opened bool) {
	if b.room == nil || b.Full(l) {
		return false
	}
	close(b.room)
	b.room = nil
	return true
}
