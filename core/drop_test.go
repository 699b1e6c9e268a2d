package socketio_test

import (
	"context"
	"errors"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestNoAck: event middleware drops an event without a word to the client, and an
// observer still hears why. It tells names that have a handler from all others.
func TestNoAck(t *testing.T) {
	dropped := &socketio.Error{Code: socketio.CodeRateLimited, Message: "dropped"}
	onBoth(t, func(t *testing.T, o siotest.Options) {
		heard := new(eventErrors)
		a := newApp(t, socketio.Options{Observer: heard})
		a.On("known", func() {})
		a.On("early", func(ack socketio.Ack) { _ = ack("kept") })
		a.UseEvent(func(next socketio.EventHandler) socketio.EventHandler {
			return func(ctx context.Context, in *socketio.Incoming) error {
				assert.Equal(t, "registered "+in.Event, in.Registered(), in.Event != "unknown")
				switch {
				case in.Event == "early":
					err := next(ctx, in)
					in.NoAck() // too late
					return err
				case in.Event == "unknown", in.Len() > 0:
					in.NoAck()
					return dropped
				}
				return next(ctx, in)
			}
		})
		c := siotest.Dial(t, a, o)
		acks := []<-chan *siotest.Message{c.EmitWithAck("known", 1), c.EmitWithAck("unknown")}
		assert.Equal(t, "next", c.Call("known").String(), "[]")
		assert.Equal(t, "early", c.Call("early").String(), `["kept"]`)
		c.ExpectNone(time.Second)
		for _, ack := range acks {
			assert.Equal(t, "acknowledgements", len(ack), 0)
		}
		assert.Equal(t, "heard", len(heard.all), 2)
		for _, err := range heard.all {
			assert.True(t, "why", errors.Is(err, dropped))
		}
	})
}

// eventErrors keeps the errors of events.
type eventErrors struct {
	socketio.NopObserver
	all []error
}

func (f *eventErrors) Event(ctx context.Context, _ socketio.EventInfo) (context.Context, func(socketio.EventResult)) {
	return ctx, func(r socketio.EventResult) {
		if r.Err != nil {
			f.all = append(f.all, r.Err)
		}
	}
}

// TestConnection: the sockets of a connection have one number, also after a namespace was
// left and joined again, and no other connection has it.
func TestConnection(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		number := func(s *socketio.Socket) uint64 { return s.Connection() }
		a.On("number", number)
		a.Of("/chat").On("number", number)
		of := func(c *siotest.Client) string { return c.Call("number").String() }
		c, other := siotest.Dial(t, a, o), siotest.Dial(t, a, o)
		first := of(c)
		chat := c.Of("/chat", nil)
		assert.Equal(t, "of its sibling", of(chat), first)
		chat.Disconnect()
		assert.Equal(t, "of its sibling that has come again", of(c.Of("/chat", nil)), first)
		assert.True(t, "of another connection", of(other) != first)
	})
}
