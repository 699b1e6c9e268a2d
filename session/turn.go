package session

import (
	"context"
	"sync"
)

// turns makes writers of the same session wait for each other. Most stores know
// no transactions: of two that load, change and save at once, one would be lost.
// The zero value is ready.
type turns struct {
	mu    sync.Mutex
	taken map[string]*turn // by the session's id
}

type turn struct {
	free chan struct{} // holds one token while nobody's turn it is
	want int           // how many have it or wait for it
}

// take waits until it is the caller's turn with a session, which done ends.
func (t *turns) take(ctx context.Context, id string) (done func(), err error) {
	t.mu.Lock()
	if t.taken == nil {
		t.taken = make(map[string]*turn)
	}
	mine := t.taken[id]
	if mine == nil {
		mine = &turn{free: make(chan struct{}, 1)}
		mine.free <- struct{}{}
		t.taken[id] = mine
	}
	mine.want++
	t.mu.Unlock()
	select {
	case <-mine.free:
		return func() {
			mine.free <- struct{}{}
			t.leave(id, mine)
		}, nil
	case <-ctx.Done():
		t.leave(id, mine)
		return nil, ctx.Err()
	}
}

func (t *turns) leave(id string, mine *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if mine.want--; mine.want == 0 {
		delete(t.taken, id)
	}
}
