package sioredis

import (
	"context"
	"slices"
)

// census finds out which servers get what follows: the peers, and how many others.
// result is called once, unless census returns an error.
func (n *node) census(result func(peers []string, others int, err error), then ...job) error {
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
		if err != nil {
			result(nil, 0, err)
			return
		}
		alive, others := n.present(peers, numbers)
		result(alive, others, nil)
	}, then...)
	if err != nil {
		n.counting.Done()
	}
	return err
}

// present makes sense of numbers: of all servers, of this one, and of each peer.
func (n *node) present(peers []string, numbers []int) (alive []string, others int) {
	others = numbers[0] - numbers[1] // connections that are half dead are counted in both
	alive = slices.Clone(peers[:0])
	for i, uid := range peers {
		if numbers[i+2] > 0 {
			alive = append(alive, uid)
			others -= numbers[i+2]
		} else {
			n.left(uid) // nobody hears it any more
		}
	}
	return alive, others
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
