package load

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"syscall"
	"time"
)

// Return is how the clients of a storm come back.
type Return struct {
	Polling  bool // by polling instead of WebSocket: with two connections each, as browsers do
	Recovery bool // as the sessions that they were: they connect before, and all are cut at once
}

// Storm is what came of clients that all come back at once.
type Storm struct {
	Clients   int           `json:"clients"`
	Attempts  int           `json:"attempts"`  // sessions that were asked for
	Refused   int           `json:"refused"`   // of these, answered with 503
	Failed    int           `json:"failed"`    // of these, ended without an answer, or too slow
	Recovered int           `json:"recovered"` // clients that are the sessions they were
	Half      time.Duration `json:"half"`      // until every second client had joined
	Most      time.Duration `json:"most"`      // until 99 of 100 had
	All       time.Duration `json:"all"`
	Begin     int64         `json:"begin"` // when they came, in ns since 1970
	End       int64         `json:"end"`   // when all had joined
}

// The reconnection of the stock client, with its defaults: a pause of 1 s that doubles up
// to 5 s, each half longer or shorter by chance, and 20 s for an attempt.
const (
	firstPause  = time.Second
	longest     = 5 * time.Second
	attemptTime = 20 * time.Second
)

func pause(attempts int) time.Duration {
	d := min(firstPause<<min(attempts, 8), longest)
	return d + time.Duration((rand.Float64()-0.5)*float64(d))
}

// RunStorm has n clients connect at once, each of which tries again as the stock client
// does, and waits until all have joined.
func RunStorm(address netip.AddrPort, n int, how Return, patience time.Duration) (Storm, error) {
	loop, err := NewLoop()
	if err != nil {
		return Storm{}, err
	}
	defer loop.Close()
	s := newStorm(loop, []netip.AddrPort{address}, n, how)
	if how.Recovery {
		if err := s.come(patience); err != nil {
			return s.result, fmt.Errorf("before they are cut: %w", err)
		}
		for _, c := range s.clients {
			s.drop(c)
		}
		if err := loop.pause(time.Second); err != nil {
			return s.result, err
		}
	}
	err = s.come(patience)
	return s.result, err
}

type storm struct {
	loop    *Loop
	how     Return
	servers []stormServer
	clients []*stormClient
	owners  map[*Conn]*stormClient
	start   time.Time
	joined  []time.Duration // in order
	result  Storm
	onLost  func(c *stormClient) // a client that had joined has lost its connection; nil: that is an error
	onBack  func(c *stormClient) // it has joined; nil: nobody wants to know
}

// stormServer is where clients connect to.
type stormServer struct {
	host    string
	address *syscall.SockaddrInet4
	request []byte // of a WebSocket
}

func newStorm(loop *Loop, addresses []netip.AddrPort, n int, how Return) *storm {
	s := &storm{loop: loop, how: how, clients: make([]*stormClient, n), owners: make(map[*Conn]*stormClient)}
	for _, a := range addresses {
		s.servers = append(s.servers, stormServer{
			a.String(), &syscall.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}, websocketRequest(a.String(), SocketIO, false),
		})
	}
	for i := range s.clients {
		s.clients[i] = &stormClient{server: i % len(addresses), polling: how.Polling}
	}
	loop.onError, loop.onTimer = s.failed, s.tick
	return s
}

// stormClient is one of them: it waits for its next attempt, or for the end of this one.
type stormClient struct {
	conns    []*Conn   // of this attempt
	at       time.Time // of the next attempt, or when this one takes too long; zero: it has joined
	attempts int
	pid      string // of the session that it was; "": none
	server   int    // to which it connects
	polling  bool
	lost     time.Time // when it has lost its connection; zero: it has one
}

// come has all clients come at once, and waits until they have joined.
func (s *storm) come(patience time.Duration) error {
	n := len(s.clients)
	s.start, s.joined, s.result = time.Now(), nil, Storm{Clients: n, Begin: time.Now().UnixNano()}
	for _, c := range s.clients {
		c.at, c.attempts = s.start, 0
	}
	if err := s.tick(); err != nil {
		return err
	}
	err := s.loop.run(patience, func() bool { return len(s.joined) == n })
	s.result.End = time.Now().UnixNano()
	s.result.Half, s.result.Most, s.result.All = Percentile(s.joined, 50), Percentile(s.joined, 99), Percentile(s.joined, 100)
	return err
}

// tick starts the attempts that are due, and ends those that take too long.
func (s *storm) tick() error {
	now := time.Now()
	for _, c := range s.clients {
		switch {
		case c.at.IsZero() || c.at.After(now):
		case len(c.conns) > 0:
			s.result.Failed++
			s.again(c)
		default:
			s.result.Attempts++
			c.at = now.Add(attemptTime)
			if err := s.attempt(c); err != nil {
				return err
			}
		}
	}
	if len(s.joined) < len(s.clients) || s.onLost != nil {
		s.loop.wakeAt(time.Now().Add(10 * time.Millisecond))
	}
	return nil
}

// failed is the end of a connection.
func (s *storm) failed(conn *Conn, err error) error {
	c := s.owners[conn]
	switch {
	case c == nil || c.at.IsZero() && s.onLost == nil:
		return err // it had joined
	case c.at.IsZero():
		s.onLost(c)
	case errors.Is(err, errRefused):
		s.result.Refused++
	default:
		s.result.Failed++
	}
	s.again(c)
	return nil
}

// again ends an attempt: the next one comes after a while, to the next server.
func (s *storm) again(c *stormClient) {
	s.drop(c)
	c.server = (c.server + 1) % len(s.servers)
	c.at = time.Now().Add(pause(c.attempts))
	c.attempts++
}

// drop closes the connections of a client, with a reset.
func (s *storm) drop(c *stormClient) {
	for _, conn := range c.conns {
		delete(s.owners, conn)
		conn.close()
	}
	c.conns = nil
}
