// Package past knows which namespaces a connection has left or was refused.
package past

import (
	"slices"
	"time"
)

// Past is what a connection remembers of namespaces that it is not in. nil remembers
// nothing. The caller's lock guards it.
type Past struct {
	left []string // the latest that it has left, or was refused

	refused int         // connections to namespaces that do not exist, since from
	from    time.Time   // begins a second
	timer   *time.Timer // ends the pause when it is over; nil: there is none
	over    chan struct{}
}

// maxLeft is how many namespaces are remembered beside those that one connection
// may be in, which it can leave all at once.
const maxLeft = 32

// Has reports whether the connection has left the namespace, or was refused.
func (p *Past) Has(namespace string) bool { return p != nil && slices.Contains(p.left, namespace) }

// Depart notes a namespace that the client may still send packets for. At most max
// are remembered, and some beside.
func (p *Past) Depart(namespace string, max int) {
	p.Forget(namespace)
	if len(p.left) >= max+maxLeft {
		p.left = slices.Delete(p.left, 0, 1)
	}
	p.left = append(p.left, namespace)
}

// Forget drops a namespace: the client is to be in it.
func (p *Past) Forget(namespace string) {
	if p == nil {
		return
	}
	if i := slices.Index(p.left, namespace); i >= 0 {
		p.left = slices.Delete(p.left, i, i+1)
	}
}

// Refuse counts a connection to a namespace that does not exist.
func (p *Past) Refuse() {
	if now := time.Now(); p.refused == 0 || now.Sub(p.from) >= time.Second {
		p.refused, p.from, p.timer = 0, now, nil
	}
	p.refused++
}

// Pause returns nil unless limit namespaces have been refused within a second;
// then it returns a channel that is closed when the second is over.
func (p *Past) Pause(limit int) <-chan struct{} {
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

// Pausing reports whether the connection is not read because of a pause.
func (p *Past) Pausing() bool {
	return p != nil && p.timer != nil && time.Since(p.from) < time.Second
}

// Stop ends what runs for a connection that is closed: nobody waits any more.
func (p *Past) Stop() {
	if p.Pausing() {
		p.timer.Stop()
	}
}
