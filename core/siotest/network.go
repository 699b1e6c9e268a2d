package siotest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gosio/gosio/internal/pipe"
)

// origin is where servers are.
const origin = "http://server.test"

// network is a server and the connections to it, in memory.
type network struct {
	dial      func(ctx context.Context) (*pipe.Conn, error)
	stop      func()
	transport *http.Transport
	running   sync.WaitGroup

	mu      sync.Mutex
	pipes   []*pipe.Conn
	stalled bool
}

// newNetwork serves h or, when the server is somebody else's, connects to it
// with dial.
func newNetwork(h http.Handler, dial func(context.Context) (net.Conn, error)) *network {
	n := &network{stop: func() {}}
	n.transport = &http.Transport{DialContext: n.connect}
	if dial != nil {
		n.dial = func(ctx context.Context) (*pipe.Conn, error) {
			far, err := dial(ctx)
			if err != nil {
				return nil, err
			}
			near, end := pipe.New()
			n.running.Go(func() { relay(end, far) })
			return near, nil
		}
		return n
	}
	listener := pipe.Listen()
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute, ConnState: n.count}
	n.dial = listener.Dial
	n.stop = func() { _ = server.Close() }              // nothing is left to fail
	n.running.Go(func() { _ = server.Serve(listener) }) // until then
	return n
}

// relay passes bytes between two connections until both directions have ended.
func relay(a, b net.Conn) {
	back := make(chan struct{})
	go func() {
		defer close(back)
		_, _ = io.Copy(a, b) // an end is all that an error says
		_ = a.Close()
	}()
	_, _ = io.Copy(b, a)
	_ = b.Close()
	<-back
}

// count sees to it that the server's connections end before the test does.
func (n *network) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		n.running.Add(1)
	case http.StateClosed, http.StateHijacked: // the last of each
		n.running.Done()
	}
}

func (n *network) connect(ctx context.Context, _, _ string) (net.Conn, error) {
	p, err := n.dial(ctx)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	p.StallReads(n.stalled)
	n.pipes = append(n.pipes, p)
	return p, nil
}

func (n *network) client() *http.Client { return &http.Client{Transport: n.transport} }

func (n *network) stall(stalled bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stalled = stalled
	for _, p := range n.pipes {
		p.StallReads(stalled)
	}
}

func (n *network) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.pipes {
		p.Cut()
	}
}

// close ends the server and waits for its connections.
func (n *network) close() {
	n.transport.CloseIdleConnections()
	n.cut()
	n.stop()
	n.running.Wait()
}

// HTTP returns a client for the application's other routes: it reaches h,
// without ports, at "http://server.test/". Of o only Dial, Jar and Timeout
// count. It may be used concurrently until the test ends.
func HTTP(t testing.TB, h http.Handler, o Options) *http.Client {
	n := newNetwork(h, o.Dial)
	t.Cleanup(n.close)
	c := n.client()
	c.Jar, c.Timeout = o.Jar, o.withDefaults().Timeout
	return c
}

// statusError is a response that is not the one hoped for.
type statusError struct {
	status int
	header http.Header
	body   string
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%d %s: %.200s", e.status, http.StatusText(e.status), e.body)
}

// Rejection is the response to a handshake that the server, or middleware in
// front of it, has turned down.
type Rejection struct {
	// Status is the HTTP status.
	Status int
	Header http.Header
	Body   string
	// Code and Message are those of the server's own refusals, such as
	// Options.AllowRequest makes them; -1 and empty for somebody else's.
	Code    int
	Message string
}

// Rejected connects to h and expects the HTTP handshake to be turned down:
// by Options.AllowRequest, the origin's policy, or a framework's middleware.
// For a namespace's refusal see [Refused].
func Rejected(t testing.TB, h http.Handler, o Options) *Rejection {
	t.Helper()
	c := &Conn{}
	c.sink = c
	err := c.open(t, h, o)
	e, refused := err.(*statusError) //nolint:errorlint // it is not wrapped
	if !refused {
		t.Fatalf("siotest: the handshake is not rejected; error: %v", err)
	}
	r := &Rejection{Status: e.status, Header: e.header, Body: e.body, Code: -1}
	var own struct {
		Code    *int
		Message string
	}
	if json.Unmarshal([]byte(e.body), &own) == nil && own.Code != nil {
		r.Code, r.Message = *own.Code, own.Message
	}
	return r
}
