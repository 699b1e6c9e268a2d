package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// client is a connection to a server, with a socket in its main namespace.
type client struct {
	ws    *websocket.Conn
	event func(data string) // an event without an acknowledgement; nil: nobody looks

	mu    sync.Mutex
	last  int
	waits map[int]chan string
}

// dial connects. event is called by one goroutine, which ends with the connection.
func dial(ctx context.Context, port int, event func(string)) (*client, error) {
	ws, _, err := websocket.Dial(ctx, fmt.Sprintf("ws://127.0.0.1:%d/socket.io/?EIO=4&transport=websocket", port), nil)
	if err != nil {
		return nil, err
	}
	ws.SetReadLimit(1 << 20)
	c := &client{ws: ws, event: event, waits: make(map[int]chan string)}
	ready := make(chan error, 1)
	go c.read(ready)
	if err := c.write("40"); err != nil {
		return nil, err
	}
	select {
	case err = <-ready:
	case <-ctx.Done():
		err = ctx.Err()
	}
	return c, err
}

func (c *client) write(text string) error {
	return c.ws.Write(context.Background(), websocket.MessageText, []byte(text))
}

func (c *client) read(ready chan<- error) {
	for {
		_, b, err := c.ws.Read(context.Background())
		if err != nil {
			select {
			case ready <- err:
			default:
			}
			return
		}
		switch s := string(b); {
		case s == "2":
			_ = c.write("3")
		case strings.HasPrefix(s, "40"):
			ready <- nil
		case strings.HasPrefix(s, "43"):
			id, data, _ := strings.Cut(s[2:], "[")
			n, _ := strconv.Atoi(id)
			c.mu.Lock()
			wait := c.waits[n]
			delete(c.waits, n)
			c.mu.Unlock()
			if wait != nil {
				wait <- "[" + data
			}
		case strings.HasPrefix(s, "42") && c.event != nil:
			c.event(s[2:])
		}
	}
}

// emit sends an event.
func (c *client) emit(args ...any) error {
	b, err := json.Marshal(args)
	if err != nil {
		return err
	}
	return c.write("42" + string(b))
}

// call sends an event and returns what it is acknowledged with.
func (c *client) call(args ...any) (string, error) {
	b, err := json.Marshal(args)
	if err != nil {
		return "", err
	}
	wait := make(chan string, 1)
	c.mu.Lock()
	c.last++
	id := c.last
	c.waits[id] = wait
	c.mu.Unlock()
	if err := c.write("42" + strconv.Itoa(id) + string(b)); err != nil {
		return "", err
	}
	select {
	case answer := <-wait:
		return answer, nil
	case <-time.After(2 * time.Minute):
		return "", fmt.Errorf("%v is not acknowledged", args[0])
	}
}

func (c *client) close() { _ = c.ws.CloseNow() }
