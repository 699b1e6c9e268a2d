package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/internal/assert"
)

// ofServers decodes what ServerSideEmitWithAck returns.
func ofServers[T any](t *testing.T, replies []*socketio.Reply) []T {
	t.Helper()
	all := make([]T, len(replies))
	for i, r := range replies {
		assert.NoError(t, r.Decode(&all[i]))
	}
	return all
}

// TestServerSideAlone: a server without others has nobody to tell or to ask.
func TestServerSideAlone(t *testing.T) {
	for _, servers := range []string{"no adapter", "a cluster of one"} {
		t.Run(servers, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := newApp(t, socketio.Options{}).Server
				if servers != "no adapter" {
					srv = adaptertest.Cluster(t, 1, socketio.Options{})[0]
				}
				srv.OnServerSide("e", func() { t.Error("a server hears itself") })
				assert.NoError(t, srv.ServerSideEmit("e", 1))
				replies, err := srv.ServerSideEmitWithAck(t.Context(), "e", 1)
				assert.NoError(t, err)
				assert.Equal(t, "replies", len(replies), 0)
				assert.True(t, "does not encode", srv.ServerSideEmit("e", func() {}) != nil)
				_, err = srv.ServerSideEmitWithAck(t.Context(), "e", func() {})
				assert.True(t, "does not encode", err != nil)
				assert.True(t, "reserved", srv.ServerSideEmit("disconnect") != nil)
			})
		})
	}
}

// TestServerSideShapes: handlers are those of clients' events, without a socket.
func TestServerSideShapes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		log := &records{}
		servers := adaptertest.Cluster(t, 3, socketio.Options{Logger: slog.New(log)})
		for i, srv := range servers {
			srv.OnServerSide("add", func(x, y int) int { return x + y + i })
			srv.OnServerSide("bytes", func(b []byte) []byte { return append(b, byte(i)) })
			srv.OnServerSide("nothing", func(context.Context) {})
			srv.OnServerSide("none", func(string) {})
			srv.OnServerSide("late", func(ack socketio.Ack) {
				time.AfterFunc(time.Duration(3-i)*time.Second, func() { _ = ack(i); _ = ack("again") })
			})
			srv.OnServerSide("event", func(_ context.Context, in *socketio.Incoming) error {
				assert.True(t, "no socket", in.Socket == nil)
				return in.Ack(in.Event, in.Len(), in.WantsAck())
			})
			srv.OnServerSide("code", func() error { return &socketio.Error{Code: socketio.CodeForbidden, Message: "no"} })
			srv.OnServerSide("secret", func() error { return errors.New("secret") })
			srv.OnServerSide("panic", func() { panic("oops") })
			srv.OnServerSide("data", func(ack socketio.Ack) error {
				return &socketio.Error{Code: socketio.CodeInternal, Data: make(chan int)}
			})
		}
		for _, tt := range []struct {
			event string
			args  []any
			want  string
		}{
			{"add", []any{1, 2}, "4,5"},
			{"add", []any{1}, failure("bad_request", "arguments do not match the event: argument 2 is missing; it has to be an integer of type int")},
			{"bytes", []any{[]byte{7}}, "0701,0702"},
			{"nothing", nil, "-,-"},
			{"late", nil, "2,1"},
			{"code", nil, failure("forbidden", "no")},
			{"secret", nil, failure("internal", "internal error")},
			{"panic", nil, failure("internal", "internal error")},
			{"data", nil, failure("internal", "internal error")},
			{"nobody listens", nil, ""},
		} {
			replies, err := servers[0].ServerSideEmitWithAck(t.Context(), tt.event, tt.args...)
			assert.NoError(t, err)
			got := strings.Split(told(t, replies), ",")
			if tt.event != "late" { // which has an order of its own
				slices.Sort(got)
			}
			assert.Equal(t, tt.event, strings.Join(got, ","), tt.want)
		}
		replies, err := servers[1].ServerSideEmitWithAck(t.Context(), "event", 1, 2)
		assert.NoError(t, err)
		assert.Equal(t, "arguments", replies[0].Len(), 3)
		lines := strings.Join(log.take(), "")
		assert.Equal(t, "logged", fmt.Sprint(strings.Count(lines, "error=secret"), strings.Count(lines, "panic=oops")), "2 2")
	})
}

// failure is what two servers answer whose handlers fail.
func failure(code, message string) string {
	one := fmt.Sprintf("map[error:map[code:%s message:%s]]", code, message)
	return one + "," + one
}

// told writes replies down, of one argument or none.
func told(t *testing.T, replies []*socketio.Reply) string {
	t.Helper()
	var all []string
	for _, r := range replies {
		if r.Len() == 0 {
			all = append(all, "-")
			continue
		}
		var v any
		assert.NoError(t, r.Decode(&v))
		if b, ok := v.([]byte); ok {
			v = fmt.Sprintf("%x", b)
		}
		all = append(all, fmt.Sprint(v))
	}
	return strings.Join(all, ",")
}

// panics expects that f panics with a text of ours.
func panics(t *testing.T, text string, f func()) {
	t.Helper()
	got := panicText(f)
	assert.True(t, got+" has "+text, strings.HasPrefix(got, "socketio: ") && strings.Contains(got, text))
}

// TestServerSideWiring: what cannot be a handler panics.
func TestServerSideWiring(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(nil)
	defer srv.Close()
	off := srv.OnServerSide("once", func() {})
	panics(t, "has a handler already", func() { srv.OnServerSide("once", func() {}) })
	off()
	off()
	srv.OnServerSide("once", func() {})
	panics(t, "no *Socket", func() { srv.OnServerSide("e", func(*socketio.Socket) {}) })
	panics(t, "no *Socket", func() { srv.OnServerSide("e", func(*socketio.Socket, string) {}) })
	panics(t, "no function", func() { srv.OnServerSide("e", nil) })
	panics(t, "reserved", func() { srv.OnServerSide("disconnect", func() {}) })
}

// TestServerSideOrder: one after another, in the order of their server.
func TestServerSideOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers := adaptertest.Cluster(t, 3, socketio.Options{})
		var got [2][]int // handlers run one at a time: no lock
		for i, srv := range servers[1:] {
			srv.OnServerSide("n", func(ctx context.Context, n int) (int, error) {
				if n%10 == 0 {
					time.Sleep(time.Millisecond)
				}
				got[i] = append(got[i], n)
				return len(got[i]), ctx.Err()
			})
		}
		for n := range 99 {
			assert.NoError(t, servers[0].ServerSideEmit("n", n))
		}
		replies, err := servers[0].ServerSideEmitWithAck(t.Context(), "n", 99)
		assert.NoError(t, err)
		assert.Equal(t, "handled before", ofServers[int](t, replies), []int{100, 100})
		for _, numbers := range got {
			for n, v := range numbers {
				assert.Equal(t, "in order", v, n)
			}
		}
	})
}

// TestServerSideDeadline: the replies there are come with an error that counts
// servers, and the handler's context ends with the wait.
func TestServerSideDeadline(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers := adaptertest.Cluster(t, 4, socketio.Options{AckTimeout: 5 * time.Second})
		ends := make(chan time.Duration, 9)
		for i, srv := range servers {
			srv.OnServerSide("q", func(ctx context.Context, ack socketio.Ack) {
				if i == 1 {
					_ = ack(i)
					return
				}
				start := time.Now()
				<-ctx.Done()
				ends <- time.Since(start)
				time.AfterFunc(time.Second, func() { _ = ack("late") })
			})
		}
		cause := errors.New("changed my mind")
		for _, tt := range []struct {
			ctx   func() (context.Context, func())
			took  time.Duration
			cause error
		}{
			{func() (context.Context, func()) { return t.Context(), func() {} }, 5 * time.Second, context.DeadlineExceeded},
			{func() (context.Context, func()) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				return ctx, cancel
			}, time.Second, context.DeadlineExceeded},
			{func() (context.Context, func()) {
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Second, func() { cancel(cause) })
				return ctx, func() {}
			}, time.Second, cause},
		} {
			ctx, cancel := tt.ctx()
			start := time.Now()
			replies, err := servers[0].ServerSideEmitWithAck(ctx, "q")
			cancel()
			assert.Equal(t, "took", time.Since(start), tt.took)
			assert.Equal(t, "replies", told(t, replies), "1")
			partial(t, err, `event "q": `, 3, 1, tt.cause)
			assert.Equal(t, "contexts", fmt.Sprint(<-ends, <-ends), fmt.Sprint(tt.took, tt.took))
		}
	})
}

// TestServerSideShutdown: a handler that waits does not hold up its server for
// ever, and nobody waits for it.
func TestServerSideShutdown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers := adaptertest.Cluster(t, 2, socketio.Options{})
		began := make(chan struct{}, 2)
		servers[1].OnServerSide("told", func(ctx context.Context) { began <- struct{}{}; <-ctx.Done() })
		servers[1].OnServerSide("asked", func(ctx context.Context, _ socketio.Ack) { began <- struct{}{}; <-ctx.Done() })
		assert.NoError(t, servers[0].ServerSideEmit("told"))
		<-began
		var replies []*socketio.Reply
		var err error
		done := make(chan struct{})
		go func() {
			defer close(done)
			replies, err = servers[0].ServerSideEmitWithAck(t.Context(), "asked")
		}()
		synctest.Wait()
		start := time.Now()
		assert.NoError(t, servers[1].Shutdown(t.Context()))
		<-done
		assert.Equal(t, "at once", time.Since(start), 0)
		assert.NoError(t, err)
		assert.Equal(t, "replies", len(replies), 0)
	})
}

// TestServerSideBuffer: the events of other servers that wait for a handler are bounded.
// Over the bound an event is dropped, a server that waits for an answer hears so, and when
// the handler has caught up everything is as before. An event of any size finds room in
// an empty queue.
func TestServerSideBuffer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		log := &records{}
		servers := adaptertest.Cluster(t, 2, socketio.Options{Logger: slog.New(log), Limits: socketio.Limits{ServerSideBuffer: 1000}})
		var heard []int
		opened := make(chan struct{})
		servers[1].OnServerSide("e", func(i int, _ string) int {
			heard = append(heard, i)
			<-opened
			return i
		})
		assert.NoError(t, servers[0].ServerSideEmit("e", 0, strings.Repeat("x", 5000))) // at work: it waits no more
		synctest.Wait()
		const each = 128 + len(`["e",1,"xx"]`)
		const fit = 1000 / each
		for i := range 2 * fit {
			assert.NoError(t, servers[0].ServerSideEmit("e", 1+i, "xx"))
		}
		replies, err := servers[0].ServerSideEmitWithAck(t.Context(), "e", 99, "xx")
		assert.NoError(t, err)
		assert.Equal(t, "answer", told(t, replies), "map[error:map[code:rate_limited message:too many events wait for their handlers]]")
		synctest.Wait()
		assert.True(t, "logged", strings.Contains(strings.Join(log.take(), ""), "(Limits.ServerSideBuffer)"))
		close(opened)
		synctest.Wait()
		want := make([]int, 1+fit)
		for i := range want {
			want[i] = i
		}
		assert.Equal(t, "handled", heard, want)
		replies, err = servers[0].ServerSideEmitWithAck(t.Context(), "e", 7, strings.Repeat("x", 5000))
		assert.NoError(t, err)
		assert.Equal(t, "afterwards", told(t, replies), "7")
	})
}
