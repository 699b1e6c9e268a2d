package socketio_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// link is one of several observers, and notes what the one before it has done.
type link struct {
	socketio.NopObserver
	*journal
	name string
	srv  *socketio.Server
}

func (l *link) Watch(srv *socketio.Server) { l.srv = srv }

func (l *link) Connection(socketio.ConnectionEvent) { l.note("%s connection", l.name) }
func (l *link) Namespace(socketio.NamespaceEvent)   { l.note("%s namespace", l.name) }
func (l *link) Upgrade(socketio.UpgradeEvent)       { l.note("%s upgrade", l.name) }
func (l *link) Refused(socketio.RefusedEvent)       { l.note("%s refused", l.name) }
func (l *link) Dropped(socketio.DropEvent)          { l.note("%s dropped", l.name) }
func (l *link) Flushed(socketio.FlushEvent)         { l.note("%s flushed", l.name) }

func (l *link) Event(ctx context.Context, _ socketio.EventInfo) (context.Context, func(socketio.EventResult)) {
	before, _ := ctx.Value(spanKey{}).(string)
	l.note("%s event after %q", l.name, before)
	return context.WithValue(ctx, spanKey{}, before+l.name), func(r socketio.EventResult) {
		l.note("%s handled in %v", l.name, r.Duration)
	}
}

func (l *link) Emit(context.Context, socketio.EmitInfo) func(socketio.EmitResult) {
	l.note("%s emit", l.name)
	return func(r socketio.EmitResult) { l.note("%s emitted to %d", l.name, r.Deliveries) }
}

// TestObservers: each hears of all, in its turn, whatever the others do.
func TestObservers(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		said := new(journal)
		one, two := &link{journal: said, name: "1"}, &link{journal: said, name: "2"}
		// bystanders add nothing, or nothing but panics
		a := newApp(t, socketio.Options{Observer: socketio.Observers(nil, socketio.NopObserver{}, one, &brokenObserver{}, socketio.Observers(two, nil))})
		var seen any
		a.On("work", func(ctx context.Context, s *socketio.Socket) error {
			seen = ctx.Value(spanKey{})
			time.Sleep(time.Second)
			return s.Emit("done")
		})
		c := siotest.Dial(t, a, o)
		assert.Equal(t, "told", said.take(), "1 connection; 2 connection; 1 namespace; 2 namespace; 1 flushed; 2 flushed")
		c.Emit("work")
		c.Expect("done")
		synctest.Wait()
		assert.Equal(t, "the handler's context", seen, any("12"))
		assert.Equal(t, "told", said.take(),
			`1 event after ""; 2 event after "1"; 1 emit; 2 emit; 2 emitted to 1; 1 emitted to 1; 2 handled in 1s; 1 handled in 1s`)
		siotest.Rejected(t, a, siotest.Options{Query: map[string][]string{"transport": {"none"}}})
		assert.Equal(t, "told", said.take(), "1 refused; 2 refused")
		assert.True(t, "each has the server", one.srv == a.Server && two.srv == a.Server)
		a.log.take()
	})
}

// TestObserversWrapped: an observer may do something of its own around several.
func TestObserversWrapped(t *testing.T) {
	bubble(t, func(t *testing.T) {
		said := new(journal)
		one, two := &link{journal: said, name: "1"}, &link{journal: said, name: "2"}
		a := newApp(t, socketio.Options{Observer: struct{ socketio.Observer }{socketio.Observers(one, two)}})
		siotest.Dial(t, a, siotest.Options{})
		assert.Equal(t, "told", said.take(), "1 connection; 2 connection; 1 namespace; 2 namespace; 1 flushed; 2 flushed")
	})
}

// TestObserversOfOne: where there is one there is no list.
func TestObserversOfOne(t *testing.T) {
	t.Parallel()
	one := new(link)
	assert.True(t, "none", socketio.Observers() == nil && socketio.Observers(nil, nil) == nil)
	assert.True(t, "one", socketio.Observers(nil, one) == socketio.Observer(one))
}
