package engine_test

import (
	"testing"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/assert"
)

// TestOthersAreWrittenTo: what a reader has sent to another session leaves
// although the reader does not come to its end. On loopback, where writing is
// put off for readers at work.
func TestOthersAreWrittenTo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		block   bool // in the message that sends
		backlog bool // after it
		flood   bool // more than the reader ever gets through
	}{
		"blocked":   {block: true},
		"held up":   {backlog: true},
		"no end":    {flood: true},
		"both ends": {flood: true, block: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := make(chan struct{})
			var other *engine.Session
			told := false
			a := newApp()
			a.message = func(*engine.Session, []byte, bool) error {
				if told {
					return nil
				}
				told = true
				err := other.Send(text("news"))
				if tt.block {
					select {
					case <-got:
					case <-t.Context().Done(): // the test has failed
					}
				}
				return err
			}
			if tt.backlog {
				held := false
				a.backlog = func() <-chan struct{} {
					if !told || held {
						return nil
					}
					held = true
					return got
				}
			}
			h := serve(t, setup{app: a, opts: engine.Options{PingInterval: time.Hour}})
			sender, _ := h.wsOpen("")
			<-a.sessions
			listener, _ := h.wsOpen("")
			other = <-a.sessions
			flooded := make(chan struct{})
			go func() {
				defer close(flooded)
				sender.send("4go")
				for tt.flood {
					select {
					case <-got:
						return
					case <-t.Context().Done():
						return
					default:
						sender.send("4more", "4more", "4more", "4more")
					}
				}
			}()
			listener.expect("4news")
			close(got)
			<-flooded
		})
	}
}

// TestMoreThanAnArrayHolds: what gathers for a connection beyond the arrays
// that are lent arrives whole and in order.
func TestMoreThanAnArrayHolds(t *testing.T) {
	t.Parallel()
	a := newApp()
	h := serve(t, setup{app: a})
	c, _ := h.wsOpen("")
	s := <-a.sessions
	for _, n := range []int{1, 7, 8, 9, 63, 64, 65, 200} {
		msgs := make([]engine.Message, n)
		want := make([]string, n)
		for i := range msgs {
			word := string(rune('a' + i%26))
			msgs[i], want[i] = text(word), "4"+word
		}
		assert.NoError(t, s.Send(msgs...))
		c.expect(want...)
	}
}
