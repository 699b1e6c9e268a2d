package socketio

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gosio/gosio/core/internal/crowd"
)

// share is what the recovery of a namespace, or of all children of a parent
// together, keeps: clients can make children, so bounds of bytes that each had for
// itself would be none.
type share struct {
	events atomic.Int64 // bytes of all logs

	mu       sync.Mutex            // inside of recovery.mu
	sessions crowd.Crowd[*session] // by address, and by bytes
	crowded  atomic.Bool           // bytes may be too many
	trimming atomic.Bool           // somebody looks for events to drop
}

// join makes the namespace of r one of those that share. Nothing is kept yet.
func (sh *share) join(r *recovery) {
	r.share = sh
	r.log.Share(&sh.events)
}

// add counts a session that is to be kept. It reports false for one that is over
// the bound by itself.
func (sh *share) add(address string, sess *session) bool {
	size, limit := sess.measure(), sess.of.opts.MaxSessionBytes
	if size > limit {
		return false
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sess.counted = sh.sessions.Add(address, sess, size)
	sh.lookLocked(limit)
	return true
}

// resize counts a session anew, if it is kept.
func (sh *share) resize(sess *session) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sess.counted == nil {
		return
	}
	sh.sessions.Resize(sess.counted, sess.measure())
	sh.lookLocked(sess.of.opts.MaxSessionBytes)
}

func (sh *share) lookLocked(limit int64) {
	if sh.sessions.Size() > limit {
		sh.crowded.Store(true)
	}
}

// drop takes a session off, if it is there.
func (sh *share) drop(sess *session) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.dropLocked(sess)
}

func (sh *share) dropLocked(sess *session) {
	if sess.counted != nil {
		sh.sessions.Remove(sess.counted)
		sess.counted = nil
	}
}

// keep sees to the bounds. No lock is held: what has to go may be another child's.
func (sh *share) keep(ns *Namespace, o *Recovery) {
	if sh.crowded.Load() {
		for _, sess := range sh.surplus(o.MaxSessionBytes) {
			sess.of.mu.Lock()
			sess.of.forgetLocked(sess)
			sess.of.unlock()
		}
	}
	if ns.parent != nil && sh.events.Load() > o.MaxBytes && sh.trimming.CompareAndSwap(false, true) {
		sh.trim(ns.parent, o.MaxBytes)
		sh.trimming.Store(false)
	}
}

// surplus takes sessions off that are too many: the oldest of the address with most.
func (sh *share) surplus(limit int64) (all []*session) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.crowded.Store(false)
	for m := sh.sessions.First(); m != nil && sh.sessions.Size() > limit; m = sh.sessions.First() {
		sh.dropLocked(m.Value)
		all = append(all, m.Value)
	}
	return all
}

// filled is what a child's log had when it was looked at.
type filled struct {
	of    *recovery
	bytes int64
}

// trim drops events of the children that keep most, the oldest first, until all
// together have an eighth of the bound to spare: looking at all takes its time. What
// a child that is being removed still has is no reason to drop any of the others'.
func (sh *share) trim(parent *Namespace, limit int64) {
	var all []filled
	var sum int64
	for _, ns := range parent.Children() {
		r := ns.recovery
		r.mu.Lock()
		n := r.log.Bytes()
		r.mu.Unlock()
		if n > 0 {
			all, sum = append(all, filled{r, n}), sum+n
		}
	}
	if sum <= limit {
		return
	}
	slices.SortFunc(all, func(a, b filled) int { return cmp.Compare(b.bytes, a.bytes) })
	limit -= limit / 8
	most := level(all, sum, limit)
	for i := 0; i < len(all) && sum > limit; i++ {
		sum -= shorten(all[i].of, most, sum-limit)
	}
}

// level is how much each may keep so that all together, which have sum, keep no
// more than limit. The largest come first.
func level(all []filled, sum, limit int64) int64 {
	rest := sum
	for i := range all {
		rest -= all[i].bytes
		most := max(limit-rest, 0) / int64(i+1)
		if i+1 == len(all) || most >= all[i+1].bytes {
			return most
		}
	}
	return limit
}

// shorten drops the oldest events of a log that has more than most, until it has
// not, or enough are dropped. It returns how many bytes were.
func shorten(r *recovery, most, enough int64) (dropped int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Shorten(most, enough)
}
