package socketio_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// badError is an error, and Data of one, whose methods fail as its fields say.
type badError struct{ text, is, as, unwrap, json func() }

func call(f func()) {
	if f != nil {
		f()
	}
}

func (b *badError) Error() string                { call(b.text); return "secret" }
func (b *badError) Is(error) bool                { call(b.is); return false }
func (b *badError) As(any) bool                  { call(b.as); return false }
func (b *badError) Unwrap() error                { call(b.unwrap); return nil }
func (b *badError) MarshalJSON() ([]byte, error) { call(b.json); return []byte("{}"), nil }

// brokenErrors are errors that an application should not return. kind is that of
// the Data that they have.
func brokenErrors(data func(any) error) map[string]error {
	fail := func() { panic("a method of an error") }
	return map[string]error{
		"nil of its own":       (*badError)(nil),
		"nil *Error":           (*socketio.Error)(nil),
		"nil *ConnectError":    (*socketio.ConnectError)(nil),
		"nil in a list":        errors.Join((*socketio.Error)(nil), (*socketio.ConnectError)(nil)),
		"Error panics":         &badError{text: fail},
		"Is panics":            &badError{is: fail},
		"As panics":            &badError{as: fail},
		"Unwrap panics":        &badError{unwrap: fail},
		"Data panics":          data(&badError{json: fail}),
		"Error ends goroutine": &badError{text: runtime.Goexit},
		"As ends goroutine":    &badError{as: runtime.Goexit},
		"Data ends goroutine":  data(&badError{json: runtime.Goexit}),
	}
}

// TestBrokenErrors: an error whose methods panic is a failure like any other: the
// client has its answer, the log a line, and the socket goes on.
func TestBrokenErrors(t *testing.T) {
	t.Parallel()
	for name, err := range brokenErrors(func(v any) error { return &socketio.Error{Data: v} }) {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				a := newApp(t, socketio.Options{})
				a.On("fail", func() error { return err })
				a.On("echo", func(v int) int { return v })
				c := siotest.Dial(t, a, o)
				assert.Equal(t, "code", c.Call("fail").Failure().Code, socketio.CodeInternal)
				assert.Equal(t, "echo", c.Call("echo", 1).String(), "[1]")
				assert.Equal(t, "nothing is held", a.Stats().ReceiveBytes, 0)
				assert.True(t, "logged", len(a.log.take()) > 0)
			})
		})
	}
}

// TestBrokenRefusals is TestBrokenErrors for middleware.
func TestBrokenRefusals(t *testing.T) {
	t.Parallel()
	for name, err := range brokenErrors(func(v any) error { return &socketio.ConnectError{Message: "no", Data: v} }) {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				a := newApp(t, socketio.Options{})
				a.Of("/other")
				a.Of("/closed").UseFunc(func(context.Context, *socketio.Socket) error { return err })
				c := siotest.Dial(t, a, o)
				want := "Connection refused"
				if name == "Data panics" {
					want = "no"
				}
				assert.Equal(t, "message", c.RefusedOf("/closed", nil).Message, want)
				c.Of("/other", nil)
				a.log.take()
			})
		})
	}
}

// TestBrokenAnswers is TestBrokenErrors for what other servers ask, and for values
// that travel to them.
func TestBrokenAnswers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		log := &records{}
		servers := adaptertest.Cluster(t, 2, socketio.Options{Logger: slog.New(log)})
		key := socketio.NewSharedKey[*badError]("broken")
		servers[1].OnConnect(func(s *socketio.Socket) { key.Set(s, &badError{json: func() { panic("a value") }}) })
		siotest.Dial(t, servers[1], siotest.Options{})
		for name, err := range brokenErrors(func(v any) error { return &socketio.Error{Data: v} }) {
			off := servers[1].OnServerSide("fail", func() error { return err })
			replies, e := servers[0].ServerSideEmitWithAck(t.Context(), "fail")
			assert.NoError(t, e)
			var got struct{ Error *socketio.Error }
			assert.Equal(t, name, len(replies), 1)
			assert.NoError(t, replies[0].Decode(&got))
			assert.Equal(t, name, got.Error.Code, socketio.CodeInternal)
			off()
		}
		log.take()
		sockets, err := servers[0].FetchSockets(t.Context())
		assert.NoError(t, err)
		assert.Equal(t, "sockets", len(sockets), 1)
		log.one(t, "shared value does not encode")
	})
}

// TestNilErrorIsNamed: the log says what a nil pointer is returned instead of.
func TestNilErrorIsNamed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newApp(t, socketio.Options{})
		a.On("fail", func() error { return (*badError)(nil) })
		a.dial(t).Call("fail")
		lines := strings.Join(a.log.take(), "")
		assert.True(t, lines, strings.Contains(lines, "nil pointer of type *socketio_test.badError was returned as an error"))
	})
}

// reading is an observer that reads errors, as those for metrics and traces do.
type reading struct {
	socketio.NopObserver
	texts chan string
}

func (r *reading) Event(ctx context.Context, _ socketio.EventInfo) (context.Context, func(socketio.EventResult)) {
	return ctx, func(result socketio.EventResult) { r.texts <- result.Err.Error() }
}

func (r *reading) Namespace(e socketio.NamespaceEvent) {
	if e.Step == socketio.NamespaceStepRefused {
		r.texts <- e.Err.Error()
	}
}

// TestObservedNil: an observer gets an error that it can read: one that panicked
// there would leave a span without an end.
func TestObservedNil(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := &reading{texts: make(chan string, 2)}
		a := newApp(t, socketio.Options{Observer: o})
		a.On("fail", func() error { return (*socketio.Error)(nil) })
		a.Of("/closed").UseFunc(func(context.Context, *socketio.Socket) error { return (*socketio.ConnectError)(nil) })
		c := a.dial(t)
		c.Call("fail")
		c.RefusedOf("/closed", nil)
		a.Close()
		for _, name := range []string{"*socketio.Error", "*socketio.ConnectError"} {
			text := <-o.texts
			assert.True(t, text, strings.Contains(text, "nil pointer of type "+name+" "))
		}
		assert.True(t, "no panic is logged", !strings.Contains(strings.Join(a.log.take(), ""), "socketio: panic"))
	})
}
