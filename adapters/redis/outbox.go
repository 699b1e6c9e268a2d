package sioredis

import (
	"context"

	"github.com/redis/rueidis"

	"github.com/gosio/gosio/core/adapter"
)

// outbox is the queue of all that this server sends to a Redis, and the one writer that
// takes from it: so what is published has one order.
type outbox struct {
	writer
	l     *link
	open  func() (rueidis.DedicatedClient, func(), error)
	moved func(error) // channels have another master, or may have; nil: they never do

	// Used by the writer only.
	batch    []job
	commands rueidis.Commands

	// Guarded by mu.
	queue   []job
	bytes   int
	sending int // jobs of the batch that Redis has not answered
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

func (o *outbox) init(life context.Context, l *link, open func() (rueidis.DedicatedClient, func(), error)) {
	o.begin(life)
	o.l, o.open = l, open
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

// loseLocked notes an operation that is lost, unless it is of nobody.
func (o *outbox) loseLocked(n *node, err error) {
	if n != nil {
		o.writer.loseLocked(n, err)
	}
}

// run keeps the connection that sends.
func (o *outbox) run() {
	for attempt := 0; ; attempt++ {
		c, closeIt, err := o.open()
		if err == nil {
			attempt = 0
			o.connect()
			err = o.serve(c, o.take, o.send)
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
	o.connectedLocked()
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
	o.brokenLocked(err)
	queue := o.queue
	o.queue, o.bytes = nil, 0
	for i := range queue {
		o.loseLocked(queue[i].operation, errBroken)
	}
	o.mu.Unlock()
	for i := range queue {
		queue[i].fail(ErrNotConnected)
	}
}

// take moves what is queued into the batch, and reports whether there is something.
func (o *outbox) take() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.losses) > 0 {
		o.reportLocked()
	}
	n := fits(len(o.queue), func(i int) int { return o.queue[i].size() })
	o.batch = append(o.batch[:0], o.queue[:n]...)
	o.sending = n
	clear(o.queue[:n])
	if o.queue = o.queue[n:]; len(o.queue) == 0 {
		o.queue = nil
		if n == 0 {
			o.emptyLocked()
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
	results := o.do(c, o.commands)
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

func (o *outbox) stats(s *Stats) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.statsLocked(s)
	s.Waiting += o.bytes
	s.Queued += len(o.queue) + o.sending
}
