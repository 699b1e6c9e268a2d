package socketio_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestAcknowledgement: what an event was acknowledged with can be kept as JSON and given
// again, to the byte: of one that failed, that nobody waits for, whose client has gone, and
// that is acknowledged when its handler has returned.
func TestAcknowledgement(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		kept := make(chan []byte, 10)
		a.UseEvent(func(next socketio.EventHandler) socketio.EventHandler {
			return func(ctx context.Context, in *socketio.Incoming) error {
				if in.Event != "again" {
					in.OnAck(func(a *socketio.Acknowledgement) {
						b, err := json.Marshal(a)
						assert.NoError(t, err)
						kept <- b
					})
					return next(ctx, in)
				}
				var again socketio.Acknowledgement
				var text string
				assert.NoError(t, in.Arg(0, &text))
				assert.NoError(t, json.Unmarshal([]byte(text), &again))
				assert.NoError(t, in.AckAgain(&again))
				return &socketio.Error{Code: "own", Message: "is not sent"}
			}
		})
		a.On("again", func() {})
		a.On("numbers", func() (int64, float64) { return 1<<62 + 1, 0.1 })
		a.On("binary", func(b []byte) (string, map[string]any) { return "é", map[string]any{"a": b, "n": 1 << 60} })
		a.On("nothing", func() {})
		a.On("fails", func() error { return &socketio.Error{Code: "own", Message: "no"} })
		a.On("late", func(ack socketio.Ack) {
			time.AfterFunc(time.Second, func() {
				_ = ack("late")
				_ = ack("and once more")
			})
		})
		c := siotest.Dial(t, a, o)
		for i, event := range []string{"numbers", "binary", "nothing", "fails", "late"} {
			var args []any
			if event == "binary" {
				args = append(args, []byte{1, 2, 3})
			}
			first := c.Call(event, args...)
			b := <-kept
			again := c.Call("again", string(b))
			assert.Equal(t, event, again.String(), first.String())
			if event == "binary" {
				var text string
				var m map[string]json.RawMessage
				var data struct{ A []byte }
				again.Decode(&text, &data)
				again.Decode(&text, &m)
				assert.Equal(t, "binary", data.A, []byte{1, 2, 3})
				assert.Equal(t, "large number", string(m["n"]), fmt.Sprint(1<<60))
			}
			var size socketio.Acknowledgement
			assert.NoError(t, json.Unmarshal(b, &size))
			assert.True(t, "size", size.Size() >= len(size.Data) && (i == 1) == (size.Size() > len(size.Data)))
		}
		c.Emit("late") // which knows no results without an Ack
		assert.Equal(t, "of one that nobody waits for", string(<-kept), `{"data":["late"]}`)
		c.Emit("late")
		c.ExpectIdle()
		c.Disconnect()
		assert.Equal(t, "of a client that has gone", string(<-kept), `{"data":["late"]}`)
		time.Sleep(time.Minute)
		assert.Equal(t, "more", len(kept), 0)
	})
}

// TestOnAckSeveral: all who want the acknowledgement get it, in their order.
func TestOnAckSeveral(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		var heard []string
		note := func(name string) func(*socketio.Acknowledgement) {
			return func(a *socketio.Acknowledgement) { heard = append(heard, name+string(a.Data)) }
		}
		a.OnAny(func(_ *socketio.Socket, in *socketio.Incoming) { in.OnAck(note("listener")) })
		a.UseEvent(func(next socketio.EventHandler) socketio.EventHandler {
			return func(ctx context.Context, in *socketio.Incoming) error {
				in.OnAck(note("middleware"))
				return next(ctx, in)
			}
		})
		a.On("sum", func(x, y int) int { return x + y })
		siotest.Dial(t, a, o).Call("sum", 1, 2)
		assert.Equal(t, "heard", heard, []string{"listener[3]", "middleware[3]"})
	})
}
