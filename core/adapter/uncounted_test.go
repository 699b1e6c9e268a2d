package adapter_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/assert"
)

// TestUncounted: what comes before it is known who answers is not lost, and who is not
// known by name takes the place of an unnamed server.
func TestUncounted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		op      adapter.OperationType
		early   []from
		servers string
		unnamed int
		late    []from
		atMost  int // -1: is not said
		heard   string
		err     string // empty: the request is over
	}{
		{"nobody else", adapter.OpFetch, nil, "", 0, nil, -1, "", ""},
		{"fewer than nobody", adapter.OpFetch, nil, "", -1, nil, -1, "", ""},
		{"before and after", adapter.OpFetch, []from{{"a", 0, last(clients(0))}}, "a b", 0, []from{{"b", 0, last(clients(0))}}, -1, "none none", ""},
		{"unnamed before", adapter.OpFetch, []from{{"", -1, clients(0)}}, "", 1, nil, -1, "none", ""},
		{"left before", adapter.OpFetch, []from{{"a", 0, left}}, "a b", 0, []from{{"b", 0, last(clients(0))}}, -1, "none", ""},
		{"left before with clients", adapter.OpCall, []from{{"a", 0, clients(2)}, {"a", 0, left}}, "a", 0, nil, -1, "+2 -2", ""},
		{"a name that was not known", adapter.OpFetch, nil, "a", 1, []from{{"x", 0, last(clients(0))}, {"a", 0, last(clients(0))}}, -1, "none none", ""},
		{"not known, with parts", adapter.OpCall, nil, "", 1, []from{{"x", 0, clients(1)}, {"x", 1, last(reply("r"))}}, -1, "+1 r", ""},
		{"not known, in disorder", adapter.OpCall, nil, "", 1, []from{{"x", 1, last(reply("r"))}, {"x", 0, clients(1)}}, -1, "+1 r", ""},
		{"not known, beside another", adapter.OpCall, nil, "", 2, []from{{"", -1, clients(1)}, {"x", 0, last(clients(0))}, {"", -1, reply("r")}}, -1, "+1 none r", ""},
		{"not known, twice", adapter.OpFetch, nil, "", 2, []from{{"x", 0, last(clients(0))}, {"x", 0, last(clients(0))}}, -1, "none", "1 of 2, "},
		{"known, and not in another's place", adapter.OpFetch, nil, "a", 1, []from{{"a", 0, last(clients(0))}, {"a", 0, last(clients(0))}}, -1, "none", "1 of 2, "},
		{"one has left", adapter.OpFetch, nil, "", 2, []from{{"", -1, clients(0)}}, 0, "none", ""},
		{"one of those that are silent has left", adapter.OpFetch, nil, "", 3, nil, 2, "", "0 of 2, "},
		{"as many as before", adapter.OpFetch, nil, "a", 1, nil, 1, "", "0 of 2, a"},
		{"all have left with clients", adapter.OpCall, nil, "", 2, []from{{"", -1, clients(3)}, {"", -1, reply("r")}}, 0, "+3 r -2", ""},
		{"one has left, nobody knows which", adapter.OpCall, nil, "", 2, []from{{"", -1, clients(1)}}, 1, "+1", "0 of 2, "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var c adapter.Collector
			var h heard
			req, err := c.BeginUncounted(&adapter.Operation{Type: tt.op}, h.each)
			assert.NoError(t, err)
			come := func(list []from) {
				for _, f := range list {
					if f.r.Clients == left.Clients {
						c.Left(f.server)
					} else {
						c.Response(req.ID(), f.server, f.part, &f.r)
					}
				}
			}
			come(tt.early)
			req.AtMost(0) // nobody is counted yet
			assert.Equal(t, "early", len(h), 0)
			req.Expect(strings.Fields(tt.servers), tt.unnamed)
			req.Expect([]string{"z"}, 9) // once is enough
			come(tt.late)
			if tt.atMost >= 0 {
				req.AtMost(tt.atMost)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			err = req.Wait(ctx)
			assert.Equal(t, "heard", strings.Join(h, " "), tt.heard)
			if tt.err == "" {
				assert.NoError(t, err)
				return
			}
			var p *adapter.PartialError
			assert.True(t, "partial", errors.As(err, &p))
			assert.Equal(t, "error", fmt.Sprintf("%d of %d, %s", p.Answered, p.Expected, strings.Join(p.Missing, " ")), tt.err)
			req.Expect([]string{"a"}, 1)
			req.AtMost(0)
		})
	}
}

// TestUncountedFails: what has come is handed on when nobody can count.
func TestUncountedFails(t *testing.T) {
	t.Parallel()
	var c adapter.Collector
	var h heard
	req, err := c.BeginUncounted(&adapter.Operation{Type: adapter.OpFetch}, h.each)
	assert.NoError(t, err)
	c.Response(req.ID(), "a", 0, &adapter.Response{Last: true})
	c.Left("b")
	down := errors.New("down")
	req.Fail(down)
	req.Fail(errors.New("again"))
	assert.ErrorIs(t, req.Wait(t.Context()), down)
	assert.Equal(t, "heard", strings.Join(h, " "), "none")
	c.Close(down)
	_, err = c.BeginUncounted(&adapter.Operation{}, h.each)
	assert.ErrorIs(t, err, down)
}

// TestUnreachable: a server that has not got the request is missing, and not waited for.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	away := errors.New("away")
	for _, tt := range []struct {
		name    string
		begun   []from
		servers []string
		then    []from
		heard   string
		err     string // empty: all have answered
	}{
		{"the only one", nil, []string{"a"}, nil, "", "0 of 1, a: away"},
		{"one that is not expected", nil, []string{"x", ""}, []from{{"a", 0, last(clients(0))}, {"b", 0, last(clients(0))}}, "none none", ""},
		{"one that has begun", []from{{"a", 0, clients(0)}}, []string{"a"}, []from{{"a", 1, last(clients(0))}, {"b", 0, last(clients(0))}}, "none none none", ""},
		{"one that has begun in disorder", []from{{"a", 1, last(clients(0))}}, []string{"a"}, []from{{"a", 0, clients(0)}, {"b", 0, last(clients(0))}}, "none none none", ""},
		{"it answers all the same", nil, []string{"a"}, []from{{"a", 0, last(clients(0))}}, "", "0 of 1, a: away"},
		{"it leaves afterwards", nil, []string{"a"}, []from{{"a", 0, left}}, "", "0 of 1, a: away"},
		{"both", nil, []string{"a", "b"}, nil, "", "0 of 2, a b: away"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var c adapter.Collector
			var h heard
			req, err := c.BeginUncounted(&adapter.Operation{Type: adapter.OpFetch}, h.each)
			assert.NoError(t, err)
			req.Unreachable("a", away) // nobody is expected yet
			req.Expect([]string{"a", "b"}, 0)
			come := func(list []from) {
				for _, f := range list {
					if f.r.Clients == left.Clients {
						c.Left(f.server)
					} else {
						c.Response(req.ID(), f.server, f.part, &f.r)
					}
				}
			}
			come(tt.begun)
			for _, server := range tt.servers {
				req.Unreachable(server, away)
			}
			come(tt.then)
			if tt.err != "" {
				c.Left("b") // nobody but those that are missing
			}
			err = req.Wait(context.Background())
			assert.Equal(t, "heard", strings.Join(h, " "), tt.heard)
			if tt.err == "" {
				assert.NoError(t, err)
				return
			}
			var partial *adapter.PartialError
			if !errors.As(err, &partial) {
				t.Fatal(err)
			}
			got := fmt.Sprintf("%d of %d, %s: %v", partial.Answered, partial.Expected, strings.Join(partial.Missing, " "), partial.Err)
			assert.Equal(t, "error", got, tt.err)
		})
	}
}
