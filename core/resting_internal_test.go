package socketio

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosio/gosio/internal/assert"
)

// resting returns a parent with n children of which only a session is kept.
func resting(t *testing.T, n int, r Recovery) (parent *Namespace, children []*Namespace) {
	t.Helper()
	srv := NewServer(&Options{Recovery: &r})
	t.Cleanup(func() { srv.Close() })
	parent = srv.OfRegexp(regexp.MustCompile("^/room-"))
	for i := range n {
		child, _ := srv.adopt(parent, fmt.Sprint("/room-", i), noLimit)
		child.recovery.kept.Add(1)
		child.ready()
		child.release()
		children = append(children, child)
	}
	return parent, children
}

// TestRestingNeedsNoLock: what is sent to a child that rests takes no lock of the
// server's: an event of the parent goes to thousands of them.
func TestRestingNeedsNoLock(t *testing.T) {
	t.Parallel()
	parent, children := resting(t, 1, Recovery{})
	ns, srv := children[0], parent.srv
	srv.mu.RLock() // it is enough that nobody needs it for writing
	defer srv.mu.RUnlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		ns.hold()
		ns.release()
		ns.hold()
		ns.releaseAside()
		_ = ns.Emit("e")
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Error("it waits for the server's lock")
	}
}

// TestRestingOrGone: whatever happens at the same time, a child that nobody uses
// either rests, and can be evicted, or is not there any more.
func TestRestingOrGone(t *testing.T) {
	t.Parallel()
	for round := range 300 {
		parent, children := resting(t, 1, Recovery{})
		ns, srv := children[0], parent.srv
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				for range 3 {
					if ns.hold() {
						ns.release()
					}
				}
			})
		}
		all.Go(func() {
			srv.mu.Lock()
			defer srv.mu.Unlock()
			evictLocked(srv)
		})
		if round%2 == 0 {
			all.Go(func() { // its session is forgotten
				r := ns.recovery
				r.mu.Lock()
				r.kept.Add(-1)
				r.freed = true
				r.unlock()
			})
		}
		all.Wait()
		srv.mu.Lock()
		gone, rests := ns.life.users.Load() < 0, ns.life.resting != nil
		kept := ns.recovery.kept.Load()
		srv.mu.Unlock()
		assert.True(t, fmt.Sprint("gone, rests: ", gone, rests), gone != rests)
		assert.True(t, "without a session it is gone", gone || kept > 0)
		srv.Close()
	}
}

// TestTrim: over the bound those children give way whose events fill most, down to
// one level, and what a child that is being removed still counts is no reason to
// drop any.
func TestTrim(t *testing.T) {
	t.Parallel()
	const one = 1000
	_, children := resting(t, 5, Recovery{MaxBytes: 20 * one})
	fill := func(child, events int) {
		for range events {
			assert.NoError(t, children[child].Emit("e", strings.Repeat("x", one-256-60)))
		}
	}
	counts := func() string {
		var all []int
		for _, child := range children {
			all = append(all, child.recovery.log.Len())
		}
		return fmt.Sprint(all)
	}
	r := children[0].recovery
	fill(0, 1)
	size := r.log.Bytes()
	assert.True(t, fmt.Sprint("size of one: ", size), size <= one && 21*size > 20*one)
	fill(1, 9)
	fill(2, 6)
	fill(3, 1)
	assert.Equal(t, "within", counts(), "[1 9 6 1 0]")
	r.share.events.Add(10 * one) // of one that is being removed
	fill(4, 1)
	assert.Equal(t, "nothing goes for it", counts(), "[1 9 6 1 1]")
	r.share.events.Add(-10 * one)
	fill(4, 2)
	assert.Equal(t, "just within", counts(), "[1 9 6 1 3]")
	fill(3, 1)
	assert.Equal(t, "the largest have given way", counts(), "[1 6 6 2 3]")
}
