package adaptertest

import (
	"context"
	"sync"

	socketio "github.com/gosio/gosio/core"
)

// pending is a request that waits for its responses.
type pending struct {
	op   socketio.OperationType
	each func(*socketio.Response)
	done chan struct{} // closed when nothing is missing, or it has failed

	mu      sync.Mutex
	over    bool
	err     error
	servers int
	parts   map[int]*parts // by the places of those who have not answered
}

// parts are the responses of one server.
type parts struct {
	got, all int // all is 0 until the last one has come
	clients  int // that have not replied
}

func newPending(op socketio.OperationType, each func(*socketio.Response), others []*node) *pending {
	p := &pending{op: op, each: each, done: make(chan struct{}), servers: len(others), parts: make(map[int]*parts)}
	for _, other := range others {
		p.parts[other.place] = new(parts)
	}
	p.check()
	return p
}

// check closes done when nothing is missing. Called with mu held.
func (p *pending) check() {
	if len(p.parts) == 0 && !p.over {
		p.over = true
		close(p.done)
	}
}

// response takes part number part of a server's answer.
func (p *pending) response(from, part int, r *socketio.Response) {
	p.mu.Lock()
	defer p.mu.Unlock()
	server := p.parts[from]
	if server == nil || p.over {
		return
	}
	p.each(r)
	server.got++
	server.clients += r.Clients
	if r.Reply != nil {
		server.clients--
	}
	if r.Last {
		server.all = part + 1
	}
	if server.got == server.all {
		delete(p.parts, from)
		p.check()
	}
}

// left: a server will not answer, and neither will its clients.
func (p *pending) left(place int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	server := p.parts[place]
	if server == nil || p.over {
		return
	}
	if p.op == socketio.OpCall && server.clients != 0 {
		p.each(&socketio.Response{Clients: -server.clients})
	}
	delete(p.parts, place)
	p.servers--
	p.check()
}

// fail ends the request.
func (p *pending) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.over, p.err = true, err
		close(p.done)
	}
}

// wait waits for the end. After it no response is taken.
func (p *pending) wait(ctx context.Context) error {
	select {
	case <-p.done:
	default:
		select {
		case <-p.done:
		case <-ctx.Done():
			p.fail(context.Cause(ctx))
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		return nil
	}
	return &socketio.PartialError{Expected: p.servers, Answered: p.servers - len(p.parts), Err: p.err}
}

// missing lists the servers that have not answered.
func (p *pending) missing() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	var places []int
	for place := range p.parts {
		places = append(places, place)
	}
	return places
}
