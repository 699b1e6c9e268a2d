package auth

import (
	"context"
	"sync"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/lease"
)

// An anyLife is the life of a live socket, whatever its claims.
type anyLife interface {
	owner() any // the shared part of its guard
	revoke(r Revocation)
	checkSoon()
	openedBy(token fingerprint) bool
	inRoom() string // the one of Config.Room; empty: none
	renew(ctx context.Context, token string) (renewal, error)
}

func (l *life[T]) owner() any { return l.guard.shared }

// registry keeps with each socket its lives, one for each guard of its
// namespace and its parent that verifies by itself: mostly one.
type registry struct{ key *socketio.Key[[]anyLife] }

var lives = registry{socketio.NewKey[[]anyLife]("auth")}

// add is called by the handshake only, and so never concurrently for a socket.
func (r registry) add(s *socketio.Socket, l anyLife) {
	all, _ := r.key.Get(s)
	r.key.Set(s, append(all[:len(all):len(all)], l))
}

func (r registry) all(s *socketio.Socket) []anyLife {
	all, _ := r.key.Get(s)
	return all
}

// of returns the socket's life with a guard, nil if there is none.
func (r registry) of(s *socketio.Socket, owner any) anyLife {
	for _, l := range r.all(s) {
		if l.owner() == owner {
			return l
		}
	}
	return nil
}

// index finds live sockets by what a revocation names.
type index struct {
	mu        sync.Mutex
	byID      map[string]map[anyLife]struct{}
	bySubject map[string]map[anyLife]struct{}
	checks    lease.Queue // of all lives under the guard
}

// add puts a life under those of the two that are not empty.
func (x *index) add(l anyLife, tokenID, subject string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.byID == nil {
		x.byID, x.bySubject = make(map[string]map[anyLife]struct{}), make(map[string]map[anyLife]struct{})
	}
	put(x.byID, tokenID, l)
	put(x.bySubject, subject, l)
}

func put(m map[string]map[anyLife]struct{}, key string, l anyLife) {
	if key == "" {
		return
	}
	if m[key] == nil {
		m[key] = make(map[anyLife]struct{}, 1)
	}
	m[key][l] = struct{}{}
}

// remove takes a life away again.
func (x *index) remove(l anyLife, tokenID, subject string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	cut(x.byID, tokenID, l)
	cut(x.bySubject, subject, l)
}

func cut(m map[string]map[anyLife]struct{}, key string, l anyLife) {
	delete(m[key], l)
	if len(m[key]) == 0 {
		delete(m, key)
	}
}

// revoke passes a revocation to the sockets that it concerns. [Watch] calls revoke
// on the goroutine that listens, so revoke waits for nothing.
func (x *index) revoke(r Revocation) {
	x.mu.Lock()
	var found []anyLife
	switch {
	case r.TokenID != "":
		found = members(nil, x.byID[r.TokenID])
	case r.Subject != "":
		found = members(nil, x.bySubject[r.Subject])
	default: // revocations may have been missed: all sockets are checked
		for _, set := range x.bySubject {
			found = members(found, set)
		}
	}
	x.mu.Unlock()
	if r.TokenID == "" && r.Subject == "" {
		for _, l := range found {
			l.checkSoon()
		}
		return
	}
	for _, l := range found {
		l.revoke(r)
	}
}

func members(dst []anyLife, set map[anyLife]struct{}) []anyLife {
	for l := range set {
		dst = append(dst, l)
	}
	return dst
}
