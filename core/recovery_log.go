package socketio

import (
	"errors"
	"log/slog"
	"time"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/internal/history"
	"github.com/gosio/gosio/core/internal/pending"
)

// sequence is what recovery knows of the log that the servers of a cluster share, see
// [adapter.Sequencer]. recovery.mu guards all but by, which does not change when
// the namespace is ready.
type sequence struct {
	by adapter.Sequencer // nil: the adapter has no log

	fetched  *fetched      // of what is older than the log of this server; nil: nothing
	fetching chan struct{} // closed when somebody has fetched it; nil: nobody does

	following bool // everything behind at is to come
	gapped    bool // but for what was lost before the next entry
	epoch     string
	at        string // position of the newest entry that is done here
	atPos     uint64 // log.Last() then
	floor     string // sockets from before floorPos may have got something else up to here
	floorPos  uint64
	advance   chan struct{} // closed when at changes; nil: nobody waits

	number uint64              // of the newest operation of this server
	steps  pending.Queue[step] // what waits for the log
	early  bool                // the log is late: nothing waits for it
	heard  time.Duration       // when the log has had one of this server's operations
	timer  *time.Timer         // ends the wait; nil: it does not run
	alone  uint64              // number of the newest event that no other server has; 0: none
}

// sequenceBy finds out whether the adapter has a log.
func (r *recovery) sequenceBy(a adapter.Adapter) {
	by, ok := a.(adapter.Sequencer)
	if !ok {
		return
	}
	r.mu.Lock() // the adapter may deliver already
	defer r.unlock()
	r.seq.by = by
	r.shelf.by, _ = a.(adapter.SessionStore)
}

// sequenced reports whether the servers of a cluster share the log. The namespace is
// ready.
func (r *recovery) sequenced() bool { return r != nil && r.seq.by != nil }

func notePosition(ns *Namespace, position string) {
	ns.srv.note(slog.LevelError, "position", "socketio: the adapter has given a position that is none", ns.attrs(slog.Int("bytes", len(position)))...)
}

// Follow implements adapter.Local.
func (l *local) Follow(epoch, position string) {
	r := l.ns.recovery
	if r == nil {
		return
	}
	if !adapter.ValidPosition(position) {
		notePosition(l.ns, position)
		return
	}
	r.mu.Lock()
	q := &r.seq
	anew := q.at != "" && epoch != q.epoch
	switch {
	case anew:
		r.beginAnewLocked(position)
	case q.at != "" && adapter.ComparePositions(position, q.at) < 0:
		position = q.at // what is behind it is done already
	}
	q.following, q.gapped, q.epoch = true, false, epoch
	r.reachLocked(position)
	r.floorLocked(position)
	r.unlock()
	if anew {
		tellGap(l.ns, adapter.Gap{Type: adapter.GapIncoming, Err: errAnew})
	}
}

func (r *recovery) takeGap() {
	r.mu.Lock()
	defer r.unlock()
	r.gapLocked()
	r.seq.gapped = r.seq.following
}

// giveUp waits no more for operations that were done here early.
func (r *recovery) giveUp() {
	r.mu.Lock()
	defer r.unlock()
	r.seq.steps.GivenUp()
}

// gapLocked takes a position for a gap: no session is recovered from a position before it.
func (r *recovery) gapLocked() {
	rs := &r.ns.rooms
	rs.mu.RLock()
	r.gap = r.log.Take() // as take does
	rs.mu.RUnlock()
	r.keepLocked(entry{Kind: history.KindLeave}) // of no room: nothing is done
}

var errAnew = errors.New("socketio: the log has begun anew")

// beginAnewLocked goes over to a log of another epoch, in which positions of the one
// before may come again.
func (r *recovery) beginAnewLocked(position string) {
	r.gapLocked()
	r.log.Displace()
	again := ""
	if adapter.ComparePositions(position, r.seq.at) < 0 {
		again = r.seq.at
	}
	for _, s := range r.live {
		t := s.track
		t.begun, t.lastAt, t.lastPos = position, "", 0
		t.unclear = later(t.unclear, again)
	}
}

// later returns the one of two positions that is behind the other.
func later(a, b string) string {
	if adapter.ComparePositions(a, b) < 0 {
		return b
	}
	return a
}

// Placed implements adapter.Local.
func (l *local) Placed(n uint64, position string) {
	r := l.ns.recovery
	if r == nil {
		return
	}
	if !adapter.ValidPosition(position) {
		notePosition(l.ns, position)
		return
	}
	r.mu.Lock()
	defer r.unlock()
	q := &r.seq
	if !q.isNewLocked(position) {
		return
	}
	q.early, q.heard = false, r.now()
	for n <= q.number { // a later one is nobody's
		lost := q.steps.Ahead(n)
		if lost == nil {
			break
		}
		r.doLocked(lost, "") // here at least
	}
	st := q.steps.Take(n)
	if st != nil {
		r.doLocked(st, position)
	}
	r.reachLocked(position)
	if settled := q.steps.Placed(n); settled || st == nil { // it was done before its place
		r.floorLocked(position)
	}
	r.proceedLocked()
}

// Reached implements adapter.Local.
func (l *local) Reached(position string) {
	r := l.ns.recovery
	if r == nil {
		return
	}
	if !adapter.ValidPosition(position) {
		notePosition(l.ns, position)
		return
	}
	r.mu.Lock()
	defer r.unlock()
	if q := &r.seq; q.following && !q.gapped && q.isNewLocked(position) {
		r.reachLocked(position)
	}
	r.shelf.retryLocked()
}

// isNewLocked reports whether what is at a position is still to be done. Without a log that is
// followed nobody knows.
func (q *sequence) isNewLocked(position string) bool {
	return !q.following || adapter.ComparePositions(position, q.at) > 0
}

// soundLocked reports whether the sockets of this server get what the log has, and
// nothing else.
func (q *sequence) soundLocked() bool { return q.following && !q.gapped && !q.steps.Owing() }

// floorLocked notes that sockets may have got something else than the log has up to a
// position.
func (r *recovery) floorLocked(position string) {
	r.seq.floor, r.seq.floorPos = position, r.log.Last()
	dropFetchedLocked(r)
}

// reachLocked notes that everything up to a position is done.
func (r *recovery) reachLocked(position string) {
	q := &r.seq
	q.at, q.atPos = position, r.log.Last()
	if q.gapped { // nobody knows what was in front of it
		q.gapped = false
		r.floorLocked(position)
	}
	if q.advance != nil {
		close(q.advance)
		q.advance = nil
	}
}

// placeOf is the position of what another server has published, or none if the log is not
// followed. It reports false if it is done already.
func (r *recovery) placeOf(op *adapter.Operation) (position string, todo bool) {
	if r == nil || op.Position == "" {
		return "", true
	}
	if !adapter.ValidPosition(op.Position) {
		notePosition(r.ns, op.Position)
		return "", true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.seq.following {
		return "", true
	}
	return op.Position, r.seq.isNewLocked(op.Position)
}

// passed notes a position whose operation was for no socket.
func (r *recovery) passed(position string) {
	if position == "" {
		return
	}
	r.mu.Lock()
	defer r.unlock()
	if r.seq.isNewLocked(position) {
		r.reachLocked(position)
	}
}
