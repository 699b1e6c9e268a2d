// Package inbox queues what a socket's dispatcher does.
package inbox

import (
	"slices"
	"sync"

	"github.com/gosio/gosio/core/parser"
)

// Kind says what a dispatcher has to do.
type Kind uint8

// The kinds of jobs.
const (
	Event      Kind = iota // call the handler
	Connect                // ask the middleware, then greet
	Greet                  // call the hooks of a socket that has joined: what is left of Connect
	Disconnect             // call the hooks of a socket that has left
	Done                   // nothing is left to do
)

// Job is one thing that a dispatcher does.
type Job struct {
	Kind   Kind
	Reason string        // of Disconnect
	Hook   int           // of Greet and Disconnect: the number of hooks that have begun
	Packet parser.Packet // of Event and, as Data, the auth payload of Connect; the job's own
}

// overhead is what a job counts beside its data.
const overhead = 128

// Size is what a job that waits counts against its connection, in bytes.
func (j *Job) Size() int64 {
	n := int64(len(j.Packet.Data)) + overhead
	for _, a := range j.Packet.Attachments {
		n += int64(len(a))
	}
	return n
}

// Queue is what waits for one socket's dispatcher, of which one at most runs. The zero
// value is empty and takes little memory. The caller's lock guards a Queue.
type Queue struct {
	waiting *Batch // nil: nothing
	running bool   // a dispatcher is at work, or about to be
}

// Push adds a job. first reports that no dispatcher runs: the caller has to run one.
func (q *Queue) Push(j *Job) (first bool) {
	if q.waiting == nil {
		q.waiting = newBatch()
	}
	last := q.waiting.last
	if len(last.Jobs) == maxJobs {
		last.next = newBatch()
		last = last.next
		q.waiting.last = last
	}
	last.add(j)
	first = !q.running
	q.running = true
	return first
}

// Take returns the jobs that the dispatcher is to do next, or nil if it has to end. What
// waits behind a Connect stays in the queue, where DropEvents finds it.
func (q *Queue) Take() *Batch {
	batch := q.waiting
	q.running = batch != nil
	if batch == nil {
		return nil
	}
	if len(batch.Jobs) > 1 && batch.Jobs[0].Kind == Connect {
		rest := newBatch()
		for i := range batch.Jobs[1:] {
			rest.add(&batch.Jobs[1+i])
		}
		clear(batch.Jobs[1:])
		batch.Jobs = batch.Jobs[:1]
		rest.before(batch.next, batch.last)
		batch.next = rest
	}
	q.waiting = batch.next
	if q.waiting != nil && batch.last != batch {
		q.waiting.last = batch.last
	}
	batch.next, batch.last = nil, nil
	return batch
}

// Return puts the jobs of a batch, from the one at an index on, before those that wait:
// the dispatcher that took them does not do them.
func (q *Queue) Return(batch *Batch, from int) {
	batch.Jobs = slices.Delete(batch.Jobs, 0, from)
	batch.last = batch
	if q.waiting != nil {
		batch.before(q.waiting, q.waiting.last)
	}
	q.waiting = batch
}

// DropEvents drops the events that wait, and returns their size.
func (q *Queue) DropEvents() (size int64) {
	for b := q.waiting; b != nil; b = b.next {
		b.Jobs = slices.DeleteFunc(b.Jobs, func(j Job) bool {
			if j.Kind != Event {
				return false
			}
			size += j.Size()
			return true
		})
	}
	return size
}

// Discard drops all that waits for a dispatcher that is never going to run, and returns
// its size.
func (q *Queue) Discard() (size int64) {
	b := q.waiting
	q.waiting, q.running = nil, false
	for b != nil {
		for i := range b.Jobs {
			size += b.Jobs[i].Size()
		}
		next := b.next
		b.Free()
		b = next
	}
	return size
}

// Batch is a number of jobs, in order. Those of a queue are a list: a client that sends
// many events at a time does not make one array grow.
type Batch struct {
	Jobs []Job
	next *Batch
	last *Batch // of the first batch of a queue: the last one
}

// maxJobs is how many jobs a batch has at most.
const maxJobs = 64

var batches = sync.Pool{New: func() any { return new(Batch) }}

func newBatch() *Batch {
	b := batches.Get().(*Batch)
	b.last = b
	return b
}

// before puts the batch before a list, which may be of this batch alone.
func (b *Batch) before(next, last *Batch) {
	b.next = next
	if next != nil {
		b.last = last
	}
}

// add adds a job. A batch of one event takes little memory.
func (b *Batch) add(j *Job) {
	if n := len(b.Jobs); n == cap(b.Jobs) {
		b.Jobs = append(make([]Job, 0, max(1, min(8*n, maxJobs))), b.Jobs...)
	}
	b.Jobs = append(b.Jobs, *j)
}

// Free gives a batch back. Nobody may use the batch after that.
func (b *Batch) Free() {
	clear(b.Jobs)
	b.Jobs, b.next, b.last = b.Jobs[:0], nil, nil
	batches.Put(b)
}
