package history

import "sort"

// A log may be one of several that are fed from a log which servers share: its entries
// have a Position there, but for those that are of this log alone. Positions increase;
// the caller knows how they compare.

// Compare compares positions of a shared log: negative if a is before b.
type Compare func(a, b string) int

// Skip makes the log, which is empty, begin behind a position: those before it are free
// for what is put in front by Behind.
func (l *Log[E]) Skip(pos uint64) {
	l.last.Store(pos)
	l.first.Store(pos + 1)
}

// Find returns the newest of the entries kept that is in the shared log at a position or
// before it; First()-1 if there is none.
func (l *Log[E]) Find(position string, compare Compare) uint64 {
	first := l.First()
	kept := l.entries[l.head:]
	// The entries without a position are few, and go with the one before them.
	i := sort.Search(len(kept), func(i int) bool {
		for ; i >= 0; i-- {
			if kept[i].Position != "" {
				return compare(kept[i].Position, position) > 0
			}
		}
		return false
	})
	for i > 0 && kept[i-1].Position == "" {
		i--
	}
	return first + uint64(i) - 1
}

// Displace takes the positions off all entries: they were of another shared log.
func (l *Log[E]) Displace() {
	for i := range l.entries[l.head:] {
		l.entries[l.head+i].Position = ""
	}
}

// Position is that of the newest entry in the shared log up to pos; empty if none is kept.
func (l *Log[E]) Position(pos uint64) string {
	for first := l.First(); pos >= first && pos <= l.Last(); pos-- {
		if p := l.at(pos).Position; p != "" {
			return p
		}
	}
	return ""
}

// Next is the oldest entry kept behind pos that the shared log has, and its position. It
// reports false if there is none.
func (l *Log[E]) Next(pos uint64) (position string, ok bool) {
	for pos = max(pos+1, l.First()); pos <= l.Last(); pos++ {
		if p := l.at(pos).Position; p != "" {
			return p, true
		}
	}
	return "", false
}

// Behind returns a log of the entries behind pos, all of which must be kept, with others
// put in front of them. It is good until the log changes, and must not be added to.
func (l *Log[E]) Behind(pos uint64, front []Entry[E]) *Log[E] {
	kept := l.entries[l.head+int(pos+1-l.First()):]
	b := &Log[E]{entries: kept}
	if len(front) > 0 {
		b.entries = append(front[:len(front):len(front)], kept...)
	}
	b.last.Store(l.Last())
	b.first.Store(pos + 1 - uint64(len(front)))
	return b
}
