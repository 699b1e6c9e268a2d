package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// client is one client, over WebSocket, that loses its connection now and then, and comes
// back as the session it was.
type client struct {
	number  int
	address string
	f       *figures

	pid, offset string
	life        string
	last        int // event of that life
	sent        time.Time
}

func newClient(number int, address string, f *figures) *client {
	return &client{number: number, address: address, f: f}
}

func (c *client) run(ctx context.Context) {
	for ctx.Err() == nil {
		c.connect(ctx)
		select {
		case <-time.After(time.Duration(100+rand.IntN(900)) * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// connect is one connection, until it ends.
func (c *client) connect(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(5+rand.IntN(55))*time.Second)
	defer cancel()
	var tcp *net.TCPConn
	var mu sync.Mutex
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		mu.Lock()
		defer mu.Unlock()
		tcp, _ = conn.(*net.TCPConn)
		return conn, err
	}}
	defer transport.CloseIdleConnections()
	ws, _, err := websocket.Dial(ctx, "ws://"+c.address+"/socket.io/?EIO=4&transport=websocket", &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		c.f.count(func(f *figures) { f.refused++ })
		return
	}
	defer func() {
		mu.Lock()
		if tcp != nil && rand.IntN(2) == 0 {
			_ = tcp.SetLinger(0) // a reset
		}
		mu.Unlock()
		_ = ws.CloseNow()
	}()
	ws.SetReadLimit(-1)
	c.f.count(func(f *figures) { f.connects++; f.connected++ })
	defer c.f.count(func(f *figures) { f.connected-- })
	asks := time.NewTicker(time.Second)
	defer asks.Stop()
	writing := make(chan string, 16)
	go func() {
		n := 0
		for {
			var text string
			select {
			case text = <-writing:
			case <-asks.C:
				n++
				c.f.count(func(f *figures) { f.asked[c.key(n)] = time.Now() })
				text = fmt.Sprintf(`42%d["ask",%d]`, n, n)
			case <-ctx.Done():
				return
			}
			if ws.Write(ctx, websocket.MessageText, []byte(text)) != nil {
				return
			}
		}
	}()
	for {
		_, b, err := ws.Read(ctx)
		if err != nil {
			return
		}
		c.packet(string(b), writing)
	}
}

func (c *client) key(n int) string { return fmt.Sprint(c.number, "-", n) }

// packet handles what the server has sent.
func (c *client) packet(text string, writing chan<- string) {
	switch {
	case strings.HasPrefix(text, "0"):
		auth := ""
		if c.pid != "" {
			b, _ := json.Marshal(map[string]string{"pid": c.pid, "offset": c.offset}) // of texts
			auth = string(b)
		}
		writing <- "40" + auth
	case text == "2":
		writing <- "3"
	case strings.HasPrefix(text, "40"):
		var welcome struct{ PID string }
		_ = json.Unmarshal([]byte(text[2:]), &welcome) // an empty one is fresh
		recovered := welcome.PID == c.pid
		c.f.count(func(f *figures) {
			if recovered {
				f.recovered++
			} else if c.pid != "" {
				f.fresh++
			}
		})
		if !recovered {
			c.pid, c.offset, c.life = welcome.PID, "", ""
			writing <- fmt.Sprintf(`42["join",%d]`, c.number%rooms)
		}
	case strings.HasPrefix(text, "42"):
		c.event(text[2:])
	case strings.HasPrefix(text, "43"):
		var n int
		if _, err := fmt.Sscanf(text, "43%d[", &n); err == nil {
			c.f.answered(c.key(n))
		}
	}
}

// event checks that events come once, in order and without a hole for as long as the session
// goes on, over all its connections.
func (c *client) event(text string) {
	var args []json.RawMessage
	var life string
	var n int
	if json.Unmarshal([]byte(text), &args) != nil || len(args) != 4 || json.Unmarshal(args[1], &life) != nil ||
		json.Unmarshal(args[2], &n) != nil || json.Unmarshal(args[3], &c.offset) != nil {
		c.f.count(func(f *figures) { f.broken++ })
		return
	}
	c.f.count(func(f *figures) {
		f.events++
		switch {
		case life != c.life: // the first of this session
		case n <= c.last:
			f.doubled++
		case n > c.last+1:
			f.lost += int64(n - c.last - 1)
		}
	})
	c.life, c.last = life, n
}
