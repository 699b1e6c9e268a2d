package engine_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/engine/internal/frame/autobahn"
	"github.com/gosio/gosio/internal/assert"
)

const flow = 400 // messages each way

// TestNothingLostAtUpgrade has messages under way in both directions while
// clients upgrade as the protocol says: none is lost, doubled or reordered.
func TestNothingLostAtUpgrade(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]starter{"loopback": serve, "TLS": serveTLS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var heard sync.Map // *engine.Session: *int, the next number to come
			a := newApp()
			a.connect = func(s *engine.Session, _ *http.Request) {
				heard.Store(s, new(int))
				go pour(s)
			}
			a.message = func(s *engine.Session, data []byte, _ bool) error {
				v, _ := heard.Load(s)
				next := v.(*int)
				if string(data) != strconv.Itoa(*next) {
					return fmt.Errorf("server got %q, not %d", data, *next)
				}
				if *next++; *next == flow {
					return s.Send(text("all"))
				}
				return nil
			}
			h := serve(t, setup{app: a, opts: engine.Options{PingInterval: 30 * time.Millisecond}})
			done := make(chan error)
			const clients = 8
			for range clients {
				open := h.do(request{query: "&transport=polling"}).body
				u := &upgrader{h: h, sid: sidOf(open)}
				_, first, _ := strings.Cut(open, "\x1e") // what was sent while Connect ran
				assert.NoError(t, u.takeAll(first))
				go func() { done <- u.run() }()
			}
			for range clients {
				assert.NoError(t, await(h, "a client", done))
			}
			h.alive()
		})
	}
}

// pour sends numbers, as text and as bytes in turn.
func pour(s *engine.Session) {
	for i := range flow {
		m := text(strconv.Itoa(i))
		if i%2 == 1 {
			m = engine.Binary([]byte(strconv.Itoa(i)))
		}
		_ = s.Send(m)
		if i%10 == 0 { // the upgrade takes its time, and so does this
			<-time.After(time.Millisecond)
		}
	}
}

// upgrader is a client that does as the protocol says: it polls and POSTs,
// tries the upgrade meanwhile, lets its requests end once the probe is
// answered, and goes on by WebSocket.
type upgrader struct {
	h   *host
	sid string

	mu     sync.Mutex
	paused bool

	next int // number to come
	all  bool
	sent int
}

func (u *upgrader) pause() {
	u.mu.Lock()
	u.paused = true
	u.mu.Unlock()
}

func (u *upgrader) isPaused() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.paused
}

func (u *upgrader) run() error {
	polled, posted := make(chan error, 1), make(chan error, 1)
	go func() { polled <- u.poll() }()
	go func() { posted <- u.post() }()
	c := u.h.dial()
	c.http(upgradeRequest("&transport=websocket&sid="+u.sid, keyHeaders))
	c.send("2probe")
	c.expect("3probe")
	u.pause()
	if err := <-polled; err != nil {
		return err
	}
	if err := <-posted; err != nil {
		return err
	}
	wire := frames(textFrame("5"))
	for ; u.sent < flow; u.sent++ {
		wire = append(wire, frames(textFrame("4"+strconv.Itoa(u.sent)))...)
	}
	c.raw(wire)
	for u.next < flow || !u.all {
		op, payload, err := c.read()
		if err != nil {
			return fmt.Errorf("at %d: %w", u.next, err)
		}
		packet := string(payload)
		if op == autobahn.Binary {
			packet = "4" + packet
		}
		pong, err := u.take(packet)
		if err != nil {
			return err
		}
		if pong {
			c.send("3")
		}
	}
	return nil
}

// poll polls until the client pauses.
func (u *upgrader) poll() error {
	for !u.isPaused() {
		r := u.h.try(request{query: "&transport=polling&sid=" + u.sid})
		if r.err != nil || r.status != 200 {
			return fmt.Errorf("poll: %d %q %w", r.status, r.body, r.err)
		}
		if err := u.takeAll(r.body); err != nil {
			return err
		}
	}
	return nil
}

// takeAll handles a payload.
func (u *upgrader) takeAll(payload string) error {
	for packet := range strings.SplitSeq(payload, "\x1e") {
		if b, ok := strings.CutPrefix(packet, "b"); ok {
			packet = "4" + decode(b)
		}
		if _, err := u.take(packet); err != nil {
			return err
		}
	}
	return nil
}

// post sends a few numbers at a time until the client pauses.
func (u *upgrader) post() error {
	for !u.isPaused() && u.sent < flow-50 {
		var body []string
		for range 1 + u.sent%5 {
			body = append(body, "4"+strconv.Itoa(u.sent))
			u.sent++
		}
		body = append(body, "3") // whether it was asked for or not
		r := u.h.try(request{method: "POST", query: "&transport=polling&sid=" + u.sid, body: strings.NewReader(strings.Join(body, "\x1e"))})
		if r.err != nil || r.status != 200 {
			return fmt.Errorf("POST: %d %q %w", r.status, r.body, r.err)
		}
	}
	return nil
}

// take handles a packet of the server.
func (u *upgrader) take(packet string) (ping bool, err error) {
	switch {
	case packet == "2":
		return true, nil
	case packet == "6" || packet == "":
	case packet == "4all":
		u.all = true
	case packet == "4"+strconv.Itoa(u.next):
		u.next++
	default:
		return false, fmt.Errorf("client got %q, not %d", packet, u.next)
	}
	return false, nil
}
