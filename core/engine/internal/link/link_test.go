//go:build unix

package link

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
	"github.com/gosio/gosio/internal/pipe"
)

func TestMain(m *testing.M) { leak.Main(m) }

// connect returns both ends of a TCP connection.
func connect(t *testing.T) (Link, net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	defer ln.Close()
	peer, err := net.Dial("tcp", ln.Addr().String())
	assert.NoError(t, err)
	conn, err := ln.Accept()
	assert.NoError(t, err)
	t.Cleanup(func() { _ = peer.Close(); _ = conn.Close() })
	return New(conn), peer
}

// TestRead: a read waits without a buffer, takes what has arrived, and tells the end.
func TestRead(t *testing.T) {
	t.Parallel()
	l, peer := connect(t)
	assert.True(t, "direct", l.Direct())
	assert.True(t, "nothing is unread", !l.Unread())
	_, err := peer.Write([]byte("abc"))
	assert.NoError(t, err)
	var in Input
	assert.NoError(t, l.Wait(in.TryRead))
	assert.True(t, "failed", !in.Failed())
	buf, n, err := in.Take()
	assert.NoError(t, err)
	assert.Equal(t, "read", string(buf[:n]), "abc")
	ReadBuffers.Put(buf)
	_, err = peer.Write([]byte("d"))
	assert.NoError(t, err)
	assert.NoError(t, l.Wait(func(uintptr) bool { return l.Unread() }))
	assert.NoError(t, l.Wait(in.TryRead))
	buf, _, _ = in.Take()
	ReadBuffers.Put(buf)
	_ = peer.Close()
	assert.NoError(t, l.Wait(in.TryRead))
	buf, n, err = in.Take()
	assert.True(t, "the end", buf != nil && n == 0 && IsGone(err))
	ReadBuffers.Put(buf)
	buf, _, err = in.Take()
	assert.True(t, "taken", buf == nil && err == nil)
}

// TestWrite: a write takes no longer than the kernel, or the time that it is given, and
// loses nothing.
func TestWrite(t *testing.T) {
	t.Parallel()
	l, peer := connect(t)
	b := WriteBuffers.Get().(*WriteBuffer)
	defer WriteBuffers.Put(b)
	written, part := 0, bytes.Repeat([]byte("x"), 1<<16)
	for {
		n, err := l.TryWrite(b, part)
		assert.NoError(t, err)
		if written += n; n == 0 {
			break
		}
	}
	n, err := l.WriteSome(part, 10*time.Millisecond)
	assert.True(t, "no room", n > 0 || errors.Is(err, os.ErrDeadlineExceeded))
	written += n
	done := make(chan struct{})
	go func() {
		defer close(done)
		if n, err := l.WriteSome(part, 0); err == nil {
			written += n
		}
		l.Abort()
	}()
	read, err := io.Copy(io.Discard, peer)
	assert.NoError(t, err)
	<-done
	assert.Equal(t, "read", int(read), written)
	_, err = l.TryWrite(b, part)
	assert.True(t, "after Abort", IsGone(err))
}

// TestBlocking: what is no TCP connection is read and written by calls that block.
func TestBlocking(t *testing.T) {
	t.Parallel()
	conn, peer := pipe.New()
	defer peer.Close()
	l := New(conn)
	assert.True(t, "direct", !l.Direct())
	n, err := l.WriteSome(make([]byte, maxBlockingWrite+1), time.Minute)
	assert.True(t, "written", n == maxBlockingWrite && err == nil)
	_, err = peer.Write([]byte("abc"))
	assert.NoError(t, err)
	buf, n, err := l.ReadBlocking()
	assert.NoError(t, err)
	assert.Equal(t, "read", string(buf[:n]), "abc")
	ReadBuffers.Put(buf)
	assert.True(t, "unread", !l.Unread())
	l.Abort()
}
