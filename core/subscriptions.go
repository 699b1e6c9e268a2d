package socketio

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/gosio/gosio/core/adapter"
)

// subscriptions are the names, of rooms or of sockets, that an adapter subscribes to.
// Whoever needs a name holds it: a room that has members, a socket that joins, a kept
// session. The zero pointer, of an adapter that does not subscribe, does nothing.
type subscriptions struct {
	ns          *Namespace
	what        string // for the log
	subscribe   func(ctx context.Context, names []string) error
	unsubscribe func(names []string)

	mu      sync.Mutex // innermost: held with that of rooms
	all     map[string]*subscription
	queue   []string      // names whose state has to change
	running bool          // a goroutine takes from queue
	calling chan struct{} // closed when the call of the adapter that is under way ends; nil: none is
	ctx     context.Context
	close   context.CancelFunc
}

// subscription is one name.
type subscription struct {
	holds  int
	queued bool
	asked  bool          // the adapter has been asked to subscribe
	ready  bool          // it has answered
	waits  chan struct{} // closed when it has; nil: nobody waits
}

// patience is how long a socket that joins waits for a subscription.
const patience = 5 * time.Second

func newSubscriptions(ns *Namespace, what string, subscribe func(context.Context, []string) error, unsubscribe func([]string)) *subscriptions {
	subs := &subscriptions{ns: ns, what: what, subscribe: subscribe, unsubscribe: unsubscribe, all: make(map[string]*subscription)}
	subs.ctx, subs.close = context.WithCancel(ns.srv.subscribing)
	return subs
}

// subscribe finds out what the namespace's adapter subscribes to.
func subscribe(ns *Namespace) {
	if by, ok := ns.adapter.(adapter.RoomSubscriber); ok {
		ns.rooms.subs = newSubscriptions(ns, "rooms", by.SubscribeRooms, by.UnsubscribeRooms)
	}
	if by, ok := ns.adapter.(adapter.SocketSubscriber); ok {
		ns.rooms.ownSubs = newSubscriptions(ns, "sockets", by.SubscribeSockets, by.UnsubscribeSockets)
	}
}

// end waits for a call of the adapter that is under way. The adapter, which is going to
// be closed, is not called after it.
func (subs *subscriptions) end() {
	if subs == nil {
		return
	}
	subs.close()
	subs.mu.Lock()
	for _, s := range subs.all {
		s.answerLocked()
	}
	calling := subs.calling
	subs.mu.Unlock()
	if calling != nil {
		<-calling
	}
}

// hold keeps names subscribed to until release.
func (subs *subscriptions) hold(names ...string) {
	if subs == nil {
		return
	}
	subs.mu.Lock()
	defer subs.mu.Unlock()
	for _, name := range names {
		subs.holdLocked(name)
	}
}

func (subs *subscriptions) holdLocked(name string) *subscription {
	s := subs.all[name]
	if s == nil {
		s = new(subscription)
		subs.all[name] = s
	}
	s.holds++
	if !s.asked {
		subs.enqueueLocked(name, s)
	}
	return s
}

// release ends holds.
func (subs *subscriptions) release(names ...string) {
	if subs == nil {
		return
	}
	subs.mu.Lock()
	defer subs.mu.Unlock()
	for _, name := range names {
		s := subs.all[name]
		if s.holds--; s.holds == 0 {
			subs.enqueueLocked(name, s)
		}
	}
}

// await holds names, and waits until the adapter has subscribed to them; not for
// longer than patience, nor than ctx. The holds end with release.
func (subs *subscriptions) await(ctx context.Context, names ...string) {
	if subs == nil || len(names) == 0 {
		return
	}
	waits := make([]chan struct{}, 0, len(names))
	subs.mu.Lock()
	for _, name := range names {
		s := subs.holdLocked(name)
		if s.ready || subs.ctx.Err() != nil {
			continue
		}
		if s.waits == nil {
			s.waits = make(chan struct{})
		}
		waits = append(waits, s.waits)
	}
	subs.mu.Unlock()
	if len(waits) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, ready := range waits {
		select {
		case <-ready:
		case <-ctx.Done():
			return
		}
	}
}

// enqueueLocked has the goroutine look at a name.
func (subs *subscriptions) enqueueLocked(name string, s *subscription) {
	if s.queued || subs.ctx.Err() != nil {
		return
	}
	s.queued = true
	subs.queue = append(subs.queue, name)
	if !subs.running {
		subs.running = true
		subs.ns.srv.work.Add()
		go subs.run() // until the queue is empty; Shutdown waits
	}
}

func (subs *subscriptions) run() {
	returned := false
	defer func() {
		if !returned { // see Socket.quit
			go subs.run()
		}
	}()
	for {
		news, gone, more := subs.next()
		if !more {
			subs.ns.srv.work.Done()
			returned = true
			return
		}
		if len(gone) > 0 {
			subs.ns.srv.guard("Adapter unsubscribing from "+subs.what, subs.ns.name, func() { subs.unsubscribe(gone) })
		}
		if len(news) > 0 {
			subs.add(news)
		}
	}
}

// next takes names off the queue: those to subscribe to, and those that nobody holds
// any more. It reports false when there are none, and after end: then nothing runs any
// more. A call of the adapter is under way until the next call of next.
func (subs *subscriptions) next() (news, gone []string, more bool) {
	subs.mu.Lock()
	defer subs.mu.Unlock()
	if subs.calling != nil {
		close(subs.calling)
		subs.calling = nil
	}
	n := min(len(subs.queue), adapter.MaxNames)
	if n == 0 || subs.ctx.Err() != nil {
		subs.queue, subs.running = nil, false
		return nil, nil, false
	}
	subs.calling = make(chan struct{})
	for _, name := range subs.queue[:n] {
		s := subs.all[name]
		s.queued = false
		switch {
		case s.holds > 0 && !s.asked:
			s.asked = true
			news = append(news, name)
		case s.holds == 0:
			if s.asked {
				gone = append(gone, name)
			}
			delete(subs.all, name)
		}
	}
	subs.queue = subs.queue[n:]
	return news, gone, true
}

// add has the adapter subscribe to names.
func (subs *subscriptions) add(names []string) {
	ctx, cancel := context.WithTimeout(subs.ctx, patience)
	defer cancel()
	err := errPanicked
	defer func() {
		subs.mu.Lock()
		defer subs.mu.Unlock()
		for _, name := range names {
			subs.all[name].answerLocked() // it is there: only this goroutine takes names off
		}
	}()
	subs.ns.srv.guard("Adapter subscribing to "+subs.what, subs.ns.name, func() { err = subs.subscribe(ctx, slices.Clone(names)) })
	if err != nil && subs.ctx.Err() == nil {
		subs.ns.srv.note(slog.LevelWarn, "subscribing", "socketio: the adapter could not subscribe in time",
			subs.ns.attrs(slog.String("to", subs.what), slog.Int("names", len(names)), slog.Any("error", err))...)
	}
}

func (s *subscription) answerLocked() {
	s.ready = true
	if s.waits != nil {
		close(s.waits)
		s.waits = nil
	}
}

// awaitSubscriptions waits until what others send to a socket that is going to join, or
// to the rooms that its middleware has joined, arrives. release ends the holds: by then
// the socket and its rooms have their own.
func awaitSubscriptions(s *Socket) (release func()) {
	rs := &s.ns.rooms
	if rs.subs == nil && rs.ownSubs == nil {
		return func() {}
	}
	id, rooms := s.id, grantedRooms(s)
	rs.subs.hold(rooms...) // at the same time
	rs.ownSubs.await(s.Context(), id)
	rs.subs.await(s.Context(), rooms...)
	return func() {
		rs.subs.release(rooms...)
		rs.subs.release(rooms...)
		rs.ownSubs.release(id)
	}
}

// expectRooms keeps rooms subscribed to that [Broadcast.SocketsJoin] puts sockets into:
// sessions that are away may be among them. Called with mu held.
func expectRooms(r *recovery, rooms []string) {
	// An adapter may deliver while it is made: rooms.subs may be read when a session is
	// kept, for then it has been made.
	if r.kept.Load() == 0 || r.ns.rooms.subs == nil {
		return
	}
	if r.expected == nil {
		r.expected = make(map[string]time.Duration)
	}
	for _, name := range rooms {
		if _, known := r.expected[name]; !known {
			r.ns.rooms.subs.hold(name)
		}
		r.expected[name] = r.now() + r.opts.MaxDisconnection
	}
}

// expectFewerRooms ends what expectRooms has begun, for rooms whose sessions are all gone. It
// returns when to look again, or a negative time. Called with mu held.
func expectFewerRooms(r *recovery, now time.Duration) (next time.Duration) {
	next = -1
	for name, until := range r.expected {
		switch {
		case until < now:
			delete(r.expected, name)
			r.ns.rooms.subs.release(name)
		case next < 0 || until < next:
			next = until
		}
	}
	return next
}

// expectNoRooms ends all that expectRooms has begun: no session is away any more. Called
// with mu held.
func expectNoRooms(r *recovery) {
	for name := range r.expected {
		r.ns.rooms.subs.release(name)
	}
	r.expected = nil
}
