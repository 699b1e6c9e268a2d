package inspector

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/loglimit"
	"github.com/gosio/gosio/internal/redact"
)

// The bounds of an answer.
const (
	maxRows  = 200
	maxShown = 500 // rooms of a socket
)

// socketsQuery asks for sockets, the newest first. What is empty is not looked at.
type socketsQuery struct {
	Namespace string // the whole name; that of a parent stands for its children
	Room      string // the whole name
	ID        string // a part
	Address   string // its beginning
	Identity  string // a part, in any case
	After     *place // the last one that is known
	Limit     int
}

// place is where a socket stands in the order.
type place struct {
	At int64  `json:"at"` // milliseconds
	ID string `json:"id"`
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(q.At, p.At), cmp.Compare(p.ID, q.ID))
}

// socketsPage is a part of the sockets.
type socketsPage struct {
	Total int         `json:"total"` // with those of other pages
	Rows  []socketRow `json:"rows"`
	More  bool        `json:"more"`
}

type socketRow struct {
	place

	Namespace string `json:"namespace"`
	Node      string `json:"node"`
	Transport string `json:"transport"`
	Address   string `json:"address"`
	Identity  string `json:"identity"`
	Rooms     int    `json:"rooms"`
}

func (q *socketsQuery) limit() int {
	if q.Limit < 1 || q.Limit > maxRows {
		return maxRows / 2
	}
	return q.Limit
}

// wants reports whether a socket is looked for. What costs least is asked first.
func (q *socketsQuery) wants(s *socketio.Socket) bool {
	return s.Protocol() != 3 && // whose id is a secret
		strings.HasPrefix(s.Handshake().Address, q.Address) &&
		strings.Contains(s.ID(), q.ID) &&
		(q.Identity == "" || strings.Contains(strings.ToLower(s.Identity()), strings.ToLower(q.Identity))) &&
		(q.Room == "" || s.InRoom(q.Room))
}

// found is a socket that is looked for.
type found struct {
	place
	of *socketio.Socket
}

// sockets looks through the sockets of this server.
func (in *inspector) sockets(q socketsQuery) socketsPage {
	page, limit := socketsPage{Rows: []socketRow{}}, q.limit()
	var best []found // in order, limit at most
	for _, ns := range in.namespaces(q.Namespace) {
		for _, s := range ns.Sockets() {
			if !q.wants(s) {
				continue
			}
			page.Total++
			f := found{place{s.Handshake().Time.UnixMilli(), s.ID()}, s}
			if q.After != nil && f.compare(*q.After) <= 0 {
				continue
			}
			if len(best) == limit {
				page.More = true
				if f.compare(best[limit-1].place) > 0 {
					continue
				}
				best = best[:limit-1]
			}
			i, _ := slices.BinarySearchFunc(best, f, func(a, b found) int { return a.compare(b.place) })
			best = slices.Insert(best, i, f)
		}
	}
	for _, f := range best {
		page.Rows = append(page.Rows, socketRow{
			f.place, f.of.Namespace().Name(), in.opts.ServerID, f.of.Transport(), f.of.Handshake().Address, loglimit.Clip(f.of.Identity()), len(f.of.Rooms()),
		})
	}
	return page
}

// namespaces returns one, the children of a parent, or all; that of the inspector is not
// looked at.
func (in *inspector) namespaces(name string) []*socketio.Namespace {
	all := in.srv.Namespaces()
	if name == "" {
		return slices.DeleteFunc(all, func(ns *socketio.Namespace) bool { return ns == in.ns })
	}
	return slices.DeleteFunc(all, func(ns *socketio.Namespace) bool {
		return ns.Name() != name && (ns.Parent() == nil || ns.Parent().Name() != name)
	})
}

func mergeSockets(q socketsQuery, pages []socketsPage) any {
	all := socketsPage{Rows: []socketRow{}}
	for _, p := range pages {
		all.Total += p.Total
		all.Rows = append(all.Rows, p.Rows...)
		all.More = all.More || p.More
	}
	slices.SortFunc(all.Rows, func(a, b socketRow) int { return a.compare(b.place) })
	if limit := q.limit(); len(all.Rows) > limit {
		all.Rows, all.More = all.Rows[:limit], true
	}
	return all
}

// socketQuery asks for one socket.
type socketQuery struct{ Namespace, ID string }

// details are what is known of a socket.
type details struct {
	socketRow

	Server    redact.Handshake           `json:"handshake"`
	Names     []string                   `json:"roomNames"` // maxShown at most
	Values    map[string]json.RawMessage `json:"values"`
	Siblings  []string                   `json:"siblings"` // the namespaces that the client has joined besides
	Recovered bool                       `json:"recovered"`
	Queued    int64                      `json:"queued"`    // bytes that wait for the client
	RoundTrip float64                    `json:"roundTrip"` // milliseconds; 0: not known yet
	History   []stepLine                 `json:"history"`   // the oldest first
	Gone      bool                       `json:"gone"`      // then there is no more than the history
}

// socket returns the details of a socket of this server, or the history of one that has
// left lately; nil if it was not here.
func (in *inspector) socket(q socketQuery) *details {
	history, namespace := historyOf(in, q.Namespace, q.ID)
	s := lookup(in, &trace{namespace: q.Namespace}, q.ID)
	switch {
	case s == nil && history == nil:
		return nil
	case s == nil:
		row := socketRow{place: place{ID: q.ID}, Namespace: namespace, Node: in.opts.ServerID}
		return &details{socketRow: row, History: history, Gone: true}
	}
	ns := s.Namespace()
	snapshot := s.Snapshot()
	rooms, values := snapshot.Rooms(), snapshot.SharedValues()
	in.secrets.Values(values)
	slices.Sort(rooms)
	names := fitting(rooms[:min(len(rooms), maxShown)], func(name string) int { return len(name) })
	d := &details{
		socketRow: socketRow{
			place{s.Handshake().Time.UnixMilli(), s.ID()}, ns.Name(), in.opts.ServerID, s.Transport(), s.Handshake().Address, loglimit.Clip(s.Identity()), len(rooms),
		},
		Server: in.secrets.Handshake(snapshot.Handshake()), Names: public(in, ns.Name(), names, false), Values: values,
		Siblings: []string{}, Recovered: s.Recovered(), Queued: s.Queued(), RoundTrip: float64(s.RoundTrip().Microseconds()) / 1000,
		History: complete(in, s, history),
	}
	for _, other := range s.Siblings() {
		if other != s {
			d.Siblings = append(d.Siblings, other.Namespace().Name())
		}
	}
	return d
}

// mergeDetails takes the socket that is connected, or the one that has left last. The
// history is that of all servers: a client can come back to another one.
func mergeDetails(_ socketQuery, all []*details) any {
	var best *details
	var history []stepLine
	for _, d := range all {
		if d == nil || d.Gone && len(d.History) == 0 {
			continue
		}
		history = append(history, d.History...)
		if best == nil || best.Gone && (!d.Gone || d.History[len(d.History)-1].At > best.History[len(best.History)-1].At) {
			best = d
		}
	}
	if best == nil {
		return nil
	}
	slices.SortStableFunc(history, func(a, b stepLine) int { return cmp.Compare(a.At, b.At) })
	best.History = history
	return best
}
