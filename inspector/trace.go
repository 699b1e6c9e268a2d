package inspector

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// The bounds of answers about events.
const (
	maxEvents = 100              // events of an answer
	maxOnes   = 200              // recipients of an event
	apart     = 30 * time.Second // between what two servers keep of one event
)

// tracesQuery asks for what was emitted, the newest first.
type tracesQuery struct {
	Namespace string // the whole name; that of a parent stands for its children
	Event     string // a part
	Room      string // the whole name: one of To or Except
	Socket    string // the whole id: for it alone, or among others
	Limit     int
}

// tracesPage is what was emitted.
type tracesPage struct {
	Rows    []traceRow `json:"rows"`
	Skipped uint64     `json:"skipped"` // since the start: more than maxPerSecond
}

type traceRow struct {
	Node      string   `json:"node"`
	ID        uint64   `json:"id"`
	At        int64    `json:"at"` // milliseconds
	Took      float64  `json:"took"`
	Namespace string   `json:"namespace"`
	Event     string   `json:"event"`
	Rooms     []string `json:"rooms"`
	Except    []string `json:"except"`
	Socket    string   `json:"socket"`
	Volatile  bool     `json:"volatile"`
	WantsAck  bool     `json:"wantsAck"`
	Remote    bool     `json:"remote"`
	Local     bool     `json:"local"`
	Nobody    bool     `json:"nobody"`
	Key       uint32   `json:"key"`
	Size      int      `json:"size"`
	Error     string   `json:"error"`
	// Counts says what became of the event for how many, and Servers how many have
	// delivered it.
	Counts  map[string]int `json:"counts"`
	Servers int            `json:"servers"`
	// Written is to how many of those that are listed the event was written, the last time
	// after Last milliseconds: on another server since it has heard of the event.
	Written int     `json:"written"`
	Last    float64 `json:"last"`
}

// row is what a list has of an event.
func (in *inspector) traceRow(t *trace) traceRow {
	row := traceRow{
		Node: in.opts.ServerID, ID: t.id, At: t.at.UnixMilli(), Took: milliseconds(t.took),
		Namespace: t.namespace, Event: t.info.Name, Rooms: public(in, t.namespace, t.info.Rooms, t.info.Remote), Except: public(in, t.namespace, t.info.Except, t.info.Remote), Socket: t.socket,
		Volatile: t.info.Volatile, WantsAck: t.info.WantsAck, Remote: t.info.Remote, Local: t.info.Local, Nobody: t.info.Nobody,
		Key: t.key, Size: t.size, Error: t.failure, Counts: make(map[string]int), Servers: 1,
	}
	queued := 0
	for _, to := range t.list {
		if to.after >= 0 {
			row.Counts["acknowledged"]++
		}
		if d, ok := to.written.After(); ok {
			row.Written, row.Last = row.Written+1, max(row.Last, milliseconds(d))
		}
		if to.delivery == "queued" {
			queued++
		} else {
			row.Counts[string(to.delivery)]++
		}
	}
	row.Counts["queued"] = max(queued, t.deliveries)
	return row
}

func (q *tracesQuery) wants(t *trace) bool {
	return (q.Namespace == "" || q.Namespace == t.namespace || q.Namespace == t.parent) &&
		strings.Contains(t.info.Name, q.Event) &&
		(q.Room == "" || slices.Contains(t.info.Rooms, q.Room) || slices.Contains(t.info.Except, q.Room)) &&
		(q.Socket == "" || t.socket == q.Socket || slices.ContainsFunc(t.list, func(r recipient) bool { return r.id == q.Socket }))
}

func (in *inspector) traces(q tracesQuery) tracesPage {
	page := tracesPage{Rows: []traceRow{}, Skipped: in.record.lost()}
	for _, t := range in.record.all() {
		if len(page.Rows) == maxEvents {
			break
		}
		if q.wants(t) {
			page.Rows = append(page.Rows, in.traceRow(t))
		}
	}
	return page
}

// mergeTraces adds what other servers have delivered to the events of those that have
// emitted them.
func mergeTraces(q tracesQuery, pages []tracesPage, s *seal) any {
	all := tracesPage{Rows: []traceRow{}}
	var far []traceRow
	for _, p := range pages {
		all.Skipped += p.Skipped
		for _, row := range p.Rows {
			if row.Remote {
				far = append(far, row)
			} else {
				all.Rows = append(all.Rows, row)
			}
		}
	}
	for _, row := range far {
		if i := origin(all.Rows, &row); i >= 0 {
			for what, n := range row.Counts {
				all.Rows[i].Counts[what] += n
			}
			all.Rows[i].Servers++
			all.Rows[i].Written += row.Written
			all.Rows[i].Last = max(all.Rows[i].Last, row.Last)
		} else {
			all.Rows = append(all.Rows, row) // of a server that is not inspected
		}
	}
	slices.SortStableFunc(all.Rows, func(a, b traceRow) int { return cmp.Compare(b.At, a.At) })
	limit := q.Limit
	if limit < 1 || limit > maxEvents {
		limit = maxEvents
	}
	all.Rows = all.Rows[:min(len(all.Rows), limit)]
	for i := range all.Rows {
		all.Rows[i].Key = s.shut(all.Rows[i].Key)
	}
	return all
}

// origin returns which of the rows is that of the server that has emitted an event.
func origin(rows []traceRow, far *traceRow) int {
	best, distance := -1, apart.Milliseconds()+1
	for i := range rows {
		r := &rows[i]
		d := max(r.At-far.At, far.At-r.At)
		if !r.Remote && !r.Local && r.Socket == "" && r.Node != far.Node && r.Key == far.Key && r.Namespace == far.Namespace && r.Event == far.Event && d < distance {
			best, distance = i, d
		}
	}
	return best
}

// traceQuery asks for one event and, with Socket, why that has got it or not. All but Socket
// is what a row of the list says.
type traceQuery struct {
	Node             string
	ID               uint64
	At               int64
	Namespace, Event string
	Key              uint32
	Remote, Local    bool
	Rooms            []string // may be left out
	Socket           string
}

// open opens what a row of the list says.
func (q *traceQuery) open(s *seal) { q.Key = s.open(q.Key) }

// tracePart is what a server knows of an event.
type tracePart struct {
	Node       string          `json:"node"`
	Known      bool            `json:"known"`
	Row        *traceRow       `json:"row"`
	Recipients []recipientLine `json:"recipients"`
	More       int             `json:"more"` // recipients that are not listed
	Verdict    verdict         `json:"verdict"`
}

// recipientLine is one recipient. Times are milliseconds after the call.
type recipientLine struct {
	ID      string   `json:"id"`
	State   string   `json:"state"`
	Text    string   `json:"text"`
	Written *float64 `json:"written"` // nil: it is not, or that is not known
	Acked   *float64 `json:"acked"`   // nil: it is not
}

func recipientLineOf(in *inspector, t *trace, r recipient) recipientLine {
	state, text := fate(in, t, r)
	line := recipientLine{ID: r.id, State: state, Text: text}
	if d, ok := r.written.After(); ok {
		ms := milliseconds(d)
		line.Written = &ms
	}
	if r.after >= 0 {
		ms := milliseconds(r.after)
		line.Acked = &ms
	}
	return line
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// traceAnswer is what the page gets.
type traceAnswer struct {
	Parts   []tracePart `json:"parts"`
	Verdict *verdict    `json:"verdict"`
}

// find returns what this server keeps of an event; nil: nothing.
func (in *inspector) find(q *traceQuery) (best *trace) {
	distance := apart.Milliseconds() + 1
	for _, t := range in.record.all() {
		if q.Node == in.opts.ServerID {
			if t.id == q.ID {
				return t
			}
			continue
		}
		d := max(t.at.UnixMilli()-q.At, q.At-t.at.UnixMilli())
		if !q.Local && t.info.Remote && t.key == q.Key && t.namespace == q.Namespace && t.info.Name == q.Event && d < distance {
			best, distance = t, d
		}
	}
	return best
}

func (in *inspector) trace(q traceQuery) tracePart {
	part := tracePart{Node: in.opts.ServerID, Recipients: []recipientLine{}}
	t := in.find(&q)
	if t != nil {
		row := in.traceRow(t)
		part.Known, part.Row = true, &row
		bad := func(r recipient) int { // what went wrong comes first
			if r.delivery == "queued" {
				return 1
			}
			return 0
		}
		list := slices.Clone(t.list)
		slices.SortStableFunc(list, func(a, b recipient) int { return cmp.Compare(bad(a), bad(b)) })
		for _, r := range list[:min(len(list), maxOnes)] {
			part.Recipients = append(part.Recipients, recipientLineOf(in, t, r))
		}
		part.More = max(t.deliveries, len(t.list)) - len(part.Recipients)
	}
	if q.Socket != "" {
		part.Verdict = why(in, &q, t)
	}
	return part
}

func mergeTrace(q traceQuery, parts []tracePart, missing int, s *seal) any {
	a := traceAnswer{Parts: parts}
	for _, p := range parts {
		if p.Row != nil {
			p.Row.Key = s.shut(p.Row.Key)
		}
	}
	slices.SortStableFunc(a.Parts, func(x, y tracePart) int { return cmp.Compare(x.Node, y.Node) })
	if q.Socket == "" {
		return a
	}
	best := verdict{Text: "No server knows that socket: it has left longer ago than is kept, or there was none."}
	if missing > 0 {
		best.Text = "Some servers did not answer, and the others do not know that socket: it may be one of theirs."
	}
	for _, p := range parts {
		if p.Verdict.Weight > best.Weight {
			best = p.Verdict
		}
	}
	a.Verdict = &best
	return a
}
