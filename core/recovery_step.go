package socketio

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/internal/pending"
)

// step is something to be done in order: an operation of this server, which waits until
// the log has it, or what would overtake one. One of its parts is set, but for an event of
// one socket, which has three.
type step struct {
	op   *adapter.Operation
	f    *frames // of a broadcast, or for s
	s    *Socket // f is for it, and its listeners have heard
	do   func()  // is called with mu held
	then func()  // is called when mu is released
}

// waiting is a step that waits.
type waiting = pending.Step[step]

// A log may give no sign of life for so long, or so much may wait for it. Then this server
// does not wait any more. One that is only slow is waited for: what came early would be
// recovered by no other server.
const (
	placing   = time.Second
	maxSteps  = 10_000
	stepBytes = 16 << 20
)

// queueLocked puts a step behind all that wait.
func (r *recovery) queueLocked(st *waiting) {
	q := &r.seq
	st.Since, st.Size = r.now(), 128
	if st.Value.f != nil {
		st.Size += st.Value.f.size()
	}
	q.steps.Add(st)
	if q.timer == nil && !r.ended {
		q.timer = time.AfterFunc(placing, r.overdue)
	}
	if st.Number == 0 && q.crowdedLocked() { // an operation has to be appended first
		r.hurryLocked()
	}
}

// crowdedLocked reports whether too much waits.
func (q *sequence) crowdedLocked() bool {
	return q.steps.Len() > maxSteps || q.steps.Bytes() > stepBytes
}

// numberLocked queues an operation that the adapter is going to append.
func (r *recovery) numberLocked(st *waiting) {
	r.seq.number++
	st.Number = r.seq.number
	r.queueLocked(st)
}

// behind does something when all that waits is done. It reports false if nothing waits:
// then the caller is to do it.
func (r *recovery) behind(st step) bool {
	r.mu.Lock()
	defer r.unlock()
	if r.seq.steps.Empty() {
		return false
	}
	r.queueLocked(&waiting{Value: st})
	return true
}

// awaitSteps waits until what this goroutine has published is done here.
func (r *recovery) awaitSteps(ctx context.Context) {
	done := make(chan struct{})
	if !r.behind(step{do: func() { close(done) }}) {
		return
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// perform is the function perform for a namespace whose adapter has a log.
func (r *recovery) perform(op *adapter.Operation, local bool, t *tally) error {
	st := step{op: op}
	if op.Type == adapter.OpBroadcast {
		f, err := framesFor(r.ns, &op.Packet)
		if err != nil {
			return err
		}
		st.f = f
		if t != nil { // an observer does not wait for the log
			sockets := r.ns.rooms.match(&op.Target, nil)
			t.add(len(sockets), f)
			for _, s := range sockets {
				t.recipient(s, nil)
			}
		}
	}
	if !local && !op.Packet.Volatile {
		w := &waiting{Value: st}
		r.mu.Lock()
		r.numberLocked(w)
		r.unlock()
		return r.handOver(w)
	}
	var err error
	if !local {
		err = r.ns.adapter.Publish(op)
	}
	r.mu.Lock()
	defer r.unlock()
	if r.seq.steps.Empty() {
		r.doLocked(&waiting{Value: st}, "")
	} else {
		r.queueLocked(&waiting{Value: st})
	}
	return err
}

// handOver gives an operation that is queued to the adapter.
func (r *recovery) handOver(st *waiting) error {
	err := r.seq.by.Append(st.Number, st.Value.op)
	r.mu.Lock()
	defer r.unlock()
	q := &r.seq
	if err != nil {
		q.steps.Refused(st.Number)
		r.proceedLocked()
		return err
	}
	q.steps.Appended(st.Number, q.number)
	if q.early || q.crowdedLocked() {
		r.hurryLocked()
	}
	return nil
}

// overdue ends the wait for a log that is late.
func (r *recovery) overdue() {
	r.mu.Lock()
	defer r.unlock()
	q := &r.seq
	q.timer = nil
	if q.steps.Empty() {
		return
	}
	if rest := max(q.steps.Steps()[0].Since, q.heard) + placing - r.now(); rest > 0 && !r.ended {
		q.timer = time.AfterFunc(rest, r.overdue)
		return
	}
	r.after = append(r.after, func() {
		r.ns.srv.note(slog.LevelWarn, "placing", "socketio: the adapter's log is late: events go to the clients of this server without it", r.ns.attrs()...)
	})
	r.hurryLocked()
}

// hurryLocked does all that waits, without its place in the log, and lets nothing wait
// until the log is there again.
func (r *recovery) hurryLocked() {
	r.seq.early = true
	for st := r.seq.steps.Hurry(); st != nil; st = r.seq.steps.Hurry() {
		r.doLocked(st, "")
	}
	r.seq.steps.Settle()
}

// proceedLocked does what waits for nothing any more.
func (r *recovery) proceedLocked() {
	for st := r.seq.steps.Next(); st != nil; st = r.seq.steps.Next() {
		r.doLocked(st, "")
	}
	r.seq.steps.Settle()
}

// doLocked does a step.
func (r *recovery) doLocked(st *waiting, position string) {
	switch v := &st.Value; {
	case v.do != nil:
		v.do()
	case v.then != nil:
		r.after = append(r.after, v.then)
	case v.op == nil:
		r.postStepLocked(v.s, v.f)
	case v.op.Type == adapter.OpBroadcast:
		told := *v.f
		sockets, _ := r.deliverLocked(place{position, st.Seq}, &v.op.Target, v.f, nil, nil)
		if v.s == nil {
			r.after = append(r.after, func() { tellAll(sockets, &told) })
		}
	default:
		r.operateLocked(place{position, st.Seq}, v.op)
	}
}

// postStepLocked sends what is kept for nobody: an acknowledgement, or a volatile event.
func (r *recovery) postStepLocked(s *Socket, f *frames) {
	switch {
	case f == nil || !s.connected() || s.track.parted:
	case f.volatile:
		if f.open {
			stampLocked(r, f, r.log.Last(), "")
		}
		_ = s.transmitVolatile(f)
	default:
		_ = r.postLocked(s, f)
	}
}

// place is where an operation is done: its position in the log of all servers, or none, and
// behind which steps of this one; 0 for what has not waited here.
type place struct {
	position string
	seq      uint64
}

// turn is where a step would move a socket.
type turn struct {
	seq  uint64
	room string
	was  bool
}

// move is Join and Leave behind what waits: the socket moves at once, and what waits finds
// it where it was.
func (r *recovery) move(s *Socket, names []string, join bool, limit int) (err error) {
	r.mu.Lock()
	defer r.unlock()
	r.after = append(r.after, r.ns.rooms.tell)
	var would []turn
	in := r.walkLocked(s, func(*waiting, func(string) bool) bool { return true }, func(seq uint64, name string, was bool) {
		if slices.Contains(names, name) {
			would = append(would, turn{seq, name, was})
		}
	})
	for _, name := range names {
		was := in(name)
		if join {
			err = r.ns.rooms.enter(s, []string{name}, limit, true)
		} else {
			r.ns.rooms.exit(s, name)
		}
		if err != nil {
			break
		}
		for _, w := range would {
			if w.room == name {
				r.seq.steps.MovedAt(w.seq, s.track.pid, name, w.was)
			}
		}
		r.seq.steps.Moved(s.track.pid, name, was)
	}
	return err
}

// walkLocked goes through what waits, with the rooms that a socket will be in, until visit
// returns false. What it returns tells of the rooms afterwards. moves, if not nil, hears of
// what will move the socket.
func (r *recovery) walkLocked(s *Socket, visit func(st *waiting, in func(room string) bool) bool,
	moves func(seq uint64, room string, was bool),
) func(room string) bool {
	q, pid := &r.seq.steps, s.track.pid
	var moved map[string]bool
	seq := uint64(0)
	in := func(name string) bool {
		if was, later := q.Was(pid, name, seq); later {
			return was
		}
		is, known := moved[name]
		return name == s.id || is || !known && r.ns.rooms.has(s, name)
	}
	for _, st := range q.Steps() {
		seq = st.Seq
		if !visit(st, in) {
			break
		}
		op := st.Value.op
		if op == nil || op.Type != adapter.OpJoin && op.Type != adapter.OpLeave || !means(&op.Target, s.id, in) {
			continue
		}
		for _, name := range op.Rooms {
			_, later := q.Was(pid, name, seq)
			was, is := in(name), op.Type == adapter.OpJoin
			if later || was == is {
				continue
			}
			if moved == nil {
				moved = make(map[string]bool)
			}
			moved[name] = is
			if moves != nil {
				moves(seq, name, was)
			}
		}
	}
	seq = behindAll
	return in
}

// behindAll is a number that no step has.
const behindAll = 1<<64 - 1

// means reports whether a target means the socket of that id, which is in these rooms.
func means(t *adapter.Target, id string, in func(room string) bool) bool {
	if t.Own {
		return len(t.Rooms) == 1 && t.Rooms[0] == id
	}
	return (len(t.Rooms) == 0 || slices.ContainsFunc(t.Rooms, in)) && !slices.ContainsFunc(t.Except, in)
}
