package inspector

import (
	"cmp"
	"slices"
)

// maxListedChildren bounds the children of a parent that a server answers with: those with the
// most sockets.
const maxListedChildren = 200

// childrenQuery asks for the children of a parent.
type childrenQuery struct {
	Namespace string // the whole name of the parent
}

// childrenPage are children, those with the most sockets first.
type childrenPage struct {
	// Total is how many children there are. A child of two servers counts twice, if one of
	// them has more children than it answers with.
	Total int        `json:"total"`
	Rows  []childRow `json:"rows"`
}

type childRow struct {
	Name    string `json:"name"`
	Sockets int    `json:"sockets"`
	Servers int    `json:"servers"` // that have the child
}

func (in *inspector) children(q childrenQuery) childrenPage {
	var rows []childRow
	for _, p := range in.srv.Parents() {
		if p.Name() != q.Namespace {
			continue
		}
		for _, ns := range p.Children() {
			rows = append(rows, childRow{ns.Name(), ns.Stats().Sockets, 1})
		}
	}
	return mostSockets(rows)
}

func mostSockets(rows []childRow) childrenPage {
	slices.SortFunc(rows, func(a, b childRow) int {
		return cmp.Or(cmp.Compare(b.Sockets, a.Sockets), cmp.Compare(a.Name, b.Name))
	})
	shown := fitting(rows[:min(len(rows), maxListedChildren)], func(r childRow) int { return len(r.Name) })
	return childrenPage{len(rows), append([]childRow{}, shown...)}
}

func mergeChildren(_ childrenQuery, pages []childrenPage) any {
	at, total, whole := make(map[string]int), 0, true
	var rows []childRow
	for _, p := range pages {
		total += p.Total
		whole = whole && p.Total == len(p.Rows)
		for _, r := range p.Rows {
			i, known := at[r.Name]
			if !known {
				i = len(rows)
				at[r.Name] = i
				rows = append(rows, childRow{Name: r.Name})
			}
			rows[i].Sockets += r.Sockets
			rows[i].Servers += r.Servers
		}
	}
	all := mostSockets(rows)
	if !whole { // which of the others are the same children is not known
		all.Total = total
	}
	return all
}
