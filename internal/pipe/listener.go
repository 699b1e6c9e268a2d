// Package pipe is a network in memory, for tests: a net.Listener whose
// connections are buffered, have deadlines, and can be cut and stalled. It
// waits only in ways that testing/synctest knows, so an http.Server on it, and
// minutes of heartbeats, run in virtual time. A Listener and its connections
// must then be created inside the bubble.
package pipe

import (
	"context"
	"net"
	"sync"
)

// Listener is an in-memory net.Listener. Accept, Dial and Close may be called
// concurrently.
type Listener struct {
	backlog chan *Conn
	closed  chan struct{}
	once    sync.Once

	mu   sync.Mutex
	port int // of the latest client
}

// Listen returns a new Listener.
func Listen() *Listener {
	return &Listener{backlog: make(chan *Conn), closed: make(chan struct{}), port: 49152}
}

// Accept waits for the next Dial. After Close it fails with net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.backlog:
		return c, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "accept", Net: "pipe", Addr: l.Addr(), Err: net.ErrClosed}
	}
}

// Close ends Accept and Dial. Connections that were accepted live on.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr returns the server's address, from the range for documentation.
func (l *Listener) Addr() net.Addr { return address(80) }

// Dial connects to the listener: it waits until the connection is accepted,
// ctx is done or the listener is closed. Every client has a port of its own.
func (l *Listener) Dial(ctx context.Context) (*Conn, error) {
	l.mu.Lock()
	l.port++
	client, server := connect(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 2), Port: l.port}, l.Addr())
	l.mu.Unlock()
	select {
	case l.backlog <- server:
		return client, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "dial", Net: "pipe", Addr: l.Addr(), Err: net.ErrClosed}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// DialContext is Dial in the shape of http.Transport.DialContext.
func (l *Listener) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	c, err := l.Dial(ctx)
	if err != nil {
		return nil, err // not c: a nil *Conn in a net.Conn is not nil
	}
	return c, nil
}

// address is an address that code which parses addresses understands, and
// that can never be dialled.
func address(port int) net.Addr {
	return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: port}
}
