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

	commands rueidis.Commands // used by the writer only

	// Guarded by mu.
	queue line
	batch *batch // that Redis has not answered; the writer alone uses its jobs
	bytes int
}

// job is one command. It publishes, or counts subscribers.
type job struct {
	operation *node     // whose operation it is; nil: of nobody who would miss it
	text      []byte    // a channel, and what is published there; who pushes the job may change it afterwards
	split     int       // where in text the channel ends
	count     *counting // nil: it publishes
}

// publication returns a job that publishes.
func publication(channel string, payload []byte) job {
	return job{text: append([]byte(channel), payload...), split: len(channel)}
}

// channel and payload are valid as long as text is.
func (j *job) channel() string { return rueidis.BinaryString(j.text[:j.split]) }
func (j *job) payload() string { return rueidis.BinaryString(j.text[j.split:]) }

// counting asks how many connections subscribe to channels.
type counting struct {
	channels []string
	done     func(numbers []int, err error) // is called once
}

func (j *job) size() int {
	size := len(j.text) + 64
	if j.count != nil {
		size += 32 * len(j.count.channels)
	}
	return size
}

func (j *job) fail(err error) {
	if j.count != nil {
		j.count.done(nil, err)
	}
}

func (o *outbox) init(life context.Context, l *link, open func() (rueidis.DedicatedClient, func(), error)) {
	o.begin(life)
	o.l, o.open = l, open
}

// push implements sender.
func (o *outbox) push(j job) error {
	o.mu.Lock()
	err := o.admitLocked(j.size())
	if err == nil {
		o.queue.push(&j)
	} else {
		o.loseLocked(j.operation, err)
	}
	o.mu.Unlock()
	if err == nil {
		o.ring()
	}
	return err
}

// pushAll implements sender.
func (o *outbox) pushAll(jobs ...job) error {
	size := 0
	for i := range jobs {
		size += jobs[i].size()
	}
	o.mu.Lock()
	err := o.admitLocked(size)
	for i := range jobs {
		if err == nil {
			o.queue.push(&jobs[i])
		} else {
			o.loseLocked(jobs[i].operation, err)
		}
	}
	o.mu.Unlock()
	if err == nil {
		o.ring()
	}
	return err
}

// admitLocked counts bytes that are to be queued, or says why there is no place for them.
func (o *outbox) admitLocked(size int) error {
	if o.err != nil {
		return o.err
	}
	if o.bytes > 0 && o.bytes+size > o.l.opts.OutboxSize {
		return ErrOutboxFull
	}
	o.bytes += size
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
		told := n.peerGap()
		o.bytes += told.size()
		o.queue.push(&told)
		o.ring()
	}
}

// disconnect: what is queued is lost.
func (o *outbox) disconnect(err error) {
	o.mu.Lock()
	o.brokenLocked(err)
	queue := o.queue
	o.queue, o.batch, o.bytes = line{}, nil, 0
	for j := range queue.all() {
		o.loseLocked(j.operation, errBroken)
	}
	o.mu.Unlock()
	for j := range queue.all() {
		j.fail(ErrNotConnected)
	}
}

// take takes the next batch, and reports whether there is one.
func (o *outbox) take() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.losses) > 0 {
		o.reportLocked()
	}
	if o.batch = o.queue.pop(); o.batch == nil {
		o.emptyLocked()
	}
	return o.batch != nil
}

// send sends the batch, and waits for Redis to have it. An error means that the
// connection is of no use any more.
func (o *outbox) send(c rueidis.DedicatedClient) error {
	jobs := o.batch.jobs
	o.commands = o.commands[:0]
	for i := range jobs {
		j := &jobs[i]
		if j.count != nil {
			o.commands = append(o.commands, o.l.dialect.count(c.B(), j.count.channels))
		} else {
			channel := j.channel()
			o.commands = append(o.commands, o.l.dialect.publish(c.B(), channel, o.l.opts.signer.sign(channel, j.payload())))
		}
	}
	results := o.do(c, o.commands)
	var broken, moved error
	failed := 0
	for i := range jobs {
		if err := results[i].Error(); err != nil {
			failed++
			if e := results[i].NonRedisError(); e != nil {
				broken = e
			}
			if isMove(err) {
				moved = err
			}
		}
		if count := jobs[i].count; count != nil {
			count.done(numbers(results[i], len(count.channels)))
		}
	}
	o.settle(results, failed, broken != nil)
	if moved != nil && o.moved != nil {
		o.moved(moved)
	}
	return broken
}

// settle notes what Redis has not taken of the batch, and gives that back. The client
// library may still read what it could not send by a connection that is broken.
func (o *outbox) settle(results []rueidis.RedisResult, failed int, broken bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	jobs := o.batch.jobs
	o.bytes -= o.batch.bytes
	o.published += uint64(len(jobs) - failed)
	for i := 0; failed > 0; i++ {
		if err := results[i].Error(); err != nil {
			o.loseLocked(jobs[i].operation, err)
			failed--
		}
	}
	if !broken {
		o.queue.recycle(o.batch)
	}
	o.batch = nil
}

func (o *outbox) stats(s *Stats) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.statsLocked(s)
	s.Waiting += o.bytes
	if s.Queued += o.queue.jobs; o.batch != nil {
		s.Queued += len(o.batch.jobs)
	}
}
