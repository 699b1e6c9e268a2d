package load

import (
	"errors"
	"fmt"
	"time"
)

// crowd is a number of WebSockets on their way to being joined.
type crowd struct {
	*env
	request   []byte
	want      int
	clients   []*WS
	joined    int
	onMessage func(*WS, []byte) error
}

// connectAll opens n WebSockets, at most 32 at a time, and waits until all have
// joined. A client whose handshake or join the server left without an answer
// for three seconds dials again and counts as retried.
func (e *env) connectAll(n int, browser bool, onMessage func(*WS, []byte) error) ([]*WS, error) {
	c := &crowd{env: e, request: websocketRequest(e.host, e.target.Kind, browser), want: n, onMessage: onMessage}
	for range min(n, 32) {
		if err := c.next(nil); err != nil {
			return nil, err
		}
	}
	for deadline := time.Now().Add(e.Patience); c.joined < n; {
		before := c.joined
		err := e.loop.run(3*time.Second, func() bool { return c.joined == n })
		if err != nil && (!errors.Is(err, errStalled) || time.Now().After(deadline)) {
			return nil, fmt.Errorf("%w: %d of %d connected", err, c.joined, n)
		}
		if c.joined > before {
			continue
		}
		if err := c.redial(); err != nil {
			return nil, err
		}
	}
	return c.clients, nil
}

// next starts one more client, if there are not enough.
func (c *crowd) next(*WS) error {
	if len(c.clients) == c.want {
		return nil
	}
	ws := &WS{index: len(c.clients), kind: c.target.Kind, key: uint32(len(c.clients)), onMessage: c.onMessage}
	ws.onJoined = func(ws *WS) error {
		c.joined++
		return c.next(ws)
	}
	c.clients = append(c.clients, ws)
	return c.dial(ws)
}

func (c *crowd) dial(ws *WS) error {
	ws.state, ws.request = wsHTTP, c.request
	return c.loop.dialWS(c.address, ws)
}

func (c *crowd) redial() error {
	for _, ws := range c.clients {
		if ws.state == wsJoined {
			continue
		}
		c.retried++
		ws.close()
		if err := c.dial(ws); err != nil {
			return err
		}
	}
	return nil
}
