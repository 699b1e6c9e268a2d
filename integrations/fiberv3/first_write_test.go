package siofiber_test

import (
	"bufio"
	"io"
	"net/http"
	"testing"

	"github.com/valyala/fasthttp/fasthttputil"

	siofiber "github.com/gosio/gosio/integrations/fiberv3"
	"github.com/gosio/gosio/integrations/internal/mounttest"
	"github.com/gosio/gosio/internal/assert"
)

// TestFirstWrite: the 101 and the open packet are one write, which is one read
// of such a connection.
func TestFirstWrite(t *testing.T) {
	t.Parallel()
	a := mounttest.NewApp(t)
	app := newApp()
	siofiber.Mount(app, a.Server)
	ln := fasthttputil.NewInmemoryListener()
	serveOn(t, app, ln)
	conn, err := ln.Dial()
	assert.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: example\r\nConnection: Upgrade\r\n"+
		"Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
	assert.NoError(t, err)
	br := bufio.NewReader(conn)
	res, err := http.ReadResponse(br, nil)
	assert.NoError(t, err)
	assert.Equal(t, "status", res.StatusCode, http.StatusSwitchingProtocols)
	assert.True(t, "the open packet is there", br.Buffered() > 0)
}
