package adaptertest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// timely is a message that arrives as it should.
var timely = []time.Duration{0}

// asked is a cluster of three over a faulty network, with a client each that
// acknowledges "q" with its place. All requests of the first server are made
// and their outcome written down.
func asked(t *testing.T, fault func(adaptertest.Message) []time.Duration) (outcome string, errs []error) {
	t.Helper()
	servers := adaptertest.Faulty(t, 3, socketio.Options{Limits: socketio.Limits{PendingAcks: 1}}, fault)
	clients := make([]*siotest.Client, len(servers))
	questions := make([]atomic.Int32, len(servers))
	for i, srv := range servers {
		clients[i] = siotest.Dial(t, srv, siotest.Options{})
		clients[i].On("q", func(m *siotest.Message) {
			questions[i].Add(1)
			m.Ack(i)
		})
		srv.OnServerSide("q", func() int { return i })
	}
	ctx := func() context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		t.Cleanup(cancel)
		return ctx
	}
	answers, err := socketio.CallAll[int](ctx(), servers[0], "q")
	slices.Sort(answers)
	outcome, errs = fmt.Sprint(answers), append(errs, err)
	list, err := servers[0].FetchSockets(ctx())
	outcome, errs = fmt.Sprint(outcome, " ", len(list)), append(errs, err)
	replies, err := servers[0].ServerSideEmitWithAck(ctx(), "q")
	outcome, errs = fmt.Sprint(outcome, " ", len(replies)), append(errs, err)

	time.Sleep(time.Minute) // all that is late arrives
	for i, srv := range servers {
		for _, s := range srv.Sockets() {
			_, err := s.EmitWithAck(t.Context(), "q") // the one that may be awaited
			assert.NoError(t, err)
		}
		assert.Equal(t, "connected", len(srv.Sockets()), 1)
		clients[i].ExpectNone(time.Second)
		assert.True(t, "a client is asked once by all and once by its server", questions[i].Load() <= 2)
	}
	return outcome, errs
}

// TestFaults: what a request comes to when messages are lost, doubled or late.
func TestFaults(t *testing.T) {
	t.Parallel()
	response := func(m adaptertest.Message) bool { return m.Response && m.From == 2 }
	request := func(m adaptertest.Message) bool { return !m.Response && m.To == 2 }
	any := func(adaptertest.Message) bool { return true }
	for _, tt := range []struct {
		name     string
		hit      func(adaptertest.Message) bool
		arrivals []time.Duration
		outcome  string
		fails    bool
	}{
		{"none", any, timely, "[0 1 2] 3 2", false},
		{"all twice", any, []time.Duration{0, 0}, "[0 1 2] 3 2", false},
		{"all twice, once later", any, []time.Duration{0, time.Second}, "[0 1 2] 3 2", false},
		{"all slow", any, []time.Duration{time.Second}, "[0 1 2] 3 2", false},
		{"responses slow", response, []time.Duration{time.Second}, "[0 1 2] 3 2", false},
		{"responses twice", response, []time.Duration{time.Second, 2 * time.Second, 0}, "[0 1 2] 3 2", false},
		{"requests lost", request, nil, "[0 1] 2 1", true},
		{"responses lost", response, nil, "[0 1] 2 1", true},
		{"responses late", response, []time.Duration{11 * time.Second}, "[0 1] 2 1", true},
		{"requests late", request, []time.Duration{11 * time.Second}, "[0 1] 2 1", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				outcome, errs := asked(t, func(m adaptertest.Message) []time.Duration {
					if tt.hit(m) {
						return tt.arrivals
					}
					return timely
				})
				assert.Equal(t, "outcome", outcome, tt.outcome)
				for _, err := range errs {
					if !tt.fails {
						assert.NoError(t, err)
						continue
					}
					assert.ErrorIs(t, err, context.DeadlineExceeded)
					var p *socketio.PartialError
					assert.True(t, "partial", errors.As(err, &p))
				}
			})
		})
	}
}

// TestDeath: a server dies whose clients have been counted. Nothing tells of
// them any more, and they are not expected.
func TestDeath(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		counted := false // fault is called once at a time
		servers := adaptertest.Faulty(t, 3, socketio.Options{}, func(m adaptertest.Message) []time.Duration {
			switch {
			case !m.Response || m.From != 2:
				return timely
			case counted:
				return nil
			}
			counted = true
			return timely
		})
		for i, srv := range servers {
			for range 2 {
				c := siotest.Dial(t, srv, siotest.Options{})
				c.On("q", func(m *siotest.Message) {
					if i < 2 {
						m.Ack(i)
					}
				})
			}
		}
		time.AfterFunc(time.Second, servers[2].Close)
		start := time.Now()
		answers, err := socketio.CallAll[int](t.Context(), servers[0], "q")
		assert.NoError(t, err)
		assert.Equal(t, "answers", len(answers), 4)
		assert.Equal(t, "took", time.Since(start), time.Second)
	})
}

// TestOvertaking: responses of one server that overtake each other are all
// waited for.
func TestOvertaking(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		delay := 9 * time.Second
		servers := adaptertest.Faulty(t, 2, socketio.Options{}, func(m adaptertest.Message) []time.Duration {
			if !m.Response {
				return timely
			}
			delay -= time.Second // later ones come earlier, the last first
			return []time.Duration{delay}
		})
		for i := range 5 {
			c := siotest.Dial(t, servers[1], siotest.Options{})
			c.On("q", func(m *siotest.Message) { m.Ack(i) })
		}
		start := time.Now()
		answers, err := socketio.CallAll[int](t.Context(), servers[0], "q")
		assert.NoError(t, err)
		assert.Equal(t, "answers", len(answers), 5)
		assert.Equal(t, "took", time.Since(start), 8*time.Second)
	})
}

// TestGivenUp: the other servers hear that nobody waits any more, long before
// their own timeout ends.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		servers := adaptertest.Cluster(t, 2, socketio.Options{Limits: socketio.Limits{PendingAcks: 1}})
		c := siotest.Dial(t, servers[1], siotest.Options{})
		ctx, cancel := context.WithCancel(t.Context()) // the timeout is AckTimeout
		time.AfterFunc(time.Second, cancel)
		_, err := servers[0].EmitWithAck(ctx, "silence")
		assert.ErrorIs(t, err, context.Canceled)
		c.Expect("silence")
		synctest.Wait()
		c.On("q", func(m *siotest.Message) { m.Ack() })
		replies, err := servers[0].EmitWithAck(t.Context(), "q")
		assert.NoError(t, err) // the other server does not wait for the first any more
		assert.Equal(t, "replies", len(replies), 1)
	})
}
