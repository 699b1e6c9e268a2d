package sioredis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/redis/rueidis"
)

var errCount = errors.New("sioredis: Redis has not counted subscribers")

// numbers reads the answer to PUBSUB NUMSUB or SHARDNUMSUB: names and numbers in turn.
func numbers(r rueidis.RedisResult, n int) ([]int, error) {
	list, err := r.ToArray()
	if err != nil {
		return nil, err
	}
	if len(list) != 2*n {
		return nil, errCount
	}
	all := make([]int, n)
	for i := range all {
		number, err := list[2*i+1].AsInt64()
		if err != nil {
			return nil, err
		}
		all[i] = int(number)
	}
	return all, nil
}

// count asks how many connections subscribe to each of the channels, before the jobs
// that follow. In a Redis Cluster all nodes are asked beside them: each knows its own
// subscribers only.
func (l *link) count(channels []string, counted func([]int, error), then ...job) error {
	if !l.made.Load() || l.client.Mode() != rueidis.ClientModeCluster { // without a client it fails
		return l.out.pushAll(append([]job{{count: &counting{channels, counted}}}, then...)...)
	}
	client := l.client // does not change any more
	if err := l.out.pushAll(then...); err != nil {
		return err
	}
	go func() { counted(l.countAll(client, channels)) }() // ends soon, whether Redis answers or not
	return nil
}

// uncountedError says which nodes of a Redis Cluster have not counted: who subscribes
// there is not among the numbers that come with it.
type uncountedError struct {
	nodes []string // "redis host:port"
	err   error
}

func (e *uncountedError) Error() string {
	return fmt.Sprintf("sioredis: %s: subscribers are not counted: %v", strings.Join(e.nodes, ", "), e.err)
}

func (e *uncountedError) Unwrap() error { return e.err }

// countAll asks all nodes of a Redis Cluster at the same time. None of them holds up the
// others for long; one that was silent last time, hardly at all.
func (l *link) countAll(client rueidis.Client, channels []string) ([]int, error) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	sum, counted := make([]int, len(channels)), false
	var failed uncountedError
	for addr, c := range client.Nodes() {
		wg.Go(func() {
			_, mute := l.mute.Load(addr)
			patience := countTimeout
			if mute {
				patience = muteTimeout
			}
			ctx, cancel := context.WithTimeout(l.life, patience)
			defer cancel()
			some, err := numbers(c.Do(ctx, l.dialect.count(c.B(), channels)), len(channels))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				l.mute.Store(addr, true)
				failed.nodes, failed.err = append(failed.nodes, "redis "+addr), err
				return
			}
			if mute {
				l.mute.Delete(addr)
			}
			counted = true
			for i, n := range some {
				sum[i] += n
			}
		})
	}
	wg.Wait()
	slices.Sort(failed.nodes)
	switch {
	case !counted:
		return nil, fmt.Errorf("%w: %w", errCount, cmp.Or[error](failed.err, ErrNotConnected))
	case failed.err != nil:
		return sum, &failed
	}
	return sum, nil
}
