package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// crowd are the clients that there are.
type crowd struct {
	addresses []string
	f         *figures

	mu    sync.Mutex
	links map[*link]bool // that are open
}

func newCrowd(addresses []string, f *figures) *crowd {
	return &crowd{addresses: addresses, f: f, links: map[*link]bool{}}
}

// reset ends all connections at once.
func (c *crowd) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for l := range c.links {
		l.reset()
	}
}

func (c *crowd) open(l *link, is bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if is {
		c.links[l] = true
	} else {
		delete(c.links, l)
	}
}

// client is one client, which loses its connection now and then, and comes back as the
// session that it was, at any server.
type client struct {
	*crowd
	number   int
	attempts int

	pid, offset string
	room        int            // that it is in
	moving      bool           // to another one: nobody knows which it is in
	last        map[string]int // numbers of events, by life and room
	asked       int            // number of the last question
	moves       int            // that of the last move
}

func (c *crowd) client(number int) *client {
	return &client{crowd: c, number: number, last: map[string]int{}}
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
	c.attempts++
	l, err := dial(ctx, c.addresses[(c.number+c.attempts)%len(c.addresses)], c.number%3 > 0)
	defer l.close()
	if err != nil {
		c.f.count(func(f *figures) { f.refused++ })
		return
	}
	if c.number%3 == 2 {
		l.upgradeAt = time.Now().Add(time.Duration(rand.IntN(2000)) * time.Millisecond)
	}
	c.open(l, true)
	defer c.open(l, false)
	c.f.count(func(f *figures) { f.connects++; f.connected++ })
	defer c.f.count(func(f *figures) { f.connected-- })
	var writer sync.WaitGroup
	writing := make(chan string, 64)
	writer.Go(func() { c.write(ctx, l, writing) })
	defer writer.Wait()
	defer cancel()
	for {
		packets, err := l.next(ctx)
		if err != nil {
			return
		}
		for _, packet := range packets {
			c.packet(packet, writing)
		}
	}
}

// write sends what there is to be sent, and asks something each second.
func (c *client) write(ctx context.Context, l *link, writing <-chan string) {
	asks := time.NewTicker(time.Second)
	defer asks.Stop()
	for {
		var text string
		select {
		case text = <-writing:
		case <-asks.C:
			c.asked++
			n := c.asked
			c.f.count(func(f *figures) { f.asked[c.key(n)] = time.Now() })
			text = fmt.Sprintf(`42%d["ask",%d]`, n, n)
		case <-ctx.Done():
			return
		}
		if l.send(ctx, text) != nil {
			return // the reader hears of it
		}
	}
}

func (c *client) key(n int) string { return fmt.Sprint(c.number, "-", n) }

// moveID begins the ids of moves, which are not those of questions.
const moveID = 1_000_000_000

// move asks to be in another room.
func (c *client) move(writing chan<- string) {
	c.moving = true
	c.moves++
	writing <- fmt.Sprintf(`42%d["move",%d,%d]`, moveID+c.moves, c.room, (c.room+1)%rooms)
}

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
		c.welcome(text[2:], writing)
	case strings.HasPrefix(text, "42"):
		c.event(text[2:])
		if !c.moving && rand.IntN(300) == 0 {
			c.move(writing)
		}
	case strings.HasPrefix(text, "43"):
		var n, answer int
		switch _, err := fmt.Sscanf(text, "43%d[%d]", &n, &answer); {
		case err != nil:
			c.f.count(func(f *figures) { f.broken++ })
		case n == moveID+c.moves:
			c.moved(answer)
		case n < moveID:
			c.f.answered(c.key(n))
		}
	}
}

// welcome is the answer to the CONNECT packet.
func (c *client) welcome(text string, writing chan<- string) {
	var welcome struct{ PID string }
	_ = json.Unmarshal([]byte(text), &welcome) // an empty one is fresh
	recovered := welcome.PID == c.pid
	c.f.count(func(f *figures) {
		switch {
		case recovered:
			f.recovered++
		case c.pid != "":
			f.fresh++
		}
	})
	if !recovered {
		c.pid, c.offset, c.room = welcome.PID, "", c.number%rooms
		clear(c.last)
	}
	if !recovered || c.moving { // whether it was moved it has not heard
		c.move(writing)
	}
}

// moved is the answer to a move: from now on nothing comes of other rooms.
func (c *client) moved(room int) {
	c.room, c.moving = room, false
	for key := range c.last {
		if !strings.HasPrefix(key, fmt.Sprint(room, " ")) {
			delete(c.last, key)
		}
	}
}

// event checks that events come once, in order and without a hole for as long as the session
// goes on, over all its connections.
func (c *client) event(text string) {
	var args []json.RawMessage
	var life string
	var room, n int
	if json.Unmarshal([]byte(text), &args) != nil || len(args) != 5 || json.Unmarshal(args[1], &room) != nil || json.Unmarshal(args[2], &life) != nil ||
		json.Unmarshal(args[3], &n) != nil || json.Unmarshal(args[4], &c.offset) != nil || room != c.room && !c.moving {
		c.f.count(func(f *figures) { f.broken++ })
		return
	}
	key := fmt.Sprint(room, " ", life)
	last, known := c.last[key]
	c.f.count(func(f *figures) {
		f.events++
		switch {
		case !known: // the first of this life in this room
		case n <= last:
			f.doubled++
		case n > last+1:
			f.lost += int64(n - last - 1)
		}
	})
	c.last[key] = n
}
