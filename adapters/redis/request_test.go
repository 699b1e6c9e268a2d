//go:build e2e

package sioredis_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/redistest"
)

// TestLargeAnswer: many sockets, and sockets that carry much, are told of in parts. Of a
// socket that alone is too large the server that asks learns that something is missing.
func TestLargeAnswer(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	servers, all := engines(t, 2, sioredis.Options{URL: "unix://" + redis.Addr, MaxSize: 10_000})
	text := socketio.NewSharedKey[string]("text")
	const clients = 60
	values := make(map[string]string)
	var first, last *socketio.Socket
	for i := range clients {
		c := siotest.Dial(t, servers[1], siotest.Options{Timeout: patience})
		last, _ = servers[1].Socket(c.ID())
		if first == nil {
			first = last
		}
		values[c.ID()] = strings.Repeat("x", i*100)
		text.Set(last, values[c.ID()])
		assert.NoError(t, last.Join(strings.Repeat("\x01", 300))) // is six times as long on the way
	}
	before := all[1].Stats().Published
	list, err := servers[0].FetchSockets(t.Context())
	assert.NoError(t, err)
	assert.Equal(t, "sockets", len(list), clients)
	for _, s := range list {
		v, _ := text.Fetch(s)
		assert.Equal(t, "value", v, values[s.ID()])
	}
	if parts := all[1].Stats().Published - before; parts < 30 || parts > clients {
		t.Errorf("%d parts", parts)
	}

	for _, large := range []*socketio.Socket{first, last} { // one of them is not in the last part
		text.Set(large, strings.Repeat("x", 20_000))
		ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second) // all of it passes: one answer never comes
		list, err = servers[0].FetchSockets(ctx)
		cancel()
		var partial *adapter.PartialError
		assert.True(t, "an error that tells of it", errors.As(err, &partial) && partial.Answered == 0 && len(partial.Missing) == 1)
		assert.Equal(t, "the others", len(list), clients-1)
		text.Set(large, "")
	}
}
