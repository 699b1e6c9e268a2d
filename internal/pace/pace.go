// Package pace has an HTTP server accept connections no faster than it reads their first
// requests, by what the server says of the states of its connections.
package pace

import (
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// patience is how long a connection without a request counts.
const patience = 5 * time.Millisecond

// Pace counts the connections that have not sent a request yet. Make one with [New].
type Pace struct {
	most  int
	left  chan struct{} // one of them counts no more
	count atomic.Int32  // of fresh, for the many calls that concern none of them

	mu    sync.Mutex
	fresh map[net.Conn]time.Time // when they were accepted
}

// New returns a Pace of eight connections per CPU (GOMAXPROCS), and sixteen at least.
func New() *Pace { return &Pace{most: max(8*runtime.GOMAXPROCS(0), 16), left: make(chan struct{}, 1)} }

// Accepted counts a new connection, and returns when there is room for it. The goroutine
// that accepts calls it, and accepts no other until it returns.
func (p *Pace) Accepted(c net.Conn) {
	p.await()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fresh == nil {
		p.fresh = make(map[net.Conn]time.Time, p.most)
	}
	p.fresh[c] = time.Now()
	p.count.Store(int32(len(p.fresh)))
}

// Read counts a connection no more: it has sent a request, or is gone. It may be called for
// any connection, any number of times.
func (p *Pace) Read(c net.Conn) {
	if p.count.Load() == 0 {
		return
	}
	p.mu.Lock()
	_, counted := p.fresh[c]
	delete(p.fresh, c)
	p.count.Store(int32(len(p.fresh)))
	p.mu.Unlock()
	if !counted {
		return
	}
	select {
	case p.left <- struct{}{}:
	default:
	}
}

// await waits until one more connection may be accepted.
func (p *Pace) await() {
	for {
		wait := p.full(time.Now())
		if wait == 0 {
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-p.left:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// full returns how long it takes until the first of the connections counts no more, and
// zero if there is room.
func (p *Pace) full(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.fresh) < p.most {
		return 0
	}
	first := patience
	for c, at := range p.fresh {
		age := now.Sub(at)
		if age >= patience {
			delete(p.fresh, c)
		}
		first = min(first, patience-age)
	}
	p.count.Store(int32(len(p.fresh)))
	return max(first, 0)
}
