package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/internal/history"
)

// homecoming is a client that comes back to a session which the adapter has kept, most
// often for another server.
type homecoming struct {
	r     *recovery
	s     *Socket
	saved *adapter.Session
	ctx   context.Context

	from    string // the client has everything up to here
	own     uint64 // the same in the log of this server, which has kept the session; 0: another one has
	end     uint64 // log.Last() when this server has lost the connection; 0 as well
	through string // missed has everything up to here
	missed  []entry
	bytes   int64
	stays   bool   // the session is this server's, whose memory does not have all
	awaited string // this server has to have done everything up to here

	fetching bool // the others wait
}

// maxPID is the most bytes of a private id that an adapter is asked for.
const maxPID = 64

// comeFromElsewhereLocked takes a session from the adapter. It releases mu while it waits.
func comeFromElsewhereLocked(r *recovery, s *Socket, a ask, identity string) (*comeback, RecoveryOutcome) {
	if r.shelf.by == nil || len(a.pid) > maxPID {
		return nil, RecoveryOutcomeUnknown
	}
	awaitFollowLocked(s.Context(), r)
	switch {
	case !r.seq.soundLocked():
		return nil, RecoveryOutcomeGap
	case r.now() < r.shelf.away:
		return nil, RecoveryOutcomeMissing
	}
	r.unlock()
	ctx, cancel := context.WithTimeout(s.Context(), handover)
	defer cancel()
	saved, err := r.shelf.take(a.pid, taking)
	h := &homecoming{r: r, s: s, saved: saved, ctx: ctx}
	outcome := RecoveryOutcomeUnknown
	switch {
	case err != nil:
		r.ns.srv.note(slog.LevelWarn, "taking", "socketio: the adapter has not given a session", r.ns.attrs(slog.Any("error", err))...)
		outcome = RecoveryOutcomeMissing
	case saved == nil:
	case saved.Identity != identity:
		r.shelf.giveBack(saved) // it is not this client's
		outcome = RecoveryOutcomeIdentity
	default:
		outcome = h.begin(a.offset)
	}
	if outcome == RecoveryOutcomeDone {
		back, outcome := h.resume()
		if back == nil && s.state.Load() != connecting {
			r.shelf.giveBack(saved) // the client is gone, and may come again
		}
		return back, outcome
	}
	r.mu.Lock()
	if errors.Is(err, context.DeadlineExceeded) {
		r.shelf.away = r.now() + taking
	}
	return nil, outcome
}

// awaitFollowLocked gives an adapter that has just been made the time to connect. It
// releases mu while it waits.
func awaitFollowLocked(ctx context.Context, r *recovery) {
	if r.seq.at != "" {
		return
	}
	advance := r.seq.advanceLocked()
	r.unlock()
	ctx, cancel := context.WithTimeout(ctx, placing)
	defer cancel()
	select {
	case <-advance:
	case <-ctx.Done():
	}
	r.mu.Lock()
}

// advanceLocked returns a channel that is closed when something is done for which a position
// is known.
func (q *sequence) advanceLocked() <-chan struct{} {
	if q.advance == nil {
		q.advance = make(chan struct{})
	}
	return q.advance
}

// begin finds out from where on the client has missed something.
func (h *homecoming) begin(offset string) RecoveryOutcome {
	saved, newer := h.saved, adapter.ComparePositions
	at, _, _ := strings.Cut(offset, besides)
	if at != "" && !adapter.ValidPosition(at) {
		return RecoveryOutcomeOffset
	}
	h.from = at
	earlier := newer(at, saved.Start) < 0 // it is of a session before
	if earlier {
		h.from = saved.Start
	}
	switch {
	case newer(h.from, saved.End) > 0:
		return RecoveryOutcomeOffset
	case saved.Gap != "" && newer(h.from, saved.Gap) <= 0:
		return RecoveryOutcomeGap
	}
	end, ours, err := positionIn(h.r.epoch, saved.Origin)
	ours = ours && !h.stays
	if !ours && saved.Alone != "" && !reached(offset, saved.Alone) {
		return RecoveryOutcomeMissing // only the other server has that event
	}
	if ours && err == nil {
		h.end = end
		if pos, ours, err := positionIn(h.r.epoch, offset); ours && err == nil && !earlier {
			h.own = min(pos, end)
		}
	}
	switch {
	case newer(h.from, saved.Last) >= 0 && h.end == 0:
		h.from = saved.End
	case newer(h.from, saved.Since) < 0:
		return RecoveryOutcomeMissing
	}
	h.through = h.from
	return RecoveryOutcomeDone
}

// resume collects what the client has missed. It returns with mu held; what it found is
// good as long as that is.
func (h *homecoming) resume() (*comeback, RecoveryOutcome) {
	r := h.r
	defer h.endFetchLocked()
	for {
		r.mu.Lock()
		r.log.Evict(r.now())
		switch {
		case h.s.track.barred:
			return nil, ""
		case !r.seq.soundLocked() || r.seq.epoch != h.saved.Epoch:
			return nil, RecoveryOutcomeGap
		}
		behind := adapter.ComparePositions(r.seq.at, h.saved.End) < 0
		if !behind {
			if pos, ok := h.keptLocked(); ok {
				h.keepFetchedLocked(pos)
				return h.comebackLocked(pos)
			}
			if h.end > 0 && r.seq.alone > h.own { // what only this server has had may be among it
				return nil, RecoveryOutcomeMissing
			}
			h.own, h.end = 0, 0
			if pos, ok := h.fetchedLocked(); ok {
				return h.comebackLocked(pos)
			}
		}
		var outcome RecoveryOutcome
		switch at, advance, fetching := r.seq.at, r.seq.advanceLocked(), r.seq.fetching; {
		case behind && adapter.ComparePositions(at, h.awaited) < 0:
			r.unlock()
			outcome = h.await(advance)
		case fetching != nil && !h.fetching: // most often it fetches what this client needs, too
			r.unlock()
			outcome = h.await(fetching)
		case behind:
			h.beginFetchLocked()
			r.unlock()
			outcome = h.catchUp(at)
			r.mu.Lock()
			h.endFetchLocked()
			r.unlock()
		default:
			h.beginFetchLocked()
			r.unlock()
			outcome = h.fetch()
		}
		if outcome != "" {
			r.mu.Lock()
			return nil, outcome
		}
	}
}

// keptLocked finds the number of what h.through stands for. It reports false if this
// server's log does not have everything behind.
func (h *homecoming) keptLocked() (pos uint64, ok bool) {
	log, q, newer := &h.r.log, &h.r.seq, adapter.ComparePositions
	if newer(h.through, q.at) >= 0 && h.end == 0 {
		return log.Last(), true
	}
	base := max(log.First()-1, q.floorPos) // behind it everything is there
	if h.own >= base && h.own > 0 {
		return h.own, true
	}
	if base == q.floorPos && newer(h.through, q.floor) >= 0 {
		return max(base, log.Find(h.through, newer)), true
	}
	if first, any := log.Next(base); any && newer(h.through, first) >= 0 {
		return log.Find(h.through, newer), true
	}
	if newer(h.through, q.at) >= 0 {
		return log.Last(), true
	}
	return 0, false
}

// catchUp finds out what this server has to do first: what the other one had done when it
// lost the client. Otherwise the client would get that twice.
func (h *homecoming) catchUp(at string) RecoveryOutcome {
	ops, through, err := h.replay(at, replayed)
	if err != nil {
		return outcomeOf(err)
	}
	h.awaited = ""
	for _, op := range ops {
		if adapter.ComparePositions(op.Position, h.saved.End) <= 0 {
			h.awaited = op.Position
		}
	}
	switch {
	case h.awaited != "":
	case adapter.ComparePositions(through, h.saved.End) < 0:
		return RecoveryOutcomeMissing // the adapter knows less than another one has handed over
	case len(ops) == 0:
		h.r.passed(through) // what is in between is of other namespaces; who comes next need not ask
	default:
		h.r.passed(h.saved.End)
	}
	return ""
}

func (h *homecoming) await(c <-chan struct{}) RecoveryOutcome {
	select {
	case <-c:
		return ""
	case <-h.ctx.Done():
		return RecoveryOutcomeMissing
	}
}

// fetch gets more of what this server's log does not have.
func (h *homecoming) fetch() RecoveryOutcome {
	ops, through, err := h.replay(h.through, replayed)
	if err != nil {
		return outcomeOf(err)
	}
	if adapter.ComparePositions(through, h.through) <= 0 {
		return RecoveryOutcomeMissing // the adapter knows less than it has handed over
	}
	for _, op := range ops {
		e, ok := entryElsewhere(h.r, op)
		if !ok {
			continue
		}
		h.bytes += e.Size
		h.missed = append(h.missed, e)
		if len(h.missed)/2 > h.r.opts.MaxPackets || h.bytes/2 > h.r.opts.MaxBytes { // as much again as it keeps
			return RecoveryOutcomeMissing
		}
	}
	h.through = through
	return ""
}

// replayed is how many operations an adapter is asked for at a time.
const replayed = 1000

func (h *homecoming) replay(after string, limit int) (ops []*adapter.Operation, through string, err error) {
	err = errPanicked
	h.r.ns.srv.guard("Adapter.Replay", h.r.ns.name, func() { ops, through, err = h.r.shelf.by.Replay(h.ctx, h.saved.Epoch, after, limit) })
	if err != nil && !errors.Is(err, adapter.ErrGap) {
		h.r.ns.srv.note(slog.LevelWarn, "replaying", "socketio: the adapter has not replayed what a client has missed", h.r.ns.attrs(slog.Any("error", err))...)
	}
	return ops, through, err
}

func outcomeOf(err error) RecoveryOutcome {
	if errors.Is(err, adapter.ErrGap) {
		return RecoveryOutcomeGap
	}
	return RecoveryOutcomeMissing
}

// entryElsewhere is the entry of an operation that another server's log has. It reports
// false for one that is for nobody who was away.
func entryElsewhere(r *recovery, op *adapter.Operation) (e entry, ok bool) {
	switch op.Type {
	case adapter.OpBroadcast:
		if op.Packet.Volatile || checkPacket(&op.Packet) != nil {
			return e, false
		}
		f, err := framesFor(r.ns, &op.Packet)
		if err != nil {
			return e, false
		}
		stampLocked(r, f, 0, op.Position)
		f.legacy = nil
		return eventOf(&op.Target, f, op.Position), true
	case adapter.OpJoin, adapter.OpLeave, adapter.OpDisconnect:
		e = entryOf(op)
		e.Position = op.Position
		return e, true
	}
	return e, false
}

// comebackLocked makes a comeback of a session. Everything behind pos is in this
// server's log.
func (h *homecoming) comebackLocked(pos uint64) (*comeback, RecoveryOutcome) {
	r, saved := h.r, h.saved
	view := r.log.Behind(pos, h.missed)
	from := view.First() - 1
	at := func(position string) uint64 { return view.Find(position, adapter.ComparePositions) }
	sess := &session{
		Absence: history.Absence{ID: saved.ID, Rooms: saved.Rooms, End: at(saved.End), Shared: h.end == 0},
		pid:     saved.PID, granted: saved.Granted, values: valuesOf(saved.Data), of: r,
	}
	if h.end > 0 {
		sess.End = max(h.end, from)
	}
	moves := make([]history.Move, 0, len(saved.Moves))
	for _, m := range saved.Moves {
		pos := at(m.Position)
		if m.Once && (pos <= from || view.Position(pos) != m.Position) {
			continue // what it is of is not missed
		}
		moves = append(moves, history.Move{Pos: pos, Room: m.Room, Joined: m.Joined, Once: m.Once})
	}
	sess.Track = history.Returned(from, max(sess.End, from+1), moves)
	now := history.NewGrant(sess.granted, grantedRooms(h.s))
	m, ok := view.Missed(&sess.Absence, &now, from, r.ns.srv.opts.Limits.Rooms, r.maxReplay())
	if !ok {
		return nil, RecoveryOutcomeMissing
	}
	return &comeback{session: sess, missed: m, from: h.from, saved: saved}, RecoveryOutcomeDone
}

// valuesOf reads the values of shared keys. What they are is known when somebody asks by
// the key.
func valuesOf(data json.RawMessage) (values []value) {
	var all map[string]json.RawMessage
	_ = json.Unmarshal(data, &all) // a server of the reference may keep anything there
	for name, v := range all {
		values = append(values, value{key: distantKey(name), val: v})
	}
	return values
}
