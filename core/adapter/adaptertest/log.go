package adaptertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
)

// Log is the log of a [Cluster], in which all namespaces have one order of positions, and
// its store of sessions. Its methods are what may happen to an engine.
type Log struct {
	bus *bus

	// Guarded by bus.mu.
	last     uint64 // number of the newest entry
	epoch    int
	entries  map[string][]logEntry // of each namespace
	trimmed  map[string]uint64     // of each namespace everything up to this number is gone
	sessions map[string]kept       // by namespace and private id
	stopped  bool
	mended   chan struct{} // closed when it is mended; nil: it was never stopped
	replays  int
}

// logEntry is one operation. A mark, in the place of some that are lost, has no op.
type logEntry struct {
	number uint64
	from   *node
	n      uint64
	op     []byte
	past   *adapter.Operation // published past the log; waits in an outbox alone
}

// kept is one session in the form that it has at an engine.
type kept struct {
	data  []byte
	until time.Time // zero: for ever
}

// most operations wait at a server for an engine that is stopped.
const maxOutbox = 1000

// ClusterWithLog is [Cluster], and returns the log, too.
func ClusterWithLog(t testing.TB, n int, opts socketio.Options) ([]*socketio.Server, *Log) {
	t.Helper()
	b := &bus{}
	b.log = newLog(b)
	return b.start(t, slices.Repeat([]socketio.Options{opts}, n)), b.log
}

func newLog(b *bus) *Log {
	return &Log{bus: b, entries: make(map[string][]logEntry), trimmed: make(map[string]uint64), sessions: make(map[string]kept)}
}

// Stop stops the engine: nothing is appended, read, saved or taken until mend is called.
// What servers append meanwhile waits with them, up to 1,000 operations each, and what they
// publish waits behind it. Requests fail at once.
func (g *Log) Stop() (mend func()) {
	g.bus.mu.Lock()
	defer g.bus.mu.Unlock()
	g.stopped, g.mended = true, make(chan struct{})
	return func() {
		g.bus.mu.Lock()
		defer g.bus.mu.Unlock()
		g.stopped = false
		close(g.mended)
		for _, nodes := range g.bus.nodes {
			for _, n := range nodes {
				g.flush(n)
			}
		}
	}
}

// flush appends what a node has kept while the engine was stopped. Called with bus.mu held.
func (g *Log) flush(n *node) {
	for _, e := range n.outbox {
		if e.past == nil {
			g.add(n, e)
			continue
		}
		for _, other := range g.bus.others(n) {
			g.bus.send(n, other, e.past.Type, envelope{Op: e.past})
		}
	}
	n.outbox = nil
	if n.dropped > 0 {
		g.add(n, logEntry{from: n})
		n.take(gapped(n.dropped))
		n.dropped = 0
	}
}

// Trim forgets all entries. A server that has not read them reports a gap.
func (g *Log) Trim() {
	g.bus.mu.Lock()
	defer g.bus.mu.Unlock()
	for name := range g.entries {
		g.trimmed[name] = g.last
		g.entries[name] = nil
	}
}

// Tell has every server know how far it is in the log, as an engine does once a second:
// also of namespaces in which nothing is said. Without places it is told to all servers.
func (g *Log) Tell(servers ...int) {
	g.bus.mu.Lock()
	defer g.bus.mu.Unlock()
	for _, nodes := range g.bus.nodes {
		for _, n := range nodes {
			if len(servers) == 0 || slices.Contains(servers, n.place) {
				n.take(told(g.epoch, g.last))
			}
		}
	}
}

// Lose begins the log anew, as an engine does that has lost its memory. The sessions stay.
func (g *Log) Lose() {
	g.bus.mu.Lock()
	defer g.bus.mu.Unlock()
	g.epoch++
	g.last = 0
	g.entries, g.trimmed = make(map[string][]logEntry), make(map[string]uint64)
	for _, nodes := range g.bus.nodes {
		for _, n := range nodes {
			n.take(woken(g.epoch, 0))
		}
	}
}

// Sessions is how many sessions are kept.
func (g *Log) Sessions() int {
	g.bus.mu.Lock()
	defer g.bus.mu.Unlock()
	for name, k := range g.sessions {
		if !k.until.IsZero() && time.Now().After(k.until) {
			delete(g.sessions, name)
		}
	}
	return len(g.sessions)
}

// Entries is how many operations of a namespace the log has.
func (g *Log) Entries(namespace string) int {
	g.bus.mu.Lock()
	defer g.bus.mu.Unlock()
	return len(g.entries[namespace])
}

// Replays is how often servers have asked for what is older than they remember.
func (g *Log) Replays() int {
	g.bus.mu.Lock()
	defer g.bus.mu.Unlock()
	return g.replays
}

// add appends an entry, and tells all nodes. Called with bus.mu held.
func (g *Log) add(from *node, e logEntry) {
	name := from.local.Namespace()
	g.last++
	e.number = g.last
	g.entries[name] = append(g.entries[name], e)
	for _, n := range g.bus.nodes[name] {
		n.take(woken(g.epoch, e.number))
	}
}

func woken(epoch int, number uint64) []byte {
	data, _ := json.Marshal(&envelope{Woken: true, Epoch: epoch, Number: number}) // of numbers
	return data
}

func told(epoch int, number uint64) []byte {
	data, _ := json.Marshal(&envelope{Woken: true, Told: true, Epoch: epoch, Number: number}) // as above
	return data
}

func gapped(dropped int) []byte {
	data, _ := json.Marshal(&envelope{Dropped: dropped}) // as above
	return data
}

// positionOf is "3-7" for the entry 7 of the epoch 3: order matters inside one alone.
func positionOf(number uint64) string { return "1-" + strconv.FormatUint(number, 10) }

func numberOf(position string) (number uint64, ok bool) {
	text, ok := strings.CutPrefix(position, "1-")
	number, err := strconv.ParseUint(text, 10, 64)
	return number, ok && err == nil
}

func epochOf(n int) string { return fmt.Sprint("epoch", n) }

// logged is a node with a log.
type logged struct{ *node }

var (
	_ adapter.Sequencer    = logged{}
	_ adapter.SessionStore = logged{}
)

var errStopped = errors.New("adaptertest: the engine is stopped")

// Append implements adapter.Sequencer.
func (n logged) Append(number uint64, op *adapter.Operation) error {
	data, err := json.Marshal(op)
	if err != nil {
		return err
	}
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	e := logEntry{from: n.node, n: number, op: data}
	switch {
	case !n.bus.has(n.node):
		return errLeft
	case !n.bus.log.stopped:
		n.bus.log.add(n.node, e)
	case len(n.outbox) < maxOutbox:
		n.outbox = append(n.outbox, e)
	default:
		n.dropped++
		return errStopped
	}
	return nil
}

// Publish implements adapter.Adapter.
func (n logged) Publish(op *adapter.Operation) error {
	data, err := json.Marshal(op) // before it waits: the caller's bytes may change
	if err != nil {
		return err
	}
	n.bus.mu.Lock()
	stopped := n.bus.log.stopped && n.bus.has(n.node)
	full := len(n.outbox) >= maxOutbox
	if stopped && !full {
		past := new(adapter.Operation)
		err = json.Unmarshal(data, past)
		n.outbox = append(n.outbox, logEntry{from: n.node, past: past})
	}
	n.bus.mu.Unlock()
	switch {
	case stopped && full:
		return errStopped
	case stopped:
		return err
	}
	return n.node.Publish(op)
}

// Request implements adapter.Adapter.
func (n logged) Request(ctx context.Context, op *adapter.Operation, each func(*adapter.Response)) (func() error, error) {
	n.bus.mu.Lock()
	stopped := n.bus.log.stopped
	n.bus.mu.Unlock()
	if stopped {
		return nil, errStopped
	}
	return n.node.Request(ctx, op, each)
}

// follow begins to read the log, before anything is delivered.
func (n *node) follow() {
	if n.bus.log != nil {
		n.local.Follow(epochOf(n.epoch), positionOf(n.read))
	}
}

// readLog hands over what is in the log up to a number: one message, one entry, most
// often, so that what a server publishes otherwise keeps its place.
func (n *node) readLog(of int, upTo uint64) {
	g := n.bus.log
	n.bus.mu.Lock()
	name := n.local.Namespace()
	for g.stopped { // what has come behind it waits, too
		mended := g.mended
		n.bus.mu.Unlock()
		select {
		case <-mended:
		case <-n.closing:
			return
		}
		n.bus.mu.Lock()
	}
	anew := n.epoch != g.epoch
	if anew {
		n.epoch, n.read = g.epoch, 0
	}
	if of != n.epoch {
		upTo = 0 // that log is gone
	}
	var lost uint64
	if g.trimmed[name] > n.read {
		lost = g.trimmed[name] - n.read
		n.read = g.trimmed[name]
	}
	epoch, from := n.epoch, n.read
	entries := g.entries[name]
	i, _ := slices.BinarySearchFunc(entries, n.read+1, func(e logEntry, number uint64) int { return int(int64(e.number) - int64(number)) })
	entries = slices.Clone(entries[i:])
	n.read = max(n.read, upTo)
	n.bus.mu.Unlock()
	switch {
	case lost > 0:
		n.local.Gap(adapter.Gap{Type: adapter.GapIncoming, Operations: int(lost), Err: errLost})
		n.local.Follow(epochOf(epoch), positionOf(from))
	case anew:
		n.local.Follow(epochOf(epoch), positionOf(from))
	}
	for _, e := range entries {
		if e.number > upTo {
			break
		}
		n.handOver(epoch, &e)
	}
}

func (n *node) handOver(epoch int, e *logEntry) {
	if e.op == nil {
		if e.from != n {
			n.local.Gap(adapter.Gap{Type: adapter.GapIncoming, Err: errLost})
			n.local.Follow(epochOf(epoch), positionOf(e.number))
		}
		return
	}
	if e.from == n {
		n.local.Placed(e.n, positionOf(e.number))
		return
	}
	_ = n.local.Apply(e.operation()) // as in receive
}

func (e *logEntry) operation() *adapter.Operation {
	op := new(adapter.Operation)
	if err := json.Unmarshal(e.op, op); err != nil {
		panic(err) //nolint:forbidigo // as in receive
	}
	op.Position = positionOf(e.number)
	return op
}

// SaveSessions implements adapter.SessionStore.
func (n logged) SaveSessions(_ context.Context, sessions []*adapter.Session) error {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	g := n.bus.log
	if g.stopped {
		return fmt.Errorf("%w: %w", adapter.ErrNotSaved, errStopped)
	}
	for _, s := range sessions {
		data, err := json.Marshal(s)
		if err != nil {
			return fmt.Errorf("%w: %w", adapter.ErrNotSaved, err)
		}
		k := kept{data: data}
		if s.TTL >= 0 {
			k.until = time.Now().Add(s.TTL)
		}
		g.sessions[n.local.Namespace()+" "+s.PID] = k
	}
	return nil
}

// TakeSession implements adapter.SessionStore.
func (n logged) TakeSession(_ context.Context, pid string) (*adapter.Session, error) {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	g, name := n.bus.log, n.local.Namespace()+" "+pid
	if g.stopped {
		return nil, errStopped
	}
	k, ok := g.sessions[name]
	delete(g.sessions, name)
	if !ok || !k.until.IsZero() && time.Now().After(k.until) {
		return nil, nil
	}
	s := new(adapter.Session)
	return s, json.Unmarshal(k.data, s)
}

// Replay implements adapter.SessionStore.
func (n logged) Replay(_ context.Context, epoch, after string, limit int) (ops []*adapter.Operation, through string, err error) {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	g, name := n.bus.log, n.local.Namespace()
	g.replays++
	number, ok := numberOf(after)
	switch {
	case g.stopped:
		return nil, "", errStopped
	case !ok || epoch != epochOf(g.epoch) || number < g.trimmed[name] || number > g.last:
		return nil, "", adapter.ErrGap
	}
	for _, e := range g.entries[name] {
		switch {
		case e.number <= number:
		case e.op == nil:
			return nil, "", adapter.ErrGap
		case len(ops) == limit:
			return ops, ops[limit-1].Position, nil
		default:
			ops = append(ops, e.operation())
		}
	}
	return ops, positionOf(g.last), nil
}
