package inspector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/loglimit"
	"github.com/gosio/gosio/internal/redact"
)

var (
	errRecordings     = fmt.Errorf("%d recordings are made or kept already: try again in a minute", maxRecordings)
	errRecordingTwice = errors.New("there is a recording of that id")
)

// recordVersion is that of the format of recordings, which docs/inspector.md has.
const recordVersion = 1

// recordQuery begins a recording, of a socket or a room, or ends one.
type recordQuery struct {
	ID        string // the page makes it up
	Namespace string // the whole name, of a namespace or a child
	Socket    string
	Room      string
	Seconds   int
	Stop      bool
}

// check says what is wrong with an order.
func (o *recordQuery) check() error {
	switch {
	case len(o.ID) < 8 || len(o.ID) > 64:
		return errors.New("a recording needs an id of 8 to 64 bytes")
	case o.Stop:
		return nil
	case (o.Socket == "") == (o.Room == ""):
		return errors.New("of what? One of socket and room")
	case o.Seconds < 1 || o.Seconds > int(maxRecordTime.Seconds()):
		return fmt.Errorf("a recording takes 1 to %d seconds", int(maxRecordTime.Seconds()))
	}
	return nil
}

// recordPart is what a server says to that.
type recordPart struct {
	Node    string `json:"node"`
	Begun   bool   `json:"begun"`
	Sockets int    `json:"sockets"`
	Error   string `json:"error"`
}

// recordAnswer is what the page gets. Header is the first line of the file.
type recordAnswer struct {
	Header  string   `json:"header"`
	Begun   int      `json:"begun"` // on so many servers
	Sockets int      `json:"sockets"`
	Errors  []string `json:"errors"`
}

// recordHeader is the first line of a file.
type recordHeader struct {
	Format    string `json:"format"`
	Version   int    `json:"version"`
	Namespace string `json:"namespace"`
	Socket    string `json:"socket,omitempty"`
	Room      string `json:"room,omitempty"`
	Seconds   int    `json:"seconds"`
	Redacted  bool   `json:"redacted"`
}

// serve answers what the page asks of recordings, until the server ends.
func (rs *recordings) serve() {
	rs.all = make(map[string]*recording)
	context.AfterFunc(rs.in.srv.Context(), rs.close)
	rs.in.ns.UseEvent(rs.note)
	question[recordQuery, recordPart]{rs.in, "record", rs.order}.serve(rs.merge)
	question[recordedQuery, *recordedPart]{rs.in, "recorded", rs.fetch}.serve(mergeRecorded)
}

// order begins a recording, or ends one.
func (rs *recordings) order(o recordQuery) recordPart {
	part := recordPart{Node: rs.in.opts.ServerID}
	err := o.check()
	switch {
	case err != nil:
	case o.Stop:
		rs.stop(o.ID)
	default:
		part.Sockets, part.Begun, err = rs.begin(o)
	}
	if err != nil {
		part.Error = err.Error()
	}
	return part
}

func (rs *recordings) merge(o recordQuery, parts []recordPart) any {
	a := recordAnswer{Errors: []string{}}
	for _, p := range parts {
		a.Sockets += p.Sockets
		a.Begun += number(p.Begun)
		if p.Error != "" && !slices.Contains(a.Errors, p.Error) {
			a.Errors = append(a.Errors, p.Error)
		}
	}
	header, _ := json.Marshal(recordHeader{"gosio recording", recordVersion, o.Namespace, o.Socket, o.Room, o.Seconds, !rs.in.opts.RecordSecrets}) // strings and numbers
	a.Header = string(header)
	return a
}

// note is event middleware that logs who records what. Recordings that begin are few; what
// else is asked for has a limit, so that nobody hides a recording behind it.
func (rs *recordings) note(next socketio.EventHandler) socketio.EventHandler {
	var noted loglimit.Limiter
	return func(ctx context.Context, i *socketio.Incoming) error {
		var raw json.RawMessage
		var o recordQuery
		if i.Event == "record" && i.Arg(0, &raw) == nil && len(raw) <= maxQuestion && json.Unmarshal(raw, &o) == nil && !o.Stop {
			viewer, _ := viewerKey.Get(i.Socket)
			i.OnAck(func(a *socketio.Acknowledgement) {
				attrs := []slog.Attr{
					slog.String("viewer", viewer), slog.String("namespace", loglimit.Clip(o.Namespace)), slog.String("socket", loglimit.Clip(o.Socket)),
					slog.String("room", loglimit.Clip(o.Room)), slog.Int("seconds", o.Seconds),
				}
				var said []struct{ Is recordAnswer }
				if json.Unmarshal(a.Data, &said) == nil && len(said) > 0 && said[0].Is.Begun > 0 {
					rs.in.opts.Logger.LogAttrs(ctx, slog.LevelInfo, "inspector: recording", attrs...)
					return
				}
				noted.Log(rs.in.opts.Logger, slog.LevelInfo, "record", "inspector: not recording", attrs...)
			})
		}
		return next(ctx, i)
	}
}

// recordedQuery asks for lines of a recording: from one on, for each server.
type recordedQuery struct {
	ID   string
	From map[string]int // by server
}

// recordedPart has lines of one server.
type recordedPart struct {
	Node   string         `json:"node"`
	Lines  []recordedLine `json:"lines"`
	Next   int            `json:"next"`
	Over   bool           `json:"over"` // these are the last
	Bytes  int            `json:"bytes"`
	Missed int            `json:"missed"` // sockets that are not recorded
}

// recordedLine is a line of the file. The page puts those of several servers in order.
type recordedLine struct {
	At   int64  `json:"at"` // microseconds
	Text string `json:"text"`
}

// fetch returns what there is of a recording, as text; nil if this server has none.
func (rs *recordings) fetch(q recordedQuery) *recordedPart {
	r := rs.get(q.ID)
	if r == nil {
		return nil
	}
	part := &recordedPart{Node: rs.in.opts.ServerID, Lines: []recordedLine{}}
	r.mu.Lock()
	lines, over := r.lines, r.over // whose elements do not change
	part.Bytes, part.Missed = r.bytes, r.missed
	r.mu.Unlock()
	part.Next = min(max(q.From[part.Node], 0), len(lines))
	for size := 0; part.Next < len(lines) && size < maxRecordAnswer; part.Next++ {
		line := &lines[part.Next]
		text := lineText(rs.in, r.order.Namespace, line)
		size += len(text)
		part.Lines = append(part.Lines, recordedLine{line.at.UnixMicro(), text})
	}
	if over && part.Next == len(lines) {
		part.Over = true
		rs.fetched(r)
	}
	return part
}

func mergeRecorded(_ recordedQuery, parts []*recordedPart) any {
	return slices.DeleteFunc(parts, func(p *recordedPart) bool { return p == nil })
}

// recordedText is a line of the file.
type recordedText struct {
	At          int64             `json:"at"` // microseconds since 1970
	Kind        string            `json:"kind"`
	Socket      string            `json:"socket,omitempty"`
	Number      uint64            `json:"n,omitempty"`
	Event       string            `json:"event,omitempty"`
	Args        []json.RawMessage `json:"args,omitempty"`
	Attachments [][]byte          `json:"attachments,omitempty"`
	Ack         bool              `json:"ack,omitempty"`
	Server      string            `json:"server,omitempty"`
	Identity    string            `json:"identity,omitempty"`
	Rooms       []string          `json:"rooms,omitempty"`
	Why         string            `json:"why,omitempty"`
}

// lineText is a line as text. Redact is the application's, and asked here, where time is
// counted, and not while the event is on its way.
func lineText(in *inspector, namespace string, line *recorded) string {
	t := recordedText{
		At: line.at.UnixMicro(), Kind: line.kind, Socket: line.socket, Number: line.number, Event: line.event, Attachments: line.Attachments,
		Ack: line.wantsAck, Identity: line.identity, Rooms: public(in, namespace, line.rooms, false), Why: line.why,
	}
	if line.kind == lineHere || line.kind == lineEnd {
		t.Server = in.opts.ServerID
	}
	if line.Data != nil {
		_ = json.Unmarshal(line.Data, &t.Args) // it is an array
	}
	if !in.opts.RecordSecrets {
		t.Args, t.Attachments = clean(in, t.Event, t.Args, t.Attachments)
	}
	text, err := json.Marshal(t)
	if err != nil {
		text, _ = json.Marshal(recordedText{At: t.At, Kind: t.Kind, Socket: t.Socket, Number: t.Number, Event: redact.Redacted})
	}
	return string(text)
}
