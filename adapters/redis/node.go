package sioredis

import (
	"context"
	"crypto/rand"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/clusterwire"
)

// node is the adapter of one namespace.
type node struct {
	engine    *Engine
	link      *link
	local     adapter.Local
	namespace string
	uid       string // names this node; another one of the namespace has another
	channels  channels
	heard     atomic.Bool
	greeted   atomic.Int64 // for which connection it has said hello, by link.ups

	collector adapter.Collector // what this node has asked
	answerer  adapter.Answerer  // what others have

	delivering sync.Mutex // held while something is delivered
	closed     atomic.Bool

	mu     sync.Mutex
	peers  map[string]time.Time // nodes of this module, and since when nobody listens in their name; zero: somebody does
	here   func(uid string)     // is called with mu held for each answer to a hello; nil: none is waited for
	recent map[string]time.Time // rooms that sockets were put into; until then all get what is for them
	forget *time.Timer          // forgets rooms that are not recent any more; nil: there are none

	anyRecent atomic.Bool // there are such rooms

	lastGreeting time.Time   // when this node has answered a hello
	greeting     *time.Timer // it is going to tell all of itself

	held     map[string]int // how often channels of rooms and sockets are subscribed to
	counting sync.WaitGroup // censuses; begun with mu held while the node is not closed

	// In the mode Streams.
	number    uint64        // of the newest entry that was sent; guarded by appender.mu
	newest    uint64        // the turn of the newest entry that was queued; guarded by appender.mu
	following bool          // guarded by tail.handing
	followed  chan struct{} // closed when it is
	replays   replays
}

var (
	_ adapter.Adapter          = (*node)(nil)
	_ adapter.Meter            = (*node)(nil)
	_ adapter.RoomSubscriber   = byRoom{}
	_ adapter.SocketSubscriber = byRoom{}
)

func newNode(e *Engine, l *link, local adapter.Local) *node {
	n := &node{
		engine: e, link: l, local: local, namespace: local.Namespace(), uid: strings.ToLower(rand.Text()[:20]),
		peers: make(map[string]time.Time), held: make(map[string]int), recent: make(map[string]time.Time),
		followed: make(chan struct{}),
	}
	n.channels = l.dialect.channels(l.opts.Prefix, n.namespace, n.uid)
	return n
}

// start subscribes, and gets to know the other nodes. It waits for Redis if the engine
// has just been made, or Redis is there.
func (n *node) start() {
	ctx, cancel := context.WithDeadline(n.link.life, n.link.started.Add(firstPatience))
	defer cancel()
	if n.link.stream != nil { // who hears it counted expects its answers to what is in the stream
		n.link.stream.follow(ctx, n)
	}
	t := n.link.sub.subscribe(n, n.channels.pattern, n.channels.names...)
	select {
	case <-n.link.connected:
	case <-ctx.Done():
	}
	n.heard.Store(true) // what is published from the confirmation on, or is missed
	if n.link.ready() != nil {
		return
	}
	ctx, cancel = context.WithTimeout(n.link.life, firstPatience)
	defer cancel()
	if t.await(ctx) != nil {
		return
	}
	ctx, cancel = context.WithTimeout(ctx, helloPatience)
	defer cancel()
	n.hello(cancel)
	<-ctx.Done()
	n.mu.Lock()
	n.here = nil // it notes who has answered
	n.mu.Unlock()
}

// deliver calls f unless the node is closed. Close waits for it.
func (n *node) deliver(f func()) {
	n.delivering.Lock()
	defer n.delivering.Unlock()
	if !n.closed.Load() {
		f()
	}
}

// Publish implements adapter.Adapter.
func (n *node) Publish(op *adapter.Operation) error {
	if n.closed.Load() {
		return ErrClosed
	}
	s := scratches.Get().(*scratch)
	defer s.free()
	if err := n.message(&s.message, op); err != nil {
		return err
	}
	if op.Type == adapter.OpBroadcast {
		s.text = n.appendChannel(s.text, op.Target.Rooms)
	} else {
		s.text = append(s.text, n.channels.request...)
		n.joining(op)
	}
	j := job{operation: n, split: len(s.text)}
	var err error
	s.text, err = n.link.dialect.encode(s.text, &s.message)
	if err == nil && len(s.text)-j.split > n.link.opts.MaxSize {
		err = ErrTooLarge
	}
	if err != nil {
		return err
	}
	j.text = s.text
	return n.link.out.push(j)
}

// appendChannel appends to dst, which is empty, the channel of a broadcast: that of its
// room, if it has one.
func (n *node) appendChannel(dst []byte, rooms []string) []byte {
	dst = append(dst, n.channels.base...)
	if len(rooms) != 1 || !n.link.dialect.separate(rooms[0]) || n.isRecent(rooms[0]) {
		return dst
	}
	room := append(append(dst, rooms[0]...), '#')
	if n.link.sub.together(n.channels.base, rueidis.BinaryString(room)) {
		return room
	}
	return room[:len(dst)] // to be in order with the rest
}

// isRecent reports whether other nodes may not have subscribed to a room yet.
func (n *node) isRecent(room string) bool {
	if !n.anyRecent.Load() {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	until, recent := n.recent[room]
	return recent && time.Now().Before(until)
}

// joining remembers rooms that other nodes may have to subscribe to now.
func (n *node) joining(op *adapter.Operation) {
	if op.Type != adapter.OpJoin {
		return
	}
	until := time.Now().Add(joinWindow)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed.Load() {
		return
	}
	for _, room := range op.Rooms {
		n.recent[room] = until
		n.anyRecent.Store(true)
	}
	if n.forget == nil && len(n.recent) > 0 {
		n.forget = time.AfterFunc(joinWindow, n.forgetJoins)
	}
}

// forgetJoins forgets rooms that joining has remembered for long enough, until there are
// none.
func (n *node) forgetJoins() {
	now := time.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	kept := make(map[string]time.Time) // a map that was large stays large
	for room, until := range n.recent {
		if until.After(now) {
			kept[room] = until
		}
	}
	n.recent = kept
	n.anyRecent.Store(len(kept) > 0)
	if n.forget = nil; len(kept) > 0 && !n.closed.Load() {
		n.forget = time.AfterFunc(joinWindow, n.forgetJoins)
	}
}

// users are the nodes that one of the channels belongs to. There may be very many of both,
// as clients make namespaces and rooms.
func users(nodes []*node, channels iter.Seq[string]) (using []*node) {
	bases, names, lengths := make(map[string]*node), make(map[string]*node), make(map[int]bool)
	for _, n := range nodes {
		bases[n.channels.base], lengths[len(n.channels.base)] = n, true
		for _, name := range n.channels.names {
			names[name] = n
		}
	}
	found := make(map[*node]bool)
	note := func(n *node) {
		if n != nil && !found[n] {
			found[n] = true
			using = append(using, n)
		}
	}
	for name := range channels {
		if len(using) == len(nodes) {
			break
		}
		note(names[name])
		for i := range len(name) {
			if name[i] == '#' && lengths[i+1] { // so a base ends
				note(bases[name[:i+1]])
			}
		}
	}
	return using
}

// Close implements adapter.Adapter.
func (n *node) Close() error {
	n.mu.Lock()
	before := n.closed.Swap(true)
	var rooms []string // of which the core will not say that they are not needed
	for name, times := range n.held {
		rooms = append(rooms, slices.Repeat([]string{name}, times)...)
	}
	n.held = nil
	if n.greeting != nil {
		n.greeting.Stop()
	}
	if n.forget != nil {
		n.forget.Stop()
	}
	n.mu.Unlock()
	if before {
		return nil
	}
	if n.link.stream != nil {
		n.link.stream.in.leave(n)
	}
	n.delivering.Lock()   // what is being delivered
	n.delivering.Unlock() //nolint:staticcheck // is over
	// Who hears that this node has left must not count it any more.
	t := n.link.sub.unsubscribe(n, n.channels.pattern, append(slices.Clip(n.channels.names), rooms...)...)
	if n.link.ready() == nil {
		ctx, cancel := context.WithTimeout(n.link.life, farewell)
		_ = t.await(ctx)
		n.awaitCensus(ctx) // who has asked nobody gets to know that
		cancel()
	}
	n.collector.Close(ErrClosed)
	n.answerer.Close()
	_ = n.link.out.push(publication(n.channels.peers, n.peerMessage(clusterwire.PeerClosed))) // without Redis it has left already
	n.engine.leave(n)
	return nil
}

// Stats implements adapter.Meter.
func (n *node) Stats() Stats { return n.link.stats() }

// byRoom is a node that subscribes to its rooms and sockets.
type byRoom struct{ *node }

// SubscribeRooms implements adapter.RoomSubscriber.
func (n byRoom) SubscribeRooms(ctx context.Context, rooms []string) error {
	names := n.ofRooms(rooms)
	if len(names) == 0 {
		return nil
	}
	n.mu.Lock()
	if n.closed.Load() {
		n.mu.Unlock()
		return ErrClosed
	}
	for _, name := range names {
		n.held[name]++
	}
	t := n.link.sub.subscribe(n.node, "", names...) // with mu held, so that Close comes behind
	n.mu.Unlock()
	if err := n.link.sub.reachable(names); err != nil {
		return err // subscribed to when Redis is back
	}
	return t.await(ctx)
}

// UnsubscribeRooms implements adapter.RoomSubscriber.
func (n byRoom) UnsubscribeRooms(rooms []string) {
	names := n.ofRooms(rooms)
	n.mu.Lock()
	defer n.mu.Unlock()
	names = slices.DeleteFunc(names, func(name string) bool {
		if n.held[name] == 0 {
			return true // Close has done so
		}
		if n.held[name]--; n.held[name] == 0 {
			delete(n.held, name)
		}
		return false
	})
	n.link.sub.unsubscribe(nil, "", names...)
}

// SubscribeSockets implements adapter.SocketSubscriber.
func (n byRoom) SubscribeSockets(ctx context.Context, ids []string) error {
	return n.SubscribeRooms(ctx, ids)
}

// UnsubscribeSockets implements adapter.SocketSubscriber.
func (n byRoom) UnsubscribeSockets(ids []string) { n.UnsubscribeRooms(ids) }

func (n byRoom) ofRooms(rooms []string) []string {
	names := make([]string, 0, len(rooms))
	for _, room := range rooms {
		if n.link.dialect.separate(room) {
			names = append(names, n.channels.base+room+"#")
		}
	}
	return names
}
