package session

import (
	"context"
	"sync"
	"time"
)

// writes knows who writes to which session. Most stores know no transactions:
// of two writers that load, change and save at once, one would be lost, so they
// wait for each other; and a save that ends after the session was deleted brings
// the session back, so the writer asks once more, and deletes it again. The zero
// value is ready.
type writes struct {
	mu    sync.Mutex
	of    map[string]*writer // by the hash of the session's id
	swept time.Time
}

// writer is the one place from which a session is written.
type writer struct {
	id     string
	free   chan struct{} // holds one token while nobody writes
	want   int           // how many write or wait to write
	busy   bool          // somebody writes
	last   time.Time     // when the last write ended
	ended  bool          // the session was logged out, or has another id now
	handed bool          // whoever writes deletes the session afterwards
	doomed bool          // the session is about to be deleted once more
}

// wake is how long after a write a logout deletes the session once more: the
// write may have saved it a moment after it was deleted.
const wake = 10 * time.Second

// take waits until the caller may write to a session. It fails when the
// session has ended, or ctx.
func (w *writes) take(ctx context.Context, id string) (*writer, error) {
	mine := w.enter(id)
	select {
	case <-mine.free:
	case <-ctx.Done():
		w.mu.Lock()
		defer w.mu.Unlock()
		mine.want--
		return nil, ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if mine.ended {
		mine.want--
		mine.free <- struct{}{}
		return nil, ErrMissing
	}
	mine.busy = true
	return mine, nil
}

func (w *writes) enter(id string) *writer {
	key, now := hash(id), time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.Sub(w.swept) > wake {
		w.sweepLocked(now)
	}
	mine := w.of[key]
	if mine == nil {
		mine = &writer{id: id, free: make(chan struct{}, 1), last: now}
		mine.free <- struct{}{}
		if w.of == nil {
			w.of = make(map[string]*writer)
		}
		w.of[key] = mine
	}
	mine.want++
	return mine
}

func (w *writes) sweepLocked(now time.Time) {
	w.swept = now
	for key, one := range w.of {
		if one.want == 0 && now.Sub(one.last) > wake {
			delete(w.of, key)
		}
	}
}

// leave ends a write. It reports whether the session has ended meanwhile, so
// that what was written has to be deleted.
func (w *writes) leave(mine *writer) (revived bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	revived = mine.handed
	mine.handed = false
	mine.busy = false
	mine.want--
	mine.last = time.Now()
	mine.free <- struct{}{}
	return revived
}

// end tells that a session has ended under its id: nobody here writes to it
// any more. The id is empty unless somebody has written to the session just now,
// so that it has to be deleted once more; who is still writing does so by himself.
func (w *writes) end(key string) (id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	mine, now := w.of[key], time.Now()
	switch {
	case mine == nil:
		return ""
	case mine.busy:
		mine.handed = true
	case now.Sub(mine.last) <= wake && !mine.ended:
		id = mine.id
		mine.doomed = true
	}
	mine.ended = true
	return id
}

// deleted tells that the session was deleted once more.
func (w *writes) deleted(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if mine := w.of[key]; mine != nil {
		mine.doomed = false
	}
}

// begin tells that a client was let in by a session: one that had ended has
// begun anew if its store gives the same id to the next login.
func (w *writes) begin(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if mine := w.of[key]; mine != nil && !mine.busy && !mine.doomed {
		mine.ended = false
	}
}
