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
		q.waiting = batches.Get().(*Batch)
	}
	q.waiting.Jobs = append(q.waiting.Jobs, *j)
	first = !q.running
	q.running = true
	return first
}

// Take returns the jobs that the dispatcher is to do next, or nil if it has to end. What
// waits behind a Connect stays in the queue, where DropEvents finds it.
func (q *Queue) Take() *Batch {
	batch := q.waiting
	q.waiting = nil
	q.running = batch != nil
	if batch != nil && len(batch.Jobs) > 1 && batch.Jobs[0].Kind == Connect {
		q.waiting = batches.Get().(*Batch)
		q.waiting.Jobs = append(q.waiting.Jobs, batch.Jobs[1:]...)
		clear(batch.Jobs[1:])
		batch.Jobs = batch.Jobs[:1]
	}
	return batch
}

// Return puts the jobs of a batch, from the one at an index on, before those that wait:
// the dispatcher that took them does not do them.
func (q *Queue) Return(batch *Batch, from int) {
	batch.Jobs = slices.Delete(batch.Jobs, 0, from)
	if q.waiting != nil {
		batch.Jobs = append(batch.Jobs, q.waiting.Jobs...)
	}
	q.waiting = batch
}

// DropEvents drops the events that wait, and returns their size.
func (q *Queue) DropEvents() (size int64) {
	if q.waiting == nil {
		return 0
	}
	q.waiting.Jobs = slices.DeleteFunc(q.waiting.Jobs, func(j Job) bool {
		if j.Kind != Event {
			return false
		}
		size += j.Size()
		return true
	})
	return size
}

// Discard drops all that waits for a dispatcher that is never going to run, and returns
// its size.
func (q *Queue) Discard() (size int64) {
	batch := q.waiting
	q.waiting, q.running = nil, false
	for i := range batch.Jobs {
		size += batch.Jobs[i].Size()
	}
	batch.Free()
	return size
}

// Batch is a number of jobs, in order.
type Batch struct{ Jobs []Job }

var batches = sync.Pool{New: func() any { return new(Batch) }}

const maxPooled = 64

// Free gives a batch back. Nobody may use the batch after that.
func (b *Batch) Free() {
	if cap(b.Jobs) <= maxPooled {
		clear(b.Jobs)
		b.Jobs = b.Jobs[:0]
		batches.Put(b)
	}
}
