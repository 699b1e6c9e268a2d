package sioredis

import (
	"slices"
	"sync"
	"time"

	"github.com/gosio/gosio/core/adapter"
)

// watch looks, while requests are open, whether those who have not answered are still
// there: for all requests of a namespace at once.
type watch struct {
	wake chan struct{} // holds one

	mu   sync.Mutex
	open map[*adapter.Request]*asked
}

// asked is who has been asked.
type asked struct {
	node   *node
	absent []string // peers that did not listen when the request was sent
}

func (w *watch) init() {
	w.wake, w.open = make(chan struct{}, 1), make(map[*adapter.Request]*asked)
}

func (w *watch) begin(n *node, req *adapter.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open[req] = (&asked{node: n}); len(w.open) == 1 {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

func (w *watch) end(req *adapter.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, req)
}

// doubt notes peers that have perhaps not got a request.
func (w *watch) doubt(req *adapter.Request, absent []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a := w.open[req]; a != nil {
		a.absent = absent
	}
}

// run looks from time to time, until the link ends.
func (w *watch) run(l *link) {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		tick.Stop()
		select {
		case <-w.wake:
		case <-l.life.Done():
			return
		}
		tick.Reset(checkEvery)
		for some := w.byNode(); len(some) > 0; some = w.byNode() {
			select {
			case <-tick.C:
			case <-l.life.Done():
				return
			}
			for n, requests := range some {
				w.look(n, requests)
			}
		}
	}
}

func (w *watch) byNode() map[*node]map[*adapter.Request][]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make(map[*node]map[*adapter.Request][]string)
	for req, a := range w.open {
		if all[a.node] == nil {
			all[a.node] = make(map[*adapter.Request][]string)
		}
		all[a.node][req] = a.absent
	}
	return all
}

// look counts who is there. A peer that was away when a request was sent, and is back,
// does not answer it.
func (w *watch) look(n *node, requests map[*adapter.Request][]string) {
	_ = n.census(func(p present, err error) {
		if err != nil {
			return
		}
		for req, absent := range requests {
			if p.uncounted == nil {
				req.AtMost(p.others)
			}
			for _, uid := range absent {
				if slices.Contains(p.peers, uid) {
					req.Unreachable(uid, errAway)
				}
			}
		}
	})
}

// present is who gets what is published: peers by name, and how many others. absent are
// peers that have been there, and may be subscribing again.
type present struct {
	peers, absent []string
	others        int
	uncounted     *uncountedError // nil: everybody is counted
}

// expect tells a request who is going to answer, and who cannot be asked.
func (p *present) expect(req *adapter.Request) {
	servers := slices.Concat(p.peers, p.absent)
	if p.uncounted != nil { // servers that nobody knows of may be there
		servers = append(servers, p.uncounted.nodes...)
	}
	req.Expect(servers, p.others)
	if p.uncounted != nil {
		for _, name := range p.uncounted.nodes {
			req.Unreachable(name, p.uncounted)
		}
	}
}
