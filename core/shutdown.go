package socketio

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// Shutdown ends all connections with [ReasonServerShuttingDown], after what is
// queued for them is sent, and waits for connections and handlers to end. More
// than ten are ended over some time, see Options.ShutdownSpread. New ones are
// refused with 503 and a Retry-After header. Clients reconnect by themselves.
//
// When ctx ends first it cuts what is left and returns the context's error.
// Code of the application that still runs is on its own then: handlers, and
// what holds a connection up, such as the function of [Server.OfFunc], a
// [Parser], an [Observer], a listener of [Namespace.OnRoom], or an adapter's
// Close. What it does then reaches nobody: its sockets are disconnected.
//
// Call it before http.Server.Shutdown, which does not know WebSocket
// connections and would wait for parked polls.
func (srv *Server) Shutdown(ctx context.Context) error {
	srv.endRunning(ErrClosed)
	err := srv.engine.Shutdown(ctx)
	srv.endSubscribing()
	defer srv.workers.Close()
	if e := srv.work.Wait(ctx); err == nil {
		err = e
	}
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

// Close is Shutdown without patience: what is queued is dropped, and running
// handlers are not waited for.
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
