// Package pending keeps what waits for its place in a log that servers share, in the order
// in which it was asked for, and how members have moved between rooms since. The package
// has no lock, no clock and no goroutine.
package pending

import (
	"slices"
	"time"
)

// Step is something to be done in order.
type Step[S any] struct {
	Value S
	// Number is that of the operation whose place in the log the step waits for; 0 if the
	// step waits for those before it alone.
	Number uint64
	// Seq counts the steps.
	Seq uint64
	// Since is when the step was added, Size what it counts.
	Since time.Duration
	Size  int64

	appended uint64 // the newest number when it was known that the operation will be in the log; 0: it is not known
}

// Queue is the steps that wait, and what was done early. The zero value is empty. The
// caller's lock guards it.
type Queue[S any] struct {
	steps []*Step[S]
	bytes int64
	seq   uint64
	// owed are the numbers of operations that were done without their places, which are
	// still to come, with what appended of Step is.
	owed  map[uint64]uint64
	moves map[string][]move // by room, in order
	moved int
}

// Empty reports whether nothing waits.
func (q *Queue[S]) Empty() bool { return len(q.steps) == 0 }

// Len is how many steps there are, and four times as many as moves: each step may have to
// look at all of them.
func (q *Queue[S]) Len() int { return len(q.steps) + 4*q.moved }

// Bytes is the sum of what the steps count.
func (q *Queue[S]) Bytes() int64 { return q.bytes }

// Steps are those that wait, in order. The list must not be changed.
func (q *Queue[S]) Steps() []*Step[S] { return q.steps }

// Add puts a step behind all others.
func (q *Queue[S]) Add(st *Step[S]) {
	q.seq++
	st.Seq = q.seq
	q.steps = append(q.steps, st)
	q.bytes += st.Size
}

// Take takes the step that waits for an operation, or returns nil.
func (q *Queue[S]) Take(number uint64) *Step[S] {
	for i, st := range q.steps { // most often it is the first
		if st.Number == number {
			q.drop(i)
			return st
		}
	}
	return nil
}

// Next takes the oldest step if it waits for nothing any more, or returns nil.
func (q *Queue[S]) Next() *Step[S] {
	if len(q.steps) == 0 || q.steps[0].Number != 0 {
		return nil
	}
	return q.drop(0)
}

// Hurry takes the oldest step, though it may wait for its place. It returns nil if nothing
// waits.
func (q *Queue[S]) Hurry() *Step[S] {
	if len(q.steps) == 0 {
		return nil
	}
	return q.dropEarly(0)
}

// Ahead takes the oldest step that has to be done before an operation that has got its
// place, or returns nil: one that waits for nothing, or that is lost, because it should have
// come before that operation.
func (q *Queue[S]) Ahead(number uint64) *Step[S] {
	for i, st := range q.steps {
		if i == 0 && st.Number == 0 || st.appended != 0 && number > st.appended {
			return q.dropEarly(i)
		}
		if st.Number == number { // most often it is the first
			return nil
		}
	}
	return nil
}

// dropEarly takes a step that may not have got its place.
func (q *Queue[S]) dropEarly(i int) *Step[S] {
	st := q.drop(i)
	if st.Number != 0 {
		if q.owed == nil {
			q.owed = make(map[uint64]uint64)
		}
		q.owed[st.Number] = st.appended
	}
	return st
}

func (q *Queue[S]) drop(i int) *Step[S] {
	st := q.steps[i]
	q.bytes -= st.Size
	if i == 0 {
		q.steps[0] = nil
		q.steps = q.steps[1:]
	} else {
		q.steps = slices.Delete(q.steps, i, i+1)
	}
	return st
}

// Settle is to be called when a step that was taken is done: moves that nothing waits for
// are forgotten.
func (q *Queue[S]) Settle() {
	if len(q.steps) == 0 {
		q.steps, q.moves, q.moved = nil, nil, 0
	}
}

// Appended notes that an operation is going to be in the log, behind all that is so
// already. newest is the newest number that there is: an operation with a later one comes
// behind this one, or this one is lost.
func (q *Queue[S]) Appended(number, newest uint64) {
	if _, early := q.owed[number]; early {
		q.owed[number] = newest
		return
	}
	for _, st := range slices.Backward(q.steps) {
		if st.Number == number {
			st.appended = newest
			return
		}
	}
}

// Refused notes that an operation will not be in the log. Its step waits for those before
// it alone.
func (q *Queue[S]) Refused(number uint64) {
	delete(q.owed, number)
	for _, st := range slices.Backward(q.steps) {
		if st.Number == number {
			st.Number = 0
		}
	}
}

// Owing reports whether operations that were done early are still to come in the log.
func (q *Queue[S]) Owing() bool { return len(q.owed) > 0 }

// Placed notes that an operation that no step waits for is in the log. It reports whether
// operations that were done early are owed no more: this one, and those that are lost
// because they should have come before it.
func (q *Queue[S]) Placed(number uint64) (settled bool) {
	for n, appended := range q.owed {
		if n == number || appended != 0 && number > appended {
			delete(q.owed, n)
			settled = true
		}
	}
	return settled
}

// GivenUp forgets the operations that are owed and known to have been appended: they will
// not come.
func (q *Queue[S]) GivenUp() {
	for n, appended := range q.owed {
		if appended != 0 {
			delete(q.owed, n)
		}
	}
}
