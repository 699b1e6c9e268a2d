package inspector

import (
	"fmt"
	"slices"
	"strings"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// verdict says why a socket has got an event, or has not.
type verdict struct {
	Got  bool   `json:"got"`
	Text string `json:"text"`
	// Weight is how much it is worth beside those of other servers: 0 is nothing.
	Weight int    `json:"weight"`
	Node   string `json:"node"`
}

// How much a verdict is worth.
const (
	weightGuess = 1 // it follows from what is missing
	weightSure  = 2
)

// fate says what has become of an event for one of its recipients.
func fate(in *inspector, t *trace, r recipient) (state, text string) {
	switch r.delivery {
	case socketio.DeliveryDropped:
		return "dropped", "The event was volatile, and the client could not take it at once."
	case socketio.DeliveryOverflow:
		return "overflow", "The client has left too much unread (Limits.SendBuffer), and was disconnected."
	case socketio.DeliveryGone:
		return "gone", "The socket was being disconnected at that moment."
	case socketio.DeliveryFailed:
		return "failed", "The event could not be sent in the form that the client needs."
	}
	wrote, written := r.written.After()
	after := "" // so long
	if written {
		after = " after " + span(wrote)
	}
	if r.after >= 0 {
		text = fmt.Sprintf("The client has acknowledged it after %s", span(r.after))
		if written {
			text += "; it was written" + after
		}
		return "acknowledged", text + "."
	}
	s := lookup(in, t, r.id)
	if s == nil {
		done := "queued"
		if written {
			done = "written" + after
		}
		if l, ok := leftOf(in, t, r.id); ok {
			return "left", fmt.Sprintf("It was %s, and the socket has left %s later (%s): it may not have arrived.", done, span(l.at.Sub(t.at)), l.reason)
		}
		return "queued", fmt.Sprintf("It was %s, and the socket has left since.", done)
	}
	if n := s.Queued(); n > 0 && !written {
		return "queued", fmt.Sprintf("It was queued; %d bytes wait for the client at the moment.", n)
	}
	text = "It was written to the connection" + after + "."
	if t.info.WantsAck {
		text += " The client has not acknowledged it here."
	}
	return "written", text
}

// lookup returns a socket of the namespace of an event, or of a child.
func lookup(in *inspector, t *trace, id string) *socketio.Socket {
	for _, ns := range in.namespaces(t.namespace) {
		if s, ok := ns.Socket(id); ok && s.Protocol() != 3 {
			return s
		}
	}
	return nil
}

func leftOf(in *inspector, t *trace, id string) (l left, ok bool) {
	if l, ok = in.record.left(t.namespace, id); ok {
		return l, ok
	}
	for _, ns := range in.namespaces(t.namespace) {
		if l, ok = in.record.left(ns.Name(), id); ok {
			return l, ok
		}
	}
	return l, false
}

// why says what this server knows of a socket and an event. t is nil if it knows nothing
// of the event.
func why(in *inspector, q *traceQuery, t *trace) verdict {
	say := func(weight int, format string, args ...any) verdict {
		return verdict{Text: fmt.Sprintf(format, args...), Weight: weight, Node: in.opts.ServerID}
	}
	at := time.UnixMilli(q.At)
	of := t
	if t == nil {
		of = &trace{namespace: q.Namespace, at: at}
	} else if i := slices.IndexFunc(t.list, func(r recipient) bool { return r.id == q.Socket }); i >= 0 {
		state, text := fate(in, t, t.list[i])
		v := say(weightSure, "%s", text)
		v.Got = state == "written" || state == "acknowledged"
		return v
	}
	s := lookup(in, of, q.Socket)
	l, hasLeft := leftOf(in, of, q.Socket)
	switch {
	case s == nil && !hasLeft:
		if ns := elsewhere(in, q.Socket); ns != "" {
			return say(weightSure, "The socket is in the namespace %s; the event was for %s.", ns, of.namespace)
		}
		return verdict{}
	case hasLeft && !l.at.After(of.at) && s != nil && s.Recovered():
		return say(weightSure, "The socket was away: it had left %s before (%s). It has come back with its session, and gets then what it has missed, unless that was volatile.", span(of.at.Sub(l.at)), l.reason)
	case s == nil && !l.at.After(of.at):
		return say(weightSure, "The socket was not connected: it had left %s before (%s).", span(of.at.Sub(l.at)), l.reason)
	case s != nil && s.Handshake().Time.After(of.at):
		return say(weightSure, "The socket was not connected yet: its connection has opened %s later.", span(s.Handshake().Time.Sub(of.at)))
	case t == nil && q.Local:
		return say(weightSure, "The socket is on another server than the one that the broadcast was for (Local).")
	case t == nil && s != nil && len(q.Rooms) > 0 && !slices.ContainsFunc(q.Rooms, s.InRoom): // adapters need not have told this server of it
		return say(weightSure, "The socket is not in one of the rooms %s.", quoted(q.Rooms))
	case t == nil:
		return say(weightGuess, "The server of the socket has nothing of that event: it did not arrive there, or was one of those that are not kept.")
	case t.info.Nobody:
		return say(weightSure, "To was called without a room: nobody gets such an event.")
	case t.failure != "" && t.size == 0:
		return say(weightSure, "Emit has failed: %s", t.failure)
	case t.info.WantsAck && t.socket == q.Socket:
		return say(weightSure, "It was not sent: %s", t.failure)
	case t.info.Remote || t.socket == "":
		return unmatched(in, t, s, say)
	}
	return say(weightSure, "The event was for the socket %s.", t.socket)
}

// unmatched says why a broadcast was not for a socket that was connected.
func unmatched(in *inspector, t *trace, s *socketio.Socket, say func(int, string, ...any) verdict) verdict {
	now := func(rooms []string) string { // the first that the socket is in
		for _, room := range rooms {
			if s != nil && s.InRoom(room) {
				return room
			}
		}
		return ""
	}
	except, within := now(t.info.Except), now(t.info.Rooms)
	meant := len(t.info.Rooms) == 0 || within != ""
	switch {
	case except != "" && s != nil && except == s.ID():
		return say(weightSure, "The socket itself was excluded.")
	case except != "":
		return say(weightSure, "The socket is in %s, which was excluded.", quoted(public(in, t.namespace, []string{except}, t.info.Remote)))
	case meant && t.deliveries > len(t.list):
		return say(weightGuess, "It was queued for %d more than are listed by their ids, and the socket was probably one of them.", t.deliveries-len(t.list))
	case t.cut:
		return say(weightGuess, "The event had more rooms, or longer names of rooms, than are kept: the socket was in none of those that it was for, or was excluded.")
	case len(t.info.Rooms) == 0 && len(t.info.Except) > 0:
		return say(weightSure, "The socket was excluded: it was in one of the rooms %s at that time, and has left since.", quoted(public(in, t.namespace, t.info.Except, t.info.Remote)))
	case within != "":
		return say(weightSure, "The socket was not in the room at that time: it has joined %s since.", quoted(public(in, t.namespace, []string{within}, t.info.Remote)))
	case len(t.info.Rooms) > 0 && s == nil:
		return say(weightSure, "The socket was not in one of the rooms %s, or was excluded; it has left since.", quoted(public(in, t.namespace, t.info.Rooms, t.info.Remote)))
	case len(t.info.Rooms) > 0:
		return say(weightSure, "The socket is not in one of the rooms %s.", quoted(public(in, t.namespace, t.info.Rooms, t.info.Remote)))
	}
	return say(weightGuess, "The socket had not joined the namespace yet.")
}

// elsewhere returns a namespace that a socket is in.
func elsewhere(in *inspector, id string) string {
	for _, ns := range in.namespaces("") {
		if s, ok := ns.Socket(id); ok && s.Protocol() != 3 {
			return ns.Name()
		}
	}
	return ""
}

func quoted(rooms []string) string {
	const most = 5
	var list []string
	for _, r := range rooms[:min(len(rooms), most)] {
		list = append(list, fmt.Sprintf("%q", r))
	}
	text := strings.Join(list, ", ")
	if n := len(rooms) - most; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

// span is a time as people read it.
func span(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	case d < 10*time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
