package engine

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"github.com/gosio/gosio/core/engine/internal/link"
	"github.com/gosio/gosio/internal/assert"
)

// counting hands out its sessions and does nothing with their messages.
type counting chan *Session

func (c counting) Connect(s *Session, _ *http.Request) Receiver {
	c <- s
	return silent{}
}

type silent struct{}

func (silent) Message([]byte, bool) (Worker, error) { return nil, nil }
func (silent) Backlog() <-chan struct{}             { return nil }
func (silent) Closed(Reason, error)                 {}

// upgradeHead goes on from the path of a request that opens a WebSocket.
const upgradeHead = " HTTP/1.1\r\nHost: example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

// lean serves sessions on loopback, where readers at work are counted.
func lean(t *testing.T) (*Server, counting, func() net.Conn) {
	t.Helper()
	sessions := make(counting, 10)
	srv, dial := leanFor(t, sessions)
	return srv, sessions, dial
}

func leanFor(t *testing.T, h Handler) (*Server, func() net.Conn) {
	t.Helper()
	srv := NewServer(h, &Options{PingInterval: time.Hour})
	ts := httptest.NewServer(srv)
	t.Cleanup(func() {
		srv.Close()
		ts.Close()
	})
	return srv, func() net.Conn {
		conn, err := net.Dial("tcp", ts.Listener.Addr().String())
		assert.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		assert.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
		_, err = io.WriteString(conn, "GET /engine.io/?EIO=4&transport=websocket"+upgradeHead)
		assert.NoError(t, err)
		return conn
	}
}

// TestDeferred: while a reader is at work nobody starts to write, so that what it
// sends next leaves along.
func TestDeferred(t *testing.T) {
	t.Parallel()
	srv, sessions, dial := lean(t)
	srv.lending.ticking.Store(true) // no timer: nothing else starts flushers
	conn := dial()
	s := <-sessions
	buf := make([]byte, 1<<10)
	_, err := conn.Read(buf) // the reader runs: it has written the open packet
	assert.NoError(t, err)
	srv.flush.wait()

	readers := &srv.flush.shards[0].readers
	readers.Add(1)
	for i := range 3 {
		assert.NoError(t, s.Send(Text(append(TextBuffer(1), byte('0'+i)))))
	}
	shard := &srv.flush.shards[s.ws.Load().writer.shard]
	shard.mu.Lock()
	off, conns := shard.deferred && !shard.running, len(shard.ready)
	shard.mu.Unlock()
	s.mu.Lock()
	msgs := len(s.ws.Load().writer.queue.Msgs)
	s.mu.Unlock()
	assert.True(t, "put off", off)
	assert.Equal(t, "connections", conns, 1)
	assert.Equal(t, "messages", msgs, 3)

	readers.Add(-1)
	srv.flush.startDeferred()
	want := "\x81\x0240\x81\x0241\x81\x0242"
	_, err = io.ReadFull(conn, buf[:len(want)])
	assert.NoError(t, err)
	assert.Equal(t, "frames", string(buf[:len(want)]), want)
	srv.flush.wait()
	assert.NoError(t, s.Send(Text(append(TextBuffer(1), '3')))) // nobody is at work
	_, err = io.ReadFull(conn, buf[:4])
	assert.NoError(t, err)

	srv.flush.wait()
	readers.Add(1)
	defer func() {
		readers.Add(-1)
		srv.flush.startDeferred()
	}()
	large := bytes.Repeat([]byte("x"), link.ScratchSize)
	assert.NoError(t, s.Send(Text(append(TextBuffer(len(large)), large...)))) // more would not leave along
	_, err = io.ReadFull(conn, large)
	assert.NoError(t, err)
}

// TestSlowClientStartsNoFlusher: what gathers for a client that does not read is
// no reason to write to others before what they get has gathered.
func TestSlowClientStartsNoFlusher(t *testing.T) {
	t.Parallel()
	srv, sessions, dial := lean(t)
	srv.lending.ticking.Store(true) // no timer: nothing else starts flushers
	var conns [2]*wsConn
	for i := range conns {
		conn := dial()
		conns[i] = (<-sessions).ws.Load()
		_, err := conn.Read(make([]byte, 1<<10)) // the reader runs: it has written the open packet
		assert.NoError(t, err)
	}
	srv.flush.wait()
	slow, other := conns[0], conns[1]
	stall := func(on bool) {
		slow.s.mu.Lock()
		defer slow.s.mu.Unlock()
		slow.writer.state = map[bool]writeState{true: writeBlocked}[on] // as a drain has it
	}
	stall(true)
	readers := &srv.flush.shards[0].readers
	readers.Add(1)
	assert.NoError(t, other.s.Send(Text(append(TextBuffer(1), 'a'))))
	large := bytes.Repeat([]byte("x"), 2*link.ScratchSize)
	assert.NoError(t, slow.s.Send(Text(append(TextBuffer(len(large)), large...))))
	shard := &srv.flush.shards[other.writer.shard]
	shard.mu.Lock()
	waits := shard.deferred
	shard.mu.Unlock()
	stall(false)
	readers.Add(-1)
	srv.flush.startDeferred()
	assert.True(t, "still put off", waits)
}

// asking is a Receiver whose handler asks the client something, and waits.
type asking struct {
	silent
	s      *Session
	atWork chan bool
}

func (a *asking) Message([]byte, bool) (Worker, error) { return a, nil }

func (a *asking) Work(bool) {
	(*Layer)(a.s).Yield()
	a.atWork <- a.s.srv.flush.reading()
}

type asker chan bool

func (c asker) Connect(s *Session, _ *http.Request) Receiver { return &asking{s: s, atWork: c} }

// TestTakenOver: a reader whose handler waits is not at work.
func TestTakenOver(t *testing.T) {
	t.Parallel()
	atWork := make(asker, 1)
	_, dial := leanFor(t, atWork)
	_, err := io.WriteString(dial(), "\x81\x82\x00\x00\x00\x004a")
	assert.NoError(t, err)
	assert.True(t, "nobody is at work", !<-atWork)
}

// TestUpgradeWaitsQuietly: a reader that waits for a POST, which the client can
// draw out, is not at work.
func TestUpgradeWaitsQuietly(t *testing.T) {
	t.Parallel()
	srv, sessions, dial := lean(t)
	addr := dial().RemoteAddr().String()
	<-sessions
	request := func(head string) net.Conn {
		conn, err := net.Dial("tcp", addr)
		assert.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		assert.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
		_, err = io.WriteString(conn, head)
		assert.NoError(t, err)
		return conn
	}
	answer := func(conn net.Conn) {
		_, err := conn.Read(make([]byte, 1<<10))
		assert.NoError(t, err)
	}
	answer(request("GET /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: example\r\n\r\n"))
	s := <-sessions
	request("POST /engine.io/?EIO=4&transport=polling&sid=" + s.ID() + " HTTP/1.1\r\nHost: example\r\nContent-Length: 3\r\n\r\n4")
	until(t, s, "the POST has begun", func() bool { return s.polling.post != postNone })
	ws := request("GET /engine.io/?EIO=4&transport=websocket&sid=" + s.ID() + upgradeHead)
	answer(ws)
	_, err := io.WriteString(ws, "\x81\x86\x00\x00\x00\x002probe")
	assert.NoError(t, err)
	answer(ws)
	_, err = io.WriteString(ws, "\x81\x81\x00\x00\x00\x005")
	assert.NoError(t, err)
	until(t, s, "the upgrade waits for the POST", func() bool { return s.polling.posted != nil })
	assert.True(t, "nobody is at work", !srv.flush.reading())
}

// until waits until something is true of a session.
func until(t *testing.T, s *Session, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); runtime.Gosched() {
		s.mu.Lock()
		done := is()
		s.mu.Unlock()
		if done {
			return
		}
	}
	t.Fatal("not in time: " + what)
}

// TestReadersAreCounted: however a connection ends, its reader is not at work
// any more.
func TestReadersAreCounted(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]string{
		"at once":         "",
		"close frame":     "\x88\x80\x00\x00\x00\x00",
		"broken":          "\x83\x80\x00\x00\x00\x00",
		"broken and more": "\x83\x80\x00\x00\x00\x00" + fmt.Sprint(make([]int, 20_000)),
		"not a packet":    "\x81\x81\x00\x00\x00\x00x",
		"half a message":  "\x81\xfe\x10\x00\x00\x00\x00\x00",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, sessions, dial := lean(t)
			conn := dial()
			<-sessions
			_, _ = io.WriteString(conn, "\x81\x82\x00\x00\x00\x004a"+end) // it may be refused before its end
			assert.NoError(t, conn.(*net.TCPConn).CloseWrite())
			_, _ = io.Copy(io.Discard, conn) // until the server has closed
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			assert.NoError(t, srv.Shutdown(ctx))
			assert.True(t, "nobody is at work", !srv.flush.reading())
		})
	}
}
