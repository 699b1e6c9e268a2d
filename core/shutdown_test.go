package socketio_test

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/parser"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// meddler is an application whose code does something at one place, once it is armed.
type meddler struct {
	place string
	do    func()

	mu    sync.Mutex
	armed bool
}

func (m *meddler) arm(on bool) {
	m.mu.Lock()
	m.armed = on
	m.mu.Unlock()
}

func (m *meddler) at(place string) {
	m.mu.Lock()
	now := m.armed && place == m.place
	m.mu.Unlock()
	if now {
		m.do()
	}
}

// Each of these is code of the application.
type meddlingObserver struct {
	socketio.NopObserver
	m *meddler
}

func (o meddlingObserver) Connection(e socketio.ConnectionEvent) {
	if !e.Open {
		o.m.at("Observer.Connection")
	}
}
func (o meddlingObserver) Flushed(socketio.FlushEvent) { o.m.at("Observer.Flushed") }

type meddlingParser struct {
	socketio.Parser
	m *meddler
}

func (p meddlingParser) NewDecoder(l *parser.Limits) socketio.Decoder {
	return meddlingDecoder{p.Parser.NewDecoder(l), p.m}
}

type meddlingDecoder struct {
	socketio.Decoder
	m *meddler
}

func (d meddlingDecoder) Decode(message []byte, binary bool) (parser.Packet, bool, error) {
	d.m.at("Parser")
	return d.Decoder.Decode(message, binary)
}

type meddlingAdapter struct {
	adapter.Adapter
	m *meddler
}

func (a meddlingAdapter) Publish(*adapter.Operation) error { return nil }

func (a meddlingAdapter) Close() error {
	a.m.at("Adapter.Close")
	return nil
}

// app returns an application that calls m wherever it can, and joins a room.
func (m *meddler) app(t *testing.T, recovery *socketio.Recovery) *app {
	o := socketio.Options{
		Recovery: recovery,
		Observer: meddlingObserver{m: m},
		Adapter:  func(adapter.Local) adapter.Adapter { return meddlingAdapter{m: m} },
	}
	if m.place == "Parser" {
		o.Parser = meddlingParser{standard{}, m}
	}
	a := newApp(t, o)
	a.OnConnect(func(s *socketio.Socket) { _ = s.Join("room") })
	a.OnRoom(func(e socketio.RoomEvent) {
		if e.Step == socketio.RoomStepLeft {
			m.at("OnRoom")
		}
	})
	a.OnDisconnect(func(*socketio.Socket, socketio.Reason) { m.at("OnDisconnect") })
	a.On("event", func() { m.at("handler") })
	a.OfFunc(func(string, *socketio.Handshake) bool { m.at("OfFunc"); return true }).
		UseFunc(func(context.Context, *socketio.Socket) error { m.at("middleware"); return nil })
	return a
}

// meddle makes the application do it: a client joins a namespace, sends an
// event and leaves, unless it is to stay.
func (m *meddler) meddle(t *testing.T, a *app, o siotest.Options, stay bool) {
	c := siotest.Dial(t, a, o)
	m.arm(true)
	go func() { // held up, perhaps
		_ = c.Conn().Send("40/child,")
		_ = c.Conn().Send(`42["event"]`)
		for range 200 { // one in 64 is timed
			_ = a.Emit("news", strings.Repeat("x", 100))
		}
		if time.Sleep(time.Second / 2); !stay {
			c.Conn().Cut()
		}
	}()
	time.Sleep(time.Second)
}

// TestShutdownBlocked: Shutdown does not wait longer than it may for code of the
// application, wherever that is called, and what that does later harms nobody.
func TestShutdownBlocked(t *testing.T) {
	t.Parallel()
	for _, place := range []string{
		"OfFunc", "Parser", "middleware", "handler", "OnRoom", "OnDisconnect", "Adapter.Close", "Observer.Connection", "Observer.Flushed",
	} {
		for _, stay := range []bool{true, false} {
			t.Run(place, func(t *testing.T) {
				onBoth(t, func(t *testing.T, o siotest.Options) {
					release := make(chan struct{})
					m := &meddler{place: place, do: func() { <-release }}
					a := m.app(t, nil)
					m.meddle(t, a, o, stay)
					ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
					defer cancel()
					start := time.Now()
					err := a.Shutdown(ctx)
					took := time.Since(start)
					assert.True(t, "in time: "+took.String(), took <= 6*time.Second)
					if place != "Observer.Flushed" || err != nil { // which may have been the request's last step
						assert.ErrorIs(t, err, context.DeadlineExceeded)
						assert.True(t, "not before: "+took.String(), took >= 5*time.Second)
					}
					start = time.Now()
					a.Close()
					took = time.Since(start)
					assert.True(t, "Close: "+took.String(), took <= time.Second)
					close(release)
					m.arm(false)
					synctest.Wait()
					time.Sleep(time.Minute)
					assert.Equal(t, "connections", a.Connections(), 0)
					assert.NoError(t, a.Shutdown(t.Context()))
					a.log.take()
				})
			})
		}
	}
}

// TestGoexitAnywhere: code of the application that ends the goroutine on which
// it is called fails its own connection at most. Nothing hangs, everything that
// is owed at the end happens, and others go on.
func TestGoexitAnywhere(t *testing.T) {
	t.Parallel()
	for _, place := range []string{
		"OfFunc", "Parser", "middleware", "handler", "OnRoom", "OnDisconnect", "Adapter.Close", "Observer.Connection", "Observer.Flushed",
	} {
		for _, recovery := range []*socketio.Recovery{nil, {}} {
			t.Run(place, func(t *testing.T) {
				onBoth(t, func(t *testing.T, o siotest.Options) {
					m := &meddler{place: place, do: runtime.Goexit}
					a := m.app(t, recovery)
					var left atomic.Int32
					a.OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) {
						assert.Equal(t, "rooms", strings.Join(s.Rooms(), " "), "room")
						assert.True(t, "context", s.Context().Err() != nil)
						left.Add(1)
					})
					m.meddle(t, a, o, false)
					m.arm(false)
					time.Sleep(5 * time.Minute)
					assert.Equal(t, "connections", a.Connections(), 0)
					assert.Equal(t, "left", left.Load(), 1)
					assert.Equal(t, "in rooms", len(a.Rooms()), 0)

					c := siotest.Dial(t, a, o)
					a.On("echo", func(v int) int { return v })
					var got int
					c.Call("echo", 7).Decode(&got)
					assert.Equal(t, "echo", got, 7)
					assert.NoError(t, a.Shutdown(t.Context()))
					assert.Equal(t, "left", left.Load(), 2)
					a.log.take()
				})
			})
		}
	}
}

// TestShutdownSpread: the clients of a server do not all learn at once that it
// ends, nor in their order, and what is queued reaches them.
func TestShutdownSpread(t *testing.T) {
	t.Parallel()
	const clients = 200
	tests := map[string]struct {
		spread, patience time.Duration // patience 0: for ever
		most, least      time.Duration // until the last one has ended
	}{
		"10 ms each":           {0, 0, 2 * time.Second, 1800 * time.Millisecond},
		"at most the option":   {time.Second, 0, time.Second, 900 * time.Millisecond},
		"none":                 {-1, 0, 0, 0},
		"half of what is left": {0, 4 * time.Second, time.Second, 900 * time.Millisecond},
		"a quarter of little":  {0, time.Second, 250 * time.Millisecond, 200 * time.Millisecond},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := newApp(t, socketio.Options{ShutdownSpread: tt.spread})
				var ends []time.Duration
				var mu sync.Mutex
				var start time.Time
				a.OnDisconnect(func(*socketio.Socket, socketio.Reason) {
					mu.Lock()
					ends = append(ends, time.Since(start))
					mu.Unlock()
				})
				all := make([]*siotest.Client, clients)
				for i := range all {
					all[i] = siotest.Dial(t, a, siotest.Options{})
				}
				ctx, cancel := t.Context(), context.CancelFunc(func() {})
				if tt.patience > 0 {
					ctx, cancel = context.WithTimeout(ctx, tt.patience)
				}
				defer cancel()
				start = time.Now()
				assert.NoError(t, a.Emit("last"))
				assert.NoError(t, a.Shutdown(ctx))
				synctest.Wait()
				assert.Equal(t, "ends", len(ends), clients)
				last := ends[len(ends)-1]
				assert.True(t, "the last "+last.String(), last >= tt.least && last <= tt.most)
				if tt.least > 0 {
					half := ends[clients/2]
					assert.True(t, "half "+half.String(), half > last/4 && half < last*3/4)
				}
				for _, c := range all {
					c.Expect("last")
				}
			})
		})
	}
}
