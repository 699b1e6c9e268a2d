package socketio_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestJoins: middleware runs for so many clients at a time, the others wait for their turn,
// and none is forgotten: not by one that goes away, nor by middleware that hangs.
func TestJoins(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{Limits: socketio.Limits{Joins: 2, MiddlewareTimeout: 10 * time.Second}})
		b := newBusy()
		free := sync.OnceFunc(func() { close(b.opened) })
		defer free()
		a.UseFunc(func(context.Context, *socketio.Socket) error { b.call(); return nil })
		var clients []*siotest.Conn
		for range 5 {
			c := siotest.Open(t, a, o)
			assert.NoError(t, c.Send("40"))
			clients = append(clients, c)
		}
		synctest.Wait()
		now, _, calls := b.numbers()
		assert.Equal(t, "at a time", now, 2)
		assert.Equal(t, "calls", calls, 2)
		clients[4].Close()
		synctest.Wait()

		time.Sleep(11 * time.Second) // the first two are refused, though their middleware hangs
		synctest.Wait()
		_, most, calls := b.numbers()
		assert.Equal(t, "calls later", calls, 4)
		assert.Equal(t, "most", most, 4)
		free()
		synctest.Wait()
		assert.Equal(t, "joined", len(a.Sockets()), 2)
		siotest.Dial(t, a, o) // has a turn at once
		_, _, calls = b.numbers()
		assert.Equal(t, "calls at last", calls, 5)
	})
}

// TestJoinsWithoutLimit: a negative number means none.
func TestJoinsWithoutLimit(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{Limits: socketio.Limits{Joins: -1}})
		b := newBusy()
		free := sync.OnceFunc(func() { close(b.opened) })
		defer free()
		a.UseFunc(func(context.Context, *socketio.Socket) error { b.call(); return nil })
		for range 5 {
			assert.NoError(t, siotest.Open(t, a, o).Send("40"))
		}
		synctest.Wait()
		now, _, _ := b.numbers()
		assert.Equal(t, "at a time", now, 5)
		free()
		synctest.Wait()
		assert.Equal(t, "joined", len(a.Sockets()), 5)
	})
}
