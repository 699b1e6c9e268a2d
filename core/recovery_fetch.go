package socketio

import (
	"context"
	"sort"
	"time"

	"github.com/gosio/gosio/core/adapter"
)

// fetched is what a server's memory did not have and somebody has missed: those who come
// next have most often missed the same.
type fetched struct {
	from    string // everything behind it is there,
	entries []entry
	pos     uint64 // up to here; what is behind it has to be in the log
	timer   *time.Timer
}

// fetchedFor is how long that is kept.
const fetchedFor = time.Minute

// beginFetchLocked has others wait for what this one fetches.
func (h *homecoming) beginFetchLocked() {
	if !h.fetching {
		h.fetching, h.r.seq.fetching = true, make(chan struct{})
	}
}

func (h *homecoming) endFetchLocked() {
	if h.fetching {
		close(h.r.seq.fetching)
		h.fetching, h.r.seq.fetching = false, nil
	}
}

// keepFetchedLocked keeps what was fetched, which ends at pos, for those who come next.
func (h *homecoming) keepFetchedLocked(pos uint64) {
	if !h.fetching {
		return
	}
	r := h.r
	dropFetchedLocked(r)
	f := &fetched{from: h.from, entries: h.missed, pos: pos}
	if !r.ended {
		f.timer = time.AfterFunc(fetchedFor, func() {
			r.mu.Lock()
			defer r.unlock()
			if r.seq.fetched == f {
				r.seq.fetched = nil
			}
		})
		r.seq.fetched = f
	}
}

// dropFetchedLocked forgets it.
func dropFetchedLocked(r *recovery) {
	if r.seq.fetched != nil {
		r.seq.fetched.timer.Stop()
		r.seq.fetched = nil
	}
}

// fetchedLocked takes what another client has had fetched, if it is enough.
func (h *homecoming) fetchedLocked() (pos uint64, ok bool) {
	f, newer := h.r.seq.fetched, adapter.ComparePositions
	if f == nil || h.end > 0 || newer(h.from, f.from) < 0 || f.pos+1 < h.r.log.First() {
		return 0, false
	}
	i := sort.Search(len(f.entries), func(i int) bool { return newer(f.entries[i].Position, h.from) > 0 })
	h.missed = f.entries[i:]
	return f.pos, true
}

// resumeFromLogLocked resumes a session that stays with this server, whose memory does not
// have all that it has missed, from the log of all servers. It releases mu
// while it waits.
func resumeFromLogLocked(r *recovery, s *Socket, sess *session, offset string) (*comeback, RecoveryOutcome) {
	if r.seq.alone > sess.End { // only this server has had it
		return nil, RecoveryOutcomeMissing
	}
	r.unlock()
	ctx, cancel := context.WithTimeout(s.Context(), handover)
	defer cancel()
	h := &homecoming{r: r, s: s, saved: sess.form, ctx: ctx, stays: true}
	if outcome := h.begin(offset); outcome != RecoveryOutcomeDone {
		r.mu.Lock()
		return nil, outcome
	}
	back, outcome := h.resume()
	switch {
	case back == nil:
		return nil, outcome
	case !r.keepsLocked(sess) || r.expired(sess, r.now()):
		return nil, RecoveryOutcomeUnknown
	}
	return &comeback{session: sess, missed: back.missed, from: h.from}, outcome
}
