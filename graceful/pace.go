package graceful

import (
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Pace has server accept connections no faster than it reads their first requests. When
// ten thousand clients come back at once, net/http accepts all of them at once, and each
// event of a client that is connected waits behind ten thousand first requests. With Pace
// those wait in the kernel. Call it before the server serves; [Service.Serve] does it for
// an *http.Server.
//
// It sets server.ConnState, which calls the function that was there before. At most eight
// connections per CPU (GOMAXPROCS), and sixteen at least, are accepted and have not sent a
// request; each counts for 5 ms at most, so that those that send nothing hold up nobody.
func Pace(server *http.Server) {
	p := &pace{most: max(8*runtime.GOMAXPROCS(0), 16), left: make(chan struct{}, 1), next: server.ConnState}
	server.ConnState = p.state
}

// patience is how long a connection without a request counts.
const patience = 5 * time.Millisecond

// pace counts the connections that have not sent a request yet.
type pace struct {
	most  int
	left  chan struct{} // one of them counts no more
	next  func(net.Conn, http.ConnState)
	count atomic.Int32 // of fresh, for the many calls that concern none of them

	mu    sync.Mutex
	fresh map[net.Conn]time.Time // when they were accepted
}

// state is an http.Server.ConnState. The goroutine that accepts calls it for a new
// connection, and accepts no other until it returns.
func (p *pace) state(c net.Conn, state http.ConnState) {
	switch {
	case state == http.StateNew:
		p.await()
		p.mu.Lock()
		if p.fresh == nil {
			p.fresh = make(map[net.Conn]time.Time, p.most)
		}
		p.fresh[c] = time.Now()
		p.count.Store(int32(len(p.fresh)))
		p.mu.Unlock()
	case p.count.Load() > 0:
		p.forget(c)
	}
	if p.next != nil {
		p.next(c, state)
	}
}

// forget counts a connection no more.
func (p *pace) forget(c net.Conn) {
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
func (p *pace) await() {
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
func (p *pace) full(now time.Time) time.Duration {
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
