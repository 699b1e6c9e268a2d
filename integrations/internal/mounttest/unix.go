package mounttest

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

// UnixSocket checks that a client of a Unix socket has the address that net/http
// gives it, whatever the framework says of it. serve mounts srv and serves it on ln until the test ends.
func UnixSocket(t *testing.T, serve func(srv *socketio.Server, ln net.Listener)) {
	t.Helper()
	dir, err := os.MkdirTemp("", "mount") //nolint:usetesting // the path of a socket must be short
	assert.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	name := filepath.Join(dir, "s")
	ln, err := net.Listen("unix", name)
	assert.NoError(t, err)
	app := NewApp(t)
	serve(app.Server, ln)
	c := NewClient(t, tunnel(t, name)+"/socket.io")
	for transport, open := range map[string]func() *Session{"websocket": c.Dial, "polling": c.Open} {
		open()
		h := Wait(t, "the socket", app.Connected).Handshake()
		assert.Equal(t, transport+": address", h.Address, "@")
		assert.Equal(t, transport+": peer", h.RemoteAddr, "@")
	}
}

// tunnel carries TCP connections to a Unix socket until the test ends.
func tunnel(t *testing.T, name string) (url string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	go func() { // ends with ln
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("unix", name)
			if err != nil {
				_ = in.Close()
				return
			}
			go pass(in, out) // these end with either connection
			go pass(out, in)
		}
	}()
	return "http://" + ln.Addr().String()
}

func pass(dst, src net.Conn) {
	_, _ = io.Copy(dst, src) // the end of one is that of the other
	_ = dst.Close()
	_ = src.Close()
}
