package engine_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// echo is an application: it sends every message back, and remembers how its
// sessions ended.
type echo struct {
	closed chan engine.Reason
}

type echoSession struct {
	app *echo
	s   *engine.Session
}

func newEcho() *echo { return &echo{closed: make(chan engine.Reason, 100)} }

func (e *echo) Connect(s *engine.Session, _ *http.Request) engine.Receiver {
	return &echoSession{e, s}
}

func (e *echoSession) Message(data []byte, binary bool) error {
	if binary {
		return e.s.Send(engine.Binary(data))
	}
	return e.s.Send(engine.Text(append(engine.TextBuffer(len(data)), data...)))
}

func (e *echoSession) Pending() bool { return false }

func (e *echoSession) Work(bool) {}

func (e *echoSession) Backlog() <-chan struct{} { return nil }

func (e *echoSession) Closed(reason engine.Reason, _ error) { e.app.closed <- reason }

// host is a running server and what is needed to talk to it.
type host struct {
	t   *testing.T
	app *echo
	srv *engine.Server
	url string
}

func serve(t *testing.T, opts *engine.Options) *host {
	t.Helper()
	app := newEcho()
	srv := engine.NewServer(app, opts)
	ts := httptest.NewServer(srv)
	t.Cleanup(func() {
		srv.Close()
		ts.Close()
	})
	return &host{t, app, srv, ts.URL + "/engine.io/?EIO=4"}
}

func (h *host) request(method, query, body string) (int, string) {
	h.t.Helper()
	req, err := http.NewRequest(method, h.url+query, strings.NewReader(body))
	assert.NoError(h.t, err)
	res, err := http.DefaultClient.Do(req)
	assert.NoError(h.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	assert.NoError(h.t, err)
	return res.StatusCode, string(b)
}

func (h *host) open() (sid string) {
	h.t.Helper()
	status, body := h.request("GET", "&transport=polling", "")
	assert.Equal(h.t, "status", status, 200)
	_, rest, _ := strings.Cut(body, `"sid":"`)
	sid, _, _ = strings.Cut(rest, `"`)
	return sid
}

func (h *host) dial(query string) *websocket.Conn {
	h.t.Helper()
	c, _, err := websocket.Dial(context.Background(), h.url+"&transport=websocket"+query, nil)
	assert.NoError(h.t, err)
	h.t.Cleanup(func() { _ = c.CloseNow() })
	return c
}

func read(t *testing.T, c *websocket.Conn) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, b, err := c.Read(ctx)
	assert.NoError(t, err)
	return string(b)
}

func write(t *testing.T, c *websocket.Conn, s string) {
	t.Helper()
	assert.NoError(t, c.Write(context.Background(), websocket.MessageText, []byte(s)))
}

func TestPolling(t *testing.T) {
	t.Parallel()
	h := serve(t, nil)
	sid := h.open()
	status, body := h.request("POST", "&transport=polling&sid="+sid, "4hello\x1ebAQID\x1e4world")
	assert.Equal(t, "status", status, 200)
	assert.Equal(t, "body", body, "ok")
	_, body = h.request("GET", "&transport=polling&sid="+sid, "")
	assert.Equal(t, "payload", body, "4hello\x1ebAQID\x1e4world")
	h.request("POST", "&transport=polling&sid="+sid, "1")
	assert.Equal(t, "reason", <-h.app.closed, engine.TransportClose)
}

func TestWebSocket(t *testing.T) {
	t.Parallel()
	h := serve(t, nil)
	c := h.dial("")
	assert.True(t, "open packet", strings.HasPrefix(read(t, c), `0{"sid":"`))
	write(t, c, "4hello")
	assert.Equal(t, "echo", read(t, c), "4hello")
	big := strings.Repeat("x", 900_000)
	write(t, c, "4"+big)
	c.SetReadLimit(-1)
	assert.Equal(t, "echo", len(read(t, c)), len(big)+1)
	assert.NoError(t, c.Write(context.Background(), websocket.MessageBinary, []byte{1, 2, 3}))
	assert.Equal(t, "binary", read(t, c), "\x01\x02\x03")
	assert.NoError(t, c.Close(websocket.StatusNormalClosure, ""))
	assert.Equal(t, "reason", <-h.app.closed, engine.TransportClose)
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	h := serve(t, nil)
	sid := h.open()
	var polled bytes.Buffer
	var wg sync.WaitGroup
	wg.Go(func() {
		_, body := h.request("GET", "&transport=polling&sid="+sid, "")
		polled.WriteString(body)
	})
	c := h.dial("&sid=" + sid)
	write(t, c, "2probe")
	assert.Equal(t, "probe", read(t, c), "3probe")
	wg.Wait()
	assert.Equal(t, "poll", polled.String(), "6")
	h.request("POST", "&transport=polling&sid="+sid, "4by polling")
	write(t, c, "5")
	assert.Equal(t, "queued", read(t, c), "4by polling")
	write(t, c, "4by websocket")
	assert.Equal(t, "echo", read(t, c), "4by websocket")
	status, body := h.request("GET", "&transport=polling&sid="+sid, "")
	assert.Equal(t, "late poll", status, 400)
	assert.Equal(t, "late poll", body, `{"code":3,"message":"Bad request"}`)
}
