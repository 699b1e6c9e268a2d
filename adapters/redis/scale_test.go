//go:build e2e

package sioredis_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	sioredis "github.com/gosio/gosio/adapters/redis"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/redistest"
)

// TestManySubscriptions: a server with 100,000 sockets is back soon after Redis is: it
// subscribes with a command for hundreds of them, not one for each.
func TestManySubscriptions(t *testing.T) {
	redis := redistest.Start(t)
	engine := sioredis.New(&sioredis.Options{URL: "unix://" + redis.Addr})
	a := engine.Adapter(&local{applied: make(chan struct{}, window)})
	defer a.Close()
	const sockets = 100_000
	before := heap()
	begin := time.Now()
	for i := 0; i < sockets; i += adapter.MaxNames {
		names := make([]string, 0, adapter.MaxNames)
		for k := i; k < min(i+adapter.MaxNames, sockets); k++ {
			names = append(names, fmt.Sprintf("socket-%013d", k))
		}
		assert.NoError(t, a.(adapter.SocketSubscriber).SubscribeSockets(context.Background(), names))
	}
	t.Logf("%v to subscribe to %d, %d bytes each", time.Since(begin), sockets, (heap()-before)/sockets)
	assert.True(t, "all are there", engine.Stats().Subscriptions >= sockets)
	redis.Kill()
	eventually(t, "it is noticed", func() bool { return engine.Ready() != nil })
	redis.Run()
	eventually(t, "it is back", func() bool { return engine.Ready() == nil })
	_, line, _ := strings.Cut(tell(t, redis, "INFO", "commandstats"), "cmdstat_subscribe:calls=")
	calls, _, _ := strings.Cut(line, ",") // of the Redis that has just started
	assert.True(t, "commands: "+calls, mustInt(calls) > 0 && mustInt(calls) < 1000)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
