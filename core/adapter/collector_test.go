package adapter_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// heard is what a collector hands on: clients as numbers, replies as their data.
type heard []string

func (h *heard) each(r *adapter.Response) {
	switch {
	case r.Reply != nil:
		*h = append(*h, string(r.Reply.Data))
	case r.Clients != 0:
		*h = append(*h, fmt.Sprintf("%+d", r.Clients))
	default:
		*h = append(*h, "none")
	}
}

func clients(n int) adapter.Response { return adapter.Response{Clients: n} }
func reply(text string) adapter.Response {
	return adapter.Response{Reply: &adapter.Packet{Data: []byte(text)}}
}
func last(r adapter.Response) adapter.Response { r.Last = true; return r }

// from is a response of a server; an empty response says that it has left.
type from struct {
	server string
	part   int
	r      adapter.Response
}

var left = adapter.Response{Clients: -99}

// TestCollector: what is handed on, and when a request is over.
func TestCollector(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		op      adapter.OperationType
		servers string
		unnamed int
		come    []from
		heard   string
		err     string // empty: the request is over
	}{
		{"nobody else", adapter.OpFetch, "", 0, nil, "", ""},
		{"one each", adapter.OpFetch, "a b", 0, []from{{"a", 0, last(clients(0))}, {"b", 0, last(clients(0))}}, "none none", ""},
		{"one is missing", adapter.OpFetch, "a b", 0, []from{{"b", 0, last(clients(0))}}, "none", "1 of 2, a"},
		{"all are missing", adapter.OpFetch, "b a", 2, nil, "", "0 of 4, a b"},
		{"a stranger", adapter.OpFetch, "a", 0, []from{{"x", 0, last(clients(0))}, {"", -1, clients(0)}}, "", "0 of 1, a"},
		{"twice", adapter.OpCall, "a", 0, []from{{"a", 0, clients(1)}, {"a", 0, clients(1)}, {"a", 1, last(reply("x"))}, {"a", 1, last(reply("x"))}}, "+1 x", ""},
		{"in disorder", adapter.OpCall, "a", 0, []from{{"a", 2, last(reply("y"))}, {"a", 1, reply("x")}, {"a", 0, clients(2)}}, "+2 x y", ""},
		{"a part is lost", adapter.OpCall, "a", 0, []from{{"a", 3, last(reply("z"))}, {"a", 0, clients(3)}, {"a", 2, reply("y")}}, "+3 y z", "0 of 1, a"},
		{"it has left", adapter.OpCall, "a b", 0, []from{{"a", 0, clients(3)}, {"a", 1, reply("x")}, {"b", 0, last(clients(0))}, {"a", 0, left}}, "+3 x none -2", ""},
		{"it has left in disorder", adapter.OpCall, "a", 0, []from{{"a", 2, reply("y")}, {"a", 0, clients(3)}, {"a", 0, left}}, "+3 y -2", ""},
		{"it has left after its answer", adapter.OpCall, "a b", 0, []from{{"a", 0, clients(1)}, {"a", 1, last(reply("x"))}, {"a", 0, left}}, "+1 x", "1 of 2, b"},
		{"it has left unasked", adapter.OpCall, "a b", 0, []from{{"a", 0, left}, {"x", 0, left}, {"", 0, left}, {"a", 0, clients(1)}}, "", "0 of 1, b"},
		{"nothing after its last", adapter.OpServerSide, "a b", 0, []from{{"a", 0, last(reply("x"))}, {"a", 1, reply("y")}}, "x", "1 of 2, b"},
		{"of another kind", adapter.OpServerSide, "a", 0, []from{{"a", -1, reply("x")}}, "x", ""},
		{"of another kind, clients", adapter.OpCall, "a b", 0, []from{{"a", -1, clients(2)}, {"b", -1, clients(0)}, {"a", -1, reply("x")}, {"a", -1, reply("y")}}, "+2 none x y", ""},
		{"of another kind, silent", adapter.OpCall, "a", 0, []from{{"a", -1, clients(2)}, {"a", -1, reply("x")}}, "+2 x", "0 of 1, a"},
		{"unnamed", adapter.OpFetch, "", 2, []from{{"", -1, clients(0)}, {"", -1, clients(0)}, {"", -1, clients(0)}}, "none none", ""},
		{"unnamed, one is missing", adapter.OpFetch, "a", 2, []from{{"", -1, clients(0)}, {"a", 0, last(clients(0))}}, "none none", "2 of 3, "},
		{"unnamed, clients", adapter.OpCall, "", 2, []from{{"", -1, clients(1)}, {"", -1, reply("x")}, {"", -1, clients(1)}, {"", -1, reply("y")}}, "+1 x +1 y", ""},
		{"unnamed, numbered", adapter.OpFetch, "", 1, []from{{"", 0, clients(0)}}, "", "0 of 1, "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var c adapter.Collector
			var h heard
			req, err := c.Begin(&adapter.Operation{Type: tt.op}, h.each, strings.Fields(tt.servers), tt.unnamed)
			assert.NoError(t, err)
			for _, f := range tt.come {
				if f.r.Clients == left.Clients {
					c.Left(f.server)
				} else {
					c.Response(req.ID(), f.server, f.part, &f.r)
				}
			}
			c.Response(req.ID(), "a", 0, nil)
			c.Response(req.ID(), "a", -1, nil)
			ctx, cancel := context.WithCancelCause(t.Context())
			late := errors.New("late")
			cancel(late)
			err = req.Wait(ctx)
			assert.Equal(t, "heard", strings.Join(h, " "), tt.heard)
			if tt.err == "" {
				assert.NoError(t, err)
			} else {
				var p *adapter.PartialError
				assert.True(t, "partial", errors.As(err, &p) && errors.Is(err, late))
				assert.Equal(t, "error", fmt.Sprintf("%d of %d, %s", p.Answered, p.Expected, strings.Join(p.Missing, " ")), tt.err)
			}
			c.Response(req.ID(), "a", 9, &adapter.Response{Clients: 1})
			c.Left("a")
			assert.Equal(t, "nothing after Wait", strings.Join(h, " "), tt.heard)
		})
	}
}

// TestCollectorClose: requests end with their collector, and none begins after that.
func TestCollectorClose(t *testing.T) {
	t.Parallel()
	var c adapter.Collector
	var h heard
	op := &adapter.Operation{Type: adapter.OpFetch}
	req, err := c.Begin(op, h.each, []string{"a"}, 0)
	assert.NoError(t, err)
	other, err := c.Begin(op, h.each, []string{"a"}, 0)
	assert.NoError(t, err)
	assert.True(t, "ids differ", req.ID() != other.ID())
	other.Cancel()
	down := errors.New("down")
	go c.Close(down)
	assert.ErrorIs(t, req.Wait(t.Context()), down)
	assert.ErrorIs(t, other.Wait(t.Context()), context.Canceled)
	_, err = c.Begin(op, h.each, nil, 0)
	assert.ErrorIs(t, err, down)
}

// answering is a Local that answers when it is told to.
type answering struct {
	adapter.Local
	ctx   context.Context
	reply func(*adapter.Response)
	err   error
}

func (a *answering) Respond(ctx context.Context, _ *adapter.Operation, reply func(*adapter.Response)) error {
	a.ctx, a.reply = ctx, reply
	return a.err
}

// TestAnswerer: responses are numbered, and nobody works for who does not wait.
func TestAnswerer(t *testing.T) {
	t.Parallel()
	var a adapter.Answerer
	begin := func(from, id string, err error) (l *answering, sent *string) {
		l, sent = &answering{err: err}, new(string)
		assert.ErrorIs(t, a.Answer(l, from, id, &adapter.Operation{Type: adapter.OpCall}, func(part int, r *adapter.Response) {
			*sent += fmt.Sprint(part, ":", r.Clients, " ")
		}), err)
		return l, sent
	}
	l, sent := begin("s", "1", nil)
	l.reply(&adapter.Response{Clients: 2})
	l.reply(&adapter.Response{Clients: -1, Last: true})
	l.reply(&adapter.Response{})
	assert.Equal(t, "sent", *sent, "0:2 1:-1 ")
	assert.ErrorIs(t, l.ctx.Err(), context.Canceled)

	first, sent1 := begin("s", "1", nil)
	second, _ := begin("s", "2", nil)
	third, _ := begin("t", "1", nil)
	a.GiveUp("s", "1")
	a.GiveUp("s", "3")
	first.reply(&adapter.Response{Clients: 2})
	assert.Equal(t, "sent", *sent1, "")
	assert.Equal(t, "ended", fmt.Sprint(first.ctx.Err(), second.ctx.Err(), third.ctx.Err()), "context canceled <nil> <nil>")
	a.Left("s")
	assert.Equal(t, "ended", fmt.Sprint(second.ctx.Err(), third.ctx.Err()), "context canceled <nil>")
	failed, _ := begin("u", "1", errors.New("of a later version"))
	assert.ErrorIs(t, failed.ctx.Err(), context.Canceled)
	a.Close()
	assert.ErrorIs(t, third.ctx.Err(), context.Canceled)
	never, _ := begin("s", "4", nil)
	assert.True(t, "closed", never.reply == nil)
}

// TestAnswererTwice: a request that comes twice, or whose id comes again, is given up
// though the first of the two has ended.
func TestAnswererTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var a adapter.Answerer
		var asked [2]answering
		for i := range asked {
			assert.NoError(t, a.Answer(&asked[i], "s", "1", &adapter.Operation{Type: adapter.OpCall}, func(int, *adapter.Response) {}))
		}
		asked[0].reply(&adapter.Response{Last: true})
		synctest.Wait() // the Answerer has forgotten the first
		assert.NoError(t, asked[1].ctx.Err())
		a.GiveUp("s", "1")
		assert.ErrorIs(t, asked[1].ctx.Err(), context.Canceled)
	})
}

// TestDataIsJSON: operations and responses survive encoding/json, as the contract says.
func TestDataIsJSON(t *testing.T) {
	t.Parallel()
	packet := adapter.Packet{Data: []byte(`["e",1]`), Attachments: [][]byte{{0, 255}, {}}, Volatile: true, NoCompress: true}
	for _, v := range []any{
		&adapter.Operation{Type: adapter.OpDisconnect, Target: adapter.Target{Rooms: []string{"\x00é"}, Except: []string{""}},
			Packet: packet, Rooms: []string{"a"}, Close: true, Timeout: time.Second},
		&adapter.Response{Clients: -1, Reply: &packet, Last: true},
	} {
		b, err := json.Marshal(v)
		assert.NoError(t, err)
		back := map[bool]any{true: &adapter.Operation{}, false: &adapter.Response{}}[strings.Contains(fmt.Sprintf("%T", v), "Operation")]
		assert.NoError(t, json.Unmarshal(b, back))
		again, err := json.Marshal(back)
		assert.NoError(t, err)
		assert.Equal(t, "again", string(again), string(b))
	}
}
