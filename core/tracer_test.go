package socketio_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// tracer notes for whom events were.
type tracer struct {
	socketio.NopObserver
	*journal
	most int
}

func (t *tracer) Trace(socketio.EmitInfo) int { return t.most }

func (t *tracer) Emit(_ context.Context, e socketio.EmitInfo) func(socketio.EmitResult) {
	return func(r socketio.EmitResult) {
		var all []string
		for _, to := range r.Recipients {
			name := to.Socket.Handshake().Query().Get("who")
			if to.Acknowledged {
				name += fmt.Sprint(" in ", to.After)
			}
			all = append(all, fmt.Sprint(name, " ", to.Delivery))
		}
		slices.Sort(all)
		t.note("%s %v-%v remote=%v nobody=%v to=%v", r.Data, e.Rooms, e.Except, e.Remote, e.Nobody, strings.Join(all, ","))
	}
}

// Event notes what clients send.
func (t *tracer) Event(ctx context.Context, e socketio.EventInfo) (context.Context, func(socketio.EventResult)) {
	t.note("< %s %d", e.Data, e.Bytes)
	return ctx, nil
}

func named(o siotest.Options, name string) siotest.Options {
	o.Query = map[string][]string{"who": {name}}
	return o
}

// TestTracer: who an event was for, and what became of it, with recovery and without.
func TestTracer(t *testing.T) {
	for name, recovery := range map[string]*socketio.Recovery{"off": nil, "on": {}} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				said := &tracer{journal: new(journal), most: 10}
				a := newApp(t, socketio.Options{Observer: socketio.Observers(said, socketio.NopObserver{}), Recovery: recovery, Limits: socketio.Limits{SendBuffer: 1 << 21}})
				a.OnConnect(func(s *socketio.Socket) { _ = s.Join("room", "of "+s.Handshake().Query().Get("who")) })
				ann, bob := siotest.Dial(t, a, named(o, "ann")), siotest.Dial(t, a, named(o, "bob"))
				synctest.Wait()
				emitted := func(want string, err error) {
					t.Helper()
					assert.NoError(t, err)
					assert.Equal(t, "told", said.take(), want)
				}
				emitted(`["hi",1] [room]-[of bob] remote=false nobody=false to=ann queued`, a.To("room").Except("of bob").Emit("hi", 1))
				emitted(`["hi"] []-[] remote=false nobody=false to=ann queued,bob queued`, a.Emit("hi"))
				emitted(`["hi"] [none]-[] remote=false nobody=false to=`, a.To("none").Emit("hi"))
				emitted(` []-[] remote=false nobody=true to=`, a.To().Emit("hi"))
				s, _ := a.Socket(ann.ID())
				emitted(`["hi"] []-[] remote=false nobody=false to=ann queued`, s.Emit("hi"))
				synctest.Wait()
				assert.Equal(t, "written", s.Queued(), int64(0))

				go func() {
					time.Sleep(time.Second)
					bob.Await("ask").Ack()
					time.Sleep(time.Second)
					ann.Await("ask").Ack()
				}()
				_, err := a.EmitWithAck(t.Context(), "ask")
				emitted(`["ask"] []-[] remote=false nobody=false to=ann in 2s queued,bob in 1s queued`, err)
				go func() { time.Sleep(time.Second); ann.Await("ask").Ack() }()
				_, err = s.EmitWithAck(t.Context(), "ask")
				emitted(`["ask"] []-[] remote=false nobody=false to=ann in 1s queued`, err)

				stall(t, s, ann)
				said.take()
				assert.True(t, "it waits", s.Queued() >= 1<<19)
				emitted(`["hi"] []-[] remote=false nobody=false to=ann dropped,bob queued`, a.Volatile().Emit("hi"))
				emitted(`["hi"] []-[] remote=false nobody=false to=ann dropped`, s.Volatile().Emit("hi"))
				assert.NoError(t, a.Emit("large", strings.Repeat("x", 3<<19)))
				text := said.take()
				assert.True(t, text[len(text)-40:], strings.HasSuffix(text, "to=ann overflow,bob queued"))
				synctest.Wait()
				_ = s.Emit("hi")
				assert.Equal(t, "told", said.take(), `["hi"] []-[] remote=false nobody=false to=ann gone`)

				said.most = 1
				siotest.Dial(t, a, named(o, "cid"))
				said.take()
				assert.NoError(t, a.Emit("hi"))
				assert.Equal(t, "as many as it asks for", strings.Count(said.take(), "queued"), 1)
				said.most = 0
				emitted(` []-[] remote=false nobody=false to=`, a.Emit("hi"))
				a.log.take()
			})
		})
	}
}

// TestTracerCluster: each server tells of its own sockets.
func TestTracerCluster(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers := adaptertest.Cluster(t, 2, socketio.Options{})
		var said []*tracer
		for i, srv := range servers {
			tr := &tracer{journal: new(journal), most: 10}
			said = append(said, tr)
			srv.Observe(tr)
			siotest.Dial(t, srv, named(siotest.Options{}, fmt.Sprint("p", i))).On("ask", func(m *siotest.Message) { m.Ack() })
		}
		assert.NoError(t, servers[0].Except("x").Emit("hi"))
		synctest.Wait()
		assert.Equal(t, "here", said[0].take(), `["hi"] []-[x] remote=false nobody=false to=p0 queued`)
		assert.Equal(t, "there", said[1].take(), `["hi"] []-[x] remote=true nobody=false to=p1 queued`)
		_, err := servers[0].EmitWithAck(t.Context(), "ask")
		assert.NoError(t, err)
		assert.Equal(t, "here", said[0].take(), `["ask"] []-[] remote=false nobody=false to=p0 in 0s queued`)
		assert.Equal(t, "there", said[1].take(), `["ask"] []-[] remote=true nobody=false to=p1 queued`)
	})
}

// TestEventData: an observer gets events as clients have sent them, handled or not.
func TestEventData(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		said := &tracer{journal: new(journal)}
		a := newApp(t, socketio.Options{Observer: said})
		a.On("say", func(string, []byte) {})
		c := siotest.Dial(t, a, o)
		c.Emit("say", "héllo", []byte{1, 2, 3})
		c.Emit("nobody", 1)
		assert.Equal(t, "told", said.take(), `< ["say","héllo",{"_placeholder":true,"num":0}] 49; < ["nobody",1] 12`)
		a.log.take()
	})
}
