package emitter_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/emitter"
	"github.com/gosio/gosio/internal/assert"
)

// silent is a Redis that accepts and says nothing.
type silent struct{}

func (silent) Publish(ctx context.Context, _ string, _ []byte) error {
	<-ctx.Done()
	return fmt.Errorf("read: %w", ctx.Err())
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := emitter.NewClassic(silent{}, nil).Emit("e")
		assert.Equal(t, "default", time.Since(start), 5*time.Second)
		assert.True(t, err.Error(), errors.Is(err, context.DeadlineExceeded) && strings.Contains(err.Error(), "Timeout of 5s: is it the right address"))
		start = time.Now()
		err = emitter.NewClassic(silent{}, &emitter.ClassicOptions{Timeout: time.Minute}).DisconnectSockets(true)
		assert.Equal(t, "own", time.Since(start), time.Minute)
		assert.ErrorIs(t, err, context.DeadlineExceeded)

		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start = time.Now()
		none := emitter.NewClassic(silent{}, &emitter.ClassicOptions{Timeout: -1})
		assert.ErrorIs(t, none.WithContext(ctx).Of("/n").ServerSideEmit("e"), context.DeadlineExceeded)
		assert.Equal(t, "none", time.Since(start), time.Hour)

		gone, end := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { end(errors.New("the job is over")) })
		err = none.To("r").WithContext(gone).Emit("e")
		assert.Equal(t, "cancelled", err.Error(), `emitter: cannot emit "e": redis: read: context canceled: the job is over`)
		assert.ErrorIs(t, err, context.Canceled)
	})
}

// TestEnded: with a context that has ended nothing is sent, by no client library.
func TestEnded(t *testing.T) {
	t.Parallel()
	gone, end := context.WithCancelCause(t.Context())
	end(errors.New("the job is over"))
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for _, f := range forms {
		var n notes
		e := f.make(&n)
		for _, err := range []error{
			e.WithContext(gone).Emit("e"), e.To("r").WithContext(gone).SocketsJoin("a"), e.WithContext(gone).ServerSideEmit("e"),
			e.WithContext(gone).DisconnectSockets(true),
		} {
			if !errors.Is(err, context.Canceled) || !strings.HasSuffix(err.Error(), ": context canceled: the job is over") {
				t.Errorf("%s: %v", f.name, err)
			}
		}
		assert.Equal(t, f.name, e.WithContext(late).Emit("e").Error(), `emitter: cannot emit "e": context deadline exceeded`)
		assert.Equal(t, f.name, len(n.list), 0)
	}
}

// lateContext is done a moment after its deadline, as a timer may be.
type lateContext struct {
	context.Context
	at time.Time
}

func (l lateContext) Deadline() (time.Time, bool) { return l.at, true }

// reader is a client library whose connections have the deadline of the context.
type reader struct{}

func (reader) Publish(ctx context.Context, _ string, _ []byte) error {
	at, _ := ctx.Deadline()
	time.Sleep(time.Until(at))
	return errors.New("i/o timeout")
}

// TestDeadlineOfConnection: that the connection has noticed first does not hide
// that the time was up.
func TestDeadlineOfConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second+time.Millisecond)
		defer cancel()
		e := emitter.NewClassic(reader{}, nil)
		err := e.WithContext(lateContext{ctx, time.Now().Add(time.Second)}).Emit("e")
		assert.Equal(t, "error", err.Error(), `emitter: cannot emit "e": redis: i/o timeout: context deadline exceeded`)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		err = e.Emit("e")
		assert.Equal(t, "by default", err.Error(), `emitter: cannot emit "e": redis: i/o timeout: context deadline exceeded: no answer within the emitter's Timeout of 5s: is it the right address, and Redis up?`)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	})
}
