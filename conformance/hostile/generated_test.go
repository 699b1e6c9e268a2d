//go:build e2e

package hostile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

const (
	wholeBatch = 20000 // scripts between two looks at what is left
	players    = 48    // scripts at a time
)

// TestGenerated plays scripts that a grammar makes against every framework: a million
// inputs, or as many as there are in HOSTILE_INPUTS, or for as long as HOSTILE_TIME says
// for each, or with HOSTILE=short for five seconds. HOSTILE_SEED repeats a run.
func TestGenerated(t *testing.T) { // not parallel: it measures
	seed, inputs := uint64(time.Now().UnixNano()), 1_000_000
	if text := os.Getenv("HOSTILE_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		assert.NoError(t, err)
	}
	if text := os.Getenv("HOSTILE_INPUTS"); text != "" {
		var err error
		inputs, err = strconv.Atoi(text)
		assert.NoError(t, err)
	}
	var long time.Duration
	if text := os.Getenv("HOSTILE_TIME"); text != "" {
		var err error
		long, err = time.ParseDuration(text)
		assert.NoError(t, err)
	}
	if short() {
		long = 5 * time.Second
	}
	t.Logf("HOSTILE_SEED=%d", seed)
	fmt.Printf("HOSTILE_SEED=%d\n", seed) // before a crash could keep it back
	var total atomic.Int64
	for i, f := range fronts {
		t.Run(f.name, func(t *testing.T) {
			run := &run{front: f, cluster: i%2 == 1, seed: seed + uint64(i), inputs: inputs / len(fronts)}
			if long > 0 {
				run.until = time.Now().Add(long)
			}
			run.all(t)
			total.Add(run.sent.Load())
		})
	}
	t.Logf("%d inputs", total.Load())
}

// A run plays scripts against one world.
type run struct {
	front   front
	cluster bool
	seed    uint64
	inputs  int       // so many, or
	until   time.Time // until then, if it is set
	sent    atomic.Int64
	batch   uint64         // scripts between two looks at what is left; 0: wholeBatch
	plant   func(w *world) // a fault that is to be found
}

// world is a new one; a hurried one is for a short script, again and again.
func (r *run) world(t testing.TB, hurried bool) *world {
	w := worldWith(t, r.front, r.cluster, func(w *world, o *socketio.Options) {
		if hurried {
			w.wait, o.PingInterval, o.PingTimeout = 3*time.Second, 500*time.Millisecond, time.Second
		}
	})
	if r.plant != nil {
		r.plant(w)
	}
	return w
}

func (r *run) done() bool {
	if !r.until.IsZero() {
		return time.Now().After(r.until)
	}
	return int(r.sent.Load()) >= r.inputs
}

// all plays until the run is done, and fails the test if a fault is found.
func (r *run) all(t testing.TB) {
	if found := r.hunt(t); found != nil {
		t.Errorf("the shortest script that was found:\n%s", found)
	}
}

// hunt plays batch after batch. The first warms the server up: what is left of it is
// what the others are compared with. It returns the shortest script that wakes a fault,
// nil if there is none.
func (r *run) hunt(t testing.TB) script {
	w := r.world(t, false)
	defer w.stop()
	if err := w.refresh(); err != nil {
		t.Fatal(err)
	}
	before, began, number := w.measure(false), time.Now(), uint64(0)
	for n := 0; !r.done(); n++ {
		from := number
		broken, err := r.play(w, &number)
		now, restErr := w.rest(before)
		if err = errors.Join(err, restErr); err != nil {
			t.Logf("%s: HOSTILE_SEED=%d, scripts %d to %d: %v", w.name, r.seed, from, number, err)
			w.stop()
			return r.find(t, from, number, broken)
		}
		if n == 0 {
			before = now
			before.heap = live()
		}
	}
	_, most, longest := w.latency()
	t.Logf("%s: %d scripts, %d inputs in %v; bystanders: p99 %v, longest %v", w.name, number, r.sent.Load(), time.Since(began).Round(time.Second),
		most.Round(time.Microsecond), longest.Round(time.Microsecond))
	return nil
}

// play plays scripts from number on, several at a time, and returns the one that has
// failed by itself, if there is one.
func (r *run) play(w *world, number *uint64) (broken script, err error) {
	var (
		wg sync.WaitGroup
		mu sync.Mutex
	)
	next := atomic.Uint64{}
	next.Store(*number)
	last := *number + cmp.Or(r.batch, wholeBatch)
	for range players {
		wg.Go(func() {
			for {
				n := next.Add(1) - 1
				if n >= last || r.done() {
					return
				}
				s := newGrammar(r.seed, n).script()
				r.sent.Add(int64(s.inputs()))
				if e := w.play(s); e != nil {
					mu.Lock()
					broken, err = s, cmp.Or(err, e)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	*number = min(next.Load(), last)
	return broken, err
}

// find looks for the script that is to blame, and shrinks it. Each attempt has a world
// of its own.
func (r *run) find(t testing.TB, from, to uint64, broken script) script {
	if broken != nil && r.fails(t, broken) {
		return shrink(broken, 60, func(s script) bool { return r.fails(t, s) })
	}
	var all script // in sequence, each with peers of its own
	for to-from > 1 {
		half := from + (to-from)/2
		if r.fails(t, r.scripts(from, half)...) {
			to = half
		} else if r.fails(t, r.scripts(half, to)...) {
			from = half
		} else {
			t.Logf("scripts %d to %d fail together only", from, to)
			break
		}
	}
	for _, s := range r.scripts(from, min(to, from+10)) {
		all = append(all, s...)
	}
	return shrink(all, 60, func(s script) bool { return r.fails(t, s) })
}

func (r *run) scripts(from, to uint64) (all []script) {
	for n := from; n < to; n++ {
		all = append(all, newGrammar(r.seed, n).script())
	}
	return all
}

// fails plays scripts in a new world.
func (r *run) fails(t testing.TB, all ...script) bool {
	w := r.world(t, true)
	defer w.stop()
	if w.refresh() != nil {
		return true
	}
	before := w.measure(false)
	for _, s := range all {
		if w.play(s) != nil {
			return true
		}
	}
	_, err := w.rest(before)
	return err != nil
}

// TestPlanted: a fault that only a string as the argument of "echo" wakes is found, and
// little more than that event is left of its script.
func TestPlanted(t *testing.T) { // not parallel: it measures
	leaked := make(chan struct{})
	r := &run{front: fronts[0], seed: 1, inputs: 50_000, batch: 100, plant: func(w *world) {
		w.servers[0].UseEvent(func(next socketio.EventHandler) socketio.EventHandler {
			return func(ctx context.Context, in *socketio.Incoming) error {
				var text string
				if in.Event == "echo" && in.Arg(0, &text) == nil && text != "" { // the bystanders' are numbers
					for range 5 { // more than come and go while what was there before is counted
						go func() { <-leaked }()
					}
				}
				return next(ctx, in)
			}
		})
	}}
	found := r.hunt(t)
	close(leaked)
	if found == nil {
		t.Fatal("a fault was not found")
	}
	t.Logf("of %d inputs this is left:\n%s", r.sent.Load(), found)
	assert.True(t, "few steps", len(found) <= 5)
	assert.True(t, "the event", strings.Contains(found.String(), "echo"))
}

// TestShrink: what is not needed for a failure goes.
func TestShrink(t *testing.T) {
	t.Parallel()
	s := script{{do: doOpen, arg: polling}, {do: doSend, arg: "41"}, {do: doSend, arg: "42[1,needle,2]"}, {do: doWait}, {do: doSend, arg: "43[]"}, {do: doFIN}}
	got := shrink(s, 1000, func(s script) bool {
		return strings.Contains(s.String(), "needle") && strings.Contains(s.String(), "fin")
	})
	assert.Equal(t, "script", got.String(), "0 send \"needle\"\n0 fin \"\"\n")
	assert.Equal(t, "a script that does not fail", shrink(s, 1000, func(script) bool { return false }).String(), s.String())
}

// TestGrammar: a seed makes the same scripts again, and they hold what they are to hold.
func TestGrammar(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for n := range uint64(20_000) {
		s := newGrammar(1, n).script()
		if again := newGrammar(1, n).script(); n%1000 == 0 && again.String() != s.String() {
			t.Fatalf("script %d differs", n)
		}
		for _, st := range s {
			seen[st.do] = true
			for _, word := range []string{"SID1", "2probe", `["echo"`, `"_placeholder"`, "Transfer-Encoding", "/child-", "450-", "\x1e\x1e", "1e400", "[[[[[[[[[["} {
				if strings.Contains(st.arg, word) {
					seen[word] = true
				}
			}
			seen["1 MB"] = seen["1 MB"] || len(st.arg) > 1_000_000
			seen["parts"] = seen["parts"] || st.parts > 1
		}
	}
	assert.Equal(t, "what was seen", len(seen), 9+10+2)
}
