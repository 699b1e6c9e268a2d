package socketio

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// Shutdown closes all connections with [ReasonServerShuttingDown], each after its
// queued messages are sent, and waits until all connections are closed and all handlers
// have returned. More than ten connections are closed over some time, see
// Options.ShutdownSpread. Meanwhile the server refuses new connections with status 503
// and a Retry-After header. Clients reconnect by themselves.
//
// When ctx ends first, Shutdown closes the remaining connections at once and returns
// the error of ctx. It does not wait any longer for code of the application: handlers,
// the function of [Server.OfFunc], a [Parser], an [Observer], listeners of
// [Namespace.OnRoom], an adapter's Close. The sockets of that code are disconnected.
//
// Call Shutdown before http.Server.Shutdown, which does not close WebSocket connections
// and waits for the polls that wait for messages.
func (srv *Server) Shutdown(ctx context.Context) error {
	flushAll(ctx, srv)
	srv.endRunning(ErrClosed)
	err := srv.engine.Shutdown(ctx)
	srv.endSubscribing()
	defer srv.workers.Close()
	if e := srv.work.Wait(ctx); err == nil {
		err = e
	}
	flushAll(ctx, srv) // what the last hooks have sent
	if e := srv.leaveClusters(ctx); err == nil {
		err = e
	}
	return err
}

// lastWait is how long Shutdown waits for adapters when its context has ended.
const lastWait = 300 * time.Millisecond

// leaveClusters closes the adapters of all namespaces, and forgets what is kept
// for clients that come back. It returns the first error, in no order. An
// adapter that takes too long holds up no other one.
func (srv *Server) leaveClusters(ctx context.Context) error {
	srv.mu.Lock()
	srv.over.Store(true) // what is made from now on gets no adapter, and keeps nothing
	namespaces := slices.Collect(maps.Values(srv.namespaces))
	srv.mu.Unlock()
	results := make(chan error, len(namespaces))
	var closing sync.WaitGroup
	for _, ns := range namespaces {
		closing.Go(func() { // ends when the adapter's Close returns
			err := ErrPanicked // or Close has ended the goroutine
			defer func() { results <- err }()
			srv.guard("Adapter.Close", ns.name, func() { err = leaveCluster(ns) })
			if ns.recovery != nil {
				ns.recovery.end()
			}
		})
	}
	done := make(chan struct{})
	go func() { closing.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		select {
		case <-done:
		case <-time.After(lastWait):
			return ctx.Err()
		}
	}
	for range namespaces {
		if err := <-results; err != nil {
			return err
		}
	}
	return nil
}

// Close closes all connections at once. It drops queued messages, and does not wait for
// handlers that run.
func (srv *Server) Close() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = srv.Shutdown(ctx) // the context is over, and says so
}

// leaveCluster closes the adapter of a namespace that is there.
func leaveCluster(ns *Namespace) error {
	if !ns.hold() {
		return nil
	}
	defer ns.release()
	return ns.ready().closeAdapter()
}
