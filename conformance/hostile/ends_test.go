//go:build e2e

package hostile

import (
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gosio/gosio/internal/assert"
)

// ends are the ways in which a session ends.
var ends = []struct {
	name string
	end  func(p *peer) error
}{
	{"reset", func(*peer) error { return nil }}, // leave resets
	{"FIN", func(p *peer) error {
		if p.ws == nil {
			return p.send("1")
		}
		p.ws.halfClose()
		_, err := p.ends()
		return err
	}},
	{"close packet", func(p *peer) error { return p.send("1") }},
	{"DISCONNECT packet", func(p *peer) error { return p.send("41") }},
	{"kicked", func(p *peer) error {
		if err := p.send(`42["bye"]`); err != nil {
			return err
		}
		_, err := p.ends()
		return err
	}},
	{"broken packet", func(p *peer) error {
		if p.ws == nil {
			_, err := p.post("4x") // 400
			return err
		}
		if err := p.send("4x"); err != nil {
			return err
		}
		_, err := p.ends()
		return err
	}},
	{"with a room, an acknowledgement that does not come and another namespace", func(p *peer) error {
		if _, err := p.join("/other"); err != nil {
			return err
		}
		return p.send(`42["join","room `+p.sid+`"]`, `42["ask"]`)
	}},
	{"a cut event", func(p *peer) error {
		return p.send(`451-["say",{"_placeholder":true,"num":0}]`)
	}},
}

// TestEnds: sessions of all transports end in all ways, 100,000 of them, or as many as there
// are in ENDS, with HOSTILE=short 2,000. Nothing is left of them: sessions, sockets, rooms,
// goroutines and file descriptors are as before, and the memory in use within 1% and 64 KB.
func TestEnds(t *testing.T) { // not parallel: it measures
	sessions := 100_000
	if short() {
		sessions = 2000
	}
	if text := os.Getenv("ENDS"); text != "" {
		var err error
		sessions, err = strconv.Atoi(text)
		assert.NoError(t, err)
	}
	for _, f := range fronts {
		if f.name != "net/http" && f.name != "fiber" { // the others are net/http, too
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			w := newWorld(t, f, false)
			first, err := w.rest(nil)
			assert.NoError(t, err)
			play(t, w, max(sessions/10, 1000)) // pools and maps keep what the most sessions at a time need
			before, err := w.rest(first)
			assert.NoError(t, err)
			play(t, w, sessions)
			now, err := w.rest(before)
			assert.NoError(t, err)
			t.Logf("%d sessions; in use %d bytes, %d before; %d goroutines, %d; %d file descriptors, %d", sessions,
				now.heap, before.heap, len(now.goroutines), len(before.goroutines), now.files, before.files)
		})
	}
}

// play opens sessions and ends them.
func play(t *testing.T, w *world, sessions int) {
	t.Helper()
	var (
		next atomic.Int64
		all  sync.WaitGroup
	)
	for range players {
		all.Go(func() {
			for i := int(next.Add(1)); i <= sessions && !t.Failed(); i = int(next.Add(1)) {
				way, e := ways[i%len(ways)], ends[i/len(ways)%len(ends)]
				p, err := w.open(way)
				if err == nil {
					err = e.end(p)
					p.leave()
				}
				if err != nil {
					t.Errorf("%s, %s: %v", way, e.name, err)
				}
			}
		})
	}
	all.Wait()
}
