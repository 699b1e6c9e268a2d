package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// witness notes what an observer is told.
type witness struct {
	socketio.NopObserver
	journal
	only string // the first words of what is noted, or empty for all
}

func (w *witness) say(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if word, _, _ := strings.Cut(line, " "); w.only == "" || slices.Contains(strings.Fields(w.only), word) {
		w.note("%s", line)
	}
}

type spanKey struct{}

func (w *witness) Connection(e socketio.ConnectionEvent) {
	if e.Open {
		e.Keep(spanKey{}, "trace of "+e.Request.Header.Get("Traceparent"))
		w.say("open %s", e.Transport)
		return
	}
	w.say("close %s %s %v", e.Transport, e.Reason, e.Duration)
}

func (w *witness) Refused(e socketio.RefusedEvent) {
	w.say("refused %s %s", e.Request.Method, e.Err.Code)
}

func (w *witness) Upgrade(e socketio.UpgradeEvent) { w.say("upgrade %s %v", e.Step, e.Err) }

func (w *witness) Namespace(e socketio.NamespaceEvent) {
	name := "?"
	if e.Namespace != nil {
		name = e.Namespace.Name()
	}
	err := ""
	if e.Err != nil {
		err = e.Err.Error()
	}
	w.say("ns %s %s", name, strings.TrimSpace(fmt.Sprint(e.Step, " ", e.Reason, err, e.Recovery)))
}

func (w *witness) Event(ctx context.Context, e socketio.EventInfo) (context.Context, func(socketio.EventResult)) {
	if e.Registered == (e.Unhandled || e.Name == "passed") {
		w.say("event %s is registered: %t", e.Name, e.Registered)
	}
	w.say("event %s %s %d ack=%t unhandled=%t", e.Namespace.Name(), e.Name, e.Bytes, e.WantsAck, e.Unhandled)
	return context.WithValue(ctx, spanKey{}, "span of "+e.Name), func(r socketio.EventResult) {
		w.say("handled %s %v %v", e.Name, r.Err, r.Duration)
	}
}

func (w *witness) Emit(ctx context.Context, e socketio.EmitInfo) func(socketio.EmitResult) {
	to := "all"
	if e.Socket != nil {
		to = "one"
	}
	w.say("emit %s to %s ack=%t volatile=%t remote=%t in %v", e.Name, to, e.WantsAck, e.Volatile, e.Remote, ctx.Value(spanKey{}))
	return func(r socketio.EmitResult) {
		w.say("emitted %s to %d, %d bytes, %d of %d answers in %v: %v", e.Name, r.Deliveries, r.Bytes, r.Answers, r.Answers+r.Missing, r.Duration, r.Err)
	}
}

func (w *witness) Dropped(e socketio.DropEvent) { w.say("dropped %s %d", e.Policy, e.Messages) }

func (w *witness) Gap(e socketio.GapEvent) {
	w.say("gap in %s %v %d: %v", e.Namespace.Name(), e.Type, e.Operations, e.Err)
}

func (w *witness) Flushed(e socketio.FlushEvent) { w.say("flushed %s %v", e.Transport, e.Wait) }

// loaded panics when it is encoded.
type loaded struct{}

func (loaded) MarshalJSON() ([]byte, error) { panic("on purpose") }

// TestObservePanickingArguments: what is begun ends, also when an argument panics
// in the caller's face.
func TestObservePanickingArguments(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, w := watched(t, socketio.Options{}, "emitted")
		c := siotest.Dial(t, a, siotest.Options{})
		s := a.socket(t, c)
		for name, emit := range map[string]func(){
			"one":      func() { _ = s.Emit("x", loaded{}) },
			"all":      func() { _ = a.Emit("x", loaded{}) },
			"one asks": func() { _, _ = s.EmitWithAck(t.Context(), "x", loaded{}) },
			"all ask":  func() { _, _ = a.EmitWithAck(t.Context(), "x", loaded{}) },
		} {
			func() {
				defer func() { assert.Equal(t, name, recover(), any("on purpose")) }()
				emit()
			}()
			w.expect(t, "emitted x to 0, 0 bytes, 0 of 0 answers in 0s: socketio: panicked")
		}
	})
}

// watched returns a server and what its observer is told, of these words only.
func watched(t testing.TB, o socketio.Options, only string) (*app, *witness) {
	w := &witness{only: only}
	o.Observer = w
	return newApp(t, o), w
}

// expect compares the lines noted since the last time.
func (w *witness) expect(t testing.TB, want ...string) {
	t.Helper()
	assert.Equal(t, "observed", w.take(), strings.Join(want, "; "))
}

func TestObserveConnections(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a, w := watched(t, socketio.Options{}, "open close ns")
		a.Of("/closed").UseFunc(func(context.Context, *socketio.Socket) error {
			time.Sleep(time.Second)
			return &socketio.ConnectError{Message: "closed"}
		})
		a.Of("/broken").UseFunc(func(context.Context, *socketio.Socket) error { panic("on purpose") })
		c := siotest.Dial(t, a, o)
		w.expect(t, "open "+o.Transport, "ns / joined")
		c.RefusedOf("/closed", nil)
		c.RefusedOf("/broken", nil)
		a.log.one(t, "on purpose")
		c.RefusedOf("/none", nil)
		w.expect(t, "ns /closed refused socketio: connection refused: closed", "ns /broken refused socketio: panicked",
			"ns ? refused socketio: no such namespace")
		c.Disconnect()
		time.Sleep(time.Minute)
		w.check(t, 2, "ns / left client namespace disconnect", "close "+o.Transport+" transport close 1s")
	})
}

func TestObserveRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		told := 0
		a, w := watched(t, socketio.Options{
			AllowRequest: func(*http.Request) error { return errors.New("not today") },
			OnRefused:    func(*http.Request, *socketio.RequestError) { told++ },
		}, "refused")
		siotest.Rejected(t, a, siotest.Options{})
		w.expect(t, "refused GET Forbidden")
		assert.Equal(t, "OnRefused", told, 1)
	})
}

func TestObserveEvents(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a, w := watched(t, socketio.Options{}, "event handled")
		var seen any
		a.On("fine", func(ctx context.Context, s *socketio.Socket, text string) string {
			time.Sleep(time.Second)
			seen = ctx.Value(spanKey{})
			assert.True(t, "it is derived from the socket's", ctx.Done() == s.Context().Done())
			assert.Equal(t, "kept", s.Handshake().Value(spanKey{}), any("trace of 00-aa-bb-01"))
			return text
		})
		a.On("quick", func(*socketio.Socket, string) {})
		a.On("fails", func() error { return errors.New("no luck") })
		a.On("panics", func() { panic("on purpose") })
		o.Header = http.Header{"Traceparent": {"00-aa-bb-01"}}
		c := siotest.Dial(t, a, o)
		c.Call("fine", "x")
		assert.Equal(t, "the handler's context", seen, any("span of fine"))
		w.expect(t, "event / fine 12 ack=true unhandled=false", "handled fine <nil> 1s")
		c.Emit("quick", "x")
		c.Emit("quick", 7)
		c.Emit("quick", []byte("binary"))
		a.log.none(t)
		w.expect(t, "event / quick 13 ack=false unhandled=false", "handled quick <nil> 0s",
			"event / quick 11 ack=false unhandled=false", "handled quick socketio: bad_request: arguments do not match the event: argument 1 has to be a string, not this number 0s",
			"event / quick 45 ack=false unhandled=false", "handled quick socketio: bad_request: arguments do not match the event: argument 1 has to be a string, not binary 0s")
		c.Call("fails")
		a.log.one(t, "no luck")
		c.Call("panics")
		a.log.one(t, "on purpose")
		c.Emit("nobody", 1)
		w.expect(t, "event / fails 9 ack=true unhandled=false", "handled fails no luck 0s",
			"event / panics 10 ack=true unhandled=false", "handled panics socketio: panicked 0s",
			"event / nobody 12 ack=false unhandled=true", "handled nobody <nil> 0s")
		a.OnAny(func(*socketio.Socket, *socketio.Incoming) {})
		c.Emit("heard", 1)
		w.expect(t, "event / heard 11 ack=false unhandled=true", "handled heard <nil> 0s")
		a.UseEvent(func(next socketio.EventHandler) socketio.EventHandler { return next })
		c.Emit("passed", 1)
		w.expect(t, "event / passed 12 ack=false unhandled=false", "handled passed <nil> 0s")
	})
}

func TestObserveEmits(t *testing.T) {
	for _, recovery := range []*socketio.Recovery{nil, {}} {
		t.Run(fmt.Sprint("recovery ", recovery != nil), func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				a, w := watched(t, socketio.Options{Recovery: recovery}, "emit emitted")
				rooms := a.OfRegexp(rooms)
				clients := []*siotest.Client{siotest.Dial(t, a, o), siotest.Dial(t, a, o), siotest.Dial(t, a, o)}
				for i, c := range clients {
					c.Of(fmt.Sprintf("/room-%d", i%2+1), nil)
				}
				s := a.socket(t, clients[0])
				ctx := context.WithValue(t.Context(), spanKey{}, "a span")
				bytes := map[bool]int64{true: 25, false: 13}[recovery != nil] // with an offset

				assert.NoError(t, s.Emit("one", 1))
				assert.NoError(t, s.WithContext(ctx).WithContext(ctx).Emit("one", 1))
				assert.NoError(t, s.Volatile().Emit("one", 1))
				assert.True(t, "does not encode", s.Emit("one", make(chan int)) != nil)
				w.check(t, 8, "emit one to one ack=false volatile=false remote=false in <nil>", "in a span", "volatile=true", "0 bytes, 0 of 0 answers in 0s: ")

				assert.NoError(t, a.Emit("all", 1))
				assert.NoError(t, a.WithContext(ctx).Except(s.ID()).Emit("all", 1))
				assert.NoError(t, rooms.Emit("kid"))
				assert.NoError(t, a.To().Emit("all", 1))
				lines := w.check(t, 8, "emit all to all ack=false", "emitted all to 2, ", "emitted kid to 3, ", "emitted all to 0, 0 bytes")
				if recovery == nil {
					assert.True(t, lines, strings.Contains(lines, fmt.Sprintf("emitted all to 3, %d bytes, 0 of 0 answers in 0s: <nil>", 3*bytes)))
				}
			})
		})
	}
}

// check expects a number of lines, and in them each of the texts.
func (w *witness) check(t testing.TB, n int, texts ...string) string {
	t.Helper()
	all := w.take()
	assert.Equal(t, "lines of "+all, len(strings.Split(all, "; ")), n)
	for _, text := range texts {
		assert.True(t, all+" has "+text, strings.Contains(all, text))
	}
	return all
}

func TestObserveAcks(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a, w := watched(t, socketio.Options{}, "emit emitted")
		quick, slow := siotest.Dial(t, a, o), siotest.Dial(t, a, o)
		quick.On("q", func(m *siotest.Message) { time.Sleep(time.Second); m.Ack(1) })
		slow.On("q", func(*siotest.Message) {})
		ctx := context.WithValue(t.Context(), spanKey{}, "a span")
		_, err := a.socket(t, quick).EmitWithAck(ctx, "q")
		assert.NoError(t, err)
		_, err = a.socket(t, slow).EmitWithAck(t.Context(), "q")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = a.EmitWithAck(t.Context(), "q")
		assert.True(t, "one is missing", errors.As(err, new(*socketio.PartialError)))
		w.expect(t, "emit q to one ack=true volatile=false remote=false in a span", "emitted q to 1, 10 bytes, 1 of 1 answers in 1s: <nil>",
			"emit q to one ack=true volatile=false remote=false in <nil>", "emitted q to 1, 10 bytes, 0 of 1 answers in 20s: socketio: no acknowledgement of \"q\": context deadline exceeded",
			"emit q to all ack=true volatile=false remote=false in <nil>", "emitted q to 2, 20 bytes, 1 of 2 answers in 20s: socketio: event \"q\": 1 of 2 have answered: context deadline exceeded")
	})
}

func TestObserveUpgrades(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, w := watched(t, socketio.Options{}, "upgrade flushed")
		conn := siotest.Open(t, a, siotest.Options{Transport: "polling"})
		conn.Upgrade()
		w.expect(t, "upgrade tried <nil>", "upgrade done <nil>")
		for range 64 {
			assert.NoError(t, conn.Send("40/none,"))
			assert.Equal(t, "answer", conn.Next(), `44/none,{"message":"Invalid namespace"}`)
		}
		w.expect(t, "flushed websocket 0s") // one in 64
	})
}

func TestObserveDrops(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, w := watched(t, socketio.Options{Limits: socketio.Limits{SendBuffer: 100_000, WriteTimeout: time.Minute}}, "dropped emitted")
		a.OnConnect(func(s *socketio.Socket) {
			for range 65 {
				_ = s.Volatile().Emit("v")
			}
		})
		c := a.dial(t)
		lines := w.take()
		assert.Equal(t, "sent while it waits", strings.Count(lines, "emitted v to 1"), 63)
		assert.Equal(t, "dropped", strings.Count(lines, "dropped welcome_hold 1"), 2)
		for range 63 {
			c.Expect("v")
		}
		s := a.socket(t, c)
		c.Stall(true)
		big := strings.Repeat("x", 90_000)
		for range 20 { // the pipe of the test holds some
			assert.NoError(t, s.Emit("big", big))
			if synctest.Wait(); a.Stats().SendBytesMax > 0 {
				break
			}
		}
		assert.True(t, "something waits", a.Stats().SendBytes > 0)
		w.take()
		assert.NoError(t, a.Volatile().Emit("v", []byte("binary")))
		w.expect(t, "dropped volatile 2", "emitted v to 0, 0 bytes, 0 of 0 answers in 0s: <nil>")
		var err error
		for range 20 {
			w.take()
			if err = s.Emit("big", big); err != nil {
				break
			}
		}
		assert.ErrorIs(t, err, socketio.ErrSlowConsumer)
		assert.True(t, "told", strings.HasPrefix(w.check(t, 2, "emitted big to 0"), "dropped slow_consumer "))
	})
}

func TestObserveRecovery(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, w := watched(t, socketio.Options{Recovery: &socketio.Recovery{MaxDisconnection: time.Minute, MaxPackets: 3}}, "ns")
		a.UseFunc(func(_ context.Context, s *socketio.Socket) error {
			if s.Handshake().Query().Get("user") == "other" {
				s.SetIdentity("other")
			}
			return nil
		})
		lose := func() *siotest.Client {
			c := a.dial(t)
			c.Cut()
			synctest.Wait()
			w.take()
			return c
		}
		again := func(c *siotest.Client, o siotest.Options, want socketio.RecoveryOutcome) {
			t.Helper()
			o.Auth = map[string]any{"pid": c.PID(), "offset": c.Offset()}
			back := siotest.Dial(t, a, o)
			assert.Equal(t, "recovered", back.Recovered(), want == socketio.RecoveryOutcomeDone)
			w.expect(t, "ns / joined "+string(want))
		}
		c := lose()
		again(c, siotest.Options{Query: url.Values{"user": {"other"}}}, socketio.RecoveryOutcomeIdentity)
		again(c, siotest.Options{}, socketio.RecoveryOutcomeDone)
		c = lose()
		time.Sleep(2 * time.Minute)
		again(c, siotest.Options{}, socketio.RecoveryOutcomeUnknown)
		c = lose()
		for range 4 {
			assert.NoError(t, a.Emit("n", 1))
		}
		again(c, siotest.Options{}, socketio.RecoveryOutcomeMissing)
		w.take()
	})
}

// TestObserverPanics: whatever an observer does, the server goes on.
func TestObserverPanics(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{Observer: &brokenObserver{}})
		a.On("echo", func(ctx context.Context, s *socketio.Socket, v int) int {
			assert.Equal(t, "context", ctx, s.Context())
			_ = s.Emit("echo", v)
			_ = a.Emit("echo", v)
			return v
		})
		c := siotest.Dial(t, a, o)
		for i := range 5 {
			ack := c.EmitWithAck("echo", i)
			c.Expect("echo")
			c.Expect("echo")
			c.ExpectAck(ack)
		}
		c.Disconnect()
		synctest.Wait()
		lines := a.log.take()
		assert.Equal(t, "lines", len(lines), 10)
		assert.True(t, lines[0], strings.Contains(lines[0], "Observer.Connection"))
	})
}

// brokenObserver panics in each of its methods, and in what they return.
type brokenObserver struct{ socketio.NopObserver }

func (*brokenObserver) Connection(socketio.ConnectionEvent) { panic("on purpose") }
func (*brokenObserver) Namespace(socketio.NamespaceEvent)   { panic("on purpose") }
func (*brokenObserver) Flushed(socketio.FlushEvent)         { panic("on purpose") }
func (*brokenObserver) Event(_ context.Context, e socketio.EventInfo) (context.Context, func(socketio.EventResult)) {
	if e.Bytes%2 == 0 {
		panic("on purpose")
	}
	return nil, func(socketio.EventResult) { panic("on purpose") }
}

func (*brokenObserver) Emit(_ context.Context, e socketio.EmitInfo) func(socketio.EmitResult) {
	if e.Socket == nil {
		panic("on purpose")
	}
	return func(socketio.EmitResult) { panic("on purpose") }
}

func TestStats(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{Recovery: &socketio.Recovery{}})
		a.OfRegexp(rooms)
		a.OnConnect(func(s *socketio.Socket) { _ = s.Join("a", "b") })
		hold := make(chan struct{})
		release := sync.OnceFunc(func() { close(hold) })
		defer release()
		a.On("hold", func() { <-hold })
		c := siotest.Dial(t, a, o)
		c.Of("/room-1", nil)
		c.Of("/room-2", nil)
		lost := siotest.Dial(t, a, o)
		lost.Cut()
		time.Sleep(time.Minute) // by then the heartbeat has found it
		c.Emit("hold", strings.Repeat("x", 1000))
		synctest.Wait()
		st := a.Stats()
		other := map[string]string{"polling": "websocket", "websocket": "polling"}[o.Transport]
		assert.Equal(t, "connections", st.Connections, map[string]int{o.Transport: 1, other: 0})
		assert.Equal(t, "namespaces", st.Namespaces, map[string]socketio.NamespaceStats{
			"/":            {Sockets: 1, Rooms: 2, Sessions: 1, Children: 1},
			rooms.String(): {Sockets: 2, Children: 2},
		})
		assert.True(t, "the event waits", st.ReceiveBytes > 1000)
		release()
		synctest.Wait()
		st = a.Stats()
		assert.Equal(t, "nothing waits", [3]int64{st.ReceiveBytes, st.SendBytes, int64(st.ReceiveHeld)}, [3]int64{})
	})
}

// TestObserveCluster: what another server has emitted is told as such.
func TestObserveCluster(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := &witness{only: "emit emitted"}
		servers := adaptertest.Cluster(t, 2, socketio.Options{Observer: w})
		c := siotest.Dial(t, servers[1], siotest.Options{})
		assert.NoError(t, servers[0].Emit("news"))
		c.Expect("news")
		w.check(t, 4, "emit news to all ack=false volatile=false remote=false in <nil>", "emitted news to 0, 0 bytes",
			"emit news to all ack=false volatile=false remote=true in <nil>", "emitted news to 1, 12 bytes")
		c.On("q", func(m *siotest.Message) { m.Ack(1) })
		_, err := servers[0].EmitWithAck(t.Context(), "q")
		assert.NoError(t, err)
		w.check(t, 4, "emit q to all ack=true volatile=false remote=true", "emitted q to 1, 10 bytes, 0 of 0 answers",
			"emitted q to 0, 0 bytes, 1 of 1 answers in 0s: <nil>")
	})
}
