package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// figures are what is counted. lost, doubled and broken must be 0.
type figures struct {
	mu                                             sync.Mutex
	connects, connected, refused, recovered, fresh int64
	events, lost, doubled, broken                  int64
	kills, stops, resets, outages                  int64
	theirs                                         theirs
	asked                                          map[string]time.Time
	took                                           []time.Duration // of this second's acknowledgements
}

// theirs is what the official clients have counted so far.
type theirs struct{ Connects, Recovered, Fresh, Events, Lost, Doubled, Broken int64 }

func newFigures() *figures { return &figures{asked: map[string]time.Time{}} }

func (f *figures) count(what func(f *figures)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	what(f)
}

func (f *figures) answered(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at, ok := f.asked[key]; ok {
		f.took = append(f.took, time.Since(at))
		delete(f.asked, key)
	}
}

// official runs n official JS clients, which count by themselves and say so each second.
func (f *figures) official(ctx context.Context, addresses []string, n int) error {
	c := exec.CommandContext(ctx, "node", append([]string{"soak/official.mjs", strconv.Itoa(n)}, addresses...)...)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var now theirs
		if err := json.Unmarshal(lines.Bytes(), &now); err != nil {
			return fmt.Errorf("the official clients say %.200q: %w", lines.Text(), err)
		}
		f.count(func(f *figures) { f.theirs = now })
	}
	if err := c.Wait(); ctx.Err() == nil {
		return fmt.Errorf("the official clients have ended: %w", err)
	}
	return nil
}

// write writes a line each second until ctx ends. What it says of servers is of all together.
func (f *figures) write(ctx context.Context, name string, p *processes) (err error) {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	fmt.Fprintln(file, "seconds,starts,clients,connects,refused,recovered,fresh,events,lost,doubled,broken,ack_p50_ms,ack_p99_ms,connections,goroutines,fds,heap_mb,rss_mb,official_events")
	began := time.Now()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	web := &http.Client{Timeout: 500 * time.Millisecond}
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		var all about
		var rss float64
		var starts int64
		for _, s := range p.servers {
			a := askAbout(ctx, web, s.address)
			all.Connections += a.Connections
			all.Goroutines += a.Goroutines
			all.Files += a.Files
			all.Heap += a.Heap
			rss += resident(s.id())
			starts += s.starts.Load()
		}
		f.mu.Lock()
		slices.Sort(f.took)
		at := func(q float64) float64 {
			if len(f.took) == 0 {
				return 0
			}
			return float64(f.took[int(q*float64(len(f.took)-1))].Microseconds()) / 1000
		}
		_, err := fmt.Fprintf(file, "%.0f,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d,%.1f,%.1f,%d,%d,%d,%.1f,%.1f,%d\n", time.Since(began).Seconds(), starts,
			f.connected, f.connects, f.refused, f.recovered, f.fresh, f.events, f.lost+f.theirs.Lost, f.doubled+f.theirs.Doubled, f.broken+f.theirs.Broken, at(0.5), at(0.99),
			all.Connections, all.Goroutines, all.Files, float64(all.Heap)/1e6, rss, f.theirs.Events)
		f.took = f.took[:0]
		f.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

// askAbout asks a server; zeros while it is away.
func askAbout(ctx context.Context, web *http.Client, address string) (a about) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/about", http.NoBody)
	if err != nil {
		return a
	}
	resp, err := web.Do(r)
	if err != nil {
		return a
	}
	defer resp.Body.Close()
	_ = json.NewDecoder(resp.Body).Decode(&a) // as above
	return a
}

// resident is the resident memory of a process in MB, 0 if it is gone.
func resident(pid int) float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // empty
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	var kb float64
	_, _ = fmt.Sscan(rest, &kb) // as above
	return kb / 1000
}

func (f *figures) verdict() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	fmt.Printf("%d connects, %d recovered, %d fresh, %d events; lost %d, doubled %d, broken %d\n",
		f.connects, f.recovered, f.fresh, f.events, f.lost, f.doubled, f.broken)
	fmt.Printf("official clients: %+v\n", f.theirs)
	fmt.Printf("%d kills, %d stops, %d resets of all connections, %d outages of Redis\n", f.kills, f.stops, f.resets, f.outages)
	if f.lost+f.doubled+f.broken > 0 || f.events == 0 || f.recovered == 0 {
		return errors.New("events are lost, doubled or broken, or nothing was recovered")
	}
	if t := f.theirs; t.Lost+t.Doubled+t.Broken > 0 || t.Connects > 0 && t.Events == 0 {
		return errors.New("events of the official clients are lost, doubled or broken")
	}
	return nil
}
