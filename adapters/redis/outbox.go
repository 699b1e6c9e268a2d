package sioredis

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/gosio/gosio/core/adapter"
)

// outbox is the queue of all that this server sends to a Redis, and the one writer that
// takes from it: so what is published has one order.
type outbox struct {
	l     *link
	life  context.Context
	open  func() (rueidis.DedicatedClient, func(), error)
	moved func(error)   // channels have another master, or may have; nil: they never do
	wake  chan struct{} // holds one
	try   atomic.Bool   // the connection may be dead

	roundTrip atomic.Int64 // nanoseconds of the last batch, or of the last try

	// Used by the writer only.
	batch    []job
	commands rueidis.Commands

	mu        sync.Mutex
	err       error // nil: connected
	closing   chan struct{}
	queue     []job
	bytes     int
	losses    map[*node]*loss // that are not reported yet
	sending   int             // jobs of the batch that Redis has not answered
	published uint64
	lost      uint64
}

// job is one command. It publishes, or counts subscribers.
type job struct {
	operation *node // whose operation it is; nil: of nobody who would miss it
	channel   string
	payload   []byte
	count     []string                       // channels
	counted   func(numbers []int, err error) // with count; is called once
}

func (j *job) size() int { return len(j.channel) + len(j.payload) + 64 + 32*len(j.count) }

func (j *job) fail(err error) {
	if j.counted != nil {
		j.counted(nil, err)
	}
}

// loss is what of one node is lost.
type loss struct {
	operations int
	err        error
}

func (o *outbox) init(life context.Context, l *link, open func() (rueidis.DedicatedClient, func(), error)) {
	o.l, o.life, o.open = l, life, open
	o.wake, o.err, o.losses = make(chan struct{}, 1), ErrNotConnected, make(map[*node]*loss)
}

// push queues jobs that belong together, or none of them.
func (o *outbox) push(jobs ...job) error {
	size := 0
	for i := range jobs {
		size += jobs[i].size()
	}
	o.mu.Lock()
	err := o.err
	if err == nil && o.bytes > 0 && o.bytes+size > o.l.opts.OutboxSize {
		err = ErrOutboxFull
	}
	if err != nil {
		for i := range jobs {
			o.loseLocked(jobs[i].operation, err)
		}
		o.mu.Unlock()
		return err
	}
	o.bytes += size
	o.queue = append(o.queue, jobs...)
	o.mu.Unlock()
	o.ring()
	return nil
}

func (o *outbox) ring() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// suspect has the connection tried, as the other one was lost.
func (o *outbox) suspect() {
	o.try.Store(true)
	o.ring()
}

func (o *outbox) loseLocked(n *node, err error) {
	if n == nil {
		return
	}
	o.lost++
	l := o.losses[n]
	if l == nil {
		l = &loss{err: err}
		o.losses[n] = l
	}
	l.operations++
}

// run keeps the connection that sends.
func (o *outbox) run() {
	for attempt := 0; ; attempt++ {
		c, closeIt, err := o.open()
		if err == nil {
			attempt = 0
			o.connect()
			err = o.serve(c)
			closeIt()
			o.l.down("outgoing", err)
		} else if attempt == 0 {
			o.l.down("outgoing", err)
		}
		o.disconnect(err)
		if o.moved != nil {
			o.moved(err)
		}
		if !rest(o.life, attempt) {
			return
		}
	}
}

// connect: from now on jobs are taken; the first ones say what is lost.
func (o *outbox) connect() {
	o.mu.Lock()
	if !errors.Is(o.err, ErrClosed) {
		o.err = nil
	}
	o.reportLocked()
	o.mu.Unlock()
	o.l.up()
}

// reportLocked tells of losses: the hooks of this server, and the other servers.
func (o *outbox) reportLocked() {
	for n, l := range o.losses {
		delete(o.losses, n)
		o.l.in.gap(n, adapter.Gap{Type: adapter.GapOutgoing, Operations: l.operations, Err: l.err})
		j := n.peerGap()
		o.bytes += j.size()
		o.queue = append(o.queue, j)
		o.ring()
	}
}

// disconnect: what is queued is lost.
func (o *outbox) disconnect(err error) {
	o.mu.Lock()
	if !errors.Is(o.err, ErrClosed) {
		o.err = fmt.Errorf("%w: %w", ErrNotConnected, err)
	}
	queue := o.queue
	o.queue, o.bytes = nil, 0
	for i := range queue {
		o.loseLocked(queue[i].operation, errBroken)
	}
	if o.closing != nil {
		close(o.closing)
		o.closing = nil
	}
	o.mu.Unlock()
	for i := range queue {
		queue[i].fail(ErrNotConnected)
	}
}

// serve sends jobs by a connection until that fails, or the link ends.
func (o *outbox) serve(c rueidis.DedicatedClient) error {
	idle := time.NewTicker(probeEvery)
	defer idle.Stop()
	for {
		for o.take() {
			if err := o.send(c); err != nil {
				return err
			}
		}
		if o.try.Swap(false) {
			if err := ping(c); err != nil {
				return err
			}
		}
		select {
		case <-o.wake:
		case <-o.life.Done():
			return ErrClosed
		case <-idle.C:
			begin := time.Now()
			if err := ping(c); err != nil {
				return err
			}
			o.roundTrip.Store(int64(time.Since(begin)))
		}
	}
}

// take moves what is queued into the batch, and reports whether there is something.
func (o *outbox) take() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.losses) > 0 {
		o.reportLocked()
	}
	n, bytes := 0, 0
	for n < min(len(o.queue), atOnce) && (n == 0 || bytes+o.queue[n].size() <= batchSize) {
		bytes += o.queue[n].size()
		n++
	}
	o.batch = append(o.batch[:0], o.queue[:n]...)
	o.sending = n
	clear(o.queue[:n])
	if o.queue = o.queue[n:]; len(o.queue) == 0 {
		o.queue = nil
		if n == 0 && o.closing != nil {
			close(o.closing)
			o.closing = nil
		}
	}
	return n > 0
}

// send sends the batch, and waits for Redis to have it. An error means that the
// connection is of no use any more.
func (o *outbox) send(c rueidis.DedicatedClient) error {
	o.commands = o.commands[:0]
	for i := range o.batch {
		j := &o.batch[i]
		if j.counted != nil {
			o.commands = append(o.commands, o.l.dialect.count(c.B(), j.count))
		} else {
			o.commands = append(o.commands, o.l.dialect.publish(c.B(), j.channel, o.l.opts.signer.sign(j.channel, rueidis.BinaryString(j.payload))))
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	begin := time.Now()
	results := c.DoMulti(ctx, o.commands...)
	o.roundTrip.Store(int64(time.Since(begin)))
	cancel()
	var broken, moved error
	o.mu.Lock()
	o.sending = 0
	for i := range o.batch {
		j := &o.batch[i]
		o.bytes -= j.size()
		err := results[i].Error()
		if err == nil {
			o.published++
			continue
		}
		if e := results[i].NonRedisError(); e != nil {
			broken = e
		}
		if isMove(err) {
			moved = err
		}
		o.loseLocked(j.operation, err)
	}
	o.mu.Unlock()
	for i := range o.batch {
		if j := &o.batch[i]; j.counted != nil {
			j.counted(numbers(results[i], len(j.count)))
		}
	}
	clear(o.batch)
	if moved != nil && o.moved != nil {
		o.moved(moved)
	}
	return broken
}

// drain waits until all that is queued is sent; afterwards nothing is taken.
func (o *outbox) drain(patience time.Duration) {
	o.mu.Lock()
	done := make(chan struct{})
	if o.err == nil {
		o.closing = done
		o.ring()
	} else {
		close(done)
	}
	o.err = ErrClosed
	o.mu.Unlock()
	select {
	case <-done:
	case <-time.After(patience):
	}
}

func (o *outbox) state() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

func (o *outbox) stats(s *Stats) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s.Published += o.published
	s.Lost += o.lost
	s.Waiting += o.bytes
	s.Queued += len(o.queue) + o.sending
	s.RoundTrip = max(s.RoundTrip, time.Duration(o.roundTrip.Load()))
}
