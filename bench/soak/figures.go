package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// figures are what is counted. lost, doubled and broken must be 0.
type figures struct {
	mu                                                  sync.Mutex
	connects, connected, refused, recovered, fresh      int64
	events, lost, doubled, broken, kills, stops, resets int64
	asked                                               map[string]time.Time
	took                                                []time.Duration // of this second's acknowledgements
}

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

// faults kills the server and stops it in turn.
func faults(ctx context.Context, every time.Duration, s *supervisor, f *figures) {
	for i := 0; ; i++ {
		select {
		case <-time.After(every):
		case <-ctx.Done():
			return
		}
		if i%2 == 0 {
			s.signal(syscall.SIGKILL)
			f.count(func(f *figures) { f.kills++ })
			continue
		}
		f.count(func(f *figures) { f.stops++ })
		s.signal(syscall.SIGSTOP)
		time.Sleep(5 * time.Second)
		s.signal(syscall.SIGCONT)
	}
}

// write writes a line each second until ctx ends.
func (f *figures) write(ctx context.Context, name string, s *supervisor) (err error) {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	fmt.Fprintln(file, "seconds,starts,clients,connects,refused,recovered,fresh,events,lost,doubled,broken,ack_p50_ms,ack_p99_ms,connections,goroutines,fds,heap_mb,rss_mb")
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
		var a about
		if resp, err := web.Get("http://" + s.address + "/about"); err == nil {
			_ = json.NewDecoder(resp.Body).Decode(&a) // zeros while it is away
			_ = resp.Body.Close()
		}
		rss := resident(s.process())
		f.mu.Lock()
		slices.Sort(f.took)
		at := func(q float64) float64 {
			if len(f.took) == 0 {
				return 0
			}
			return float64(f.took[int(q*float64(len(f.took)-1))].Microseconds()) / 1000
		}
		_, err := fmt.Fprintf(file, "%.0f,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d,%.1f,%.1f,%d,%d,%d,%.1f,%.1f\n", time.Since(began).Seconds(), s.starts.Load(),
			f.connected, f.connects, f.refused, f.recovered, f.fresh, f.events, f.lost, f.doubled, f.broken, at(0.5), at(0.99),
			a.Connections, a.Goroutines, a.Files, float64(a.Heap)/1e6, rss)
		f.took = f.took[:0]
		f.mu.Unlock()
		if err != nil {
			return err
		}
	}
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
	fmt.Printf("%d connects, %d recovered, %d fresh, %d events, %d kills, %d stops; lost %d, doubled %d, broken %d\n",
		f.connects, f.recovered, f.fresh, f.events, f.kills, f.stops, f.lost, f.doubled, f.broken)
	if f.lost+f.doubled+f.broken > 0 || f.events == 0 || f.recovered == 0 {
		return errors.New("events are lost, doubled or broken, or nothing was recovered")
	}
	return nil
}
