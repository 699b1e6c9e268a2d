package socketio

import (
	"slices"
	"time"
)

// past is what a connection remembers of namespaces that it is not in. nil is
// nothing. conn.mu guards it.
type past struct {
	left []string // the latest that it has left, or was refused

	refused int         // connections to namespaces that do not exist, since from
	from    time.Time   // begins a second
	timer   *time.Timer // ends the pause when it is over; nil: there is none
	over    chan struct{}
}

// maxLeft is how many namespaces are remembered beside those that one connection
// may be in, which it can leave all at once.
const maxLeft = 32

func (p *past) has(namespace string) bool { return p != nil && slices.Contains(p.left, namespace) }

// departLocked notes a namespace that the client may still send packets for.
func departLocked(c *conn, namespace string) {
	if c.past == nil {
		c.past = new(past)
	}
	p := c.past
	p.forget(namespace)
	if len(p.left) >= min(c.srv.opts.Limits.Namespaces, 1024)+maxLeft {
		p.left = slices.Delete(p.left, 0, 1)
	}
	p.left = append(p.left, namespace)
}

// forget drops a namespace: the client is to be in it.
func (p *past) forget(namespace string) {
	if p == nil {
		return
	}
	if i := slices.Index(p.left, namespace); i >= 0 {
		p.left = slices.Delete(p.left, i, i+1)
	}
}

// refuse counts a connection to a namespace that does not exist.
func (p *past) refuse() {
	if now := time.Now(); p.refused == 0 || now.Sub(p.from) >= time.Second {
		p.refused, p.from, p.timer = 0, now, nil
	}
	p.refused++
}

// pause returns nil unless limit namespaces have been refused within a second;
// then it returns a channel that is closed when the second is over.
func (p *past) pause(limit int) <-chan struct{} {
	if p == nil || p.refused < limit {
		return nil
	}
	rest := time.Until(p.from.Add(time.Second))
	if rest <= 0 {
		p.refused, p.timer = 0, nil
		return nil
	}
	if p.timer == nil {
		over := make(chan struct{})
		p.over, p.timer = over, time.AfterFunc(rest, func() { close(over) })
	}
	return p.over
}

// pausing reports whether the connection is not read because of a pause.
func (p *past) pausing() bool {
	return p != nil && p.timer != nil && time.Since(p.from) < time.Second
}

// stop ends what runs for a connection that is closed: nobody waits any more.
func (p *past) stop() {
	if p.pausing() {
		p.timer.Stop()
	}
}
