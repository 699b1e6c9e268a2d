package graceful

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// Shutdown has Readyz answer 503, waits for Options.Delay, and ends the sockets. It
// returns when they have ended, or when ctx ends. It is for programs in which something
// else calls the HTTP server's Shutdown: call it before that. Options.Timeout and
// Signals do nothing here.
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

// sameSignal is how long further signals count as the first one: a terminal sends its
// own to all processes in front, and a parent that gets one may pass it on.
const sameSignal = 500 * time.Millisecond

// bounded runs inOrder for at most Options.Timeout, and cuts it short when a further
// signal comes.
func (s *Service) bounded(app App, l net.Listener, served <-chan error, signals <-chan os.Signal) error {
	start := time.Now()
	timed, stop := context.WithTimeout(context.Background(), s.opts.Timeout-s.opts.lastWait())
	defer stop()
	ctx, force := context.WithCancelCause(timed)
	defer force(nil)
	ended := make(chan error, 1)
	go func() { ended <- s.inOrder(ctx, app, l, served) }() // until the app has ended; the caller waits as long as it may
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
			if time.Since(start) >= sameSignal {
				force(ErrForced)
			}
		case <-done:
			done = nil
			wait := time.NewTimer(s.opts.lastWait())
			defer wait.Stop()
			late = wait.C
		case <-late:
			return context.Cause(ctx)
		}
	}
}

// inOrder ends the sockets and then the app, whose Shutdown would wait for the polls
// that they hold open, and does not know WebSockets.
func (s *Service) inOrder(ctx context.Context, app App, l net.Listener, served <-chan error) error {
	by, _ := ctx.Deadline()
	by = by.Add(s.opts.lastWait()) // when Serve returns
	sockets, stop := context.WithDeadline(ctx, by.Add(-(s.opts.Timeout-s.opts.Delay)/5))
	err := named("sockets", s.Shutdown(sockets))
	stop()
	e := app.Shutdown(ctx)
	if e != nil {
		if a, ok := app.(interface{ Close() error }); ok {
			_ = a.Close() // the error of Shutdown says more
		}
	}
	err = errors.Join(err, named("HTTP server", e))
	if l != nil { // fasthttp goes on if its Shutdown was called before Serve had begun
		_ = l.Close()
	}
	if e := <-served; !over(e) && !errors.Is(e, net.ErrClosed) {
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
