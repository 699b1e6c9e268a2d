package sioredis

import (
	"context"
	"errors"
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
	if !l.made.Load() {
		return l.out.push(append([]job{{count: channels, counted: counted}}, then...)...) // fails
	}
	client := l.client // does not change any more
	if client.Mode() != rueidis.ClientModeCluster {
		return l.out.push(append([]job{{count: channels, counted: counted}}, then...)...)
	}
	if err := l.out.push(then...); err != nil {
		return err
	}
	go func() { counted(l.countAll(client, channels)) }() // until Redis has answered, or the link ends
	return nil
}

func (l *link) countAll(client rueidis.Client, channels []string) ([]int, error) {
	ctx, cancel := context.WithTimeout(l.life, answerTimeout)
	defer cancel()
	var wg sync.WaitGroup
	var mu sync.Mutex
	sum, failed := make([]int, len(channels)), errCount
	for _, c := range client.Nodes() {
		wg.Go(func() {
			some, err := numbers(c.Do(ctx, l.dialect.count(c.B(), channels)), len(channels))
			mu.Lock()
			defer mu.Unlock()
			if err != nil { // a node that is gone has no subscribers
				return
			}
			failed = nil
			for i, n := range some {
				sum[i] += n
			}
		})
	}
	wg.Wait()
	return sum, failed
}
