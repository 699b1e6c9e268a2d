package engine_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/assert"
)

// watcher notes what an observer is told.
type watcher struct {
	mu    sync.Mutex
	lines []string
}

func (w *watcher) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, fmt.Sprintf(format, args...))
}

func (w *watcher) Upgrade(_ *engine.Session, step engine.UpgradeStep, err error) {
	w.note("upgrade %s %v", step, err)
}

func (w *watcher) Dropped(_ *engine.Session, cause engine.DropCause, messages int) {
	w.note("dropped %s %d", cause, messages)
}

func (w *watcher) Flushed(s *engine.Session, wait time.Duration) {
	w.note("flushed %s %v", s.Transport(), wait)
}

// expect compares what was noted when everything has come to rest.
func (w *watcher) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	assert.Equal(t, "observed", strings.Join(w.lines, "; "), strings.Join(want, "; "))
	w.lines = nil
}

// TestObserveUpgrades: each upgrade that is tried is done or fails, once.
func TestObserveUpgrades(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		try  func(h *host, sid string)
		want string
	}{
		{"done", func(h *host, sid string) { h.probe(sid).send("5") }, "done <nil>"},
		{"wrong step", func(h *host, sid string) { h.ws("&sid=" + sid).send("4x") }, "failed engine: not a step of the upgrade"},
		{"client goes", func(h *host, sid string) { _ = h.probe(sid).conn.Close() }, "failed <nil>"},
		{"too slow", func(h *host, sid string) {
			h.probe(sid)
			time.Sleep(11 * time.Second)
		}, "failed engine: upgrade took too long"},
		{"no handshake", func(h *host, sid string) {
			h.dial().http(upgradeRequest("&transport=websocket&sid="+sid, ""))
		}, "failed engine: no WebSocket handshake"},
		{"session ends", func(h *host, sid string) {
			h.probe(sid)
			(*engine.Layer)(h.session()).Lost()
		}, "failed <nil>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := &watcher{}
				h := serveIn(t, setup{opts: engine.Options{Observer: w}})
				tt.try(h, h.open())
				w.expect(t, "upgrade tried <nil>", "upgrade "+tt.want)
			})
		})
	}
}

// TestObserveFlushes: one message in 64 is timed, from its Send until it and
// those before it have left.
func TestObserveFlushes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := &watcher{}
		h := serveIn(t, setup{opts: engine.Options{Observer: w}})
		sid := h.open()
		s := h.session()
		assert.NoError(t, s.Send(text("a")))
		time.Sleep(3 * time.Second)
		w.expect(t)
		h.answered(h.poll(sid), "4a")
		w.expect(t, "flushed polling 3s")
		for range 63 {
			assert.NoError(t, s.Send(text("b")))
		}
		h.answered(h.poll(sid), strings.Join(slices.Repeat([]string{"4b"}, 63), "\x1e"))
		w.expect(t)
		assert.NoError(t, s.Send(text("c")))
		time.Sleep(time.Second)
		h.probe(sid) // whose own packet is none of them
		time.Sleep(time.Second)
		h.answered(h.poll(sid), "4c")
		w.expect(t, "upgrade tried <nil>", "flushed polling 2s")
	})
}

// TestObserveDeflatedFlushes: that holds for what is compressed, by a flusher or
// aside.
func TestObserveDeflatedFlushes(t *testing.T) {
	t.Parallel()
	for _, size := range []int{2 << 10, 64 << 10} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := &watcher{}
				h := serveIn(t, setup{opts: engine.Options{Observer: w, PerMessageDeflate: new(engine.PerMessageDeflate)}})
				d := h.deflate("", browsers)
				assert.NoError(t, h.session().Send(text(strings.Repeat("x", size))))
				assert.Equal(t, "bytes", len(d.packet()), 1+size)
				assert.Equal(t, "compressed frames", d.frames, 1)
				w.expect(t, "flushed websocket 0s")
			})
		})
	}
}

// TestObserveDrops: what is lost, and by which rule.
func TestObserveDrops(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := &watcher{}
		h := serveIn(t, setup{opts: engine.Options{Observer: w, SendBuffer: 1000}})
		sid := h.open()
		s := h.session()
		assert.Equal(t, "nobody polls", s.SendVolatile(text("v"), engine.Binary([]byte{1})), false)
		w.expect(t, "dropped volatile 2")
		poll := h.poll(sid)
		synctest.Wait()
		assert.Equal(t, "somebody polls", s.SendVolatile(text("v")), true)
		h.answered(poll, "4v")
		w.expect(t, "flushed polling 0s")
		assert.NoError(t, s.Send(text(strings.Repeat("x", 900))))
		assert.ErrorIs(t, s.Send(text(strings.Repeat("y", 900))), engine.ErrSlowConsumer)
		w.expect(t, "dropped slow_consumer 2")
	})
}

// TestObserveEvictions: volatile messages make room for others.
func TestObserveEvictions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := &watcher{}
		a := newApp()
		a.connect = func(s *engine.Session, _ *http.Request) { // the connection is held back: all is queued
			assert.Equal(t, "volatile", s.SendVolatile(text(strings.Repeat("v", 500))), true)
			assert.Equal(t, "volatile over the bound", s.SendVolatile(text(strings.Repeat("w", 2000))), false)
			assert.NoError(t, s.Send(text(strings.Repeat("x", 700))))
		}
		h := serveIn(t, setup{app: a, opts: engine.Options{Observer: w, SendBuffer: 1000}})
		h.wsOpen("")
		w.expect(t, "dropped evicted 1", "dropped volatile 1", "flushed websocket 0s")
	})
}
