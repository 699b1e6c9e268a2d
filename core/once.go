package socketio

import (
	"context"
	"errors"
	"reflect"
	"sync"
)

// errTaken says that another event, which arrived at the same time, has used up the
// handler.
var errTaken = errors.New("socketio: the handler is taken")

// once adds a handler that removes itself when it is about to run.
func (hs *handlers) once(event string, fn any, scope int, mu sync.Locker) (off func()) {
	f := newHandler(event, fn) // panics on what On panics on
	h := &handler{event: event, scope: scope, signature: f.signature}
	call := f.taken(fn, func() error {
		mu.Lock()
		defer mu.Unlock()
		if (*hs)[event] != h {
			return errTaken
		}
		delete(*hs, event)
		return nil
	})
	h.call = func(ctx context.Context, in *Incoming) error {
		err := call(ctx, in)
		if err != errTaken { //nolint:errorlint // nothing wraps it
			return err
		}
		if next := find(in.Socket, []byte(event)); next != nil {
			return next.call(ctx, in)
		}
		return nil
	}
	mu.Lock()
	defer mu.Unlock()
	return hs.addLocked(event, h, mu)
}

// taken returns fn as an EventHandler that calls take after it has decoded the
// arguments: an event whose arguments do not decode does not use up the handler.
func (h *handler) taken(fn any, take func() error) EventHandler {
	switch fn.(type) {
	case EventHandler, func(context.Context, *Incoming) error, *handler: // which decode by themselves
		return func(ctx context.Context, in *Incoming) error {
			if err := take(); err != nil {
				return err
			}
			return h.call(ctx, in)
		}
	}
	s := signatureOf(fn)
	return reflected(&s, reflect.ValueOf(fn), take)
}
