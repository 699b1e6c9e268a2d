package socketio_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestLimits: below and at each limit a client is served; above, its
// connection is closed, and the log says so once.
func TestLimits(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	tests := []struct {
		name  string
		limit func(l *socketio.Limits, n int)
		at    int
		send  func(n int) []string // what reaches n
	}{
		{"auth", func(l *socketio.Limits, n int) { l.Auth = n }, 100, func(n int) []string { return []string{`40/x,{"a":"` + x(n-8) + `"}`} }},
		{"depth", func(l *socketio.Limits, n int) { l.JSONDepth = n }, 20, func(n int) []string {
			return []string{"40", `42["e",` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `]`}
		}},
		{"event name", func(l *socketio.Limits, n int) { l.EventName = n }, 30, func(n int) []string { return []string{"40", `42["` + x(n) + `"]`} }},
		{"namespace name", func(l *socketio.Limits, n int) { l.NamespaceName = n }, 30, func(n int) []string { return []string{"40/" + x(n-1) + ","} }},
		{"namespaces", func(l *socketio.Limits, n int) { l.Namespaces = n }, 5, func(n int) []string {
			all := []string{}
			for i := range n {
				all = append(all, fmt.Sprintf("40/%d,", i))
			}
			return all
		}},
		{"attachments", func(l *socketio.Limits, n int) { l.Attachments = n }, 4, func(n int) []string {
			all := []string{"40", fmt.Sprintf(`45%d-["e"`, n)}
			for i := range n {
				all[1] += fmt.Sprintf(`,{"_placeholder":true,"num":%d}`, i)
				all = append(all, "bAQID")
			}
			all[1] += "]"
			return all
		}},
		{"the attachments of a packet", func(l *socketio.Limits, n int) { l.MaxHTTPBufferSize = int64(n) }, 4000, func(n int) []string {
			half := func(n int) string { return "b" + base64.StdEncoding.EncodeToString(make([]byte, n)) }
			return []string{"40", `452-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, half(n / 2), half(n - n/2)}
		}},
		{"default depth", func(*socketio.Limits, int) {}, 128, func(n int) []string {
			return []string{"40", `42["e",` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `]`}
		}},
		{"default event name", func(*socketio.Limits, int) {}, 256, func(n int) []string { return []string{"40", `42["` + x(n) + `"]`} }},
		{"default namespace name", func(*socketio.Limits, int) {}, 512, func(n int) []string { return []string{"40/" + x(n-1) + ","} }},
		{"default auth", func(*socketio.Limits, int) {}, 16 << 10, func(n int) []string { return []string{`40/x,{"a":"` + x(n-8) + `"}`} }},
	}
	t.Parallel()
	for _, tt := range tests {
		for _, n := range []int{tt.at - 1, tt.at, tt.at + 1} {
			t.Run(fmt.Sprintf("%s %+d", tt.name, n-tt.at), func(t *testing.T) {
				onBoth(t, func(t *testing.T, o siotest.Options) {
					var options socketio.Options
					tt.limit(&options.Limits, tt.at)
					a := newApp(t, options)
					for i := range 10 {
						a.Of(fmt.Sprint(i)).On("e", func() {})
					}
					a.On("ping", func() string { return "pong" })
					bystander := siotest.Dial(t, a, o)
					c := siotest.Open(t, a, o)
					for _, p := range tt.send(n) { // one at a time: together they are over the body's limit
						_ = c.Send(p)
					}
					time.Sleep(100 * time.Millisecond) // a session that a POST has ended tells a poll that is on its way
					synctest.Wait()
					closed := a.Connections() == 1
					assert.Equal(t, "closed", closed, n > tt.at)
					if closed {
						a.log.one(t, "")
					} else {
						a.log.none(t)
					}
					assert.Equal(t, "bystander", bystander.Call("ping").String(), `["pong"]`)
				})
			})
		}
	}
}

// TestNoLimits: a negative value is none.
func TestNoLimits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newApp(t, socketio.Options{AckTimeout: -1, ConnectTimeout: -1, Limits: socketio.Limits{
			MaxHTTPBufferSize: -1, Handshake: -1, SendBuffer: -1, WriteTimeout: -1, ReceiveBuffer: -1, Attachments: -1, AttachmentTimeout: -1,
			JSONDepth: -1, EventName: -1, NamespaceName: -1, RoomName: -1, Namespaces: -1, Refusals: -1, Rooms: -1, Auth: -1,
			MiddlewareTimeout: -1, PendingAcks: -1, FirstPollTimeout: -1, BodyTimeout: -1, MessageTimeout: -1,
			Fragments: -1, ControlFrames: -1, ServerSideBuffer: -1,
		}})
		long := strings.Repeat("x", 2000)
		a.Of(long).On(long, func(s *socketio.Socket, args ...any) (int, error) { return len(args), s.Join(long) })
		c := siotest.Dial(t, a, siotest.Options{Namespace: "/" + long, Auth: map[string]string{"a": strings.Repeat("x", 1<<20)}})
		assert.Equal(t, "reply", c.Call(long, strings.Repeat("x", 1500<<10)).String(), "[1]")
		a.log.none(t)
	})
}

// TestEmitErrors: what cannot be sent is told to the caller, and nothing is sent.
func TestEmitErrors(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newApp(t, socketio.Options{})
		c := a.dial(t)
		s := a.socket(t, c)
		for name, e := range map[string]socketio.Emitter{"socket": s, "volatile": s.Volatile(), "broadcast": a.To(s.ID()), "namespace": a.Namespace} {
			eleven := make([]any, 11)
			for i := range eleven {
				eleven[i] = []byte{1}
			}
			assert.ErrorIs(t, e.Emit("e", eleven...), socketio.ErrTooManyAttachments)
			for _, args := range [][]any{{func() {}}, {make(chan int)}, {map[string]any{"a": []any{func() {}}}}} {
				assert.True(t, name+" fails", e.Emit("e", args...) != nil)
			}
			assert.True(t, name+": reserved", e.Emit("disconnect") != nil)
			assert.NoError(t, e.Emit("e", eleven[:10]...))
			assert.Equal(t, "arguments", c.Expect("e").Len(), 10)
		}
	})
}

// TestSlowConsumer: a client that leaves too much unread is disconnected;
// whoever emits never waits.
func TestSlowConsumer(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{Limits: socketio.Limits{SendBuffer: 100_000}})
		reasons := make(chan socketio.Reason, 1)
		a.OnDisconnect(func(_ *socketio.Socket, r socketio.Reason) { reasons <- r })
		c := siotest.Dial(t, a, o)
		s := a.socket(t, c)
		c.Conn().Stall(true)
		var err error
		for n := 0; err == nil && n < 100; n++ {
			err = s.Emit("e", strings.Repeat("x", 10_000))
			synctest.Wait()
		}
		assert.ErrorIs(t, err, socketio.ErrSlowConsumer)
		assert.Equal(t, "reason", <-reasons, socketio.ReasonTransportError)
		assert.ErrorIs(t, s.Emit("e"), socketio.ErrClosed)
	})
}

// TestBinary: []byte travels as binary at any depth, both ways.
func TestBinary(t *testing.T) {
	type file struct {
		Name string `json:"name"`
		Data []byte `json:"data"`
	}
	type folder struct {
		Files []file            `json:"files"`
		Index map[string][]byte `json:"index"`
		Sub   *folder           `json:"sub,omitempty"`
	}
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		a.On("typed", func(f folder, extra []byte) (folder, []byte) { return f, extra })
		a.On("any", func(v any) any { return v })
		c := siotest.Dial(t, a, o)
		sent := folder{
			Files: []file{{"a", []byte{1}}, {"b", []byte{}}},
			Index: map[string][]byte{"x": {2, 3}},
			Sub:   &folder{Files: []file{{"c", []byte{4}}}},
		}
		var got folder
		var extra []byte
		c.Call("typed", sent, []byte{5}).Decode(&got, &extra)
		assert.Equal(t, "typed", got, sent)
		assert.Equal(t, "extra", string(extra), "\x05")
		var v any
		c.Call("any", map[string]any{"deep": []any{[]byte{6}, "text"}}).Decode(&v)
		assert.Equal(t, "any", v, any(map[string]any{"deep": []any{[]byte{6}, "text"}}))
		assert.Equal(t, "base64", c.Call("typed", folder{}, "BQ==").String(), // as in JSON APIs
			`[{"files":null,"index":null},{"_placeholder":true,"num":0}]`)
		empty := c.Call("any", []byte{})
		empty.Decode(&extra)
		assert.Equal(t, "empty", len(extra), 0)
	})
}
