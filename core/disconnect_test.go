package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestReasons: how a socket can end, and the reason in the words that every
// Socket.IO server uses.
func TestReasons(t *testing.T) {
	tests := []struct {
		name string
		end  func(a *app, c *siotest.Client, s *socketio.Socket)
		want map[string]string // by transport; "" is both
	}{
		{"client leaves", func(_ *app, c *siotest.Client, _ *socketio.Socket) { _ = c.Conn().Send("41") }, map[string]string{"": "client namespace disconnect"}},
		{"client closes", func(_ *app, c *siotest.Client, _ *socketio.Socket) { c.Conn().Close() }, map[string]string{"": "transport close"}},
		{"cable cut", func(_ *app, c *siotest.Client, _ *socketio.Socket) { c.Conn().Cut() }, map[string]string{"websocket": "transport close", "polling": "transport error"}},
		{"no pong", func(_ *app, c *siotest.Client, _ *socketio.Socket) { c.Conn().Mute(true) }, map[string]string{"": "ping timeout"}},
		{"bad Engine.IO packet", func(_ *app, c *siotest.Client, _ *socketio.Socket) { _ = c.Conn().Write("9") }, map[string]string{"": "parse error"}},
		{"bad Socket.IO packet", func(_ *app, c *siotest.Client, _ *socketio.Socket) { _ = c.Conn().Send("49") }, map[string]string{"": "forced close"}},
		{"too large", func(_ *app, c *siotest.Client, _ *socketio.Socket) {
			_ = c.Conn().Write("4" + strings.Repeat("x", 1e6))
		}, map[string]string{"": "transport error"}},
		{"server disconnects", func(_ *app, _ *siotest.Client, s *socketio.Socket) { s.Disconnect(false) }, map[string]string{"": "server namespace disconnect"}},
		{"server disconnects all", func(_ *app, _ *siotest.Client, s *socketio.Socket) { s.Disconnect(true) }, map[string]string{"": "server namespace disconnect"}},
		{"server disconnects a room", func(a *app, _ *siotest.Client, _ *socketio.Socket) { _ = a.To("room").DisconnectSockets(true) }, map[string]string{"": "server namespace disconnect"}},
		{"server closes the transport", func(_ *app, _ *siotest.Client, s *socketio.Socket) { s.CloseTransport() }, map[string]string{"": "forced close"}},
		{"shutdown", func(a *app, _ *siotest.Client, _ *socketio.Socket) { go a.Shutdown(context.Background()) }, map[string]string{"": "server shutting down"}},
		{"close", func(a *app, _ *siotest.Client, _ *socketio.Socket) { a.Close() }, map[string]string{"": "server shutting down"}},
	}
	t.Parallel()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				a := newApp(t, socketio.Options{})
				a.OnConnect(func(s *socketio.Socket) { _ = s.Join("room", "other") })
				ended := make(chan string, 4)
				note := func(hook string) func(*socketio.Socket, socketio.Reason) {
					return func(s *socketio.Socket, r socketio.Reason) {
						var d *socketio.DisconnectError
						assert.True(t, "cause", errors.As(context.Cause(s.Context()), &d) && d.Reason == r)
						rooms := s.Rooms()
						slices.Sort(rooms)
						ended <- hook + ": " + string(r) + " " + strings.Join(rooms, "+")
						assert.True(t, "in room", s.InRoom("room") && !s.InRoom("third"))
						assert.Equal(t, "connected", s.Connected(), false)
						assert.ErrorIs(t, s.Emit("x"), socketio.ErrClosed)
						assert.ErrorIs(t, s.Volatile().Emit("x"), socketio.ErrClosed)
						assert.ErrorIs(t, s.Join("late"), socketio.ErrClosed)
					}
				}
				a.OnDisconnect(note("disconnect"))
				a.OnDisconnecting(note("disconnecting"))
				c := siotest.Dial(t, a, o)
				s := a.socket(t, c)
				synctest.Wait() // a poll waits
				tt.end(a, c, s)
				want := tt.want[""] + tt.want[o.Transport] + " other+room"
				assert.Equal(t, "hooks", <-ended+", "+<-ended, "disconnecting: "+want+", disconnect: "+want)
				synctest.Wait()
				s.Disconnect(true) // does nothing any more
				synctest.Wait()
				assert.Equal(t, "once", len(ended), 0)
				assert.Equal(t, "sockets", len(a.Sockets()), 0)
				assert.Equal(t, "rooms", len(a.Rooms()), 0)
				_, found := a.Socket(c.ID())
				assert.Equal(t, "found", found, false)
			})
		})
	}
}

// TestContext: a handler's context ends with the socket, and work can outlive it.
func TestContext(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		result := make(chan error, 2)
		a.On("work", func(ctx context.Context, s *socketio.Socket) {
			<-ctx.Done()
			result <- context.Cause(ctx)
			result <- context.WithoutCancel(ctx).Err()
		})
		c := siotest.Dial(t, a, o)
		late := a.socket(t, siotest.Dial(t, a, o)) // asks for its context when it is over
		c.Emit("work")
		synctest.Wait()
		c.Disconnect()
		err := <-result
		assert.ErrorIs(t, err, socketio.ErrClosed)
		assert.Equal(t, "cause", err.Error(), "socketio: disconnected: client namespace disconnect")
		assert.NoError(t, <-result)
		late.Disconnect(false)
		assert.Equal(t, "cause", context.Cause(late.Context()).Error(), "socketio: disconnected: server namespace disconnect")
	})
}

// TestQueuedEvents: what came before a close still runs, in order; the hooks
// are last, and nothing runs after them.
func TestQueuedEvents(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		var order []string
		hold, done := make(chan struct{}), make(chan struct{})
		a.On("e", func(v string) { <-hold; order = append(order, v) })
		a.OnDisconnect(func(*socketio.Socket, socketio.Reason) { order = append(order, "end"); close(done) })
		c := siotest.Dial(t, a, o)
		assert.NoError(t, c.Conn().Send(`42["e","1"]`, `42["e","2"]`))
		assert.NoError(t, c.Conn().Send(`42["e","3"]`, "41"))
		_ = c.Conn().Send(`42["e","4"]`) // breaks the protocol
		synctest.Wait()
		close(hold)
		<-done
		synctest.Wait()
		assert.Equal(t, "order", strings.Join(order, " "), "1 2 3 end")
	})
}

// TestConnectTimeout: a connection that is in no namespace is closed, at the
// start and after it has left the last one.
func TestConnectTimeout(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{ConnectTimeout: 10 * time.Second})
		a.Of("/closed").UseFunc(func(context.Context, *socketio.Socket) error { return &socketio.ConnectError{Message: "no"} })
		c := siotest.Open(t, a, o)
		assert.NoError(t, c.Send("40/closed,")) // being refused is no excuse
		time.Sleep(9 * time.Second)
		assert.Equal(t, "connections", a.Connections(), 1)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.Equal(t, "connections", a.Connections(), 0)

		c = siotest.Open(t, a, o)
		assert.NoError(t, c.Send("40"))
		time.Sleep(time.Hour)
		assert.Equal(t, "connections", a.Connections(), 1)
		assert.NoError(t, c.Send("41"))
		time.Sleep(9 * time.Second)
		assert.Equal(t, "connections", a.Connections(), 1)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.Equal(t, "connections", a.Connections(), 0)
		a.log.none(t)
	})
}

// TestAttachmentTimeout: attachments must come in time, unless it is this side
// that does not read.
func TestAttachmentTimeout(t *testing.T) {
	header := `451-["e",{"_placeholder":true,"num":0}]`
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{Limits: socketio.Limits{AttachmentTimeout: 3 * time.Second, ReceiveBuffer: 100}})
		got := make(chan int, 1)
		a.On("e", func(b []byte) { got <- len(b) })
		a.On("slow", func() { time.Sleep(30 * time.Second) })
		c := siotest.Dial(t, a, o)
		assert.NoError(t, c.Conn().Send(header))
		time.Sleep(2 * time.Second)
		assert.NoError(t, c.Conn().Send("bAQID"))
		assert.Equal(t, "in time", <-got, 3)

		c.Emit("slow")
		assert.NoError(t, c.Conn().Send(header, "bAQID"))
		assert.Equal(t, "slow handler", <-got, 3)
		time.Sleep(5 * time.Minute) // nothing is left that could fire
		a.log.none(t)

		assert.NoError(t, c.Conn().Send(header))
		time.Sleep(4 * time.Second)
		synctest.Wait()
		assert.Equal(t, "connections", a.Connections(), 0)
		a.log.one(t, "attachments did not arrive")
	})
}

// TestAttachmentsBehindBacklog: the header was read, its attachment is not,
// because a handler holds the reader up.
func TestAttachmentsBehindBacklog(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{Limits: socketio.Limits{AttachmentTimeout: 3 * time.Second, ReceiveBuffer: 100}})
		got := make(chan int, 1)
		a.On("e", func(b []byte) { got <- len(b) })
		a.On("slow", func() { time.Sleep(30 * time.Second) })
		c := siotest.Dial(t, a, o)
		if o.Transport == "polling" {
			assert.NoError(t, c.Conn().Send(`42["slow"]`, `451-["e",{"_placeholder":true,"num":0}]`))
		} else {
			assert.NoError(t, c.Conn().Send(`451-["slow",{"_placeholder":true,"num":0}]`, "bAQID", `451-["e",{"_placeholder":true,"num":0}]`))
		}
		assert.NoError(t, c.Conn().Send("bAQID"))
		assert.Equal(t, "got", <-got, 3)
		a.log.none(t)
	})
}

// TestShutdown: events that were queued are handled, the hooks run, and only
// then it returns.
func TestShutdown(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		var order []string
		a.On("slow", func(ctx context.Context) { <-ctx.Done(); time.Sleep(5 * time.Second); order = append(order, "handler") })
		a.OnDisconnect(func(*socketio.Socket, socketio.Reason) { order = append(order, "hook") })
		c := siotest.Dial(t, a, o)
		c.Emit("slow")
		synctest.Wait()
		assert.NoError(t, a.Emit("goodbye"))
		start := time.Now()
		errs := make(chan error, 2)
		for range 2 { // both wait
			go func() { errs <- a.Shutdown(context.Background()) }()
		}
		assert.NoError(t, errors.Join(<-errs, <-errs))
		assert.True(t, "took the handler's time", time.Since(start) >= 5*time.Second)
		assert.Equal(t, "order", strings.Join(order, " "), "handler hook")
		c.Expect("goodbye")
		c.ExpectDisconnect(siotest.TransportClose)
		assert.Equal(t, "connections", a.Connections(), 0)
	})
}

// TestClientHasLeft: a handler whose client is gone when it is ready has not failed.
func TestClientHasLeft(t *testing.T) {
	for name, handler := range map[string]any{
		"an answer":       func(ctx context.Context) int { <-ctx.Done(); return 1 },
		"its context":     func(ctx context.Context) error { <-ctx.Done(); return fmt.Errorf("database: %w", ctx.Err()) },
		"an emit":         func(ctx context.Context, s *socketio.Socket) error { <-ctx.Done(); return s.Emit("more") },
		"another's fault": func(ctx context.Context) error { <-ctx.Done(); return errors.New("disk full") },
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				a := newApp(t, socketio.Options{})
				a.On("slow", handler)
				c := siotest.Dial(t, a, o)
				c.EmitWithAck("slow")
				synctest.Wait()
				assert.NoError(t, a.Shutdown(t.Context()))
				if name == "another's fault" {
					a.log.one(t, "disk full")
				}
				a.log.none(t)
			})
		})
	}
	t.Run("while it is there", func(t *testing.T) {
		onBoth(t, func(t *testing.T, o siotest.Options) {
			a := newApp(t, socketio.Options{})
			a.On("canceled", func() error { return context.Canceled })
			c := siotest.Dial(t, a, o)
			c.Call("canceled")
			a.log.one(t, "handler failed")
		})
	})
}

func TestShutdownIsBounded(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		release := make(chan struct{})
		a.On("stuck", func() { <-release })
		c := siotest.Dial(t, a, o)
		c.Emit("stuck")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		assert.ErrorIs(t, a.Shutdown(ctx), context.DeadlineExceeded)
		assert.Equal(t, "waited", time.Since(start), 3*time.Second)
		a.Close()
		close(release)
	})
}

// TestCloseInHandler: a handler may end the server that runs it.
func TestCloseInHandler(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		closed := make(chan struct{})
		a.On("close", func() { a.Close(); close(closed) })
		c := siotest.Dial(t, a, o)
		c.Emit("close")
		<-closed
		c.ExpectDisconnect("")
	})
}

// TestReceiveBuffer: a client whose events wait is not read any further, and
// others do not notice.
func TestReceiveBuffer(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{Limits: socketio.Limits{ReceiveBuffer: 10_000}})
		hold := make(chan struct{})
		n := 0
		a.On("e", func(string) { <-hold; n++ })
		a.On("ping", func() string { return "pong" })
		busy, other := siotest.Dial(t, a, o), siotest.Dial(t, a, o)
		sent := make(chan struct{})
		go func() {
			for range 60 { // 60 times what may wait; the pipe holds a quarter
				busy.Emit("e", strings.Repeat("x", 10_000))
			}
			close(sent)
		}()
		time.Sleep(3 * time.Minute) // nobody is blamed for the heartbeat
		assert.Equal(t, "other", other.Call("ping").String(), `["pong"]`)
		select {
		case <-sent:
			t.Fatal("everything was read")
		default:
		}
		close(hold)
		<-sent
		assert.Equal(t, "busy", busy.Call("ping").String(), `["pong"]`)
		assert.Equal(t, "handled", n, 60)
	})
}
