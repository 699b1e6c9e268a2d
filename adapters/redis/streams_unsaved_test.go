//go:build e2e

package sioredis_test

import (
	"bytes"
	"log/slog"
	"sync"
	"testing"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/redistest"
)

// distant starts a server whose connections to Redis go by a proxy.
func distant(t *testing.T, redis *redistest.Server) (*socketio.Server, *sioredis.Engine, *proxy) {
	t.Helper()
	p := newProxy(t, redis.Addr)
	engine := sioredis.New(&sioredis.Options{URL: "redis://" + p.Addr().String(), Mode: sioredis.Streams})
	srv := socketio.NewServer(&socketio.Options{Recovery: &socketio.Recovery{}, Adapter: engine.Adapter})
	t.Cleanup(srv.Close)
	return srv, engine, p
}

// isSaved reports whether Redis has a client's session.
func isSaved(t *testing.T, redis *redistest.Server, c *siotest.Client) bool {
	t.Helper()
	return tell(t, redis, "EXISTS", "sio:session:"+c.PID()) == "1"
}

// TestStreamsUnsaved: a session that ends while Redis is away is saved when that is back, so
// that any server recovers the client.
func TestStreamsUnsaved(t *testing.T) {
	t.Parallel()
	for name, own := range map[string]bool{"its own server": true, "another server": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redis := redistest.Start(t)
			other := start(t, 1, socketio.Options{Recovery: &socketio.Recovery{}}, sioredis.Options{URL: "unix://" + redis.Addr, Mode: sioredis.Streams})[0]
			srv, engine, p := distant(t, redis)
			c := siotest.Dial(t, srv, siotest.Options{Timeout: patience})
			assert.NoError(t, other.Emit("e"))
			c.Expect("e")
			p.cut(true)
			eventually(t, "the outage is noticed", func() bool { return engine.Ready() != nil })
			c.Cut()
			eventually(t, "the server has noticed", func() bool { return len(srv.Of("/").Sockets()) == 0 })
			assert.NoError(t, other.Emit("missed"))
			p.cut(false)
			eventually(t, "the server is back", func() bool { return engine.Ready() == nil })
			at := srv
			if !own {
				eventually(t, "the session is saved", func() bool { return isSaved(t, redis, c) })
				at = other
			}
			back := c.ResumeAt(at)
			assert.True(t, "recovered", back.Recovered())
			back.Expect("missed")
		})
	}
}

// TestStreamsSavedOnce: a session that Redis has, but did not say so, is not put back when
// another server has taken it meanwhile.
func TestStreamsSavedOnce(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	other := start(t, 1, socketio.Options{Recovery: &socketio.Recovery{}}, sioredis.Options{URL: "unix://" + redis.Addr, Mode: sioredis.Streams})[0]
	srv, engine, p := distant(t, redis)
	c, second := siotest.Dial(t, srv, siotest.Options{Timeout: patience}), siotest.Dial(t, srv, siotest.Options{Timeout: patience})
	assert.NoError(t, other.Emit("e"))
	c.Expect("e")
	second.Expect("e")
	p.keepAnswers(true)
	c.Cut()
	eventually(t, "Redis has the session", func() bool { return isSaved(t, redis, c) })
	assert.True(t, "recovered", c.ResumeAt(other).Recovered())
	p.cut(true)
	p.keepAnswers(false)
	p.cut(false)
	eventually(t, "the server is back", func() bool { return engine.Ready() == nil })
	second.Cut() // is saved behind the first one
	eventually(t, "the next session is saved", func() bool { return isSaved(t, redis, second) })
	assert.True(t, "the first one is not there again", !isSaved(t, redis, c))
}

// TestStreamsShutdown: a server that ends while it has clients, gently or at once, has no
// errors to tell. After a gentle end the clients go on at another server.
func TestStreamsShutdown(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(srv *socketio.Server){
		"gently":  func(srv *socketio.Server) { assert.NoError(t, srv.Shutdown(t.Context())) },
		"at once": func(srv *socketio.Server) { srv.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redis := redistest.Start(t)
			url := "unix://" + redis.Addr
			other := start(t, 1, socketio.Options{Recovery: &socketio.Recovery{}}, sioredis.Options{URL: url, Mode: sioredis.Streams})[0]
			var log lines
			logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))
			engine := sioredis.New(&sioredis.Options{URL: url, Mode: sioredis.Streams, Logger: logger})
			srv := socketio.NewServer(&socketio.Options{Recovery: &socketio.Recovery{}, Adapter: engine.Adapter, Logger: logger})
			clients := make([]*siotest.Client, 50)
			for i := range clients {
				clients[i] = siotest.Dial(t, srv, siotest.Options{Timeout: patience})
			}
			assert.NoError(t, srv.Emit("e"))
			for _, c := range clients {
				c.Expect("e")
			}
			end(srv)
			_ = srv.Shutdown(t.Context()) // waits for what Close does not wait for
			assert.Equal(t, "errors in the log", log.text(), "")
			if name == "gently" {
				for _, c := range clients {
					assert.True(t, "recovered", c.ResumeAt(other).Recovered())
				}
			}
		})
	}
}

// lines is what a logger writes.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
