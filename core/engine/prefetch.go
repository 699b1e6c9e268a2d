package engine

// What a broadcast touches of each recipient is rarely in the CPU's cache: a
// write takes the kernel far afield. So it stands in few cache lines, and those
// of several recipients are asked for at once, before the first one is needed:
// the CPU waits for memory once per prefetchAhead recipients. Half of the time that
// flushers spent on a broadcast to 1,000 (bcast16 of bench/) was such waiting.

// prefetchAhead is how many connections a flusher has the CPU load at a time.
const prefetchAhead = 8

// prefetch loads what flush needs first of writers and their sessions.
func prefetch(all []*writer) {
	for _, w := range all {
		w.s.state.Load()
	}
}
