//go:build e2e

package sioredis_test

import (
	"testing"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/internal/redistest"
)

// startStreams starts servers in the mode Streams on a Redis of their own.
func startStreams(t *testing.T, n int, opts socketio.Options) []*socketio.Server {
	return start(t, n, opts, sioredis.Options{URL: "unix://" + redistest.Start(t).Addr, Mode: sioredis.Streams})
}

// TestStreams: the mode has a log.
func TestStreams(t *testing.T) {
	t.Parallel()
	adaptertest.RunLog(t, startStreams)
}

func TestStreamsContract(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, startStreams)
}
