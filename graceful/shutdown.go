package graceful

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// Shutdown is the part of Serve that comes before the HTTP server's: it has Readyz
// refuse, waits for Options.Delay, and ends the sockets, at most until ctx ends. It
// is for programs in which something else calls the HTTP server's Shutdown: call it
// before that. Options.Timeout and Signals do nothing here.
func (s *Service) Shutdown(ctx context.Context) error {
	if !s.ending.Swap(true) && s.opts.Delay > 0 {
		delay := time.NewTimer(s.opts.Delay)
		defer delay.Stop()
		select {
		case <-delay.C:
		case <-ctx.Done():
		}
	}
	return s.srv.Shutdown(ctx)
}

// bounded ends all in order, in Options.Timeout at most, and at once when the last of
// so many signals has come.
func (s *Service) bounded(app App, served <-chan error, signals <-chan os.Signal, left int) error {
	timed, stop := context.WithTimeout(context.Background(), s.opts.Timeout)
	defer stop()
	ctx, force := context.WithCancelCause(timed)
	defer force(nil)
	ended := make(chan error, 1)
	go func() { ended <- s.inOrder(ctx, app, served) }() // until the app has ended; the caller waits as long as it may
	done := ctx.Done()
	var late <-chan time.Time
	for {
		select {
		case err := <-ended:
			if errors.Is(context.Cause(ctx), ErrForced) {
				return ErrForced
			}
			return err
		case <-signals:
			if left--; left == 0 {
				force(ErrForced)
			}
		case <-done:
			done = nil
			wait := time.NewTimer(lastWait)
			defer wait.Stop()
			late = wait.C
		case <-late:
			return context.Cause(ctx)
		}
	}
}

// inOrder ends the sockets and then the app, whose Shutdown would wait for the polls
// that they hold open, and does not know WebSockets.
func (s *Service) inOrder(ctx context.Context, app App, served <-chan error) error {
	by, _ := ctx.Deadline()
	sockets, stop := context.WithDeadline(ctx, by.Add(-s.opts.Timeout/5))
	err := named("sockets", s.Shutdown(sockets))
	stop()
	e := app.Shutdown(ctx)
	if e != nil {
		if a, ok := app.(interface{ Close() error }); ok {
			_ = a.Close() // the error of Shutdown says more
		}
	}
	err = errors.Join(err, named("HTTP server", e))
	if e := <-served; !over(e) {
		err = errors.Join(err, e)
	}
	return err
}

// named says which part has not ended as it should.
func named(part string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("graceful: %s: %w", part, err)
}
