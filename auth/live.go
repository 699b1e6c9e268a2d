package auth

import (
	"sync"

	socketio "github.com/gosio/gosio/core"
)

// A revocable is the life of a live socket, whatever its claims.
type revocable interface {
	revoke(r Revocation)
	owner() any // the shared part of its guard
}

func (l *life[T]) owner() any { return l.guard.shared }

// registry keeps with each socket its lives, one for each guard of its
// namespace: mostly one.
type registry struct{ key *socketio.Key[[]revocable] }

var lives = registry{socketio.NewKey[[]revocable]("auth")}

// add is called by the handshake only, and so never concurrently for a socket.
func (r registry) add(s *socketio.Socket, l revocable) {
	all, _ := r.key.Get(s)
	r.key.Set(s, append(all[:len(all):len(all)], l))
}

func (r registry) all(s *socketio.Socket) []revocable {
	all, _ := r.key.Get(s)
	return all
}

// of returns the socket's life with a guard, nil if there is none.
func (r registry) of(s *socketio.Socket, owner any) revocable {
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
	byID      map[string]map[revocable]struct{}
	bySubject map[string]map[revocable]struct{}
}

// add puts a life under those of the two that are not empty.
func (x *index) add(l revocable, tokenID, subject string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.byID == nil {
		x.byID, x.bySubject = make(map[string]map[revocable]struct{}), make(map[string]map[revocable]struct{})
	}
	put(x.byID, tokenID, l)
	put(x.bySubject, subject, l)
}

func put(m map[string]map[revocable]struct{}, key string, l revocable) {
	if key == "" {
		return
	}
	if m[key] == nil {
		m[key] = make(map[revocable]struct{}, 1)
	}
	m[key][l] = struct{}{}
}

// remove takes a life away again.
func (x *index) remove(l revocable, tokenID, subject string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	cut(x.byID, tokenID, l)
	cut(x.bySubject, subject, l)
}

func cut(m map[string]map[revocable]struct{}, key string, l revocable) {
	delete(m[key], l)
	if len(m[key]) == 0 {
		delete(m, key)
	}
}

// revoke tells those concerned. It is what [Watch] calls.
func (x *index) revoke(r Revocation) {
	x.mu.Lock()
	var found []revocable
	switch {
	case r.TokenID != "":
		found = members(nil, x.byID[r.TokenID])
	case r.Subject != "":
		found = members(nil, x.bySubject[r.Subject])
	default: // something may have been missed: everybody
		for _, set := range x.bySubject {
			found = members(found, set)
		}
	}
	x.mu.Unlock()
	for _, l := range found {
		l.revoke(r)
	}
}

func members(dst []revocable, set map[revocable]struct{}) []revocable {
	for l := range set {
		dst = append(dst, l)
	}
	return dst
}
