//go:build e2e

package sioredis_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
	"weak"

	"github.com/redis/rueidis"

	sioredis "github.com/gosio/gosio/adapters/redis"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/assert"
)

// TestJoinsAreForgotten: for some seconds after a SocketsJoin what is for the room goes to
// all servers. Afterwards nothing is kept of that.
func TestJoinsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := sioredis.New(&sioredis.Options{Client: rueidis.ClientOption{
			InitAddress: []string{"redis:6379"}, ForceSingleClient: true, // that of a Redis Cluster goes on looking for a while
			DialCtxFn: func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error) {
				return nil, errors.New("nobody is there")
			},
		}})
		a := engine.Adapter(&local{applied: make(chan struct{}, window)})
		defer a.Close()
		join := func(name string) weak.Pointer[byte] {
			room := strings.Repeat(name, 100)
			_ = a.Publish(&adapter.Operation{Type: adapter.OpJoin, Rooms: []string{room}})
			return weak.Make(unsafe.StringData(room))
		}
		first := join("first")
		time.Sleep(5 * time.Second)
		second := join("second")
		runtime.GC()
		assert.True(t, "the rooms are known", first.Value() != nil && second.Value() != nil)
		time.Sleep(20 * time.Second)
		runtime.GC()
		assert.True(t, "the rooms are forgotten", first.Value() == nil && second.Value() == nil)
	})
}
