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

// storing is how long an adapter may take to save sessions, or to give one.
const storing = 5 * time.Second

// prepareLocked makes the form of a session that other servers understand, unless only
// this server has what the session needs.
func (r *recovery) prepareLocked(sess *session, t *track) {
	q := &r.seq
	if q.store == nil || !q.soundLocked() {
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
	saved.Gap = t.unclear
	if t.beganAt < q.floorPos {
		saved.Gap = later(saved.Gap, q.floor)
	}
	if saved.Gap != "" && adapter.ComparePositions(t.lastAt, saved.Gap) <= 0 {
		return // no offset of the client would do: with its own server there may be one
	}
	r.movesLocked(sess, saved)
	sess.form, sess.stored = saved, make(chan struct{})
}

// movesLocked gives a session its moves by their positions, as far back as the log goes.
func (r *recovery) movesLocked(sess *session, saved *adapter.Session) {
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
func (r *recovery) valuesOf(s *Socket) (data json.RawMessage, ok bool) {
	if r.seq.store == nil {
		return nil, false
	}
	s.mu.Lock()
	values := slices.DeleteFunc(slices.Clone(s.values), func(v value) bool { return v.granted })
	s.mu.Unlock()
	return travelling(values)
}

// saveLocked has a session saved that is complete, if all of it can travel. data are
// its values.
func (r *recovery) saveLocked(s *Socket, sess *session, data json.RawMessage, travels bool) {
	if sess.stored == nil {
		return
	}
	sess.form.Identity, sess.form.Data = sess.identity, data
	if !travels || len(sess.conditions) > 0 {
		sess.savedLocked()
		return
	}
	s.track.shared = true
	if r.seq.steps.HasMoved(sess.pid) { // what waits may be for it, though its rooms say no
		r.queueLocked(&waiting{Value: step{do: func() { r.saveNowLocked(sess) }}})
		return
	}
	r.saveNowLocked(sess)
}

// savedLocked says that a session is with the adapter, or will not be.
func (s *session) savedLocked() {
	close(s.stored)
	s.stored = nil
}

// saveNowLocked gives a session to the goroutine that saves.
func (r *recovery) saveNowLocked(sess *session) {
	if e := r.stored[sess.pid]; e == nil || e.Value != sess {
		sess.savedLocked() // it has gone meanwhile
		return
	}
	q := &r.seq
	q.saves = append(q.saves, sess)
	if !q.saving {
		q.saving = true
		r.ns.srv.work.Add()
		go r.save() // until there is nothing to be saved; Shutdown waits
	}
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

// save gives sessions to the adapter, all that have come meanwhile in one call.
func (r *recovery) save() {
	returned := false
	defer func() {
		if !returned { // see Socket.quit
			go r.save()
		}
	}()
	for {
		r.mu.Lock()
		batch := r.seq.saves[:min(len(r.seq.saves), adapter.MaxNames)]
		r.seq.saves = r.seq.saves[len(batch):]
		r.seq.saving = len(batch) > 0
		r.mu.Unlock()
		if len(batch) == 0 {
			break
		}
		r.saveAll(batch)
	}
	returned = true
	r.ns.srv.work.Done()
}

func (r *recovery) saveAll(batch []*session) {
	ctx, cancel := context.WithTimeout(context.Background(), storing)
	defer cancel()
	list := make([]*adapter.Session, len(batch))
	for i, sess := range batch {
		list[i] = sess.form
	}
	err := errPanicked
	defer func() { // also when the adapter ends the goroutine
		alone := errors.Is(err, adapter.ErrNotSaved)
		var gone []string
		r.mu.Lock()
		for _, sess := range batch {
			if e := r.stored[sess.pid]; e == nil || e.Value != sess {
				gone = append(gone, sess.pid) // ended while it was saved
			}
			if !alone {
				r.forgetLocked(sess)
			}
			sess.savedLocked()
		}
		r.unlock()
		if !alone {
			for _, pid := range gone {
				r.withdraw(pid)
			}
		}
	}()
	r.ns.srv.guard("Adapter.SaveSessions", r.ns.name, func() { err = r.seq.store.SaveSessions(ctx, list) })
	if err != nil {
		r.ns.srv.note(slog.LevelWarn, "saving", "socketio: the adapter has not saved sessions",
			r.ns.attrs(slog.Int("sessions", len(list)), slog.Any("error", err))...)
	}
}

// withdraw has the adapter forget a session that nobody may go on with.
func (r *recovery) withdraw(pid string) {
	r.ns.srv.work.Add()
	go func() { // until the adapter has answered; Shutdown waits
		defer r.ns.srv.work.Done()
		_, err := r.takeSaved(context.Background(), pid)
		if err != nil {
			r.ns.srv.note(slog.LevelError, "withdrawing", "socketio: the adapter has not forgotten a session that was ended",
				r.ns.attrs(slog.Any("error", err))...)
		}
	}()
}

// takeSaved takes a session from the adapter.
func (r *recovery) takeSaved(ctx context.Context, pid string) (saved *adapter.Session, err error) {
	ctx, cancel := context.WithTimeout(ctx, storing)
	defer cancel()
	err = errPanicked
	r.ns.srv.guard("Adapter.TakeSession", r.ns.name, func() { saved, err = r.seq.store.TakeSession(ctx, pid) })
	return saved, err
}
