package socketio_test

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestWaitWritable: a stream of many times Limits.SendBuffer reaches a client that reads
// in fits and starts, whole and in order, out of a handler and out of a hook, while at most
// a little waits for it, and nothing for others.
func TestWaitWritable(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		const parts, size = 80, 20_000
		a := newApp(t, socketio.Options{Limits: socketio.Limits{SendBuffer: 160_000, MaxHTTPBufferSize: 40_000}})
		var most atomic.Int64
		stream := func(s *socketio.Socket) error {
			part := make([]byte, size)
			for i := range parts {
				if err := s.WaitWritable(s.Context()); err != nil {
					return err
				}
				part[0] = byte(i)
				if err := s.Emit("part", part); err != nil {
					return err
				}
				if n := a.Stats().SendBytesMax; n > most.Load() {
					most.Store(n)
				}
			}
			return nil
		}
		a.On("stream", stream)
		a.Of("/hook").OnConnect(func(s *socketio.Socket) { _ = stream(s) })
		a.On("ping", func(s *socketio.Socket) bool { return s.Writable() })
		o.Timeout = time.Hour
		c, other := siotest.Dial(t, a, o), siotest.Dial(t, a, o)
		expect := func(c *siotest.Client) {
			for i := range parts {
				if i%30 == 10 {
					c.Stall(true)
					time.Sleep(5 * time.Second)
					synctest.Wait()
					assert.Equal(t, "somebody else is writable", other.Call("ping").String(), "[true]")
					c.Stall(false)
				}
				var b []byte
				c.Expect("part", &b)
				if len(b) != size || b[0] != byte(i) {
					t.Fatalf("part %d is part %d, of %d bytes", i, b[0], len(b))
				}
			}
		}
		done := c.EmitWithAck("stream")
		expect(c)
		assert.True(t, "the handler returns", c.ExpectAck(done).Failure() == nil)
		expect(c.Of("/hook", nil))
		if n := most.Load(); n > 64<<10+3*size {
			t.Errorf("%d bytes were waiting", n)
		}
	})
}

// TestWaitWritableEnds: with its context, with the client, and with the namespace.
func TestWaitWritableEnds(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{Limits: socketio.Limits{WriteTimeout: time.Hour}, PingTimeout: time.Hour})
		sockets := make(chan *socketio.Socket, 1)
		a.OnConnect(func(s *socketio.Socket) { sockets <- s })
		fill := func() (*siotest.Client, *socketio.Socket) {
			c := siotest.Dial(t, a, o)
			s := <-sockets
			assert.True(t, "at first", s.Writable())
			assert.NoError(t, s.WaitWritable(t.Context()))
			c.Stall(true)
			synctest.Wait()
			for range 20 {
				assert.NoError(t, s.Emit("much", bytes.Repeat([]byte{1}, 100_000)))
			}
			time.Sleep(time.Second)
			assert.True(t, "with much waiting", !s.Writable())
			return c, s
		}
		c, s := fill()
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(cause) })
		assert.ErrorIs(t, s.WaitWritable(ctx), cause)

		time.AfterFunc(time.Second, func() { s.Disconnect(false) }) // the connection stays
		assert.ErrorIs(t, s.WaitWritable(t.Context()), socketio.ErrClosed)
		assert.True(t, "of a socket that has left", !s.Writable())
		c.Cut()

		c, s = fill()
		time.AfterFunc(time.Second, c.Cut)
		assert.ErrorIs(t, s.WaitWritable(t.Context()), socketio.ErrClosed)
		assert.ErrorIs(t, s.WaitWritable(t.Context()), socketio.ErrClosed)
	})
}

// TestWritableOfAnEndedSession: at the moment at which a session has ended and its sockets
// do not know.
func TestWritableOfAnEndedSession(t *testing.T) {
	t.Parallel()
	var s *socketio.Socket
	writable, wait := true, errors.New("nothing has looked")
	srv := spied(t, func() {
		writable, wait = s.Writable(), s.WaitWritable(context.Background())
	})
	c := siotest.Dial(t, srv, siotest.Options{})
	s, _ = srv.Socket(c.ID())
	assert.True(t, "before", s.Writable())
	s.CloseTransport()
	assert.True(t, "after: not writable", !writable)
	assert.ErrorIs(t, wait, socketio.ErrClosed)
}
