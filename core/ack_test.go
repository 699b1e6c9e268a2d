package socketio_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestAck: only the first of many acknowledgements is sent, from wherever and
// whenever it comes.
func TestAck(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		errs := make(chan error, 4)
		a.On("twice", func(ack socketio.Ack) { errs <- ack(1); errs <- ack(2) })
		a.On("late", func(ack socketio.Ack) {
			go func() {
				time.Sleep(time.Minute)
				errs <- ack("late", []byte{1})
			}()
		})
		a.On("many", func(ack socketio.Ack) {
			for i := range 8 {
				go func() { _ = ack(i) }()
			}
		})
		a.On("retry", func(ack socketio.Ack) { errs <- ack(make(chan int)); errs <- ack("now") })
		a.On("unasked", func(ack socketio.Ack) { errs <- ack(1) })
		a.On("never", func(socketio.Ack) {})
		c := siotest.Dial(t, a, o)
		assert.Equal(t, "twice", c.Call("twice").String(), "[1]")
		assert.NoError(t, errors.Join(<-errs, <-errs))
		late := c.EmitWithAck("late")
		m := <-late
		var b []byte
		m.Decode(new(string), &b)
		assert.Equal(t, "late", len(b), 1)
		assert.NoError(t, <-errs)
		assert.Equal(t, "many", c.Call("many").Len(), 1)
		assert.Equal(t, "retry", c.Call("retry").String(), `["now"]`)
		assert.True(t, "an error", <-errs != nil)
		assert.NoError(t, <-errs)
		c.Emit("unasked")
		assert.NoError(t, <-errs)
		never := c.EmitWithAck("never")
		c.ExpectNone(time.Minute)
		assert.Equal(t, "never", len(never), 0)
		c.EmitWithAck("late")
		synctest.Wait()
		c.Disconnect()
		assert.ErrorIs(t, <-errs, socketio.ErrClosed)
	})
}

// TestCall walks the ends of a Call.
func TestCall(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{AckTimeout: 7 * time.Second})
		c := siotest.Dial(t, a, o)
		s := a.socket(t, c)
		c.On("echo", func(m *siotest.Message) { var v any; m.Decode(&v); m.Ack(v) })
		c.On("nothing", func(m *siotest.Message) { m.Ack() })
		c.On("silence", func(*siotest.Message) {})
		ctx := t.Context()

		got, err := socketio.Call[string](ctx, s, "echo", "x")
		assert.NoError(t, err)
		assert.Equal(t, "answer", got, "x")
		bytes, err := socketio.Call[[]byte](ctx, s, "echo", []byte{1, 2})
		assert.NoError(t, err)
		assert.Equal(t, "binary answer", string(bytes), "\x01\x02")
		_, err = socketio.Call[int](ctx, s, "echo", "x")
		assert.True(t, "does not fit", err != nil && strings.Contains(err.Error(), "does not fit"))
		_, err = socketio.Call[int](ctx, s, "nothing")
		assert.ErrorIs(t, err, socketio.ErrMissingArgument)
		for _, event := range []string{"nothing", "echo"} { // an answer nobody asked for does no harm
			_, err = socketio.Call[socketio.None](ctx, s, event, 1)
			assert.NoError(t, err)
		}
		_, err = socketio.Call[int](ctx, s, "echo", make(chan int))
		assert.True(t, "does not encode", err != nil)
		reply, err := s.EmitWithAck(ctx, "echo", 5)
		assert.NoError(t, err)
		var n int
		assert.Equal(t, "arguments", reply.Len(), 1)
		assert.NoError(t, reply.Decode(&n))
		assert.ErrorIs(t, reply.Decode(&n, &n), socketio.ErrMissingArgument)

		start := time.Now()
		_, err = socketio.Call[int](ctx, s, "silence")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, "AckTimeout", time.Since(start), 7*time.Second)
		start = time.Now()
		short, cancel := context.WithTimeout(ctx, time.Second)
		_, err = socketio.Call[int](short, s, "silence")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, "own deadline", time.Since(start), time.Second)
		cancel()
		cancelled, cancelCause := context.WithCancelCause(ctx)
		cause := errors.New("changed my mind")
		time.AfterFunc(time.Second, func() { cancelCause(cause) })
		_, err = socketio.Call[int](cancelled, s, "silence")
		assert.ErrorIs(t, err, cause)

		time.AfterFunc(time.Second, c.Disconnect)
		_, err = socketio.Call[int](ctx, s, "silence")
		assert.ErrorIs(t, err, socketio.ErrClosed)
		var d *socketio.DisconnectError
		assert.True(t, "why", errors.As(err, &d) && d.Reason == socketio.ReasonClientNamespaceDisconnect)
		_, err = socketio.Call[int](ctx, s, "silence")
		assert.ErrorIs(t, err, socketio.ErrClosed)
	})
}

// TestLateAnswer: an acknowledgement after the timeout, or a second one, does
// nothing.
func TestLateAnswer(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{AckTimeout: time.Second})
		a.On("ping", func() string { return "pong" })
		c := siotest.Dial(t, a, o)
		s := a.socket(t, c)
		_, err := socketio.Call[int](t.Context(), s, "question")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		c.Expect("question").Ack(1)
		answer := make(chan int, 1)
		go func() {
			n, _ := socketio.Call[int](t.Context(), s, "question")
			answer <- n
		}()
		m := c.Expect("question")
		m.Ack(2)
		m.Ack(3)
		assert.Equal(t, "answer", <-answer, 2)
		assert.Equal(t, "lives", c.Call("ping").String(), `["pong"]`)
		a.log.none(t)
	})
}

// TestCallInHandler: a handler may wait for its own client, though its events
// wait for the handler meanwhile.
func TestCallInHandler(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		var order []string
		a.On("ask", func(ctx context.Context, s *socketio.Socket) (string, error) {
			v, err := socketio.Call[string](ctx, s, "question")
			order = append(order, "ask")
			return v, err
		})
		a.On("next", func() { order = append(order, "next") })
		a.OnConnect(func(s *socketio.Socket) {
			v, err := socketio.Call[string](s.Context(), s, "hello")
			assert.NoError(t, err)
			order = append(order, v)
		})
		c := siotest.Dial(t, a, o)
		answer := c.EmitWithAck("ask")
		next := c.EmitWithAck("next")
		hello := c.Expect("hello")
		c.ExpectNone(time.Second) // the first event waits for the hook
		hello.Ack("hi")
		c.Expect("question").Ack("why")
		assert.Equal(t, "answer", (<-answer).String(), `["why"]`)
		<-next
		assert.Equal(t, "order", strings.Join(order, " "), "hi ask next")
	})
}

// TestBacklog: when so many events wait for a handler that the connection is
// not read, its Call fails, whether it began before or after.
func TestBacklog(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(map[bool]string{false: "called before", true: "called after"}[late], func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				a := newApp(t, socketio.Options{Limits: socketio.Limits{ReceiveBuffer: 2000}})
				filled, result := make(chan struct{}), make(chan error, 1)
				a.On("ask", func(ctx context.Context, s *socketio.Socket) {
					if late {
						<-filled
					}
					_, err := socketio.Call[int](ctx, s, "question")
					result <- err
				})
				n := 0
				a.On("fill", func(string) { n++ })
				a.On("ping", func() int { return n })
				c := siotest.Dial(t, a, o)
				c.Emit("ask")
				synctest.Wait() // only now the others: not all in one POST
				for range 4 {
					go c.Emit("fill", strings.Repeat("x", 1000))
				}
				start := time.Now()
				time.Sleep(time.Second)
				close(filled)
				assert.ErrorIs(t, <-result, socketio.ErrBacklog)
				assert.True(t, "at once", time.Since(start) < 2*time.Second)
				if !late {
					c.Expect("question")
				}
				time.Sleep(time.Second)
				assert.Equal(t, "all handled", c.Call("ping").String(), "[4]")
				a.log.none(t)
			})
		})
	}
}

func TestTooManyAcks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newApp(t, socketio.Options{Limits: socketio.Limits{PendingAcks: 3}, AckTimeout: time.Second})
		c := a.dial(t)
		s := a.socket(t, c)
		for round := range 2 { // those that have timed out do not count
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					_, err := socketio.Call[int](t.Context(), s, "q")
					assert.ErrorIs(t, err, context.DeadlineExceeded)
				})
			}
			synctest.Wait()
			_, err := socketio.Call[int](t.Context(), s, "q")
			assert.ErrorIs(t, err, socketio.ErrTooManyAcks)
			wg.Wait()
			for range 3 {
				c.Expect("q")
			}
			c.ExpectNone(time.Duration(round) * time.Second)
		}
	})
}

// TestTypedEvents: one declaration for handler, sender and caller.
func TestTypedEvents(t *testing.T) {
	type saved struct {
		ID int `json:"id"`
	}
	save := socketio.NewEvent[string, saved]("save")
	notify := socketio.NewEvent[socketio.None, socketio.None]("notify")
	maybe := socketio.NewEvent[*string, bool]("maybe")
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		assert.Equal(t, "name", save.Name(), "save")
		var notified int
		off := save.Handle(a, func(_ context.Context, s *socketio.Socket, text string) (saved, error) {
			if text == "" {
				return saved{}, &socketio.Error{Code: "empty", Message: "no text"}
			}
			return saved{len(text)}, nil
		})
		notify.Handle(a, func(context.Context, *socketio.Socket, socketio.None) (socketio.None, error) {
			notified++
			return socketio.None{}, nil
		})
		maybe.Handle(a, func(_ context.Context, _ *socketio.Socket, v *string) (bool, error) { return v != nil, nil })
		c := siotest.Dial(t, a, o)
		s := a.socket(t, c)
		assert.Equal(t, "saved", c.Call("save", "four").String(), `[{"id":4}]`)
		assert.Equal(t, "failed", c.Call("save", "").Failure().Code, socketio.Code("empty"))
		assert.Equal(t, "missing", c.Call("save").Failure().Code, socketio.CodeBadRequest)
		assert.Equal(t, "another type", c.Call("save", 7).Failure().Code, socketio.CodeBadRequest)
		assert.Equal(t, "none", c.Call("notify").String(), `[]`)
		assert.Equal(t, "notified", notified, 1)
		assert.Equal(t, "optional", c.Call("maybe").String()+c.Call("maybe", "x").String(), `[false][true]`)

		save.Handle(s, func(context.Context, *socketio.Socket, string) (saved, error) { return saved{-1}, nil })
		assert.Equal(t, "shadowed", c.Call("save", "four").String(), `[{"id":-1}]`)
		off()

		assert.NoError(t, save.Emit(a.To(c.ID()), "text"))
		assert.NoError(t, notify.Emit(s, socketio.None{}))
		assert.Equal(t, "sent", c.Expect("save").String()+c.Expect("notify").String(), `["save","text"]["notify"]`)
		c.On("save", func(m *siotest.Message) { m.Ack(saved{9}) })
		c.On("notify", func(m *siotest.Message) { m.Ack() })
		got, err := save.Call(t.Context(), s, "x")
		assert.NoError(t, err)
		assert.Equal(t, "answer", got.ID, 9)
		_, err = notify.Call(t.Context(), s, socketio.None{})
		assert.NoError(t, err)
	})
}

// TestUseEvent: the first middleware is the outermost, each handler is wrapped
// once, events without a handler are seen, too, and an error ends the event.
func TestUseEvent(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		var order []string
		wrapped := 0
		a.UseEvent(func(next socketio.EventHandler) socketio.EventHandler {
			wrapped++
			calls := 0 // of this handler
			return func(ctx context.Context, in *socketio.Incoming) error {
				calls++
				order = append(order, in.Event+" outer")
				if calls == 3 {
					return &socketio.Error{Code: socketio.CodeRateLimited, Message: "enough"}
				}
				return next(ctx, in)
			}
		})
		a.UseEvent(func(next socketio.EventHandler) socketio.EventHandler {
			return func(ctx context.Context, in *socketio.Incoming) error {
				order = append(order, "inner")
				err := next(ctx, in)
				order = append(order, "after")
				return err
			}
		})
		a.On("e", func(s *socketio.Socket, v string) { order = append(order, v) })
		a.On("other", func() {})
		c := siotest.Dial(t, a, o)
		c.Call("e", "x")
		synctest.Wait() // what follows the acknowledgement has run, too
		assert.Equal(t, "order", strings.Join(order, " "), "e outer inner x after")
		c.Call("e", "y")
		assert.Equal(t, "third", c.Call("e", "z").Failure().Code, socketio.CodeRateLimited)
		assert.Equal(t, "state is per handler", c.Call("other").String(), "[]")
		synctest.Wait()
		order = nil
		c.Emit("unknown")
		c.Call("other")
		synctest.Wait()
		assert.Equal(t, "order", strings.Join(order, " "), "unknown outer inner after other outer inner after")
		assert.Equal(t, "wrapped once", wrapped, 3)
		a.UseEvent(func(next socketio.EventHandler) socketio.EventHandler {
			return func(ctx context.Context, in *socketio.Incoming) error {
				order = append(order, "late")
				return next(ctx, in)
			}
		})
		synctest.Wait()
		order = nil
		c.Emit("unknown")
		c.Call("other")
		synctest.Wait()
		assert.True(t, "middleware added later", strings.Contains(strings.Join(order, " "), "late"))
	})
}
