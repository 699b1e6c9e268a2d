//go:build e2e

package hostile

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// bystanders are so many, and served so often, all the while.
const (
	bystanders     = 20
	bystanderPause = 20 * time.Millisecond
	tickPause      = 50 * time.Millisecond
)

// A bystander is a client that does nothing wrong, and must not notice anything: each
// of its events is acknowledged, and each broadcast comes once and in its place.
type bystander struct {
	*peer
	n     int
	last  int                 // number of the last broadcast; 0: none yet
	took  [8192]time.Duration // of the last echoes
	count int                 // of took, since latency was asked for
	ended chan struct{}
	stop  atomic.Bool
}

// invite lets the bystanders in: on every server, by every way.
func (w *world) invite(t testing.TB) {
	t.Helper()
	for i := range bystanders {
		p, err := w.openAt(ways[i%3], w.addrs[i/3%len(w.addrs)])
		if err == nil {
			err = p.send(`42["bystander"]`)
		}
		if err != nil {
			t.Fatalf("bystander: %v", err)
		}
		w.others = append(w.others, &bystander{peer: p, ended: make(chan struct{})})
	}
	var joined sync.WaitGroup
	for _, b := range w.others {
		joined.Go(func() {
			if err := b.echo(); err != nil {
				w.faults.add("bystander: %v", err)
			}
		})
	}
	joined.Wait()
	for _, b := range w.others {
		go b.live() // ends with dismiss
	}
	go w.tick() // as well
}

// tick broadcasts to the bystanders while they live.
func (w *world) tick() {
	for !w.others[0].stop.Load() {
		w.calm.RLock()
		w.broadcast()
		w.calm.RUnlock()
		time.Sleep(tickPause)
	}
}

// broadcast is called by tick, and by refresh, one at a time.
func (w *world) broadcast() int {
	w.ticking.Lock()
	defer w.ticking.Unlock()
	w.ticks++
	if err := w.servers[0].To("bystanders").Emit("tick", w.ticks); err != nil {
		w.faults.add("broadcast: %v", err)
	}
	return w.ticks
}

func (b *bystander) live() {
	defer close(b.ended)
	for !b.stop.Load() {
		b.w.calm.RLock()
		err := b.echo()
		b.w.calm.RUnlock()
		if err != nil {
			b.w.faults.add("a bystander by %s: %v", b.via, err)
			return
		}
		time.Sleep(bystanderPause)
	}
}

// echo sends an event and waits for its acknowledgement; it looks at what comes.
func (b *bystander) echo() error {
	b.n++
	began, id := time.Now(), strconv.Itoa(b.n)
	if err := b.send("42" + id + `["echo",` + id + "]"); err != nil {
		return err
	}
	for {
		packet, err := b.next()
		if err != nil {
			return err
		}
		if number, ok := strings.CutPrefix(packet, `42["tick",`); ok {
			number, _, _ := strings.Cut(number, ",") // of recovery
			k, err := strconv.Atoi(strings.TrimSuffix(number, "]"))
			if err != nil || b.last != 0 && k != b.last+1 {
				return fmt.Errorf("broadcast %.60q after %d", packet, b.last)
			}
			b.last = k
			continue
		}
		if packet != "43"+id+"["+id+"]" {
			return fmt.Errorf("%.60q in the place of acknowledgement %s", packet, id)
		}
		b.took[b.count%len(b.took)] = time.Since(began)
		b.count++
		return nil
	}
}

// refresh checks that every bystander has everything that was broadcast.
func (w *world) refresh() error {
	w.calm.Lock()
	defer w.calm.Unlock()
	k := w.broadcast()
	for end := time.Now().Add(patience); ; {
		behind := 0
		for _, b := range w.others {
			if b.last == k {
				continue
			}
			if err := b.echo(); err != nil {
				return errors.Join(fmt.Errorf("a bystander by %s: %w", b.via, err), w.faults.take())
			}
			if b.last != k {
				behind++
			}
		}
		if behind == 0 {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%d bystanders lack broadcasts", behind)
		}
	}
}

// latency returns the median, the 99th percentile and the longest echo since the last
// call.
func (w *world) latency() (half, most, longest time.Duration) {
	w.calm.Lock()
	defer w.calm.Unlock()
	var all []time.Duration
	for _, b := range w.others {
		all = append(all, b.took[:min(b.count, len(b.took))]...)
		b.count = 0
	}
	if len(all) == 0 {
		return 0, 0, 0
	}
	slices.Sort(all)
	return all[len(all)/2], all[len(all)*99/100], all[len(all)-1]
}

// dismiss ends the bystanders.
func (w *world) dismiss() {
	for _, b := range w.others {
		b.stop.Store(true)
	}
	for _, b := range w.others {
		<-b.ended
		b.leave()
	}
}
