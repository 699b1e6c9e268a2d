package engine

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/gosio/gosio/core/engine/internal/link"
)

// flushers is the ready list: connections that have something to write, in
// one shard per two CPUs, and for each shard with work a goroutine that writes
// everything a connection has queued with one call. It never blocks: a
// connection whose kernel buffer is full gets a drain of its own.
//
// Measured on prototypes, with the scenario bcast16 of bench/ (CPU time per
// delivery of broadcasts to 1,000 clients, 16 in flight): a write per message
// 4.6 us, a goroutine per connection 0.72 us, this list 0.63 us.
//
// While a reader of plain TCP is at work on what has arrived, its handlers
// included, no flusher is started: what comes next may be for the same
// connections. The first reader that finds nothing more to read starts them, or
// the tick of the lending does, for handlers that take long. A second CPU would
// otherwise write the first of several broadcasts that have arrived together to
// many members by itself: 0.92 us per delivery instead of 0.72, in the scenario
// bcast16-paced of bench/.
type flushers struct {
	shards  []flusher
	lending *lending
	turn    atomic.Uint32

	_           [64]byte    // what is above is read much more often than this is written
	anyDeferred atomic.Bool // may be true in vain
	_           [63]byte
}

type flusher struct {
	mu       sync.Mutex
	idle     *sync.Cond
	ready    []*writer
	spare    []*writer
	running  bool
	deferred bool // startDeferred is going to start it

	// A cache line for readers, who do not wait for those who use the above.
	_       [64]byte
	readers atomic.Int32 // at work, of this shard's connections
	_       [60]byte
}

func (f *flushers) init(l *lending) {
	f.lending, l.flushers = l, f
	f.shards = make([]flusher, (runtime.GOMAXPROCS(0)+1)/2)
	for i := range f.shards {
		f.shards[i].idle = sync.NewCond(&f.shards[i].mu)
	}
}

// next deals new connections out to the shards.
func (f *flushers) next() uint32 { return f.turn.Add(1) % uint32(len(f.shards)) }

// add puts a connection on the ready list, as scheduleLocked has said; nil is
// none.
func (f *flushers) add(w *writer) {
	if w == nil {
		return
	}
	shard := &f.shards[w.shard]
	shard.mu.Lock()
	shard.ready = append(shard.ready, w)
	start := false
	if !shard.running && !shard.deferred {
		start = !f.mayDefer()
		shard.running, shard.deferred = start, !start
	}
	shard.mu.Unlock()
	if start {
		go shard.run()
	}
}

// mayDefer reports whether somebody is going to call startDeferred: a reader at
// work, or the timer of the lendings.
func (f *flushers) mayDefer() bool {
	if !f.reading() {
		return false
	}
	f.anyDeferred.Store(true)
	if !f.reading() { // the last reader may not have seen it
		return false
	}
	f.lending.start()
	return true
}

// reading reports whether a reader is at work.
func (f *flushers) reading() bool {
	for i := range f.shards {
		if f.shards[i].readers.Load() > 0 {
			return true
		}
	}
	return false
}

// startDeferred starts the flushers that were deferred.
func (f *flushers) startDeferred() {
	if !f.anyDeferred.Load() {
		return
	}
	f.anyDeferred.Store(false)
	for i := range f.shards {
		shard := &f.shards[i]
		shard.mu.Lock()
		start := shard.deferred
		if start {
			shard.running, shard.deferred = true, false
		}
		shard.mu.Unlock()
		if start {
			go shard.run()
		}
	}
}

// wait returns when no shard has work.
func (f *flushers) wait() {
	for i := range f.shards {
		shard := &f.shards[i]
		shard.mu.Lock()
		for shard.running || shard.deferred {
			shard.idle.Wait()
		}
		shard.mu.Unlock()
	}
}

// run writes until the shard has nothing left to write. Before each round
// whoever else has work goes first, and adds to it.
func (f *flusher) run() {
	b := link.WriteBuffers.Get().(*link.WriteBuffer)
	done := false
	defer func() {
		link.WriteBuffers.Put(b)
		if !done { // the application has ended this goroutine: see Observer.Flushed
			go f.run()
		}
	}()
	for f.more() {
		runtime.Gosched()
		f.round(b)
	}
	done = true
}

// more reports whether there is something to write. If not, the flusher ends.
func (f *flusher) more() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.ready) > 0 {
		return true
	}
	f.running = false
	f.idle.Broadcast()
	return false
}

// round writes to every connection that is ready.
func (f *flusher) round(b *link.WriteBuffer) {
	f.mu.Lock()
	batch := f.ready
	f.ready, f.spare = f.spare[:0], nil
	f.mu.Unlock()
	at := 0
	defer func() {
		f.mu.Lock()
		if at < len(batch) { // see run
			f.ready = append(f.ready, batch[at+1:]...)
		} else {
			f.spare = batch[:0]
		}
		f.mu.Unlock()
	}()
	for ; at < len(batch); at++ {
		if at%prefetchAhead == 0 {
			prefetch(batch[at:min(at+prefetchAhead, len(batch))])
		}
		w := batch[at]
		batch[at] = nil
		if w.flush(b) {
			f.again(w)
		}
	}
}

// again puts a connection that got more to write meanwhile at the end.
func (f *flusher) again(w *writer) {
	f.mu.Lock()
	f.ready = append(f.ready, w)
	f.mu.Unlock()
}

// activity says of one reader whether it is at work on what has arrived. It is
// used by that reader alone.
type activity struct {
	flush  *flushers
	shard  uint32
	atWork bool
}

// start notes that the reader is at work.
func (a *activity) start() {
	if !a.atWork {
		a.atWork = true
		a.flush.shards[a.shard].readers.Add(1)
	}
}

// stop notes that the reader waits, or ends. The last one to stop starts the
// flushers that were deferred meanwhile.
func (a *activity) stop() {
	if a.atWork {
		a.atWork = false
		a.flush.shards[a.shard].readers.Add(-1)
		a.flush.startDeferred()
	}
}

// What a broadcast needs of each recipient is rarely in the CPU's cache: a write runs
// much of the kernel. So it is in few cache lines, and those of several recipients are
// loaded before the first one is needed: the CPU waits for memory once per
// prefetchAhead recipients. Half of the time that flushers spent on a broadcast to
// 1,000 (bcast16 of bench/) was such waiting.

// prefetchAhead is how many connections a flusher has the CPU load at a time.
const prefetchAhead = 8

// prefetch loads what flush needs first of writers and their sessions.
func prefetch(all []*writer) {
	for _, w := range all {
		w.s.state.Load()
	}
}
