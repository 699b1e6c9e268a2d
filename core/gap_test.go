package socketio_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// reporting is an adapter that is alone.
type reporting struct {
	adapter.Adapter
	local adapter.Local
}

func (r *reporting) Publish(*adapter.Operation) error { return nil }
func (r *reporting) Close() error                     { return nil }

func newReporting(t testing.TB, o socketio.Options) (*reporting, *app) {
	r := &reporting{}
	o.Adapter = func(l adapter.Local) adapter.Adapter { r.local = l; return r }
	return r, newApp(t, o)
}

// TestGap: a log line, a hook and the observer tell of what an adapter has lost.
func TestGap(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := &witness{}
		r, a := newReporting(t, socketio.Options{Observer: w})
		heard := ""
		off := a.OnGap(func(e socketio.GapEvent) {
			heard += fmt.Sprint(e.Namespace.Name(), " ", e.Type, " ", e.Operations, " ", e.Err, ";")
		})
		a.OnGap(func(socketio.GapEvent) { panic("a hook") })
		down := errors.New("engine is down")
		r.local.Gap(adapter.Gap{Type: adapter.GapIncoming, Err: down})
		r.local.Gap(adapter.Gap{Type: adapter.GapOutgoing, Operations: 7, Err: down})
		assert.Equal(t, "hook", heard, "/ incoming 0 engine is down;/ outgoing 7 engine is down;")
		off()
		r.local.Gap(adapter.Gap{Type: adapter.GapOutgoing, Err: down})
		assert.Equal(t, "hook that is off", heard, "/ incoming 0 engine is down;/ outgoing 7 engine is down;")
		w.expect(t, "gap in / incoming 0: engine is down", "gap in / outgoing 7: engine is down", "gap in / outgoing 0: engine is down")
		lines := strings.Join(a.log.take(), "")
		assert.Equal(t, "lines", strings.Count(lines, "the adapter has lost operations"), 3)
		assert.Equal(t, "panics", strings.Count(lines, "socketio: panic"), 3)
	})
}

// TestGapOfChild: the hooks of a parent hear of its children.
func TestGapOfChild(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r, a := newReporting(t, socketio.Options{})
		heard := ""
		p := a.OfFunc(func(name string, _ *socketio.Handshake) bool { return name == "/x" })
		p.OnGap(func(e socketio.GapEvent) { heard += "parent " + e.Namespace.Name() + ";" })
		siotest.Dial(t, a, siotest.Options{Namespace: "/x"})
		a.Of("/x").OnGap(func(e socketio.GapEvent) { heard += "child " + e.Namespace.Name() + ";" })
		r.local.Gap(adapter.Gap{Type: adapter.GapIncoming})
		assert.Equal(t, "heard", heard, "parent /x;child /x;")
	})
}

// TestGapRecovery: no client takes its state for whole that has missed something,
// and no other client is sent away.
func TestGapRecovery(t *testing.T) {
	gap := func(r *reporting, _ *app) { r.local.Gap(adapter.Gap{Type: adapter.GapIncoming}) }
	event := func(_ *reporting, a *app) { _ = a.Emit("n", 1) }
	out := func(r *reporting, _ *app) { r.local.Gap(adapter.Gap{Type: adapter.GapOutgoing}) }
	wait := func(*reporting, *app) { time.Sleep(time.Hour) } // all that is kept has gone
	type step = func(*reporting, *app)
	for _, tt := range []struct {
		name         string
		before       []step // the client comes
		there, after []step // it is there; its connection is lost
		want         bool
	}{
		{"no gap", nil, []step{event}, []step{event}, true},
		{"while away", nil, []step{event}, []step{gap}, false},
		{"while away, with events", nil, []step{event}, []step{event, gap, event}, false},
		{"while there, and nothing since", nil, []step{event, gap}, nil, false},
		{"while there, and nothing at all", nil, []step{gap}, nil, false},
		{"while there, and nothing since for long", nil, []step{event, gap, wait}, nil, false},
		{"while there, and an event since", nil, []step{event, gap, event}, []step{event}, true},
		{"before it came", []step{event, gap}, nil, nil, true},
		{"before it came, and an event since", []step{gap}, []step{event}, []step{event}, true},
		{"of others", nil, []step{event, out}, []step{out}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := &witness{}
				r, a := newReporting(t, socketio.Options{Recovery: &socketio.Recovery{}, Observer: w})
				run := func(steps []step, c *siotest.Client) {
					for _, s := range steps {
						s(r, a)
						if c != nil && fmt.Sprintf("%p", s) == fmt.Sprintf("%p", event) {
							c.Expect("n")
						}
					}
				}
				run(tt.before, nil)
				c := siotest.Dial(t, a, siotest.Options{})
				run(tt.there, c)
				c.Conn().Cut()
				synctest.Wait()
				run(tt.after, nil)
				c = c.Resume()
				assert.Equal(t, "recovered", c.Recovered(), tt.want)
				c.Conn().Cut()
				synctest.Wait()
				_ = a.Emit("n", 2)
				assert.True(t, "the next time", c.Resume().Recovered())
			})
		})
	}
}
