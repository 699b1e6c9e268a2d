package socketio_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// writes asks when events are written.
type writes struct {
	socketio.NopObserver
	mu sync.Mutex
	of map[string][]socketio.Recipient // by the event
}

func (*writes) Trace(socketio.EmitInfo) int { return 500 }

func (w *writes) Emit(_ context.Context, e socketio.EmitInfo) func(socketio.EmitResult) {
	return func(r socketio.EmitResult) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.of[e.Name] = append(w.of[e.Name], r.Recipients...)
	}
}

// text tells of each recipient when the event was written for it; never is "-".
func (w *writes) text(event string) string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, to := range w.of[event] {
		when := "-"
		if d, ok := to.Written.After(); ok {
			when = d.Truncate(time.Millisecond).String()
		}
		all = append(all, to.Socket.Handshake().Query().Get("who")+" "+when)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// TestWritten: a Tracer learns when each recipient's event was written, however it was sent
// and however long it has waited, and that others were not written.
func TestWritten(t *testing.T) {
	for name, recovery := range map[string]*socketio.Recovery{"off": nil, "on": {}} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				w := &writes{of: make(map[string][]socketio.Recipient)}
				a := newApp(t, socketio.Options{Observer: socketio.Observers(w, socketio.NopObserver{}), Recovery: recovery, Limits: socketio.Limits{SendBuffer: 1 << 21}})
				a.OnConnect(func(s *socketio.Socket) { _ = s.Emit("welcome") })
				ann, bob := siotest.Dial(t, a, named(o, "ann")), siotest.Dial(t, a, named(o, "bob"))
				s, _ := a.Socket(ann.ID())
				is := func(event, want string) { t.Helper(); assert.Equal(t, event, w.text(event), want) }
				is("welcome", "ann 0s, bob 0s")
				assert.NoError(t, a.Emit("hi", 1))
				is("hi", "ann 0s, bob 0s")
				assert.NoError(t, s.Emit("binary", []byte{1}, []byte{2}))
				is("binary", "ann 0s")
				go func() { time.Sleep(time.Second); ann.Await("ask").Ack() }()
				_, err := s.EmitWithAck(t.Context(), "ask")
				assert.NoError(t, err)
				is("ask", "ann 0s")
				ann.On("vote", func(m *siotest.Message) { m.Ack() })
				bob.On("vote", func(m *siotest.Message) { m.Ack() })
				_, err = a.EmitWithAck(t.Context(), "vote")
				assert.NoError(t, err)
				is("vote", "ann 0s, bob 0s")
				synctest.Wait()
				assert.NoError(t, a.Volatile().Emit("flicker"))
				is("flicker", "ann 0s, bob 0s")

				stall(t, s, ann)
				assert.NoError(t, a.Emit("late", 1))
				assert.NoError(t, s.Emit("late binary", []byte{1}))
				assert.NoError(t, s.Volatile().Emit("dropped"))
				for i := range 2 {
					assert.NoError(t, s.Latest("k").Emit("latest", i))
				}
				is("late", "ann -, bob 0s")
				time.Sleep(time.Second)
				ann.Stall(false)
				is("late", "ann 1s, bob 0s")
				is("late binary", "ann 1s")
				is("dropped", "ann -")
				is("latest", "ann -, ann 1s")

				stall(t, s, ann)
				for range 300 {
					assert.NoError(t, s.Emit("many"))
				}
				ann.Stall(false)
				text := w.text("many")
				assert.Equal(t, "as many as can be told of", strings.Count(text, "0s"), 255)
				assert.Equal(t, "the others", strings.Count(text, "-"), 45)

				stall(t, s, ann)
				assert.NoError(t, s.Emit("lost"))
				ann.Cut()
				time.Sleep(time.Minute)
				is("lost", "ann -")
				a.log.take()
			})
		})
	}
}

// TestWrittenAgain: what a client gets again after a recovery was written the first time.
func TestWrittenAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := &writes{of: make(map[string][]socketio.Recipient)}
		a := newApp(t, socketio.Options{Observer: w, Recovery: &socketio.Recovery{}})
		ann := siotest.Dial(t, a, named(siotest.Options{}, "ann"))
		s, _ := a.Socket(ann.ID())
		assert.NoError(t, s.Emit("first"))
		ann.Expect("first")
		stall(t, s, ann)
		assert.NoError(t, s.Emit("own"))
		assert.NoError(t, a.Emit("all"))
		ann.Cut()
		time.Sleep(time.Second)
		back := ann.Resume()
		assert.True(t, "recovered", back.Recovered())
		back.Await("own")
		back.Await("all")
		assert.Equal(t, "own", w.text("own"), "ann -")
		assert.Equal(t, "all", w.text("all"), "ann -")
	})
}
