package sioredis

import (
	"context"
	"errors"
	"time"
)

// census finds out which servers get what follows. result is called once, unless census
// returns an error.
func (n *node) census(result func(p present, err error), then ...job) error {
	n.mu.Lock()
	if n.closed.Load() {
		n.mu.Unlock()
		return ErrClosed
	}
	n.counting.Add(1)
	n.mu.Unlock()
	peers := n.known()
	channels := make([]string, 0, len(peers)+2)
	channels = append(channels, n.channels.request, n.channels.own)
	for _, uid := range peers {
		channels = append(channels, n.channels.response(uid))
	}
	err := n.link.count(channels, func(numbers []int, err error) {
		defer n.counting.Done()
		var some *uncountedError
		if err != nil && !errors.As(err, &some) {
			result(present{}, err)
			return
		}
		result(n.present(peers, numbers, some), nil)
	}, then...)
	if err != nil {
		n.counting.Done()
	}
	return err
}

// present makes sense of numbers: of all servers, of this one, and of each peer. Whom
// nobody has heard for a while has left, unless the numbers are not of all of Redis.
func (n *node) present(peers []string, numbers []int, uncounted *uncountedError) present {
	p := present{others: numbers[0] - numbers[1], uncounted: uncounted} // connections that are half dead are counted in both
	now := time.Now()
	patience := goneAfter
	if now.Sub(time.Unix(0, n.link.upSince.Load())) < longestPause+goneAfter {
		patience += longestPause // all may have been cut off, and come back by and by
	}
	var gone []string
	n.mu.Lock()
	for i, uid := range peers {
		since, known := n.peers[uid]
		switch {
		case numbers[i+2] > 0:
			p.others -= numbers[i+2]
			p.peers = append(p.peers, uid)
			if known {
				n.peers[uid] = time.Time{}
			}
		case !known: // has said that it has left
		case uncounted != nil:
			p.absent = append(p.absent, uid)
		case since.IsZero():
			n.peers[uid] = now
			p.absent = append(p.absent, uid)
		case now.Sub(since) < patience:
			p.absent = append(p.absent, uid)
		default:
			gone = append(gone, uid)
		}
	}
	n.mu.Unlock()
	for _, uid := range gone {
		n.left(uid)
	}
	return p
}

// awaitCensus waits for the censuses under way of a node that is closed, until ctx ends.
func (n *node) awaitCensus(ctx context.Context) {
	done := make(chan struct{})
	go func() { n.counting.Wait(); close(done) }() // until Redis has answered, or the link ends
	select {
	case <-done:
	case <-ctx.Done():
	}
}
