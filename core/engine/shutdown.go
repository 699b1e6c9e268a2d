package engine

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	// spreadEach is what each session adds to the time in which all are told.
	spreadEach = 10 * time.Millisecond
	// fewSessions are told at once.
	fewSessions = 10
	// lastWait is how long Shutdown waits, when its context has ended, as long
	// as no session ends: then code of the application is in the way.
	lastWait = 300 * time.Millisecond
)

// Shutdown refuses new sessions, ends all open sessions with
// [ReasonServerShuttingDown], each after its queued messages are sent, responds to
// every waiting poll, and waits until all connections are closed. It ends the sessions
// one after another, in random order at random times, so that clients do not reconnect
// all at once: see Options.ShutdownSpread.
//
// When ctx ends first, Shutdown closes the remaining connections at once and returns
// the error of ctx. It does not wait for code of the application that runs on a
// goroutine of a session: that session ends when the code returns. Call Shutdown before
// http.Server.Shutdown, which does not close hijacked connections and waits for polls
// that wait for messages.
func (srv *Server) Shutdown(ctx context.Context) error {
	all, told := srv.stop(), make(chan struct{})
	go func() {
		defer close(told)
		srv.tell(ctx, all)
	}()
	var err error
	select {
	case <-srv.table.empty:
	case <-ctx.Done():
		err = ctx.Err()
		srv.cut()
	}
	<-told
	idle := make(chan struct{})
	go func() { // ends with the flushers
		defer close(idle)
		srv.flush.wait()
	}()
	select {
	case <-idle:
		return err
	case <-ctx.Done():
	}
	select {
	case <-idle:
	case <-time.After(lastWait):
		err = ctx.Err()
	}
	return err
}

// Close ends all sessions at once and drops their queued messages.
func (srv *Server) Close() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = srv.Shutdown(ctx) // the error is ours: the context is over
}

// stop refuses new sessions from now on and returns those that are left.
func (srv *Server) stop() []*Session {
	all := srv.table.close()
	srv.end()
	return all
}

// tell ends the sessions politely, spread over some time, until ctx ends. Each
// is told on a goroutine of its own, which the session waits for: the
// application may keep it.
func (srv *Server) tell(ctx context.Context, all []*Session) {
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	moments := make([]time.Duration, len(all))
	if spread := srv.spread(ctx, len(all)); spread > 0 {
		for i := range moments {
			moments[i] = rand.N(spread)
		}
		slices.Sort(moments)
	}
	start := time.Now()
	for i, s := range all {
		if wait := moments[i] - time.Since(start); wait > 0 {
			select {
			case <-time.After(wait):
			case <-srv.table.empty:
				return
			case <-ctx.Done():
				return
			}
		}
		go func() {
			defer s.shortenLinger()
			s.shut(ReasonServerShuttingDown, nil, true)
		}()
	}
}

// spread is the time over which n sessions are told. It leaves the last ones time
// to take what is queued for them.
func (srv *Server) spread(ctx context.Context, n int) time.Duration {
	if n <= fewSessions || srv.opts.ShutdownSpread < 0 {
		return 0
	}
	spread := min(srv.opts.ShutdownSpread, time.Duration(n)*spreadEach)
	if by, ok := ctx.Deadline(); ok {
		left := time.Until(by)
		spread = min(spread, max((left-srv.opts.CloseTimeout)/2, left/4))
	}
	return spread
}

// cut ends what is left, and waits as long as sessions end.
func (srv *Server) cut() {
	for _, s := range srv.stop() {
		go s.cut()
	}
	for left := srv.Count(); ; {
		select {
		case <-srv.table.empty:
			return
		case <-time.After(lastWait):
		}
		now := srv.Count()
		if now >= left {
			return
		}
		left = now
	}
}
