package session

import (
	"context"
	"sync"
	"time"
)

// writes lets one caller at a time write to a session. Most stores have no
// transactions: of two callers that load, change and save at once, one change would
// be lost. And a save that ends after the session was deleted brings the session
// back, so the caller then deletes the session again. The zero value is ready.
type writes struct {
	mu    sync.Mutex
	of    map[string]*writer // by the hash of the session's id
	swept time.Time
}

// writer is the place that a caller takes to write to a session.
type writer struct {
	id          string
	free        chan struct{} // holds one value while no caller writes
	users       int           // callers that write or wait
	busy        bool          // a caller writes
	last        time.Time     // when the last write ended
	ended       bool          // the session was logged out, or has another id now
	deleteAfter bool          // the caller that writes deletes the session afterwards
	deleting    bool          // the session is about to be deleted again
}

// recentWrite is how long after a write a logout deletes the session again: the write
// may have saved the session just after it was deleted.
const recentWrite = 10 * time.Second

// take waits until the caller may write to a session. It fails when the
// session has ended, or ctx.
func (w *writes) take(ctx context.Context, id string) (*writer, error) {
	place := w.enter(id)
	select {
	case <-place.free:
	case <-ctx.Done():
		w.mu.Lock()
		defer w.mu.Unlock()
		place.users--
		return nil, ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if place.ended {
		place.users--
		place.free <- struct{}{}
		return nil, ErrMissing
	}
	place.busy = true
	return place, nil
}

func (w *writes) enter(id string) *writer {
	key, now := hash(id), time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.Sub(w.swept) > recentWrite {
		w.sweepLocked(now)
	}
	place := w.of[key]
	if place == nil {
		place = &writer{id: id, free: make(chan struct{}, 1), last: now}
		place.free <- struct{}{}
		if w.of == nil {
			w.of = make(map[string]*writer)
		}
		w.of[key] = place
	}
	place.users++
	return place
}

func (w *writes) sweepLocked(now time.Time) {
	w.swept = now
	for key, one := range w.of {
		if one.users == 0 && now.Sub(one.last) > recentWrite {
			delete(w.of, key)
		}
	}
}

// leave ends a write. It reports whether the session has ended meanwhile, so
// that what was written has to be deleted.
func (w *writes) leave(place *writer) (revived bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	revived = place.deleteAfter
	place.deleteAfter = false
	place.busy = false
	place.users--
	place.last = time.Now()
	place.free <- struct{}{}
	return revived
}

// end tells that the session with that hash has ended: no caller may write to it any
// more. It returns the session's id if a write has ended just before, so that the
// session has to be deleted again. A caller that still writes deletes the session
// itself, see leave.
func (w *writes) end(key string) (id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	place, now := w.of[key], time.Now()
	switch {
	case place == nil:
		return ""
	case place.busy:
		place.deleteAfter = true
	case now.Sub(place.last) <= recentWrite && !place.ended:
		id = place.id
		place.deleting = true
	}
	place.ended = true
	return id
}

// deleted tells that the session was deleted again.
func (w *writes) deleted(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if place := w.of[key]; place != nil {
		place.deleting = false
	}
}

// begin tells that a client was let in by a session. If that session had ended, its
// store has given the same id to the next login, and callers may write again.
func (w *writes) begin(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if place := w.of[key]; place != nil && !place.busy && !place.deleting {
		place.ended = false
	}
}
