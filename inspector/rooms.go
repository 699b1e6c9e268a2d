package inspector

import (
	"cmp"
	"slices"
	"strings"
)

// The bounds of the rooms that a server answers with: the largest.
const (
	maxRooms = 500
	maxNames = 128 << 10 // bytes of their names, which clients may have chosen
)

// roomsQuery asks for the rooms of a namespace, the largest first.
type roomsQuery struct {
	Namespace string // the whole name; empty: all
	Name      string // a part
	Limit     int
}

// roomsPage are the largest rooms.
type roomsPage struct {
	// Total is how many rooms there are. A room of two servers counts twice.
	Total int       `json:"total"`
	Rows  []roomRow `json:"rows"`
}

type room struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

type roomRow struct {
	room

	Sockets int `json:"sockets"`
}

// rooms counts the rooms of this server, without those that sockets have for themselves.
func (in *inspector) rooms(q roomsQuery) roomsPage {
	sizes := make(map[room]int)
	for _, ns := range in.namespaces(q.Namespace) {
		for _, s := range ns.Sockets() {
			for _, name := range s.Rooms() {
				if strings.Contains(name, q.Name) {
					sizes[room{ns.Name(), name}]++
				}
			}
		}
	}
	page := largest(sizes, maxRooms)
	for i := range page.Rows {
		r := &page.Rows[i]
		r.Name = public(in, r.Namespace, []string{r.Name}, false)[0]
	}
	return page
}

// largest lists the largest rooms, and counts all.
func largest(sizes map[room]int, limit int) roomsPage {
	rows := make([]roomRow, 0, len(sizes))
	for r, n := range sizes {
		rows = append(rows, roomRow{r, n})
	}
	slices.SortFunc(rows, func(a, b roomRow) int {
		return cmp.Or(cmp.Compare(b.Sockets, a.Sockets), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	shown := rows[:min(len(rows), limit)]
	return roomsPage{Total: len(rows), Rows: fitting(shown, func(r roomRow) int { return len(r.Namespace) + len(r.Name) })}
}

// fitting returns the first of a list, as many as have maxNames bytes.
func fitting[E any](list []E, size func(E) int) []E {
	left := maxNames
	for i, e := range list {
		if left -= size(e); left < 0 {
			return list[:i]
		}
	}
	return list
}

func mergeRooms(q roomsQuery, pages []roomsPage) any {
	sizes, total := make(map[room]int), 0
	for _, p := range pages {
		total += p.Total
		for _, r := range p.Rows {
			sizes[r.room] += r.Sockets
		}
	}
	limit := q.Limit
	if limit < 1 || limit > maxRows {
		limit = maxRows / 2
	}
	all := largest(sizes, limit)
	all.Total = max(all.Total, total) // a server tells of the largest only
	return all
}
