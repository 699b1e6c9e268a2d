package load

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Deploy is what came of clients whose servers were replaced, one after the other.
type Deploy struct {
	Clients   int           `json:"clients"`
	Lost      int           `json:"lost"`    // connections that servers have ended
	Refused   int           `json:"refused"` // attempts that were answered with 503
	Failed    int           `json:"failed"`  // attempts that ended in another way
	Half      time.Duration `json:"half"`    // from the end of a connection until the client had joined again
	Most      time.Duration `json:"most"`    // of 99 of 100
	All       time.Duration `json:"all"`
	PerSecond int           `json:"per_second"` // clients that have joined one server within a second, at most
}

// RunDeploy has n clients connected to two servers, one in five by polling, calls ready when
// all have joined, and has each client whose connection ends connect again, as the stock
// client does, to the other server first. When stop is closed all must be connected.
func RunDeploy(addresses []netip.AddrPort, n int, patience time.Duration, ready func(), stop <-chan struct{}) (Deploy, error) {
	loop, err := NewLoop()
	if err != nil {
		return Deploy{}, err
	}
	defer loop.Close()
	s := newStorm(loop, addresses, n, Return{})
	for i, c := range s.clients {
		c.polling = i%5 == 0
	}
	if err := s.come(patience); err != nil {
		return Deploy{}, err
	}
	ready()
	d := Deploy{Clients: n}
	var took []time.Duration
	away, joins := 0, make([][]time.Time, len(addresses))
	s.result = Storm{}
	s.onLost = func(c *stormClient) {
		d.Lost++
		away++
		c.lost, c.attempts = time.Now(), 0
	}
	s.onBack = func(c *stormClient) {
		away--
		took = append(took, time.Since(c.lost))
		joins[c.server] = append(joins[c.server], time.Now())
		s.joined = nil // nobody counts them
	}
	if err := s.tick(); err != nil {
		return d, err
	}
	for stopped := false; !stopped; {
		select {
		case <-stop:
			stopped = true
		default:
			if err := loop.pause(20 * time.Millisecond); err != nil {
				return d, err
			}
		}
	}
	err = loop.run(patience, func() bool { return away == 0 })
	if errors.Is(err, errStalled) {
		err = fmt.Errorf("%w: %d clients are not back", err, away)
	}
	slices.Sort(took)
	d.Refused, d.Failed = s.result.Refused, s.result.Failed
	if len(took) > 0 {
		d.Half, d.Most, d.All = Percentile(took, 50), Percentile(took, 99), Percentile(took, 100)
	}
	for _, all := range joins {
		d.PerSecond = max(d.PerSecond, densest(all, time.Second))
	}
	return d, err
}

// densest is how many of the moments, which are in order, are within a span at most.
func densest(all []time.Time, span time.Duration) (most int) {
	first := 0
	for i, at := range all {
		for at.Sub(all[first]) >= span {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}
