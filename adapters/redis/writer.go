package sioredis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// writer is what outbox and appender have in common: a queue that others fill, and one
// goroutine that sends what is in it by a connection.
type writer struct {
	life context.Context
	wake chan struct{} // holds one
	try  atomic.Bool   // the connection may be dead

	roundTrip atomic.Int64 // nanoseconds of the last batch, or of the last try

	mu        sync.Mutex
	err       error           // nil: connected
	closing   chan struct{}   // closed when the queue is empty
	losses    map[*node]*loss // that are not reported yet
	published uint64
	lost      uint64
}

// loss is what of one node is lost.
type loss struct {
	node       *node
	operations int
	err        error

	// Of a stream.
	mark  *entry // the newest one that was queued, by its turn
	marks int    // that are not found in it
	left  int    // entries up to until that are not found
	until uint64 // a turn
}

func (w *writer) begin(life context.Context) {
	w.life, w.wake, w.err, w.losses = life, make(chan struct{}, 1), ErrNotConnected, make(map[*node]*loss)
}

func (w *writer) ring() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// suspect has the connection tried, as another one was lost.
func (w *writer) suspect() {
	w.try.Store(true)
	w.ring()
}

func (w *writer) loseLocked(n *node, err error) {
	w.lost++
	l := w.losses[n]
	if l == nil {
		l = &loss{node: n, err: err}
		w.losses[n] = l
	}
	l.operations++
}

// connectedLocked: from now on what is queued is sent.
func (w *writer) connectedLocked() {
	if !errors.Is(w.err, ErrClosed) {
		w.err = nil
	}
}

// brokenLocked: nothing is sent any more, and nobody waits for that.
func (w *writer) brokenLocked(err error) {
	if !errors.Is(w.err, ErrClosed) {
		w.err = unavailable(err)
	}
	w.emptyLocked()
}

// unavailable is the error of one who needs a connection that has failed.
func unavailable(err error) error {
	if isRefusal(err) && strings.HasPrefix(err.Error(), "NOPERM") {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return fmt.Errorf("%w: %w", ErrNotConnected, err)
}

// emptyLocked tells drain that nothing is left.
func (w *writer) emptyLocked() {
	if w.closing != nil {
		close(w.closing)
		w.closing = nil
	}
}

// serve sends by a connection until that fails, or life ends. take makes the next batch of
// the queue, and reports whether there is something in it.
func (w *writer) serve(c rueidis.DedicatedClient, take func() bool, send func(rueidis.DedicatedClient) error) error {
	idle := time.NewTicker(probeEvery)
	defer idle.Stop()
	for {
		for take() {
			if err := send(c); err != nil {
				return err
			}
		}
		if w.try.Swap(false) {
			if err := ping(c); err != nil {
				return err
			}
		}
		select {
		case <-w.wake:
		case <-w.life.Done():
			return ErrClosed
		case <-idle.C:
			begin := time.Now()
			if err := ping(c); err != nil {
				return err
			}
			w.roundTrip.Store(int64(time.Since(begin)))
		}
	}
}

// do sends commands, and waits for the answers.
func (w *writer) do(c rueidis.DedicatedClient, commands rueidis.Commands) []rueidis.RedisResult {
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	begin := time.Now()
	results := c.DoMulti(ctx, commands...)
	w.roundTrip.Store(int64(time.Since(begin)))
	return results
}

// fits is how many of n things that are queued go into one batch.
func fits(n int, size func(i int) int) int {
	bytes := 0
	for i := range min(n, atOnce) {
		if bytes += size(i); i > 0 && bytes > batchSize {
			return i
		}
	}
	return min(n, atOnce)
}

// drain waits until all that is queued is sent; afterwards nothing is taken.
func (w *writer) drain(patience time.Duration) {
	w.mu.Lock()
	done := make(chan struct{})
	if w.err == nil {
		w.closing = done
		w.ring()
	} else {
		close(done)
	}
	w.err = ErrClosed
	w.mu.Unlock()
	select {
	case <-done:
	case <-time.After(patience):
	}
}

func (w *writer) state() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

func (w *writer) statsLocked(s *Stats) {
	s.Published += w.published
	s.Lost += w.lost
	s.RoundTrip = max(s.RoundTrip, time.Duration(w.roundTrip.Load()))
}
