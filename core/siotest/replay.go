package siotest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gosio/gosio/core/parser"
)

// ReplayOptions says how [Replay] does its work. The zero value takes every default.
type ReplayOptions struct {
	// Client says how a client connects: with which auth payload, for example, which is in
	// no recording. Namespace is that of the recording unless it is set. Default: Options{}.
	Client func(c RecordedClient) Options
	// Change may change an event before it is sent: put a secret in the place of
	// "[redacted]", or an id of today in the place of one of that day. Args are a copy.
	Change func(p *RecordedPacket)
	// Answer returns what a client acknowledges an event of the server with. Default: what
	// the client has acknowledged events of that name with in the recording, in their order,
	// and then nothing.
	Answer func(client int, m *Message) []any
	// Quiet is how long Replay waits for an answer that was recorded, and at the end for
	// those that were not. Within testing/synctest it takes no time. Default 200 ms.
	Quiet time.Duration
}

// Replay connects the clients of a recording to h, has them send what they have sent, one
// after another in the order of the recording, and returns what the server under test
// answers, in the form of [Recording.Answers]: compare the two, or have [Differences] do it.
// What the server sends to clients that have just connected, before any has sent something,
// is no answer.
//
// Before the next event is sent, the answers are waited for that were recorded before it.
// Times between events are not kept.
func Replay(t testing.TB, h http.Handler, rec *Recording, o ReplayOptions) []Answer {
	t.Helper()
	if o.Quiet == 0 {
		o.Quiet = 200 * time.Millisecond
	}
	r := &replay{t: t, h: h, rec: rec, opts: o, clients: make([]*replayed, len(rec.Clients))}
	for _, p := range rec.Packets {
		r.step(p)
	}
	var all []Answer
	for _, c := range r.clients {
		if c != nil {
			c.rest()
			all = append(all, c.acknowledged()...)
			all = append(all, c.events...)
		}
	}
	return all
}

// replay is one under way.
type replay struct {
	t       testing.TB
	h       http.Handler
	rec     *Recording
	opts    ReplayOptions
	clients []*replayed
}

// replayed is a client of a recording.
type replayed struct {
	*Client

	of     *replay
	number int
	fresh  bool // it has connected, and no client has done anything since
	sent   []call
	events []Answer
	asked  map[string]int // how many events of a name were to be acknowledged
}

// call is an event that waits for its acknowledgement.
type call struct {
	number uint64
	event  string
	ack    <-chan *Message
	answer *Message
}

// step does what a client has done, or waits for what the server has.
func (r *replay) step(p RecordedPacket) {
	r.t.Helper()
	if p.Kind == RecordedHere {
		r.connect(p.Client)
		return
	}
	c := r.clients[p.Client]
	if c == nil { // the recording has begun in the middle
		c = r.connect(p.Client)
	}
	for _, c := range r.clients {
		if c != nil && c.fresh {
			c.rest()
			c.fresh, c.events = false, nil
		}
	}
	switch p.Kind {
	case RecordedIn:
		c.replay(p)
	case RecordedOut:
		c.take(r.opts.Quiet)
	case RecordedAck:
		if i := slices.IndexFunc(c.sent, func(s call) bool { return s.number == p.Number && s.answer == nil }); i >= 0 {
			c.sent[i].await(r.opts.Quiet)
		}
	case RecordedGone:
		c.rest()
		c.Disconnect()
	}
}

func (r *replay) connect(number int) *replayed {
	r.t.Helper()
	var o Options
	if r.opts.Client != nil {
		o = r.opts.Client(r.rec.Clients[number])
	}
	if o.Namespace == "" {
		o.Namespace = r.rec.Namespace
	}
	c := &replayed{of: r, number: number, asked: make(map[string]int)}
	c.Client = Dial(r.t, r.h, o)
	if before := r.clients[number]; before != nil { // it comes back into the room
		c.rest()
		c.sent, c.events, c.asked = before.sent, before.events, before.asked
	} else {
		c.fresh = true
	}
	r.clients[number] = c
	return c
}

// replay sends an event.
func (c *replayed) replay(p RecordedPacket) {
	c.t.Helper()
	if c.of.opts.Change != nil {
		p.Args = slices.Clone(p.Args)
		c.of.opts.Change(&p)
	}
	s := call{number: p.Number, event: p.Event}
	var id uint64
	if p.WantsAck {
		ack := make(chan *Message, 1)
		c.mu.Lock()
		if c.gone {
			close(ack)
		} else {
			id = c.nextAck
			c.nextAck++
			c.acks[id] = ack
		}
		c.mu.Unlock()
		s.ack = ack
		c.sent = append(c.sent, s)
	}
	name, _ := json.Marshal(p.Event) // a string
	data, err := json.Marshal(append([]json.RawMessage{name}, p.Args...))
	if err != nil {
		c.t.Errorf("siotest: event %q of the recording: %v", p.Event, err)
		return
	}
	packet := parser.Packet{Type: parser.Event, Namespace: c.namespace, ID: id, HasID: p.WantsAck, Data: data, Attachments: p.Attachments}
	if len(p.Attachments) > 0 {
		packet.Type = parser.BinaryEvent
	}
	c.send(packet.Append(nil), p.Attachments, nil)
}

// await waits for an acknowledgement.
func (s *call) await(d time.Duration) {
	if s.ack == nil || s.answer != nil {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case s.answer = <-s.ack:
	case <-t.C:
	}
}

// take waits for an event, and answers it if the server wants that. It reports whether one
// has come.
func (c *replayed) take(d time.Duration) bool {
	m, ok, _ := c.inbox.next(d)
	if !ok || m.reason != "" {
		return false
	}
	c.events = append(c.events, Answer{c.number, m.Event, false, canonical(rawArgs(m)), m.packet.Attachments})
	if m.WantsAck() {
		c.reply(m)
	}
	return true
}

// reply acknowledges an event.
func (c *replayed) reply(m *Message) {
	if c.of.opts.Answer != nil {
		m.Ack(c.of.opts.Answer(c.number, m)...)
		return
	}
	was := c.of.rec.reply(c.number, m.Event, c.asked[m.Event])
	c.asked[m.Event]++
	if was == nil {
		m.Ack()
		return
	}
	data, err := json.Marshal(append([]json.RawMessage{}, was.Args...))
	packet := parser.Packet{Type: parser.Ack, Namespace: c.namespace, ID: m.packet.ID, HasID: true, Data: data, Attachments: was.Attachments}
	if len(was.Attachments) > 0 {
		packet.Type = parser.BinaryAck
	}
	c.send(packet.Append(nil), was.Attachments, err)
}

// reply returns what a client has acknowledged the nth event of a name with, of those that it
// had to acknowledge; nil: nothing.
func (rec *Recording) reply(client int, event string, n int) *RecordedPacket {
	var asked *RecordedPacket
	for i := range rec.Packets {
		switch p := &rec.Packets[i]; {
		case p.Client != client || p.Event != event:
		case asked != nil && p.Kind == RecordedReply && p.Number == asked.Number:
			return p
		case p.Kind == RecordedOut && p.WantsAck:
			if n == 0 {
				asked = p
			}
			n--
		}
	}
	return nil
}

// rest takes what comes until the server is quiet.
func (c *replayed) rest() {
	for c.take(c.of.opts.Quiet) {
		continue
	}
}

// acknowledged returns the acknowledgements, in the order of the events.
func (c *replayed) acknowledged() []Answer {
	var all []Answer
	for i := range c.sent {
		s := &c.sent[i]
		s.await(c.of.opts.Quiet)
		if s.answer != nil {
			all = append(all, Answer{c.number, s.event, true, canonical(rawArgs(s.answer)), s.answer.packet.Attachments})
		}
	}
	return all
}

func rawArgs(m *Message) []json.RawMessage {
	args := make([]json.RawMessage, len(m.args))
	for i, arg := range m.args {
		args[i] = arg
	}
	return args
}

// Differences compares answers, those of a recording with those of [Replay] for example,
// and returns a line for each that is missing, that is new, or that is another one; nil if
// there is no difference. "[redacted]" in want stands for any value, and within a string for
// any part of it. Attachments are compared, too.
func Differences(want, got []Answer) []string {
	var lines []string
	w, g := 0, 0
	for w < len(want) || g < len(got) {
		switch {
		case w < len(want) && g < len(got) && same(want[w], got[g]):
			w, g = w+1, g+1
		case g < len(got) && (w == len(want) || got[g].Client < want[w].Client || later(want[w], got[g+1:min(len(got), g+ahead)])):
			lines = append(lines, "new:     "+got[g].String())
			g++
		case w < len(want) && (g == len(got) || want[w].Client < got[g].Client || laterWanted(want[w+1:min(len(want), w+ahead)], got[g])):
			lines = append(lines, "missing: "+want[w].String())
			w++
		default:
			lines = append(lines, fmt.Sprintf("want:    %v\ngot:     %v", want[w], got[g]))
			w, g = w+1, g+1
		}
	}
	return lines
}

// ahead is how many answers Differences looks at to find one that has changed its place.
const ahead = 50

// later reports whether an answer comes later in a list.
func later(want Answer, got []Answer) bool {
	return slices.ContainsFunc(got, func(a Answer) bool { return same(want, a) })
}

func laterWanted(want []Answer, got Answer) bool {
	return slices.ContainsFunc(want, func(a Answer) bool { return same(a, got) })
}

func same(want, got Answer) bool {
	c := comparison{want.Attachments, got.Attachments, false}
	return want.Client == got.Client && want.Event == got.Event && want.Ack == got.Ack &&
		c.alike(decoded([]byte(want.Args)), decoded([]byte(got.Args))) &&
		(c.redacted || slices.EqualFunc(want.Attachments, got.Attachments, bytes.Equal))
}

// comparison is one of two answers.
type comparison struct {
	want, got [][]byte // attachments
	redacted  bool     // something was, so that the numbers of attachments may differ
}

// alike compares decoded JSON.
func (c *comparison) alike(want, got any) bool {
	switch w := want.(type) {
	case string:
		return c.alikeText(w, got)
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(w) {
			return false
		}
		if a, ok := attachmentOf(w, c.want); ok {
			b, ok := attachmentOf(g, c.got)
			return ok && bytes.Equal(a, b)
		}
		for name, v := range w {
			if other, ok := g[name]; !ok || !c.alike(v, other) {
				return false
			}
		}
		return true
	case []any:
		g, ok := got.([]any)
		return ok && slices.EqualFunc(w, g, c.alike)
	}
	return want == got
}

// alikeText compares a string, of which a part may be left out: the value of a member, if the
// string is JSON.
func (c *comparison) alikeText(want string, got any) bool {
	const hidden = "[redacted]"
	parts := strings.Split(want, hidden)
	if len(parts) == 1 {
		return got == want
	}
	c.redacted = true
	text, ok := got.(string)
	switch {
	case want == hidden:
		return true
	case !ok:
		return false
	case json.Valid([]byte(want)) && json.Valid([]byte(text)):
		return c.alike(decoded([]byte(want)), decoded([]byte(text)))
	}
	for i, part := range parts {
		switch at := strings.Index(text, part); {
		case at < 0, i == 0 && at > 0:
			return false
		case i == len(parts)-1:
			return strings.HasSuffix(text, part)
		default:
			text = text[at+len(part):]
		}
	}
	return true
}

// attachmentOf returns what a placeholder stands for.
func attachmentOf(holder map[string]any, attachments [][]byte) (data []byte, ok bool) {
	number, _ := holder["num"].(json.Number)
	n, err := strconv.Atoi(number.String())
	if holder["_placeholder"] != true || err != nil || n < 0 || n >= len(attachments) {
		return nil, false
	}
	return attachments[n], true
}
