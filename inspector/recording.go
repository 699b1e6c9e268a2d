package inspector

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// The bounds of recordings.
const (
	maxRecordings   = 2                // of a server at a time, with those that are kept
	maxRecordTime   = 5 * time.Minute  // of one
	maxRecordBytes  = 4 << 20          // of events, and of what sockets are
	maxRecordLines  = 5_000            // all but the end
	maxRecorded     = 100              // sockets of one
	recordingKept   = time.Minute      // after its end
	recordingPause  = 10 * time.Second // from its beginning until another can take its place
	maxRecordAnswer = 128 << 10        // bytes of lines in an answer
)

// recorded is a line of a recording, not yet as text.
type recorded struct {
	at     time.Time
	kind   string // see docs/inspector.md
	socket string
	number uint64 // of an event, and of its acknowledgement
	event  string
	socketio.Acknowledgement
	wantsAck bool
	identity string
	rooms    []string
	why      string
}

// recording listens to sockets of this server for a while.
type recording struct {
	order recordQuery
	began time.Time

	mu     sync.Mutex
	lines  []recorded
	bytes  int
	number uint64
	socket map[string]func() // what stops listening to each
	missed int               // sockets beyond maxRecorded
	room   func()            // stops listening to the room; nil: it is one socket
	over   bool
	timer  *time.Timer // of the end, and then of the removal
	read   bool        // to its end, so that it need not be kept
}

// recordings are those of this server.
type recordings struct {
	in *inspector

	mu  sync.Mutex
	all map[string]*recording // by id
}

// begin begins a recording, if there is something to record. It reports how many sockets
// of this server that are, and whether it has begun.
func (rs *recordings) begin(o recordQuery) (sockets int, begun bool, err error) {
	ns := rs.namespace(o.Namespace)
	if ns == nil || o.Room != "" && ns.Parent() == nil && ns.Name() != "/" && len(ns.Sockets()) == 0 {
		return 0, false, nil // another server may have it; and whose name it is no viewer decides, by listening to it
	}
	s, ok := ns.Socket(o.Socket)
	if o.Socket != "" && (!ok || s.Protocol() == 3) { // whose id is a secret
		return 0, false, nil // another server may have room for a recording
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	switch {
	case rs.all[o.ID] != nil:
		return 0, false, errRecordingTwice
	case len(rs.all) >= maxRecordings:
		return 0, false, errRecordings
	}
	r := &recording{order: o, began: time.Now(), socket: make(map[string]func())}
	r.timer = time.AfterFunc(min(time.Duration(o.Seconds)*time.Second, maxRecordTime), func() {
		r.end("time")
		rs.removeAfter(r, recordingKept)
	})
	rs.all[o.ID] = r
	if ok {
		r.listen(s)
	} else {
		r.listenToRoom(ns)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.socket), true, nil
}

// namespace returns one that exists on this server, and makes none; nil for that of the
// inspector.
func (rs *recordings) namespace(name string) *socketio.Namespace {
	for _, ns := range rs.in.srv.Namespaces() {
		if ns.Name() == name && ns != rs.in.ns {
			return ns
		}
	}
	return nil
}

// get returns a recording, or nil.
func (rs *recordings) get(id string) *recording {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.all[id]
}

// stop ends a recording, which is kept for recordingKept.
func (rs *recordings) stop(id string) {
	if r := rs.get(id); r != nil && r.end("stopped") {
		rs.removeAfter(r, recordingKept)
	}
}

// fetched removes a recording that was read to its end.
func (rs *recordings) fetched(r *recording) {
	rs.removeAfter(r, 0)
}

// removeAfter removes a recording; soon, with 0, if it was read.
func (rs *recordings) removeAfter(r *recording, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.read {
		return
	}
	if d == 0 {
		r.read = true
		d = max(recordingPause/2, recordingPause-time.Since(r.began))
	}
	r.timer.Stop()
	r.timer = time.AfterFunc(d, func() {
		rs.mu.Lock()
		defer rs.mu.Unlock()
		delete(rs.all, r.order.ID)
	})
}

// close ends all recordings with the server.
func (rs *recordings) close() {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, r := range rs.all {
		r.end("closed")
		r.mu.Lock()
		r.timer.Stop()
		r.mu.Unlock()
	}
	clear(rs.all)
}

// listenToRoom listens to the sockets that are in the room, and to those that join it.
func (r *recording) listenToRoom(ns *socketio.Namespace) {
	of := ns
	if p := ns.Parent(); p != nil { // listening to a child would keep it for ever
		of = p
	}
	off := of.OnRoom(func(e socketio.RoomEvent) {
		if e.Namespace != ns || e.Room != r.order.Room {
			return
		}
		switch e.Step {
		case socketio.RoomStepJoined:
			if s, ok := ns.Socket(e.Socket); ok {
				r.listenWithin(s)
			}
		case socketio.RoomStepLeft:
			r.leave(e.Socket)
		}
	})
	r.mu.Lock()
	r.room = off
	if r.over { // it is full already
		off()
	}
	r.mu.Unlock()
	for _, s := range ns.Sockets() {
		if s.InRoom(r.order.Room) {
			r.listenWithin(s)
		}
	}
}

// listenWithin listens to a socket that is in the room, or was a moment ago.
func (r *recording) listenWithin(s *socketio.Socket) {
	for {
		r.listen(s)
		if s.InRoom(r.order.Room) {
			return
		}
		r.leave(s.ID()) // it has left when nobody listened to it yet
		if !s.InRoom(r.order.Room) {
			return
		}
	}
}

// listen listens to a socket, once.
func (r *recording) listen(s *socketio.Socket) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over || r.socket[s.ID()] != nil || s.Protocol() == 3 {
		return
	}
	if len(r.socket) >= maxRecorded {
		r.missed++
		return
	}
	rooms := s.Rooms()
	slices.Sort(rooms)
	if !r.addLocked(recorded{kind: lineHere, socket: s.ID(), identity: s.Identity(), rooms: rooms[:min(len(rooms), maxShown)]}) {
		return
	}
	off, offOutgoing := s.OnAny(r.incoming), s.OnAnyOutgoing(r.outgoing)
	gone := context.AfterFunc(s.Context(), func() { r.leave(s.ID()) })
	r.socket[s.ID()] = func() { off(); offOutgoing(); gone() }
}

// leave stops listening to a socket.
func (r *recording) leave(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if stop := r.socket[id]; stop != nil && !r.over {
		stop()
		delete(r.socket, id)
		r.addLocked(recorded{kind: lineGone, socket: id})
	}
}

// end stops listening, once.
func (r *recording) end(why string) (ended bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.endLocked(why)
}

func (r *recording) endLocked(why string) (ended bool) {
	if r.over {
		return false
	}
	r.over = true
	for _, stop := range r.socket {
		stop()
	}
	if r.room != nil {
		r.room()
	}
	r.lines = append(r.lines, recorded{at: time.Now(), kind: lineEnd, why: why})
	return true
}

// The kinds of lines.
const (
	lineHere  = "here"  // a socket is recorded from now on
	lineGone  = "gone"  // it has left the room, or the server
	lineIn    = "in"    // an event that the client has sent
	lineAck   = "ack"   // its acknowledgement
	lineOut   = "out"   // an event that the client is sent
	lineReply = "reply" // what the client acknowledges it with
	lineEnd   = "end"   // of the recording on this server
)

// argued is an event as listeners get it.
type argued interface {
	Len() int
	Arg(i int, dst any) error
}

func (r *recording) incoming(s *socketio.Socket, in *socketio.Incoming) {
	line := recorded{kind: lineIn, socket: s.ID(), event: in.Event, Acknowledgement: read(in), wantsAck: in.WantsAck()}
	n, ok := r.add(line)
	if ok && line.wantsAck {
		in.OnAck(func(a *socketio.Acknowledgement) {
			r.add(recorded{kind: lineAck, socket: line.socket, number: n, event: line.event, Acknowledgement: *a})
		})
	}
}

func (r *recording) outgoing(s *socketio.Socket, out *socketio.Outgoing) {
	line := recorded{kind: lineOut, socket: s.ID(), event: out.Event, Acknowledgement: read(out), wantsAck: out.WantsAck()}
	n, ok := r.add(line)
	if ok && line.wantsAck {
		out.OnAck(func(a *socketio.Acknowledgement) {
			r.add(recorded{kind: lineReply, socket: line.socket, number: n, event: line.event, Acknowledgement: *a})
		})
	}
}

// add keeps a line. It returns the number of the event.
func (r *recording) add(line recorded) (number uint64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ok = r.addLocked(line)
	return r.number, ok
}

// addLocked keeps a line, and ends the recording when that is full: who comes and goes adds
// lines, too.
func (r *recording) addLocked(line recorded) (ok bool) {
	size := line.size()
	if r.over || r.bytes+size > maxRecordBytes || len(r.lines) >= maxRecordLines {
		if r.endLocked("full") {
			r.timer.Reset(0) // which keeps it as one that has ended
		}
		return false
	}
	line.at = time.Now()
	line.event = strings.Clone(line.event)
	if line.kind == lineIn || line.kind == lineOut && line.wantsAck {
		r.number++
		line.number = r.number
	}
	r.bytes += size
	r.lines = append(r.lines, line)
	return true
}

// size is how many bytes of clients' and of the application's are in a line.
func (line *recorded) size() int {
	n := line.Size() + len(line.event) + len(line.identity)
	for _, room := range line.rooms {
		n += len(room)
	}
	return n
}

// read returns the arguments of an event, with placeholders for binary values.
func read(a argued) (all socketio.Acknowledgement) {
	b := []byte{'['}
	for i := range a.Len() {
		var raw json.RawMessage
		if a.Arg(i, &raw) != nil {
			raw = json.RawMessage("null")
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, raw...)
		if strings.Contains(string(raw), `"_placeholder"`) {
			var value, plain any
			if a.Arg(i, &value) == nil && json.Unmarshal(raw, &plain) == nil {
				all.Attachments = attachments(all.Attachments, plain, value)
			}
		}
	}
	all.Data = append(b, ']')
	return all
}

// attachments adds the binary values of an argument in the places that their placeholders
// name.
func attachments(list [][]byte, plain, value any) [][]byte {
	switch v := value.(type) {
	case []byte:
		holder, _ := plain.(map[string]any)
		if n, ok := holder["num"].(float64); ok && n >= 0 && n < 1000 {
			for len(list) <= int(n) {
				list = append(list, nil)
			}
			list[int(n)] = slices.Clone(v)
		}
	case map[string]any:
		if p, ok := plain.(map[string]any); ok {
			for key, member := range v {
				list = attachments(list, p[key], member)
			}
		}
	case []any:
		if p, ok := plain.([]any); ok && len(p) == len(v) {
			for i, element := range v {
				list = attachments(list, p[i], element)
			}
		}
	}
	return list
}
