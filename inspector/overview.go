package inspector

import (
	"cmp"
	"context"
	"math"
	"os"
	"runtime"
	"runtime/metrics"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// Of the numbers of a server an hour is kept.
const (
	interval = 5 * time.Second
	kept     = int(time.Hour / interval)
)

// maxSamples bounds the samples of an answer. Of more only each second, third… is in it.
const maxSamples = 240

// maxNamespaces bounds the namespaces that a server lists.
const maxNamespaces = 200

// columns are the numbers of a sample, in their order. Those per second are of the time
// since the sample before.
var columns = []string{
	"at", "connections", "polling", "opened/s", "ended/s", "in/s", "out/s", "bytesIn/s", "bytesOut/s",
	"errors/s", "refused/s", "dropped/s", "queue", "heap", "goroutines",
}

type sample [15]float64

// overviewQuery asks for the samples after a time, in milliseconds.
type overviewQuery struct{ Since float64 }

// node is what a server says of itself.
type node struct {
	ID         string          `json:"id"`
	Host       string          `json:"host"`
	PID        int             `json:"pid"`
	Go         string          `json:"go"`
	Began      int64           `json:"began"` // milliseconds
	Draining   bool            `json:"draining"`
	Namespaces []namespaceLine `json:"namespaces"`
	More       int             `json:"more"` // namespaces that are not listed
	Samples    []sample        `json:"samples"`
}

type namespaceLine struct {
	Name     string `json:"name"`
	Sockets  int    `json:"sockets"`
	Rooms    int    `json:"rooms"`
	Sessions int    `json:"sessions"`
	Children int    `json:"children"` // of a parent; otherwise 1
	Parent   bool   `json:"parent"`
}

// overview is what the page gets.
type overview struct {
	Columns []string `json:"columns"`
	Every   float64  `json:"every"` // milliseconds
	Nodes   []node   `json:"nodes"`
}

func mergeOverview(_ overviewQuery, nodes []node) any {
	slices.SortFunc(nodes, func(a, b node) int { return cmp.Compare(a.ID, b.ID) })
	return overview{columns, float64(interval.Milliseconds()), nodes}
}

// counts counts what goes wrong.
type counts struct {
	socketio.NopObserver

	errors, refused, dropped atomic.Uint64
	times                    *handlerTimes
}

// Event implements socketio.Observer.
func (c *counts) Event(ctx context.Context, e socketio.EventInfo) (context.Context, func(socketio.EventResult)) {
	return ctx, c.times.of(&e).done
}

// Refused implements socketio.Observer.
func (c *counts) Refused(socketio.RefusedEvent) { c.refused.Add(1) }

// Dropped implements socketio.Observer.
func (c *counts) Dropped(e socketio.DropEvent) { c.dropped.Add(uint64(e.Messages)) }

// meter measures this server.
type meter struct {
	in     *inspector
	counts *counts
	began  time.Time
	host   string

	mu      sync.Mutex
	samples []sample // a ring of kept
	next    int      // the oldest, once the ring is full
	stats   socketio.Stats

	last totals // used by run only
	at   time.Time
}

func newMeter(in *inspector) *meter {
	m := &meter{in: in, counts: &counts{}, began: time.Now(), host: hostname()}
	m.counts.times = newHandlerTimes(in.ns, &m.counts.errors)
	m.last, m.at = m.read(), m.began
	m.add(m.last, m.last, m.at, m.at)
	return m
}

// run measures until the server ends.
func (m *meter) run() {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-m.in.srv.Context().Done():
			return
		}
		is, now := m.read(), time.Now()
		m.in.record.tails.expire(now)
		m.add(is, m.last, now, m.at)
		m.last, m.at = is, now
	}
}

// totals are the numbers that a sample is made of.
type totals struct {
	socketio.Stats
	errors, refused, dropped uint64
}

func (m *meter) read() totals {
	return totals{m.in.srv.Stats(), m.counts.errors.Load(), m.counts.refused.Load(), m.counts.dropped.Load()}
}

// add keeps a sample.
func (m *meter) add(is, last totals, now, before time.Time) {
	seconds := max(now.Sub(before).Seconds(), 0.001)
	per := func(is, last uint64) float64 { return float64(is-last) / seconds }
	connections := 0
	for _, n := range is.Connections {
		connections += n
	}
	heap, goroutines := process()
	s := sample{
		float64(now.UnixMilli()), float64(connections), float64(is.Connections["polling"]),
		per(is.Opened, last.Opened), per(sum(is.Ended), sum(last.Ended)),
		per(is.Traffic.MessagesIn, last.Traffic.MessagesIn), per(is.Traffic.MessagesOut, last.Traffic.MessagesOut),
		per(is.Traffic.BytesIn, last.Traffic.BytesIn), per(is.Traffic.BytesOut, last.Traffic.BytesOut),
		per(is.errors, last.errors), per(is.refused, last.refused), per(is.dropped, last.dropped),
		float64(is.SendBytes), heap, goroutines,
	}
	for i := range s {
		s[i] = math.Round(s[i]*100) / 100 // so that answers are short
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stats = is.Stats
	if len(m.samples) < kept {
		m.samples = append(m.samples, s)
		return
	}
	m.samples[m.next] = s
	m.next = (m.next + 1) % kept
}

// process returns the bytes of objects in the heap, and the number of goroutines.
func process() (heap, goroutines float64) {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/sched/goroutines:goroutines"}}
	metrics.Read(s)
	for i, v := range []*float64{&heap, &goroutines} {
		if s[i].Value.Kind() == metrics.KindUint64 {
			*v = float64(s[i].Value.Uint64())
		}
	}
	return heap, goroutines
}

func sum(of map[socketio.Reason]uint64) (n uint64) {
	for _, v := range of {
		n += v
	}
	return n
}

// node returns what is known of this server: it asks nobody.
func (m *meter) node(q overviewQuery) node {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := node{
		ID: m.in.opts.ServerID, Host: m.host, PID: os.Getpid(), Go: runtime.Version(), Began: m.began.UnixMilli(),
		Draining: m.in.drain.begun.Load(), Namespaces: []namespaceLine{},
	}
	n.Samples = m.sinceLocked(q.Since)
	parents := make(map[string]bool)
	for _, p := range m.in.srv.Parents() {
		parents[p.Name()] = true
	}
	for name, st := range m.stats.Namespaces {
		n.Namespaces = append(n.Namespaces, namespaceLine{name, st.Sockets, st.Rooms, st.Sessions, st.Children, parents[name]})
	}
	slices.SortFunc(n.Namespaces, func(a, b namespaceLine) int {
		return cmp.Or(cmp.Compare(b.Sockets, a.Sockets), cmp.Compare(a.Name, b.Name))
	})
	if more := len(n.Namespaces) - maxNamespaces; more > 0 {
		n.Namespaces, n.More = n.Namespaces[:maxNamespaces], more
	}
	return n
}

// sinceLocked returns samples after a time, with the newest.
func (m *meter) sinceLocked(at float64) []sample {
	n := len(m.samples)
	nth := func(i int) sample { return m.samples[(m.next+i)%n] } // in their order
	first := sort.Search(n, func(i int) bool { return nth(i)[0] > at })
	step := max(1, (n-first+maxSamples-1)/maxSamples)
	out := []sample{}
	for i := n - 1; i >= first; i -= step {
		out = append(out, nth(i))
	}
	slices.Reverse(out)
	return out
}
