package socketio

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/internal/history"
)

// handover is the time that a client which has come back waits for the end of
// the handlers and hooks of its lost connection.
const handover = 5 * time.Second

// ask is what a client says of the session that it had.
type ask struct {
	pid    string
	offset string // empty: no event has come
}

// askOf reads the auth payload. What is no session of ours is asked for by
// nobody: the client gets a fresh one, as when it is unknown.
func askOf(auth json.RawMessage) (a ask, ok bool) {
	var fields map[string]json.RawMessage
	if len(auth) == 0 || json.Unmarshal(auth, &fields) != nil {
		return a, false
	}
	if json.Unmarshal(fields["pid"], &a.pid) != nil || a.pid == "" {
		return a, false
	}
	if raw, given := fields["offset"]; given && json.Unmarshal(raw, &a.offset) != nil {
		return a, false
	}
	return a, true
}

// position is the part of the offset that all servers understand, or empty.
func (a ask) position() string {
	at, _, _ := strings.Cut(a.offset, besides)
	if !adapter.ValidPosition(at) {
		return ""
	}
	return at
}

// comeback is a session that a socket goes on with.
type comeback struct {
	*session
	missed history.Missed[frames]
	from   string           // of a session that the adapter has kept: the client has everything up to this position
	saved  *adapter.Session // the same session as the adapter has kept it
}

// claim finds the session that a socket is to go on with, or nil. It returns
// with mu held; what it found is good as long as that is.
func (r *recovery) claim(s *Socket) (*comeback, RecoveryOutcome) {
	a, ok := askOf(s.handshake.Auth)
	identity := s.Identity()
	r.mu.Lock()
	if ok && r.seq.by != nil {
		s.track.unclear = a.position()
	}
	var met *session // its conditions hold
	late := time.Now().Add(handover)
	for {
		// Sockets of protocol 3 are barred from the beginning, others may be while
		// mu is released below.
		if !ok || s.track.barred {
			return nil, ""
		}
		if old := r.live[a.pid]; old != nil {
			if old.track.ticket > s.track.ticket || old.Identity() != identity {
				return nil, refusedTo(old, identity)
			}
			r.unlock()
			endTakenOver(old)
			r.mu.Lock()
			continue
		}
		e := r.stored[a.pid]
		if e == nil {
			return comeFromElsewhereLocked(r, s, a, identity)
		}
		sess := e.Value.(*session)
		wait := sess.left
		if sess.stored != nil && sess.gone() {
			wait = sess.stored
		}
		select {
		case <-wait:
			if sess.stored != nil {
				continue // it is being saved
			}
			if met == sess || sess.identity != identity || len(sess.conditions) == 0 {
				back, outcome := r.resumableLocked(s, sess, a, identity)
				if outcome == RecoveryOutcomeMissing && sess.form != nil {
					return resumeFromLogLocked(r, s, sess, a.offset)
				}
				return back, outcome
			}
			r.unlock()
			met = sess
			ok := meetsConditions(s, sess.conditions)
			r.mu.Lock()
			if !ok {
				return nil, RecoveryOutcomeRefused
			}
			continue
		default:
		}
		r.unlock()
		waited := awaitLeft(s, wait, time.Until(late))
		r.mu.Lock()
		if !waited {
			return nil, RecoveryOutcomeBusy
		}
	}
}

// gone reports whether the hooks of OnDisconnect have run.
func (s *session) gone() bool {
	select {
	case <-s.left:
		return true
	default:
		return false
	}
}

// refusedTo says why a session that still has a connection is not another
// socket's: that is the older connection, or somebody else.
func refusedTo(old *Socket, identity string) RecoveryOutcome {
	if old.Identity() != identity {
		return RecoveryOutcomeIdentity
	}
	return RecoveryOutcomeSuperseded
}

// endTakenOver ends the connection that a client has left behind: it is back
// before the loss was noticed here.
func endTakenOver(s *Socket) {
	(*engine.Layer)(s.conn.sess).Lost()
	s.close(ReasonTransportClose) // when its connection is being closed for another reason right now
}

// awaitLeft waits until left is closed. It reports false when d is over, or the
// socket's connection.
func awaitLeft(s *Socket, left <-chan struct{}, d time.Duration) bool {
	ctx, cancel := context.WithTimeout(s.Context(), d)
	defer cancel()
	select {
	case <-left:
		return true
	case <-ctx.Done():
		return false
	}
}

// resumableLocked checks that nothing is missing of a session.
func (r *recovery) resumableLocked(s *Socket, sess *session, a ask, identity string) (*comeback, RecoveryOutcome) {
	switch {
	case r.expired(sess, r.now()):
		return nil, RecoveryOutcomeUnknown
	case sess.identity != identity:
		return nil, RecoveryOutcomeIdentity
	}
	pos, ours, outcome := positionLocked(r, sess, a.offset)
	if outcome != "" {
		return nil, outcome
	}
	from := sess.Track.Start()
	if ours && pos > from {
		from = pos // one from before is of an earlier session, see position
	}
	if from < r.gap {
		return nil, RecoveryOutcomeGap
	}
	r.log.Evict(r.now())
	now := history.NewGrant(sess.granted, grantedRooms(s))
	m, ok := r.log.Missed(&sess.Absence, &now, from, r.ns.srv.opts.Limits.Rooms, r.maxReplay())
	if !ok {
		return nil, RecoveryOutcomeMissing
	}
	return &comeback{session: sess, missed: m}, RecoveryOutcomeDone
}

// maxReplay is what may be queued at once for a client that comes back: it has
// to be able to take new events, too.
func (r *recovery) maxReplay() int64 {
	limit := r.ns.srv.engine.SendBuffer()
	if limit <= 0 {
		return math.MaxInt64
	}
	return limit / 2
}

// recoverOrEnter puts the socket into its namespace and tells the client: as
// the session that it had, with all that it has missed, if that is possible. It
// is one step for all others. It reports false if the client is gone.
func recoverOrEnter(s *Socket) bool {
	r := s.ns.recovery
	back, outcome := r.claim(s)
	s.track.outcome = outcome
	if !takeSession(s, back) {
		r.unlock()
		if back != nil && back.saved != nil {
			r.shelf.giveBack(back.saved) // the client is gone, and may come again
		}
		return false
	}
	r.enterLocked(s, back)
	if back != nil {
		r.forgetLocked(back.session)
	}
	r.live[s.track.pid] = s
	var own []*waiting // of what middleware has sent, for the adapter
	for {              // what middleware has joined and sent, and may still do on goroutines of its own
		s.mu.Lock()
		early, rooms := s.early, takeEarlyLocked(s)
		s.early = nil
		if len(early) == 0 && len(rooms) == 0 {
			s.admitted = true
			s.state.Store(connected)
			s.mu.Unlock()
			break
		}
		s.mu.Unlock()
		s.track.granted = append(s.track.granted, rooms...)
		for _, name := range rooms {
			r.seq.steps.Moved(s.track.pid, name, back != nil && slices.Contains(back.Rooms, name))
		}
		_ = r.ns.rooms.enter(s, rooms, noLimit, true) // counted when it joined
		for i := range early {
			if r.seq.by != nil {
				own = append(own, r.ownLocked(s, &early[i]))
				continue
			}
			_ = r.putLocked(s, &early[i]) // a connection that is gone says so by its disconnect
		}
	}
	r.proceedLocked()
	r.unlock()
	r.ns.rooms.tell()
	for _, st := range own {
		r.handOverOwn(st)
	}
	return true
}

// takeSession gives the socket its id and its values back. It reports false if the
// client is gone.
func takeSession(s *Socket, back *comeback) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Load() != connecting {
		return false
	}
	if back == nil {
		s.track.pid = randomText(16)
		return true
	}
	s.id, s.track.pid = back.ID, back.pid
	s.track.recovered.Store(true)
	for _, v := range back.values { // none of them is the handshake's
		if !slices.ContainsFunc(s.values, func(own value) bool { return own.is(v) }) {
			s.values = append(s.values, v)
		}
	}
	return true
}

// enterLocked makes the socket reachable and queues the CONNECT packet and, right
// behind it, what the client has missed: before it, stock clients would put the events
// aside and count them twice if the connection is lost again.
func (r *recovery) enterLocked(s *Socket, back *comeback) {
	t := s.track
	t.begun, t.beganAt = r.seq.at, r.log.Last()
	var missed []frames
	if adapter.ComparePositions(t.unclear, t.begun) <= 0 || back != nil {
		t.unclear = ""
	}
	if back == nil {
		t.Begin(r.log.Last())
		r.ns.rooms.add(s)
	} else {
		t.Resume(&back.Absence, back.missed.From, back.missed.Moves)
		r.goOnLocked(t, back)
		r.ns.rooms.add(s)
		_ = r.ns.rooms.enter(s, back.missed.Rooms, noLimit, false)
		for i, e := range back.missed.Events {
			if !e.Event.void {
				missed = append(missed, e.Event)
			}
			t.sent(back.missed.Positions[i], e.Position, r.seq.at)
		}
	}
	accept(s, withoutReplaced(missed)...)
}

// goOnLocked says from where on the socket has what the log of all servers has.
func (r *recovery) goOnLocked(t *track, back *comeback) {
	if back.from != "" { // all of it up to now is there
		t.begun = back.from
		return
	}
	t.begun, t.beganAt = back.begun, back.beganAt
	t.lastAt, t.lastPos, t.unclear = back.lastAt, back.lastPos, back.unclear
	t.aloneAt, t.alonePos = back.aloneAt, back.alonePos
}

// endOrdered is end, and keeps the session, in one step for all others. The
// listeners are still to be told of the rooms that are gone.
func endOrdered(s *Socket, reason Reason) (was int32, cancel context.CancelCauseFunc) {
	r := s.ns.recovery
	r.mu.Lock()
	defer r.unlock()
	if r.seq.by != nil && reason == ReasonServerNamespaceDisconnect && s.connected() {
		partLocked(r, s)
	}
	was, cancel = s.end(reason)
	if was == connected {
		r.detachLocked(s, reason)
	}
	return was, cancel
}
