package socketio_test

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// codings is a handler that notes how the polls it sees are answered.
type codings struct {
	next http.Handler

	mu  sync.Mutex
	all []string
}

func (c *codings) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.next.ServeHTTP(w, r)
	c.mu.Lock()
	defer c.mu.Unlock()
	if coding := w.Header().Get("Content-Encoding"); coding != "" {
		c.all = append(c.all, coding)
	}
}

func (c *codings) take() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := strings.Join(c.all, " ")
	c.all = nil
	return all
}

// relay is an adapter that keeps what is published.
type relay struct {
	broken
	published chan *adapter.Operation
}

func (r *relay) Publish(op *adapter.Operation) error {
	kept := *op // is valid until Publish returns
	kept.Packet.Data = bytes.Clone(op.Packet.Data)
	r.published <- &kept
	return nil
}

// TestCompress: an event says whether it wants to be compressed, from every
// kind of emitter, and on other servers.
func TestCompress(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long ", 400)
	type emitters struct {
		a *app
		s *socketio.Socket
	}
	tests := []struct {
		name string
		emit func(e emitters) socketio.Emitter
		want string
	}{
		{"socket", func(e emitters) socketio.Emitter { return e.s }, "gzip"},
		{"socket, on", func(e emitters) socketio.Emitter { return e.s.Compress(true) }, "gzip"},
		{"socket, off", func(e emitters) socketio.Emitter { return e.s.Compress(false) }, ""},
		{"socket, off, on", func(e emitters) socketio.Emitter { return e.s.Compress(false).Compress(true) }, "gzip"},
		{"socket, volatile", func(e emitters) socketio.Emitter { return e.s.Volatile() }, "gzip"},
		{"socket, volatile, off", func(e emitters) socketio.Emitter { return e.s.Volatile().Compress(false) }, ""},
		{"socket, off, volatile", func(e emitters) socketio.Emitter { return e.s.Compress(false).Volatile() }, ""},
		{"room", func(e emitters) socketio.Emitter { return e.a.To(e.s.ID()) }, "gzip"},
		{"room, off", func(e emitters) socketio.Emitter { return e.a.To(e.s.ID()).Compress(false) }, ""},
		{"namespace", func(e emitters) socketio.Emitter { return e.a.Namespace }, "gzip"},
		{"namespace, off", func(e emitters) socketio.Emitter { return e.a.Compress(false) }, ""},
		{"namespace, off, on, volatile", func(e emitters) socketio.Emitter { return e.a.Compress(false).Compress(true).Volatile() }, "gzip"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := &relay{published: make(chan *adapter.Operation, 9)}
				a := newApp(t, socketio.Options{HTTPCompression: 1000, Adapter: func(l adapter.Local) adapter.Adapter { r.local = l; return r }})
				seen := &codings{next: a.Server}
				c := siotest.Dial(t, seen, siotest.Options{Transport: "polling"})
				s := a.socket(t, c)
				for _, arg := range []any{long, []byte(long)} {
					synctest.Wait() // a poll waits, which volatile events need
					seen.take()
					assert.NoError(t, tt.emit(emitters{a, s}).Emit("e", arg))
					c.Expect("e")
					synctest.Wait()
					assert.Equal(t, "coding", seen.take(), tt.want)
					select {
					case op := <-r.published: // as if it came from another server
						assert.NoError(t, r.local.Apply(op))
						c.Expect("e")
						synctest.Wait()
						assert.Equal(t, "coding", seen.take(), tt.want)
					default:
					}
				}
			})
		})
	}
}

// TestCompressCall: events that are to be acknowledged have the wish, too.
func TestCompressCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newApp(t, socketio.Options{HTTPCompression: 1})
		seen := &codings{next: a.Server}
		c := siotest.Dial(t, seen, siotest.Options{Transport: "polling"})
		c.On("e", func(m *siotest.Message) { go m.Ack() })
		for _, on := range []bool{true, false} {
			synctest.Wait()
			seen.take()
			_, err := a.Compress(on).EmitWithAck(t.Context(), "e", strings.Repeat("long ", 400))
			assert.NoError(t, err)
			synctest.Wait()
			assert.Equal(t, "coding", seen.take(), map[bool]string{true: "gzip"}[on])
		}
	})
}
