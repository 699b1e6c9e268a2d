package chattest

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/gosio/gosio/internal/assert"
)

// person is somebody at a WebSocket. Events and acknowledgements may overtake
// one another, so each kind has its own queue.
type person struct {
	t      *testing.T
	conn   *websocket.Conn
	lastID int
	events []string
	acks   map[string]string
	others []string // packets that await has passed over
}

// open connects and does not join.
func open(t *testing.T, a *app) *person {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, a.url+"/socket.io/?EIO=4&transport=websocket", nil) //nolint:bodyclose // it is the connection
	assert.NoError(t, err)
	p := &person{t: t, conn: conn, acks: make(map[string]string)}
	t.Cleanup(p.close)
	assert.True(t, "an open packet", strings.HasPrefix(p.next(), "0{"))
	return p
}

// dial connects and signs in; the room may be empty.
func dial(t *testing.T, a *app, name, room string) *person {
	t.Helper()
	p := open(t, a)
	p.send("40" + encode(map[string]string{"name": name, "room": room}))
	for { // what the hooks send comes first
		switch packet := p.next(); {
		case strings.HasPrefix(packet, `40{"sid":`):
			return p
		default:
			p.keep(packet)
		}
	}
}

func (p *person) close() { _ = p.conn.CloseNow() }

func (p *person) send(packet string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	assert.NoError(p.t, p.conn.Write(ctx, websocket.MessageText, []byte(packet)))
}

// read returns the next packet that is no ping.
func (p *person) read() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		_, b, err := p.conn.Read(ctx)
		if err != nil || string(b) != "2" {
			return string(b), err
		}
		p.send("3")
	}
}

func (p *person) next() string {
	p.t.Helper()
	packet, err := p.read()
	assert.NoError(p.t, err)
	return packet
}

// keep sorts a packet into its queue.
func (p *person) keep(packet string) {
	p.t.Helper()
	switch {
	case strings.HasPrefix(packet, "42["):
		p.events = append(p.events, packet[3:len(packet)-1])
	case strings.HasPrefix(packet, "43"):
		id, args, _ := strings.Cut(packet[2:], "[")
		p.acks[id] = "[" + args
	default:
		p.t.Fatalf("unexpected packet %q", packet)
	}
}

// expect waits for the next event, which must begin so: name and arguments as
// JSON, without the brackets.
func (p *person) expect(event string) {
	p.t.Helper()
	for len(p.events) == 0 {
		p.keep(p.next())
	}
	got := p.events[0]
	p.events = p.events[1:]
	assert.Equal(p.t, "event", got[:min(len(got), len(event))], event)
}

// await waits for a packet that begins with one of the prefixes; what comes
// before it is kept for later calls. It is for tests of several namespaces,
// which do not use expect and call.
func (p *person) await(prefixes ...string) string {
	p.t.Helper()
	wanted := func(packet string) bool {
		return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(packet, prefix) })
	}
	if i := slices.IndexFunc(p.others, wanted); i >= 0 {
		packet := p.others[i]
		p.others = slices.Delete(p.others, i, i+1)
		return packet
	}
	for {
		packet, err := p.read()
		if err != nil {
			p.t.Fatalf("waiting for one of %q, after %q: %v", prefixes, p.others, err)
		}
		if wanted(packet) {
			return packet
		}
		p.others = append(p.others, packet)
	}
}

// call emits an event and waits for its acknowledgement, which is decoded into
// dst unless that is nil.
func (p *person) call(dst any, event string, args ...any) {
	p.t.Helper()
	p.lastID++
	id := strconv.Itoa(p.lastID)
	p.send("42" + id + encode(append([]any{event}, args...)))
	for p.acks[id] == "" {
		p.keep(p.next())
	}
	if dst != nil {
		assert.NoError(p.t, json.Unmarshal([]byte(p.acks[id]), &[]any{dst}))
	}
}
