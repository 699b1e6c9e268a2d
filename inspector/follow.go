package inspector

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gosio/gosio/internal/redact"
)

// The bounds of an answer about a tail.
const (
	maxTailRows   = 100
	maxTailAnswer = 128 << 10 // bytes of contents
)

// tailQuery asks for what a tail has got after cursors. Text is a part, in any case, of
// the arguments as they are shown.
type tailQuery struct {
	filter

	Text  string
	After map[string]cursor // by server
	// Viewer is who asks: the server that the page is connected to says so to the others.
	Viewer string
}

// by notes who asks.
func (q *tailQuery) by(viewer string) { q.Viewer = viewer }

// tailPage are events of a tail, the oldest first.
type tailPage struct {
	Rows []tailRow `json:"rows"`
	// Skipped is how many more events have passed the filter, Text aside, and Unseen how
	// many events were not looked at, because the time for that was used up.
	Skipped uint64            `json:"skipped"`
	Unseen  uint64            `json:"unseen"`
	After   map[string]cursor `json:"after"`
	Error   string            `json:"error,omitempty"`
}

type tailRow struct {
	Node      string   `json:"node"`
	At        int64    `json:"at"` // milliseconds
	Out       bool     `json:"out"`
	Namespace string   `json:"namespace"`
	Event     string   `json:"event"`
	Socket    string   `json:"socket"`
	Identity  string   `json:"identity"`
	Rooms     []string `json:"rooms"`
	Except    []string `json:"except"`
	Nobody    bool     `json:"nobody"`
	Count     int      `json:"count"` // clients that it was queued for
	Size      int      `json:"size"`
	Args      string   `json:"args"`
	Key       uint32   `json:"key"`
	Remote    bool     `json:"remote"`
	Volatile  bool     `json:"volatile"`
	WantsAck  bool     `json:"wantsAck"`
	Unhandled bool     `json:"unhandled"`
	Error     string   `json:"error"`
}

func (q *tailQuery) check() string {
	if len(q.Text) > maxName {
		return "a filter is longer than 256 bytes"
	}
	return q.filter.check()
}

// followed answers for this server.
func followed(in *inspector, q tailQuery) tailPage {
	page := tailPage{Rows: []tailRow{}}
	if page.Error = q.check(); page.Error != "" {
		return page
	}
	ts := &in.record.tails
	t, spent, err := ts.follow(&q.filter, q.Viewer, time.Now())
	in.budget.add(spent)
	if err != nil {
		page.Error = err.Error()
		return page
	}
	if q.Socket != "" {
		t.socket.Store(lookup(in, &trace{namespace: q.Namespace}, q.Socket))
	}
	was, known := q.After[in.opts.ServerID]
	if was.Epoch != t.epoch { // it has begun since
		was = cursor{Epoch: t.epoch, Unseen: was.Unseen}
	}
	list, end, lost := ts.since(t, was.Next)
	now := cursor{t.epoch, end, t.skipped.Load(), ts.unseen.Load()}
	if !known { // what was before is no loss
		was.Skipped, was.Unseen, lost = now.Skipped, now.Unseen, 0
	}
	page.After = map[string]cursor{in.opts.ServerID: now}
	page.Skipped, page.Unseen = now.Skipped-min(was.Skipped, now.Skipped)+lost, now.Unseen-min(was.Unseen, now.Unseen)
	text, left := strings.ToLower(q.Text), maxTailAnswer
	for i, one := range slices.Backward(list) {
		args := shown(in, one)
		if !strings.Contains(strings.ToLower(args), text) {
			continue
		}
		if left -= len(args); left < 0 || len(page.Rows) == maxTailRows {
			if known {
				page.Skipped += uint64(i + 1)
			}
			break
		}
		page.Rows = append(page.Rows, tailRowOf(in, one, args))
	}
	slices.Reverse(page.Rows)
	return page
}

func tailRowOf(in *inspector, t *tailed, args string) tailRow {
	return tailRow{
		Node: in.opts.ServerID, At: t.at.UnixMilli(), Out: t.out, Namespace: t.namespace, Event: t.event, Socket: t.socket, Identity: t.identity,
		Rooms: public(in, t.namespace, t.rooms, t.remote), Except: public(in, t.namespace, t.except, t.remote), Nobody: t.nobody, Count: t.count, Size: t.size,
		Args: args, Key: t.key, Remote: t.remote, Volatile: t.volatile, WantsAck: t.wantsAck, Unhandled: t.unhandled, Error: t.failure,
	}
}

// shown returns the arguments of an event as they may be seen.
func shown(in *inspector, t *tailed) string {
	if t.data == nil {
		if t.size > maxPayload {
			return "[too long]"
		}
		return ""
	}
	var parts []json.RawMessage
	if json.Unmarshal(t.data, &parts) != nil || len(parts) == 0 {
		return "[unreadable]"
	}
	args := parts[1:]
	if len(args) > 0 && in.opts.Redact(t.event) {
		return redact.Redacted
	}
	texts := make([]string, len(args))
	for i, a := range args {
		texts[i] = string(in.secrets.Clean(a))
	}
	text := strings.Join(texts, ", ")
	if strings.Contains(text, "_placeholder") {
		text = placeholder.ReplaceAllString(text, "[binary]")
	}
	text = withoutTokens(text)
	if len(text) > maxPayload { // what was redacted may be longer
		return "[too long]"
	}
	return text
}

// mergeTail puts the answers of servers together. A broadcast that several of them have
// delivered is one event.
func mergeTail(q tailQuery, pages []tailPage, missing int, s *seal) any {
	all := tailPage{Rows: []tailRow{}, After: make(map[string]cursor)}
	if servers := len(pages) + missing; missing > 0 && len(q.After) <= 2*servers { // otherwise most of these have ended
		maps.Copy(all.After, q.After) // of those that do not answer this time
	}
	var rows []tailRow
	for _, p := range pages {
		rows = append(rows, p.Rows...)
		maps.Copy(all.After, p.After)
		all.Skipped += p.Skipped
		all.Unseen += p.Unseen
		all.Error = cmp.Or(all.Error, p.Error)
	}
	slices.SortStableFunc(rows, func(a, b tailRow) int { // those that others deliver come last
		return cmp.Or(cmp.Compare(number(a.Remote), number(b.Remote)), cmp.Compare(a.At, b.At))
	})
	for _, row := range rows {
		if i := slices.IndexFunc(all.Rows, row.same); row.Remote && i >= 0 {
			all.Rows[i].Count += row.Count
			continue
		}
		all.Rows = append(all.Rows, row)
	}
	slices.SortStableFunc(all.Rows, func(a, b tailRow) int { return cmp.Compare(a.At, b.At) })
	if more := len(all.Rows) - maxTailRows; more > 0 {
		all.Rows, all.Skipped = all.Rows[more:], all.Skipped+uint64(more)
	}
	for i := range all.Rows {
		all.Rows[i].Key = s.shut(all.Rows[i].Key)
	}
	return all
}

// same reports whether two rows are probably one event, of two servers.
func (r *tailRow) same(other tailRow) bool {
	return other.Out && r.Key == other.Key && r.Event == other.Event && r.Namespace == other.Namespace && r.Node != other.Node &&
		max(r.At-other.At, other.At-r.At) <= apart.Milliseconds()
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
