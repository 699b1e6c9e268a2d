package socketio

import (
	"context"
	"slices"
	"sync/atomic"
)

// A socket's rooms and values have two sources. Those that it has got before it
// joined its namespace are the handshake's: they follow from who the client was
// then, and the middleware of the next handshake gives them anew, or does not.
// All others are the application's, and are restored.

// condition is what RecoverIf takes.
type condition = func(ctx context.Context, next *Socket) bool

// meetsConditions asks the conditions of a session, and waits for the answer until the time
// is over. No lock is held.
func meetsConditions(s *Socket, conditions []condition) bool {
	ctx, cancel := context.WithTimeout(s.Context(), s.ns.srv.opts.Limits.MiddlewareTimeout)
	defer cancel() // not by the goroutine below: its answer and the end of ctx would be one as good as the other
	answer := make(chan bool, 1)
	var parted atomic.Bool // one of the two is done, the dispatcher or the conditions
	s.ns.srv.work.Add()
	go func() { // until the conditions have returned, whatever they wait for; Shutdown waits
		defer s.ns.srv.work.Done()
		yes := false
		defer func() {
			answer <- yes
			if parted.Swap(true) {
				s.conn.giveTurn()
			}
		}()
		yes = askConditions(ctx, s, conditions)
	}()
	select {
	case yes := <-answer:
		return yes
	case <-ctx.Done():
	}
	s.conn.takeAnotherTurn() // for what is left behind: a client could have it be as much as it likes
	if parted.Swap(true) {
		s.conn.giveTurn()
	}
	return false
}

// askConditions calls the conditions.
func askConditions(ctx context.Context, s *Socket, conditions []condition) (ok bool) {
	returned := false
	defer func() {
		if p := recover(); p != nil {
			ok = false
			s.panicked("RecoverIf", p)
		} else if !returned {
			s.ns.srv.noteExit(s.attrs()...)
		}
	}()
	for _, may := range conditions {
		if !may(ctx, s) || ctx.Err() != nil {
			returned = true
			return false
		}
	}
	returned = true
	return true
}

// grantedRooms returns the rooms that middleware has joined so far.
func grantedRooms(s *Socket) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.rooms)
}
