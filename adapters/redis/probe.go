package sioredis

import (
	"context"

	"github.com/redis/rueidis"
)

// probing is what is known of a connection without traffic.
type probing struct {
	seen       uint64 // messages that had come at the last tick
	unanswered int    // probes since
}

// try finds out whether a connection is alive, and whether what is published arrives by
// it: a master that has become a replica answers, and gets nothing.
func (s *subscriber) try(c rueidis.DedicatedClient, p *probing) error {
	if err := ping(c); err != nil {
		return err
	}
	if seen := s.received.Load(); seen != p.seen {
		*p = probing{seen: seen}
		return nil
	}
	if p.unanswered == 2 {
		return errSilent
	}
	s.mu.Lock()
	probe := s.probe
	s.mu.Unlock()
	if s.out.push(publication(probe, nil)) == nil { // whatever comes is enough
		p.unanswered++
	}
	return nil
}

// ping tries a connection, and whether there is still a master behind it.
func ping(c rueidis.DedicatedClient) error {
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	if err := c.Do(ctx, c.B().Ping().Build()).NonRedisError(); err != nil {
		return err
	}
	return isMaster(ctx, c)
}
