package inbox_test

import (
	"fmt"
	"testing"

	"github.com/gosio/gosio/core/internal/inbox"
	"github.com/gosio/gosio/core/parser"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func event(data string) *inbox.Job {
	return &inbox.Job{Kind: inbox.Event, Packet: parser.Packet{Data: []byte(data)}}
}

// text tells what is in a batch.
func text(b *inbox.Batch) string {
	if b == nil {
		return "nil"
	}
	var all []string
	for _, j := range b.Jobs {
		all = append(all, fmt.Sprint(j.Kind, string(j.Packet.Data), j.Reason))
	}
	return fmt.Sprint(all)
}

// TestOrder: one dispatcher runs until nothing waits, and takes jobs in their order.
func TestOrder(t *testing.T) {
	t.Parallel()
	var q inbox.Queue
	assert.True(t, "first", q.Push(event("a")))
	assert.True(t, "one runs", !q.Push(event("b")))
	batch := q.Take()
	assert.Equal(t, "batch", text(batch), "[0a 0b]")
	assert.True(t, "still runs", !q.Push(event("c")))
	batch.Free()
	assert.Equal(t, "next", text(q.Take()), "[0c]")
	assert.Equal(t, "end", text(q.Take()), "nil")
	assert.True(t, "again", q.Push(&inbox.Job{Kind: inbox.Disconnect, Reason: "gone"}))
	assert.Equal(t, "disconnect", text(q.Take()), "[3gone]")
}

// TestConnect: what waits behind middleware can be dropped.
func TestConnect(t *testing.T) {
	t.Parallel()
	var q inbox.Queue
	assert.Equal(t, "empty", q.DropEvents(), 0)
	q.Push(&inbox.Job{Kind: inbox.Connect})
	q.Push(event("abc"))
	q.Push(&inbox.Job{Kind: inbox.Disconnect})
	q.Push(event("d"))
	assert.Equal(t, "alone", text(q.Take()), "[1]")
	assert.Equal(t, "events", q.DropEvents(), 128+3+128+1)
	assert.Equal(t, "left", text(q.Take()), "[3]")
}

// TestReturn: what a dispatcher does not do comes before what waits.
func TestReturn(t *testing.T) {
	t.Parallel()
	var q inbox.Queue
	for _, data := range []string{"a", "b", "c"} {
		q.Push(event(data))
	}
	batch := q.Take()
	q.Push(event("d"))
	q.Return(batch, 1)
	batch = q.Take()
	assert.Equal(t, "before", text(batch), "[0b 0c]")
	batch.Free()
	batch = q.Take()
	assert.Equal(t, "behind", text(batch), "[0d]")
	q.Return(batch, 1)
	assert.True(t, "runs", !q.Push(event("e")))
	assert.Equal(t, "last", text(q.Take()), "[0e]")
}

// TestDiscard: a socket that has never had a dispatcher.
func TestDiscard(t *testing.T) {
	t.Parallel()
	var q inbox.Queue
	q.Push(&inbox.Job{Kind: inbox.Connect, Packet: parser.Packet{Data: []byte("auth")}})
	j := event("ab")
	j.Packet.Attachments = [][]byte{[]byte("cde")}
	assert.Equal(t, "size", j.Size(), 128+2+3)
	q.Push(j)
	assert.Equal(t, "discarded", q.Discard(), 128+4+j.Size())
	assert.True(t, "as new", q.Push(event("x")))
	assert.Equal(t, "rest", text(q.Take()), "[0x]")
}

// TestMany: any number of jobs keeps its order, in batches of a bounded size, whatever is
// taken and returned meanwhile.
func TestMany(t *testing.T) {
	t.Parallel()
	var q inbox.Queue
	q.Push(&inbox.Job{Kind: inbox.Connect})
	pushed, done := 0, 0
	push := func(n int) {
		for range n {
			q.Push(event(fmt.Sprint(pushed)))
			pushed++
		}
	}
	push(500)
	assert.Equal(t, "alone", text(q.Take()), "[1]")
	for round := 0; ; round++ {
		batch := q.Take()
		if batch == nil {
			break
		}
		assert.True(t, "bounded", len(batch.Jobs) <= 64 && cap(batch.Jobs) <= 64)
		if round < 20 {
			push(round * 7)
		}
		upTo := len(batch.Jobs)
		if round%3 == 1 {
			upTo /= 2
		}
		for _, j := range batch.Jobs[:upTo] {
			assert.Equal(t, "in order", string(j.Packet.Data), fmt.Sprint(done))
			done++
		}
		if round%3 == 1 {
			q.Return(batch, upTo)
		} else {
			batch.Free()
		}
	}
	assert.Equal(t, "done", done, pushed)
	push(200)
	assert.Equal(t, "events", q.DropEvents(), 200*(128+4)) // four digits
	push(200)
	assert.Equal(t, "discarded", q.Discard(), 200*(128+4))
}
