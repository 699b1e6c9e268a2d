package socketio

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/gosio/gosio/core/adapter"
)

// step is something to be done in order: an operation of this server, which waits until
// the log has it, or what would overtake one.
type step struct {
	n     uint64 // of the operation that it waits for; 0: it waits for those before it alone
	since time.Duration
	size  int64
	op    *adapter.Operation
	f     *frames // of a broadcast, or for s
	s     *Socket // f is for it, and its listeners have heard
	leave []string
	do    func() // instead of all that; mu is held
}

// steps wait in their order. recovery.mu guards them.
type steps struct {
	list  []*step
	bytes int64
	last  time.Duration // when the log has had one of this server's operations
	timer *time.Timer   // ends the wait; nil: it does not run
}

// A log may give no sign of life for so long, or so much may wait for it. Then this server
// does not wait any more. One that is only slow is waited for: what came early would be
// recovered by no other server.
const (
	placing   = time.Second
	maxSteps  = 10_000
	stepBytes = 16 << 20
)

func (q *steps) empty() bool { return len(q.list) == 0 }

// takeLocked takes the step that waits for an operation, or returns nil.
func (q *steps) takeLocked(n uint64) *step {
	for i, st := range q.list { // most often it is the first
		if st.n == n {
			q.dropLocked(i)
			return st
		}
	}
	return nil
}

func (q *steps) dropLocked(i int) {
	q.bytes -= q.list[i].size
	if i == 0 {
		q.list[0] = nil
		q.list = q.list[1:]
	} else {
		q.list = append(q.list[:i], q.list[i+1:]...)
	}
	if len(q.list) == 0 {
		q.list = nil
	}
}

// queueLocked puts a step behind all that wait.
func (r *recovery) queueLocked(st *step) {
	q := &r.seq.steps
	st.since, st.size = r.now(), 128
	if st.f != nil {
		st.size += st.f.size()
	}
	q.list = append(q.list, st)
	q.bytes += st.size
	if q.timer == nil && !r.ended {
		q.timer = time.AfterFunc(placing, r.overdue)
	}
}

// numberLocked queues an operation that the adapter is going to append.
func (r *recovery) numberLocked(st *step) {
	r.seq.number++
	st.n = r.seq.number
	r.queueLocked(st)
}

// behind does something when all that waits is done. It reports false if nothing waits:
// then the caller is to do it.
func (r *recovery) behind(st *step) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seq.steps.empty() {
		return false
	}
	r.queueLocked(st)
	return true
}

// leaveBehind is Leave behind what was sent to the rooms before.
func leaveBehind(r *recovery, s *Socket, rooms []string) bool {
	return r.behind(&step{s: s, leave: rooms})
}

// awaitSteps waits until what this goroutine has published is done here.
func (r *recovery) awaitSteps(ctx context.Context) {
	done := make(chan struct{})
	if !r.behind(&step{do: func() { close(done) }}) {
		return
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// perform is Namespace.perform for a namespace whose adapter has a log.
func (r *recovery) perform(op *adapter.Operation, local bool, t *tally) error {
	st := &step{op: op}
	if op.Type == adapter.OpBroadcast {
		f, err := framesFor(r.ns, &op.Packet)
		if err != nil {
			return err
		}
		st.f = f
		if t != nil { // an observer does not wait for the log
			t.add(len(r.ns.rooms.match(&op.Target, nil)), f)
		}
	}
	if !local && !op.Packet.Volatile {
		return r.append(st, op)
	}
	var err error
	if !local {
		err = r.ns.adapter.Publish(op)
	}
	if r.behind(st) {
		return err
	}
	r.mu.Lock()
	after := r.doLocked(st, "")
	r.unlock()
	r.runAll([]func(){after})
	return err
}

// append has the adapter append an operation, which is done when the log has it.
func (r *recovery) append(st *step, op *adapter.Operation) error {
	r.mu.Lock()
	r.numberLocked(st)
	r.mu.Unlock()
	return r.handOver(st, op)
}

// handOver gives an operation that is queued to the adapter.
func (r *recovery) handOver(st *step, op *adapter.Operation) error {
	err := r.seq.by.Append(st.n, op)
	r.mu.Lock()
	q := &r.seq
	over := len(q.steps.list) > maxSteps || q.steps.bytes > stepBytes
	var after []func()
	switch {
	case err != nil:
		after = r.hurryLocked(st.n, st)
	case over || q.early:
		q.early = true
		after = r.hurryLocked(noNumber, nil)
	}
	r.unlock()
	r.runAll(after)
	return err
}

// noNumber is behind all numbers of operations.
const noNumber = 1<<64 - 1

// overdue ends the wait for a log that is late.
func (r *recovery) overdue() {
	r.mu.Lock()
	q := &r.seq.steps
	q.timer = nil
	if q.empty() {
		r.mu.Unlock()
		return
	}
	var after []func()
	if rest := max(q.list[0].since, q.last) + placing - r.now(); rest > 0 && !r.ended {
		q.timer = time.AfterFunc(rest, r.overdue)
	} else {
		r.seq.early = true
		after = r.hurryLocked(noNumber, nil)
	}
	r.unlock()
	if after != nil {
		r.ns.srv.note(slog.LevelWarn, "placing", "socketio: the adapter's log is late: events go to the clients of this server without it", r.ns.attrs()...)
	}
	r.runAll(after)
}

// hurryLocked does what waits, up to the operation of that number, without its place in
// the log. lost, if not nil, will have none.
func (r *recovery) hurryLocked(n uint64, lost *step) (after []func()) {
	q := &r.seq
	last := -1
	for i, st := range q.steps.list {
		if st.n != 0 && st.n <= n {
			last = i
		}
	}
	for range last + 1 {
		st := q.steps.list[0]
		q.steps.dropLocked(0)
		if st.n != 0 {
			q.mark = q.number
			if st != lost {
				q.owed++
			}
		}
		after = append(after, r.doLocked(st, ""))
	}
	return r.proceedLocked(after)
}

// proceedLocked does what waits for nothing any more.
func (r *recovery) proceedLocked(after []func()) []func() {
	q := &r.seq.steps
	for !q.empty() && q.list[0].n == 0 {
		st := q.list[0]
		q.dropLocked(0)
		after = append(after, r.doLocked(st, ""))
	}
	return after
}

// doLocked does a step. What it returns is to be called when mu is released.
func (r *recovery) doLocked(st *step, position string) (after func()) {
	switch {
	case st.do != nil:
		st.do()
	case st.leave != nil:
		for _, name := range st.leave {
			r.ns.rooms.exit(st.s, name)
		}
	case st.op == nil:
		r.postStepLocked(st.s, st.f)
	case st.op.Type == adapter.OpBroadcast:
		told := *st.f
		sockets, _ := r.deliverLocked(&st.op.Target, st.f, position, nil)
		if st.s == nil {
			return func() { tellAll(sockets, &told) }
		}
	default:
		return r.operateLocked(st.op, position)
	}
	return nil
}

// postStepLocked sends what is kept for nobody: an acknowledgement, or a volatile event.
func (r *recovery) postStepLocked(s *Socket, f *frames) {
	switch {
	case f == nil || !s.connected():
	case f.volatile:
		if f.open {
			r.stamp(f, r.log.Last(), "")
		}
		_ = s.transmitVolatile(f)
	default:
		_ = r.postLocked(s, f)
	}
}

func (r *recovery) runAll(list []func()) {
	for _, f := range list {
		if f != nil {
			f()
		}
	}
	r.ns.rooms.tell()
}

// giveLocked sends a socket what waits for the log: it is about to be told to leave,
// and comes back for nothing.
func (r *recovery) giveLocked(s *Socket) {
	moved := make(map[string]bool) // rooms that it is going to be in, or not
	in := func(name string) bool {
		is, known := moved[name]
		return name == s.id || is || !known && r.ns.rooms.has(s, name)
	}
	for _, st := range r.seq.steps.list {
		switch {
		case st.leave != nil && st.s == s:
			for _, name := range st.leave {
				moved[name] = false
			}
		case st.op == nil && st.s == s:
			r.postStepLocked(s, st.f)
			st.f = nil
		case st.op == nil || !means(&st.op.Target, s.id, in):
		case st.f != nil:
			r.giveCopyLocked(s, st.f)
		case st.op.Type == adapter.OpDisconnect:
			return
		default:
			for _, name := range st.op.Rooms {
				moved[name] = st.op.Type == adapter.OpJoin
			}
		}
	}
}

// leaveLocked does what a socket that has lost its connection has left behind what waits:
// its session is not to be in those rooms.
func (r *recovery) leaveLocked(s *Socket) {
	for _, st := range r.seq.steps.list {
		if st.s != s {
			continue
		}
		for _, name := range st.leave {
			r.ns.rooms.exit(s, name)
		}
		st.leave = nil
	}
}

// means reports whether a target means the socket of that id, which is in these rooms.
func means(t *adapter.Target, id string, in func(room string) bool) bool {
	if t.Own {
		return len(t.Rooms) == 1 && t.Rooms[0] == id
	}
	return (len(t.Rooms) == 0 || slices.ContainsFunc(t.Rooms, in)) && !slices.ContainsFunc(t.Except, in)
}

// giveCopyLocked sends a socket an event whose frames get another offset later.
func (r *recovery) giveCopyLocked(s *Socket, f *frames) {
	p := f.packet()
	own, err := framesFor(r.ns, &adapter.Packet{Data: p.Data, Attachments: p.Attachments, NoCompress: f.plain})
	if err != nil {
		return
	}
	if own.volatile = f.volatile; own.volatile {
		r.postStepLocked(s, own)
		return
	}
	r.stamp(own, r.log.Last(), "")
	_ = r.postLocked(s, own)
}
