package siotest

import (
	"strconv"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// Await waits for the next event of that name, and decodes its arguments as
// Expect does. Events that come before it are left out.
func (c *Client) Await(event string, dst ...any) *Message {
	c.t.Helper()
	by := time.Now().Add(c.opts.Timeout)
	for {
		m := c.nextBy(by, "event "+strconv.Quote(event))
		if m.Event == event {
			m.Decode(dst...)
			return m
		}
	}
}

// ExpectIdle lets everything come to rest, and fails if an event has arrived,
// or a disconnect. It works within testing/synctest, and takes no time there:
// "at rest" is what synctest.Wait waits for. Elsewhere use ExpectNone.
func (c *Client) ExpectIdle() {
	c.t.Helper()
	synctest.Wait()
	c.ExpectNone(0)
}

// ExpectAck waits for the acknowledgement that [Client.EmitWithAck] has
// promised, and decodes its arguments.
func (c *Client) ExpectAck(ack <-chan *Message, dst ...any) *Message {
	c.t.Helper()
	m := c.answer(ack, "the event")
	m.Decode(dst...)
	return m
}

func (c *Client) answer(ack <-chan *Message, event string) *Message {
	c.t.Helper()
	select {
	case m := <-ack:
		if m == nil {
			c.t.Fatalf("siotest: disconnected before %s was acknowledged", event)
		}
		return m
	case <-time.After(c.opts.Timeout):
		c.t.Fatalf("siotest: %s was not acknowledged within %v", event, c.opts.Timeout)
	}
	return nil
}

// ExpectEvent is Expect for an event that is declared with its types. It
// returns the payload.
func ExpectEvent[In, Out any](c *Client, e socketio.Event[In, Out]) In {
	c.t.Helper()
	var in In
	m := c.Expect(e.Name())
	if _, none := any(in).(socketio.None); !none {
		m.Decode(&in)
	}
	return in
}

// EmitEvent is Emit for an event that is declared with its types.
func EmitEvent[In, Out any](c *Client, e socketio.Event[In, Out], in In) {
	c.Emit(e.Name(), payload(in)...)
}

// CallEvent is Call for an event that is declared with its types. It returns
// the answer, and fails the test when the server reports a failure.
func CallEvent[In, Out any](c *Client, e socketio.Event[In, Out], in In) Out {
	c.t.Helper()
	var out Out
	m := c.Call(e.Name(), payload(in)...)
	if failure := m.Failure(); failure != nil {
		c.t.Fatalf("siotest: %q is answered with a failure: %v", e.Name(), failure)
	}
	if _, none := any(out).(socketio.None); !none {
		m.Decode(&out)
	}
	return out
}

// payload is what an event with this argument carries.
func payload(in any) []any {
	if _, none := in.(socketio.None); none {
		return nil
	}
	return []any{in}
}
