package socketio

import (
	"strconv"
	"strings"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/parser"
)

// offsetRoom is what an offset takes at most: comma, quotes, epoch, position. One with a
// position in a log may take more.
const offsetRoom = 24

// An offset is the position of an event in the log that the servers of a cluster share,
// or else the epoch and the position of this one's. With both the client has an event that
// only this server has kept, behind one that all have.

// besides joins the two positions of an offset.
const besides = "~"

// positionIn reads an offset that stampLocked has written: the client has everything up to
// pos in this server's log, whose epoch is given. ours is false for an offset of another
// log: stock clients keep theirs over a fresh session until they get an event.
func positionIn(epoch, offset string) (pos uint64, ours bool, err error) {
	_, own, both := strings.Cut(offset, besides)
	if !both {
		own = offset
	}
	text, ours := strings.CutPrefix(own, epoch)
	if !ours {
		return 0, false, nil
	}
	pos, err = strconv.ParseUint(text, 36, 64)
	return pos, true, err
}

// positionLocked is positionIn for a session that this server alone has kept.
func positionLocked(r *recovery, sess *session, offset string) (pos uint64, ours bool, outcome RecoveryOutcome) {
	newer := adapter.ComparePositions
	switch {
	case r.seq.by == nil || strings.Contains(offset, besides) || !adapter.ValidPosition(offset):
		pos, ours, err := positionIn(r.epoch, offset)
		if err != nil || pos > sess.End {
			outcome = RecoveryOutcomeOffset
		}
		return pos, ours, outcome
	case sess.unclear != "" && newer(offset, sess.unclear) <= 0:
		return 0, false, RecoveryOutcomeGap
	case offset == sess.lastAt: // though the event may not be kept any more
		return sess.lastPos, true, ""
	case newer(offset, sess.endAt) > 0:
		return 0, false, RecoveryOutcomeOffset
	}
	// Behind its end there may be a log in which the position has come again.
	if pos = min(r.log.Find(offset, newer), sess.End); pos < r.log.First() {
		pos = 0 // it is older than all that is kept
	}
	return pos, true, ""
}

// reached reports whether a client has an event that one server alone has: offset is the
// client's, alone that of the event.
func reached(offset, alone string) bool {
	at, own, _ := strings.Cut(offset, besides)
	behind, least, _ := strings.Cut(alone, besides)
	if c := adapter.ComparePositions(at, behind); c != 0 {
		return c > 0
	}
	if len(own) < epochSize || len(least) < epochSize || own[:epochSize] != least[:epochSize] {
		return false
	}
	return len(own) > len(least) || len(own) == len(least) && own >= least
}

// epochSize is the characters of recovery.epoch.
const epochSize = 6

// unsealed is seal for an event that gets its offset when it is sent.
func unsealed(p parser.Packet) frames {
	buf := engine.TextBuffer(len(p.Data) + len(p.Namespace) + 24 + offsetRoom)
	return reopen(p.Append(buf), p.Attachments)
}

// reopen takes the closing bracket off an event.
func reopen(buf []byte, attachments [][]byte) frames {
	f := frames{text: engine.Message(engine.Draft(buf[:len(buf)-1])), open: true}
	for _, a := range attachments {
		f.binary = append(f.binary, engine.Binary(a))
	}
	return f
}

// stampLocked completes an event with an offset. Stock clients take the last
// argument of any event for one if it is a string, so every event has one. position is
// the event's in the log that the servers of a cluster share, or none.
func stampLocked(r *recovery, f *frames, pos uint64, position string) {
	var room [offsetRoom + adapter.MaxPosition]byte
	b := append(room[:0], `,"`...)
	switch q := &r.seq; {
	case position != "":
		b = append(b, position...)
	case q.following && q.atPos == pos: // nothing is behind it
		b = append(b, q.at...)
	default:
		if q.by != nil {
			b = append(append(b, q.at...), besides...)
		}
		b = append(b, r.epoch...)
		b = strconv.AppendUint(b, pos, 36)
	}
	draft := engine.LayerMessage(f.text)
	f.text, f.open = draft.Seal(append(b, `"]`...)), false
	srv := r.ns.srv
	if srv.opts.Parser == nil || codeStamped(srv, r.ns.name, f) {
		return
	}
	// It could be encoded without an offset. In the standard form it would
	// end the connections of all who get it.
	f.text = draft.Seal([]byte{']'})
	f.void = !codeStamped(srv, r.ns.name, f)
}
