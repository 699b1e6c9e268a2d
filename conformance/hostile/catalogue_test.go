//go:build e2e

package hostile

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A row is an attack: what an attacker does, and what has to come of it. The ids are
// those of the catalogue that docs/reliability.md explains.
type row struct {
	id string
	// via are the ways by which the session of the attacker is opened; nil: all.
	via []string
	// alone is set if the attacker needs no session.
	alone bool
	// run attacks, and returns an error if the outcome is not the right one.
	run func(p *peer) error
}

// catalogue is every row.
var catalogue = slices.Concat(requests, packets, upgrades, frames, memberships, exhaustions)

// attackers are so many at a time: enough to overlap, few enough to be told apart.
const attackers = 16

// TestCatalogue runs every row by every way, against every framework, alone and in a
// cluster; twice, so that what is kept once for all is there before the second pass,
// behind which the memory is compared. HOSTILE_ROW names rows, by a part of the id.
func TestCatalogue(t *testing.T) { // not parallel: it measures
	eachWorld(t, func(t *testing.T, w *world) {
		w.attack(t, catalogue)
	})
}

// eachWorld runs a test with every framework, alone and in a cluster; with
// HOSTILE=short each of them is one or the other.
func eachWorld(t *testing.T, test func(t *testing.T, w *world)) {
	for i, f := range fronts {
		for _, cluster := range []bool{false, true} {
			if short() && cluster != (i%2 == 1) {
				continue
			}
			t.Run(f.name+map[bool]string{true: " in a cluster"}[cluster], func(t *testing.T) {
				w := newWorld(t, f, cluster)
				test(t, w)
				w.stop()
			})
		}
	}
}

// attack runs the rows twice, and compares what is left of the second pass with what
// was left of the first.
func (w *world) attack(t *testing.T, rows []row) {
	t.Helper()
	_, _, _ = w.latency()
	time.Sleep(time.Second) // of quiet, to compare with
	_, quiet, _ := w.latency()
	first, err := w.rest(nil)
	if err != nil {
		t.Fatalf("before the attack: %v", err)
	}
	if !short() {
		w.pass(t, rows)
		if first, err = w.rest(first); err != nil {
			t.Fatalf("after the first pass: %v", err)
		}
		first.heap = live()
	}
	_, _, _ = w.latency()
	began := time.Now()
	runs := w.pass(t, rows)
	took := time.Since(began)
	half, most, longest := w.latency()
	if _, err = w.rest(first); err != nil {
		t.Errorf("after the second pass: %v", err)
	}
	t.Logf("%d attacks, the last pass in %v; bystanders: p99 %v while quiet; median %v, p99 %v, longest %v meanwhile",
		runs*map[bool]int{true: 1, false: 2}[short()], took.Round(time.Millisecond), quiet.Round(time.Microsecond), half.Round(time.Microsecond), most.Round(time.Microsecond), longest.Round(time.Microsecond))
}

// pass runs each row once by each way, several at a time.
func (w *world) pass(t *testing.T, rows []row) (runs int) {
	t.Helper()
	var (
		wg    sync.WaitGroup
		slots = make(chan struct{}, attackers)
	)
	for _, r := range rows {
		if !strings.Contains(r.id, os.Getenv("HOSTILE_ROW")) {
			continue
		}
		for _, via := range r.ways() {
			runs++
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				if err := w.try(r, via); err != nil {
					t.Errorf("%s, by %s: %v", r.id, via, err)
				}
			})
		}
	}
	wg.Wait()
	return runs
}

func (r *row) ways() []string {
	switch {
	case r.alone:
		return []string{"requests"}
	case r.via == nil:
		return ways
	}
	return r.via
}

// try runs a row by one way.
func (w *world) try(r row, via string) error {
	p := w.stranger()
	if !r.alone {
		var err error
		if p, err = w.open(via); err != nil {
			return err
		}
	}
	defer p.leave()
	return r.run(p)
}

// breaks sends packets that break the protocol: the server ends the session.
func breaks(packets ...string) func(p *peer) error {
	return func(p *peer) error {
		if p.ws == nil {
			if a, err := p.post(packets...); err != nil {
				return err
			} else if a.status != http.StatusOK && a.status != http.StatusBadRequest && a.status != http.StatusRequestEntityTooLarge {
				return fmt.Errorf("POST: status %d, %.100q", a.status, a.body)
			}
		} else {
			_ = p.send(packets...) // the server may have closed before the last
		}
		_, err := p.ends()
		return err
	}
}

// bears sends packets that do no harm: the session is served.
func bears(packets ...string) func(p *peer) error {
	return func(p *peer) error {
		if err := p.send(packets...); err != nil {
			return err
		}
		return p.lives()
	}
}

// answers sends packets, and waits for one that begins so; the session is served.
func answers(prefix string, packets ...string) func(p *peer) error {
	return func(p *peer) error {
		if err := p.send(packets...); err != nil {
			return err
		}
		if _, err := p.expect(prefix); err != nil {
			return err
		}
		return p.lives()
	}
}

// each runs an attack with every one of inputs.
func each[T any](inputs []T, run func(p *peer, input T) error) func(p *peer) error {
	return func(p *peer) error {
		var errs []error
		for _, input := range inputs {
			if err := run(p, input); err != nil {
				errs = append(errs, fmt.Errorf("%.80q: %w", fmt.Sprint(input), err))
			}
		}
		return errors.Join(errs...)
	}
}

// anew runs an attack with every one of inputs at the same time, each by a session of
// its own.
func anew[T any](inputs []T, attack func(p *peer, input T) error) func(p *peer) error {
	return func(p *peer) error {
		errs := make([]error, len(inputs))
		var wg sync.WaitGroup
		for i, input := range inputs {
			wg.Go(func() {
				other, err := p.w.open(p.via)
				if err == nil {
					err = attack(other, input)
					other.leave()
				}
				if err != nil {
					errs[i] = fmt.Errorf("%.80q: %w", fmt.Sprint(input), err)
				}
			})
		}
		wg.Wait()
		return errors.Join(errs...)
	}
}

// apart is an attack with packets, one a line, for anew.
func apart(attack func(packets ...string) func(p *peer) error) func(p *peer, lines string) error {
	return func(p *peer, lines string) error { return attack(strings.Split(lines, "\n")...)(p) }
}
