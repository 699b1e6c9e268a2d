package outbox

import "sync"

// keyed is what a queue knows of the events in it that have a key, of which only the
// newest are kept. A message that a newer one replaces is taken out in two steps, so that
// the cost does not depend on the length of the queue: its place stays, without a frame,
// until compact removes many of them at a time.
type keyed struct {
	of    *Queue
	slots []slot         // in the order of the queue
	runs  map[string]run // by key: those of slots that are still queued
	gaps  int            // messages of the queue without a frame
}

// slot is one event with a key.
type slot struct {
	key  string
	at   int // index of its first message
	msgs int
	next int // the slot of the next event with this key
}

// run is the events of one key, oldest first.
type run struct{ first, last, events int }

// tables are those of queues that hold nothing with a key any more.
var tables = sync.Pool{New: func() any { return &keyed{runs: make(map[string]run)} }}

// maxTable is how many slots a pooled table has at most.
const maxTable = 256

// maxGaps is how many messages without a frame may stay in a queue, if they are not more
// than half of it.
const maxGaps = 32

// table returns the table of the queue, nil if nothing in it has a key.
func (q *Queue) table() *keyed {
	if k := q.Budget.keyed; k != nil && k.of == q {
		return k
	}
	return nil
}

// Replace makes room for an event with a key, of which there may be as many as most: it
// takes the oldest ones out, and returns how many messages these were. What is being
// written stays. Keep is to be called when the event has been pushed.
func (q *Queue) Replace(key string, most int) (replaced int) {
	k := q.table()
	if k == nil {
		return 0
	}
	r, found := k.runs[key]
	if !found || r.events < most {
		return 0
	}
	for ; r.events > 0 && r.events >= most; r.events-- {
		s := &k.slots[r.first]
		q.empty(q.Msgs[s.at : s.at+s.msgs])
		k.gaps += s.msgs
		replaced += s.msgs
		r.first = s.next
	}
	if r.events == 0 {
		delete(k.runs, key)
	} else {
		k.runs[key] = r
	}
	if k.gaps > maxGaps && k.gaps > len(q.Msgs)/2 {
		q.compact()
	}
	return replaced
}

// empty takes the frames of messages away.
func (q *Queue) empty(msgs []Message) {
	q.Credit(int(SizeOf(msgs)))
	clear(msgs)
}

// Keep notes that the last messages are an event with a key.
func (q *Queue) Keep(key string, last int) {
	k := q.table()
	if k == nil {
		k = tables.Get().(*keyed)
		k.of, q.Budget.keyed = q, k
	}
	k.add(slot{key: key, at: len(q.Msgs) - last, msgs: last})
}

// add appends a slot.
func (k *keyed) add(s slot) {
	i := len(k.slots)
	k.slots = append(k.slots, s)
	r, found := k.runs[s.key]
	if found {
		k.slots[r.last].next = i
	} else {
		r.first = i
	}
	r.last = i
	r.events++
	k.runs[s.key] = r
}

// compact removes messages without a frame.
func (q *Queue) compact() {
	k := q.table()
	var slots []slot
	if k != nil {
		slots, k.slots, k.gaps = k.slots, k.slots[:0], 0
		clear(k.runs)
	}
	n, s := 0, 0
	for i := range q.Msgs {
		for s < len(slots) && slots[s].at < i {
			s++
		}
		if q.Msgs[i].Frame == nil {
			continue
		}
		if s < len(slots) && slots[s].at == i {
			kept := slots[s]
			kept.at = n
			k.add(kept)
			s++
		}
		q.Msgs[n] = q.Msgs[i]
		n++
	}
	clear(q.Msgs[n:])
	q.Msgs = q.Msgs[:n]
	if k != nil {
		clear(slots[len(k.slots):])
	}
}

// unkey removes messages without a frame, and forgets keys: what is queued stays.
func (q *Queue) unkey() {
	k := q.table()
	if k == nil {
		return
	}
	if k.gaps > 0 {
		q.compact()
	}
	q.Budget.keyed = nil
	k.free()
}

// free gives the table back.
func (k *keyed) free() {
	if cap(k.slots) > maxTable {
		return
	}
	clear(k.slots)
	clear(k.runs)
	k.of, k.slots, k.gaps = nil, k.slots[:0], 0
	tables.Put(k)
}

// MoveTo moves what is queued to another queue of the same budget, behind what is there,
// in the form that convert returns. Events keep their keys.
func (q *Queue) MoveTo(to *Queue, convert func(Message) Message) {
	k := q.table()
	if k != nil {
		if k.gaps > 0 {
			q.compact()
		}
		q.Budget.keyed = nil
	}
	moved := q.Take()
	q.Credit(int(SizeOf(moved.Msgs)))
	if k != nil {
		k.of, q.Budget.keyed = to, k
		k.shift(len(to.Msgs))
	}
	for _, m := range moved.Msgs {
		to.Push(convert(m))
	}
	to.takeTiming(to.Msgs[len(to.Msgs)-len(moved.Msgs):], moved.timed)
	Recycle(moved.Msgs)
}

// shift notes that so many messages are in front of the others.
func (k *keyed) shift(n int) {
	for i := range k.slots {
		k.slots[i].at += n
	}
}
