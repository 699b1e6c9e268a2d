package socketio

import (
	"errors"
	"time"
)

// Tracer is implemented by observers that want to know for whom an event was. Trace is
// called before [Observer] Emit, as that is, and says how many recipients of this server
// [EmitResult] may list; with 0, and for a server without a Tracer, none is listed.
type Tracer interface {
	Trace(e EmitInfo) (recipients int)
}

// Recipient is a socket of this server that an event was for.
type Recipient struct {
	Socket   *Socket
	Delivery Delivery
	// Acknowledged: the client has acknowledged an event of EmitWithAck of this server,
	// After so long. What clients answer to another server is not known here.
	Acknowledged bool
	After        time.Duration
	// Written is when the event was written; nil unless it was queued on this server's own
	// account: with a log of the cluster, and for an event that recovery sends later, that
	// is not known.
	Written *WriteTime
}

// Delivery is what has become of an event for one socket.
type Delivery string

// What becomes of an event.
const (
	// DeliveryQueued: the event waits to be written or, with a log of the cluster, for
	// its place there. See [Socket.Queued].
	DeliveryQueued Delivery = "queued"
	// DeliveryDropped: the event was volatile, and could not be written at once.
	DeliveryDropped Delivery = "dropped"
	// DeliveryOverflow: the client has left more than Limits.SendBuffer unread, and is
	// disconnected.
	DeliveryOverflow Delivery = "overflow"
	// DeliveryGone: the socket was disconnected at that moment.
	DeliveryGone Delivery = "gone"
	// DeliveryFailed: the event could not be sent in the form that the client needs.
	DeliveryFailed Delivery = "failed"
)

// lists is what a Tracer gets to see of an event.
type lists struct {
	most       int // 0: nobody wants that
	recipients []Recipient
	data       []byte
	start      *time.Time
	next       *WriteTime  // of the recipient that comes next
	spare      []WriteTime // for those behind
}

// mark returns what is told when the event is written for the recipient that comes next.
// The caller then calls recipient or sent. mark returns nil if nobody wants to know, and t may be
// nil.
func (t *tally) mark() *WriteTime {
	if t == nil || len(t.recipients) >= t.most {
		return nil
	}
	if len(t.spare) == 0 {
		t.spare = make([]WriteTime, min(t.most-len(t.recipients), max(1, min(len(t.recipients), maxSpare))))
	}
	t.next, t.spare = &t.spare[0], t.spare[1:]
	t.next.start = t.start
	return t.next
}

// maxSpare is how many WriteTimes are made at a time, when so many are there.
const maxSpare = 64

// keeps reports whether t keeps the data of an event.
func (t *tally) keeps() bool { return t != nil && t.most > 0 }

// carries keeps what the event is, as long as it is observed.
func (t *tally) carries(data []byte) {
	if t.keeps() {
		t.data = data
	}
}

// event is carries, for an event that is encoded.
func (t *tally) event(f *frames) {
	if t == nil || t.most == 0 {
		return
	}
	if f.canonical != nil {
		f = f.canonical
	}
	t.data = f.packet().Data
}

// sent is recipient for a volatile event, too, whose loss is no error.
func (t *tally) sent(s *Socket, sent bool, err error) {
	if err == nil && !sent {
		err = errDropped
	}
	t.recipient(s, err)
}

// recipient lists a socket that the event was for. t may be nil.
func (t *tally) recipient(s *Socket, err error) {
	if t != nil && t.most > 0 {
		t.list(s, err)
	}
}

// list lists a socket. There is room for as many again that do not get the event.
func (t *tally) list(s *Socket, err error) {
	d := DeliveryFailed
	switch {
	case err == nil:
		d = DeliveryQueued
	case errors.Is(err, ErrClosed), errors.Is(err, errDropped) && !s.connected():
		d = DeliveryGone
	case errors.Is(err, ErrSlowConsumer):
		d = DeliveryOverflow
	case errors.Is(err, errDropped):
		d = DeliveryDropped
	}
	if n := len(t.recipients); n < t.most || n < 2*t.most && d != DeliveryQueued {
		r := Recipient{Socket: s, Delivery: d}
		if d == DeliveryQueued {
			r.Written = t.next
		}
		t.recipients = append(t.recipients, r)
	}
	t.next = nil
}

// acknowledged notes the answer of a socket.
func (t *tally) acknowledged(s *Socket) {
	if t == nil {
		return
	}
	for i := range t.recipients {
		if r := &t.recipients[i]; r.Socket == s {
			r.Acknowledged, r.After = true, time.Since(*t.start)
			return
		}
	}
}

// tracerOf returns the Tracer among observers, or nil.
func tracerOf(o Observer) Tracer {
	several, ok := o.(fanOut)
	if !ok {
		t, _ := o.(Tracer)
		return t
	}
	var all tracers
	for _, o := range several {
		if o.tracer != nil {
			all = append(all, o)
		}
	}
	if all == nil {
		return nil
	}
	return all
}

// tracers are the observers of a list that are Tracers.
type tracers []*observing

// Trace implements Tracer.
func (t tracers) Trace(e EmitInfo) (most int) {
	for _, o := range t {
		most = max(most, o.trace(&e))
	}
	return most
}

// trace asks the Tracer.
func (o *observing) trace(e *EmitInfo) int {
	defer o.survive("Observer.Trace")
	return o.tracer.Trace(*e)
}
