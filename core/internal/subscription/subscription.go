// Package subscription keeps an adapter subscribed to the names that somebody needs.
package subscription

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/internal/tasks"
)

// Patience is how long a caller of Await waits for a subscription, and how long one
// call of the adapter may take.
const Patience = 5 * time.Second

// Config says how names are subscribed to. All fields are set.
type Config struct {
	// Subscribe and Unsubscribe are the adapter's. No two calls run at the same time.
	Subscribe   func(ctx context.Context, names []string) error
	Unsubscribe func(names []string)
	// Guard calls f, which calls the adapter, and stops a panic of f.
	Guard func(doing string, f func())
	// Failed hears why so many names are not subscribed to.
	Failed func(names int, err error)
	// Work counts the goroutine that calls the adapter.
	Work *tasks.Group
	// Life ends all subscribing.
	Life context.Context
}

// Names are the names, of rooms or of sockets, that an adapter subscribes to. Whoever
// needs a name holds it: a room that has members, a socket that joins, a kept session.
// The nil pointer, of an adapter that does not subscribe, does nothing. Methods may be
// called concurrently; only Await and End wait.
type Names struct {
	config Config
	ctx    context.Context
	close  context.CancelFunc

	mu      sync.Mutex
	all     map[string]*name
	queue   []string      // names whose state has to change
	running bool          // a goroutine takes from queue
	calling chan struct{} // closed when the adapter's current call ends; nil: no call is under way
}

// name is the state of one name.
type name struct {
	holds    int
	queued   bool
	asked    bool          // the adapter has been asked to subscribe
	answered bool          // the adapter has answered
	waits    chan struct{} // closed when the adapter has answered; nil: nobody waits
}

// New returns Names that nobody holds.
func New(c Config) *Names {
	n := &Names{config: c, all: make(map[string]*name)}
	n.ctx, n.close = context.WithCancel(c.Life)
	return n
}

// End waits for a call of the adapter that is under way. The adapter, which is going to
// be closed, is not called after End.
func (n *Names) End() {
	if n == nil {
		return
	}
	n.close()
	n.mu.Lock()
	for _, s := range n.all {
		s.answerLocked()
	}
	calling := n.calling
	n.mu.Unlock()
	if calling != nil {
		<-calling
	}
}

// Hold keeps names subscribed to until Release.
func (n *Names) Hold(names ...string) {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, text := range names {
		n.holdLocked(text)
	}
}

func (n *Names) holdLocked(text string) *name {
	s := n.all[text]
	if s == nil {
		s = new(name)
		n.all[text] = s
	}
	s.holds++
	if !s.asked {
		n.enqueueLocked(text, s)
	}
	return s
}

// Release ends one hold of each name.
func (n *Names) Release(names ...string) {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, text := range names {
		s := n.all[text]
		if s.holds--; s.holds == 0 {
			n.enqueueLocked(text, s)
		}
	}
}

// Await holds names, and waits until the adapter has subscribed to them; not for
// longer than Patience, nor than ctx. Release ends the holds.
func (n *Names) Await(ctx context.Context, names ...string) {
	if n == nil || len(names) == 0 {
		return
	}
	waits := make([]chan struct{}, 0, len(names))
	n.mu.Lock()
	for _, text := range names {
		s := n.holdLocked(text)
		if s.answered || n.ctx.Err() != nil {
			continue
		}
		if s.waits == nil {
			s.waits = make(chan struct{})
		}
		waits = append(waits, s.waits)
	}
	n.mu.Unlock()
	if len(waits) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	for _, answered := range waits {
		select {
		case <-answered:
		case <-ctx.Done():
			return
		}
	}
}

// enqueueLocked has the goroutine look at a name.
func (n *Names) enqueueLocked(text string, s *name) {
	if s.queued || n.ctx.Err() != nil {
		return
	}
	s.queued = true
	n.queue = append(n.queue, text)
	if !n.running {
		n.running = true
		n.config.Work.Add()
		go n.run() // until the queue is empty
	}
}

func (n *Names) run() {
	returned := false
	defer func() {
		if !returned { // the adapter has called runtime.Goexit
			go n.run()
		}
	}()
	for {
		news, gone, more := n.next()
		if !more {
			n.config.Work.Done()
			returned = true
			return
		}
		if len(gone) > 0 {
			n.config.Guard("unsubscribing", func() { n.config.Unsubscribe(gone) })
		}
		if len(news) > 0 {
			n.add(news)
		}
	}
}

// next takes names off the queue: those to subscribe to, and those that nobody holds
// any more. It reports false when the queue is empty, and after End: then nothing runs
// any more. A call of the adapter is under way until the next call of next.
func (n *Names) next() (news, gone []string, more bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.calling != nil {
		close(n.calling)
		n.calling = nil
	}
	count := min(len(n.queue), adapter.MaxNames)
	if count == 0 || n.ctx.Err() != nil {
		n.queue, n.running = nil, false
		return nil, nil, false
	}
	n.calling = make(chan struct{})
	for _, text := range n.queue[:count] {
		s := n.all[text]
		s.queued = false
		switch {
		case s.holds > 0 && !s.asked:
			s.asked = true
			news = append(news, text)
		case s.holds == 0:
			if s.asked {
				gone = append(gone, text)
			}
			delete(n.all, text)
		}
	}
	n.queue = n.queue[count:]
	return news, gone, true
}

// errNoAnswer is the failure of an adapter that has panicked.
var errNoAnswer = errors.New("socketio: panicked")

// add has the adapter subscribe to names.
func (n *Names) add(names []string) {
	ctx, cancel := context.WithTimeout(n.ctx, Patience)
	defer cancel()
	err := errNoAnswer
	defer func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		for _, text := range names {
			n.all[text].answerLocked() // still in the map: only this goroutine takes names off
		}
	}()
	n.config.Guard("subscribing", func() { err = n.config.Subscribe(ctx, slices.Clone(names)) })
	if err != nil && n.ctx.Err() == nil {
		n.config.Failed(len(names), err)
	}
}

func (s *name) answerLocked() {
	s.answered = true
	if s.waits != nil {
		close(s.waits)
		s.waits = nil
	}
}
