package load

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// Storm is what came of clients that all come back at once.
type Storm struct {
	Clients  int           `json:"clients"`
	Attempts int           `json:"attempts"` // connections that were opened
	Refused  int           `json:"refused"`  // of these, answered with 503
	Failed   int           `json:"failed"`   // of these, ended without an answer, or too slow
	Half     time.Duration `json:"half"`     // until every second client had joined
	Most     time.Duration `json:"most"`     // until 99 of 100 had
	All      time.Duration `json:"all"`
	End      int64         `json:"end"` // when all had, in ns since 1970
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
func RunStorm(address netip.AddrPort, n int, patience time.Duration) (Storm, error) {
	loop, err := NewLoop()
	if err != nil {
		return Storm{}, err
	}
	defer loop.Close()
	s := &storm{
		loop: loop, clients: make([]*stormClient, n), start: time.Now(),
		address: &syscall.SockaddrInet4{Port: int(address.Port()), Addr: address.Addr().As4()},
		request: websocketRequest(address.String(), SocketIO, false),
	}
	s.result.Clients = n
	loop.onError = s.failed
	loop.onTimer = s.tick
	for i := range s.clients {
		s.clients[i] = &stormClient{at: s.start}
	}
	if err := s.tick(); err != nil {
		return s.result, err
	}
	err = loop.run(patience, func() bool { return len(s.joined) == n })
	s.result.End = time.Now().UnixNano()
	s.result.Half, s.result.Most, s.result.All = Percentile(s.joined, 50), Percentile(s.joined, 99), Percentile(s.joined, 100)
	return s.result, err
}

type storm struct {
	loop    *Loop
	address *syscall.SockaddrInet4
	request []byte
	clients []*stormClient
	start   time.Time
	joined  []time.Duration // in order
	result  Storm
}

// stormClient is one of them: it waits for its next attempt, or for the end of this one.
type stormClient struct {
	ws       *WS
	at       time.Time // of the next attempt, or when this one takes too long; zero: it has joined
	attempts int
}

// tick starts the attempts that are due, and ends those that take too long.
func (s *storm) tick() error {
	now := time.Now()
	for _, c := range s.clients {
		switch {
		case c.at.IsZero() || c.at.After(now):
		case c.ws != nil:
			s.again(c)
		default:
			if err := s.dial(c); err != nil {
				return err
			}
		}
	}
	if len(s.joined) < len(s.clients) {
		s.loop.wakeAt(time.Now().Add(10 * time.Millisecond))
	}
	return nil
}

func (s *storm) dial(c *stormClient) error {
	s.result.Attempts++
	c.at = time.Now().Add(attemptTime)
	ws := &WS{kind: SocketIO, key: rand.Uint32(), request: s.request, onMessage: unexpected}
	ws.onJoined = func(*WS) error {
		c.at = time.Time{}
		s.joined = append(s.joined, time.Since(s.start))
		return nil
	}
	c.ws = ws
	return s.loop.dialWS(s.address, ws)
}

// failed is the end of a connection.
func (s *storm) failed(conn *Conn, err error) error {
	i := slices.IndexFunc(s.clients, func(c *stormClient) bool { return c.ws != nil && c.ws.Conn == conn })
	c := s.clients[i]
	if c.at.IsZero() {
		return err // it had joined
	}
	if errors.Is(err, errRefused) {
		s.result.Refused++
	} else {
		s.result.Failed++
	}
	conn.close()
	c.ws = nil
	c.at = time.Now().Add(pause(c.attempts))
	c.attempts++
	return nil
}

// again ends an attempt that takes too long.
func (s *storm) again(c *stormClient) {
	s.result.Failed++
	c.ws.close()
	c.ws = nil
	c.at = time.Now().Add(pause(c.attempts))
	c.attempts++
}
