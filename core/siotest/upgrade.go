package siotest

import (
	"context"
	"errors"
	"strings"

	"github.com/coder/websocket"
)

// socket is the WebSocket, or nil while polling.
func (c *Conn) socket() *websocket.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ws
}

// leavesPolling reports whether no further poll is to be sent.
func (c *Conn) leavesPolling() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.upgrading
}

// Upgrade moves a polling connection to WebSocket, as stock clients do by
// themselves right after the handshake. What is sent meanwhile waits.
func (c *Conn) Upgrade() {
	c.t.Helper()
	if err := c.upgrade(); err != nil {
		c.t.Fatalf("siotest: the upgrade fails: %v", err)
	}
}

func (c *Conn) upgrade() error {
	if c.socket() != nil {
		return errors.New("the connection is a WebSocket")
	}
	ws, _, err := c.dialWebSocket(strings.Replace(c.url, "transport=polling", "transport=websocket", 1))
	if err != nil {
		return err
	}
	if err := c.probe(ws); err != nil {
		_ = ws.CloseNow() // the error says why
		return err
	}
	c.read(ws)
	return nil
}

// probe takes the steps of an upgrade. No POST is under way meanwhile.
func (c *Conn) probe(ws *websocket.Conn) error {
	ctx, cancel := context.WithTimeout(c.ctx, c.opts.Timeout)
	defer cancel()
	c.posting <- struct{}{}
	defer func() { <-c.posting }()
	c.mu.Lock()
	c.upgrading = true
	c.mu.Unlock()
	if err := ws.Write(ctx, websocket.MessageText, []byte("2probe")); err != nil {
		return err
	}
	if _, answer, err := ws.Read(ctx); err != nil || string(answer) != "3probe" {
		return errors.Join(errors.New("the probe is not answered"), err)
	}
	select {
	case <-c.paused:
	case <-ctx.Done():
		return errors.New("the server does not end the poll")
	}
	if err := ws.Write(ctx, websocket.MessageText, []byte("5")); err != nil {
		return err
	}
	c.mu.Lock()
	c.ws = ws
	c.mu.Unlock()
	return nil
}
