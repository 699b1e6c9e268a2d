package sioredis

import (
	"iter"
	"slices"
)

// line is jobs that wait, in the batches in which they are sent: nothing is moved when a
// batch is, however many wait.
type line struct {
	batches []*batch // none of them is empty
	spare   []*batch // are used again
	jobs    int
}

// batch is jobs that are sent together: at most atOnce, and batchSize bytes unless one job
// alone has more.
type batch struct {
	jobs  []job
	text  []byte // of the jobs, one behind the other
	bytes int
}

const fewSpare = 4

// push appends a copy of a job.
func (q *line) push(j *job) {
	size := j.size()
	var last *batch
	if n := len(q.batches); n > 0 {
		last = q.batches[n-1]
	}
	if last == nil || len(last.jobs) == atOnce || last.bytes+size > batchSize {
		last = q.begin()
	}
	begin := len(last.text)
	last.text = append(last.text, j.text...) // those in front keep what they have
	last.jobs = append(last.jobs, job{j.operation, last.text[begin:], j.split, j.count})
	last.bytes += size
	q.jobs++
}

// begin begins a batch behind all others.
func (q *line) begin() *batch {
	b := new(batch)
	if n := len(q.spare); n > 0 {
		b = q.spare[n-1]
		q.spare = slices.Delete(q.spare, n-1, n)
	} else if len(q.batches) > 0 { // there is load: it will be full, as the one before
		b.jobs, b.text = make([]job, 0, atOnce), make([]byte, 0, min(len(q.batches[len(q.batches)-1].text), batchSize))
	}
	q.batches = append(q.batches, b)
	return b
}

// pop takes the first batch. It is nil if there is none.
func (q *line) pop() *batch {
	if len(q.batches) == 0 { // one is enough until there is load again
		q.spare = slices.Delete(q.spare, min(1, len(q.spare)), len(q.spare))
		return nil
	}
	b := q.batches[0]
	q.batches = slices.Delete(q.batches, 0, 1)
	q.jobs -= len(b.jobs)
	if n := q.mostSpare(); len(q.spare) > n {
		q.spare = slices.Delete(q.spare, n, len(q.spare))
	}
	return b
}

// mostSpare is how many batches are kept to be used again: as many as wait, for a queue that
// grows and shrinks under load.
func (q *line) mostSpare() int { return max(fewSpare, len(q.batches)) }

// recycle gives back a batch that was taken, with what is in it.
func (q *line) recycle(b *batch) {
	if len(q.spare) >= q.mostSpare() {
		return
	}
	clear(b.jobs)
	b.jobs, b.text, b.bytes = b.jobs[:0], b.text[:0], 0
	if cap(b.text) > 2*batchSize {
		b.text = nil
	}
	q.spare = append(q.spare, b)
}

func (q *line) all() iter.Seq[*job] {
	return func(yield func(*job) bool) {
		for _, b := range q.batches {
			for i := range b.jobs {
				if !yield(&b.jobs[i]) {
					return
				}
			}
		}
	}
}
