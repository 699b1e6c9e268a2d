package inspector

import (
	"cmp"
	"slices"
	"strings"
)

// maxRooms bounds the rooms that a server answers with: the largest.
const maxRooms = 500

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
	return largest(sizes, maxRooms)
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
	return roomsPage{Total: len(rows), Rows: rows[:min(len(rows), limit)]}
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
	if len(pages) > 1 {
		all.Total = max(all.Total, total)
	}
	return all
}
