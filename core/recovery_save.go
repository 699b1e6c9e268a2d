package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/internal/apperror"
)

// shelf is the store of sessions that the servers of a cluster share. recovery.mu guards
// its fields but for of and by, which do not change when the namespace is ready.
type shelf struct {
	of *recovery
	by adapter.SessionStore // nil: the adapter keeps no sessions

	saves  []*session // that are to be saved
	saving bool       // a goroutine does that
	away   time.Duration

	owing bool          // there are sessions that the adapter could not take
	again time.Duration // when they are given to it again, if the log is there
	rest  time.Duration // between that and the next time
}

const (
	storing     = 5 * time.Second  // how long an adapter may take to save sessions
	taking      = time.Second      // how long a client waits for its session; and how long none waits when one has waited in vain
	retaken     = 15 * time.Second // when a session that was taken and is given back is there again
	longestRest = 30 * time.Second // the longest time between attempts to save what the adapter could not take
)

// prepareLocked makes the form of a session that other servers understand.
func (h *shelf) prepareLocked(sess *session, t *track) {
	r := h.of
	q := &r.seq
	if h.by == nil || !q.soundLocked() {
		return
	}
	saved := &adapter.Session{
		PID: sess.pid, ID: sess.ID, Rooms: sess.Rooms, Granted: sess.granted,
		Epoch: q.epoch, Origin: r.epoch + strconv.FormatUint(sess.End, 36),
		Start: t.begun, Last: t.lastAt, End: q.at, TTL: r.opts.MaxDisconnection,
	}
	if saved.TTL >= forever {
		saved.TTL = -1
	}
	if t.alonePos > 0 {
		saved.Alone = t.aloneAt + besides + r.epoch + strconv.FormatUint(t.alonePos, 36)
	}
	saved.Gap = t.unclear
	if t.beganAt < q.floorPos {
		saved.Gap = later(saved.Gap, q.floor)
	}
	if saved.Gap != "" && adapter.ComparePositions(t.lastAt, saved.Gap) <= 0 {
		return // no offset of the client would do: with its own server there may be one
	}
	movesLocked(r, sess, saved)
	sess.form, sess.stored = saved, make(chan struct{})
}

// movesLocked gives a session its moves by their positions, as far back as the log goes.
func movesLocked(r *recovery, sess *session, saved *adapter.Session) {
	moves, known := sess.Track.Moves(), max(r.log.First(), sess.Track.Horizon()+1)
	for _, m := range moves {
		p := r.log.Position(m.Pos)
		if m.Once && (m.Pos < known || r.log.Position(m.Pos-1) == p) {
			continue // the log of all has nothing there
		}
		if m.Pos >= known && p != "" {
			saved.Moves = append(saved.Moves, adapter.Move{Position: p, Room: m.Room, Joined: m.Joined, Once: m.Once})
		} else {
			saved.Since = saved.End
		}
	}
	if saved.Since == "" && sess.Track.Horizon() == 0 {
		return
	}
	if p, ok := r.log.Next(known - 1); ok {
		saved.Since = p
	} else {
		saved.Since = saved.End
	}
}

// valuesOf encodes what a socket that has left carries, if another server may want it.
// It reports false if a value cannot leave this server.
func (h *shelf) valuesOf(s *Socket) (data json.RawMessage, ok bool) {
	if h.by == nil {
		return nil, false
	}
	s.mu.Lock()
	values := slices.DeleteFunc(slices.Clone(s.values), func(v value) bool { return v.granted })
	s.mu.Unlock()
	return travelling(values)
}

// travelling encodes values. It reports false if one of them cannot leave this server.
func travelling(values []value) (data json.RawMessage, ok bool) {
	all := make(map[string]json.RawMessage, len(values))
	for _, v := range values {
		name := v.key.(interface{ sharedAs() string }).sharedAs()
		b, err := apperror.Marshal(v.val)
		if name == "" || err != nil {
			return nil, false
		}
		all[name] = b
	}
	data, err := json.Marshal(all)
	return data, err == nil
}

// saveLocked has a session saved that is complete, if all of it can travel. data are
// its values.
func (h *shelf) saveLocked(s *Socket, sess *session, data json.RawMessage, travels bool) {
	if sess.stored == nil {
		return
	}
	sess.form.Identity, sess.form.Data = sess.identity, data
	if !travels || len(sess.conditions) > 0 {
		sess.savedLocked()
		return
	}
	s.track.shared = sess.form.Origin
	if r := h.of; r.seq.steps.HasMoved(sess.pid) { // what waits may be for it, though its rooms say no
		r.queueLocked(&waiting{Value: step{do: func() { h.saveNowLocked(sess) }}})
		return
	}
	h.saveNowLocked(sess)
}

// savedLocked says that a session is with the adapter, or will not be.
func (s *session) savedLocked() {
	close(s.stored)
	s.stored = nil
}

// saveNowLocked gives a session to the goroutine that saves.
func (h *shelf) saveNowLocked(sess *session) {
	if !h.of.keepsLocked(sess) {
		sess.savedLocked() // it has gone meanwhile
		return
	}
	h.saves = append(h.saves, sess)
	if !h.saving {
		h.saving = true
		h.of.ns.srv.work.Add()
		go h.save() // until there is nothing to be saved; Shutdown waits
	}
}

// save gives sessions to the adapter, all that have come meanwhile in one call.
func (h *shelf) save() {
	returned := false
	defer func() {
		if !returned { // see replaceDispatcher
			go h.save()
		}
	}()
	r := h.of
	for {
		r.mu.Lock()
		batch := h.saves[:min(len(h.saves), adapter.MaxNames)]
		h.saves = h.saves[len(batch):]
		h.saving = len(batch) > 0
		r.mu.Unlock()
		if len(batch) == 0 {
			break
		}
		h.saveAll(batch)
	}
	returned = true
	r.ns.srv.work.Done()
}

func (h *shelf) saveAll(batch []*session) {
	r, list := h.of, make([]*adapter.Session, len(batch))
	for i, sess := range batch {
		list[i] = sess.form
	}
	err := errPanicked
	defer func() { // also when the adapter ends the goroutine
		alone := errors.Is(err, adapter.ErrNotSaved)
		var gone []*session
		r.mu.Lock()
		for _, sess := range batch {
			if !r.keepsLocked(sess) && !sess.parting {
				gone = append(gone, sess) // ended while it was saved
			}
			if !alone {
				r.forgetLocked(sess)
			}
			sess.owed = alone
			sess.savedLocked()
		}
		h.restLocked(alone)
		r.unlock()
		if !alone {
			for _, sess := range gone {
				h.withdraw(sess.pid, sess.form.Origin)
			}
		}
	}()
	err = h.put(list)
}

// restLocked says when sessions that the adapter could not take are given to it again.
func (h *shelf) restLocked(alone bool) {
	if !alone {
		h.rest = 0
		return
	}
	h.owing = true
	h.again = h.of.now() + h.rest
	h.rest = min(max(2*h.rest, time.Second), longestRest)
}

// retryLocked gives the adapter the sessions that it could not take: its log is there. Each
// is kept for what is left of its time.
func (h *shelf) retryLocked() {
	r := h.of
	if !h.owing || r.now() < h.again || !r.seq.soundLocked() {
		return
	}
	h.owing = false
	for e := r.oldest.Front(); e != nil; e = e.Next() {
		sess := e.Value.(*session)
		left := r.opts.MaxDisconnection - (r.now() - sess.at)
		if !sess.owed || left <= 0 || sess.form.Epoch != r.seq.epoch { // with its own server there may be what that log has not
			continue
		}
		form := *sess.form // an adapter may still have the one before
		if form.TTL >= 0 {
			form.TTL = left
		}
		sess.form, sess.owed, sess.stored = &form, false, make(chan struct{})
		h.saveNowLocked(sess)
	}
}

// put has the adapter keep sessions.
func (h *shelf) put(list []*adapter.Session) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), storing)
	defer cancel()
	ns := h.of.ns
	err = errPanicked
	ns.srv.guard("Adapter.SaveSessions", ns.name, func() { err = h.by.SaveSessions(ctx, list) })
	if err != nil {
		ns.srv.note(slog.LevelWarn, "saving", "socketio: the adapter has not saved sessions",
			ns.attrs(slog.Int("sessions", len(list)), slog.Any("error", err))...)
	}
	return err
}

// giveBack has the adapter keep a session that was taken for nobody.
func (h *shelf) giveBack(saved *adapter.Session) {
	h.of.ns.srv.work.Add()
	go func() { // until the adapter has answered; Shutdown waits
		defer h.of.ns.srv.work.Done()
		_ = h.put([]*adapter.Session{saved})
	}()
}

// withdraw has the adapter forget a session that nobody may go on with: of its private id
// the one of that origin, and not the one of a socket that has gone on with it.
func (h *shelf) withdraw(pid, origin string) {
	h.of.ns.srv.work.Add()
	go func() { // until the adapter has answered; Shutdown waits
		defer h.of.ns.srv.work.Done()
		if !h.withdrawn(pid, origin) { // a server may have it that will give it back
			time.AfterFunc(retaken, func() {
				h.of.mu.Lock()
				ended := h.of.ended
				h.of.mu.Unlock()
				if !ended {
					h.withdrawn(pid, origin)
				}
			})
		}
	}()
}

// withdrawn reports whether there was a session.
func (h *shelf) withdrawn(pid, origin string) bool {
	ns := h.of.ns
	saved, err := h.take(pid, storing)
	switch {
	case err != nil:
		ns.srv.note(slog.LevelError, "withdrawing", "socketio: the adapter has not forgotten a session that was ended",
			ns.attrs(slog.Any("error", err))...)
	case saved != nil && saved.Origin != origin:
		_ = h.put([]*adapter.Session{saved})
	}
	return err != nil || saved != nil
}

// take takes a session from the adapter. It does not end with the client: what is taken
// then would be lost.
func (h *shelf) take(pid string, within time.Duration) (saved *adapter.Session, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	ns := h.of.ns
	err = errPanicked
	ns.srv.guard("Adapter.TakeSession", ns.name, func() { saved, err = h.by.TakeSession(ctx, pid) })
	return saved, err
}
