package engine

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosio/gosio/core/engine/internal/compress"
	"github.com/gosio/gosio/core/engine/internal/hijack"
	"github.com/gosio/gosio/core/engine/internal/query"
)

func longText() Message {
	return Text(append(TextBuffer(5000), strings.Repeat("text ", 1000)...))
}

// beside is a connection whose flusher is about to compress more than it does
// by itself, while nobody else can until release is called.
func beside(t *testing.T, o *Options, msgs ...Message) (c *wsConn, client net.Conn, release func()) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	if client, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(); _ = conn.Close() })
	if err := client.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	srv := NewServer(nil, o)
	s := srv.newSession(&http.Request{URL: new(url.URL)}, query.Query{}, "")
	c = newWebSocket(s, accepted{Taken: hijack.Taken{Conn: conn}}, nil)
	c.writer.state = writeScheduled
	c.writer.deflation, _ = srv.acceptor.deflate.Negotiate(http.Header{"Sec-Websocket-Extensions": {"permessage-deflate"}})
	s.ws.Store(c)
	for _, m := range msgs {
		c.writer.queue.Push(m.out)
	}
	for range compress.Parallel {
		compress.Acquire()
	}
	release = sync.OnceFunc(func() {
		for range compress.Parallel {
			compress.Release()
		}
	})
	t.Cleanup(release)
	return c, client, release
}

func receive(t *testing.T, client net.Conn, size int) []byte {
	t.Helper()
	b := make([]byte, size)
	if _, err := io.ReadFull(client, b); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestDeflateAsideInTurn: what is compressed leaves while what came behind it
// is still to be: else a client to whom there is always something new to
// compress would get nothing.
func TestDeflateAsideInTurn(t *testing.T) { //nolint:paralleltest // nothing is compressed meanwhile
	ready := longText().Compress(false)
	c, client, release := beside(t, &Options{PerMessageDeflate: new(PerMessageDeflate)},
		ready, ready, longText(), longText(), longText(), longText(), ready)
	s := c.s
	s.srv.flush.add(&c.writer)
	first := receive(t, client, 2*len(ready.out.Frame))
	release()
	if string(first) != string(ready.out.Frame)+string(ready.out.Frame) {
		t.Error("what was ready has not left as it is")
	}
	c.writer.waitWritten()
	s.mu.Lock()
	queued := s.budget.Used
	s.mu.Unlock()
	if queued != 0 {
		t.Errorf("%d bytes are queued", queued)
	}
	if b := receive(t, client, 1); b[0] != 0xC1 {
		t.Errorf("first byte of the next: %#x, not compressed", b[0])
	}
}
