package pending_test

import (
	"fmt"
	"testing"

	"github.com/gosio/gosio/core/internal/pending"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

type queue = pending.Queue[string]

func add(q *queue, number uint64, value string) {
	q.Add(&pending.Step[string]{Value: value, Number: number, Size: 10})
}

func TestOrder(t *testing.T) {
	t.Parallel()
	var q queue
	assert.True(t, "empty", q.Empty() && q.Next() == nil && q.Hurry() == nil && q.Take(1) == nil)
	add(&q, 1, "a")
	add(&q, 0, "b")
	add(&q, 2, "c")
	add(&q, 0, "d")
	assert.Equal(t, "counts", fmt.Sprint(q.Len(), q.Bytes()), "4 40")
	assert.True(t, "the first waits for its place", q.Next() == nil)
	assert.Equal(t, "out of order", q.Take(2).Value, "c")
	assert.True(t, "what is first still waits", q.Next() == nil)
	q.Refused(1)
	assert.Equal(t, "refused", q.Next().Value, "a")
	assert.Equal(t, "behind it", q.Next().Value+q.Next().Value, "bd")
	assert.Equal(t, "counts", fmt.Sprint(q.Len(), q.Bytes(), q.Empty()), "0 0 true")
}

// TestAhead: what should have come before an operation that has its place is lost, and is
// done before that operation; what was appended at the same time may still come.
func TestAhead(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		do   func(q *queue)
		want string
	}{
		{"nobody knows of the first yet", func(*queue) {}, ""},
		{"the first may come behind it", func(q *queue) { q.Appended(1, 2) }, ""},
		{"the first is lost", func(q *queue) { q.Appended(1, 1) }, "ab"},
		{"the first is refused", func(q *queue) { q.Refused(1) }, "ab"},
		{"the first has its place", func(q *queue) { q.Take(1) }, "b"},
	} {
		var q queue
		add(&q, 1, "a")
		add(&q, 0, "b")
		add(&q, 2, "c")
		add(&q, 3, "d")
		tt.do(&q)
		q.Appended(2, 2)
		ahead := ""
		for st := q.Ahead(2); st != nil; st = q.Ahead(2) {
			ahead += st.Value
		}
		assert.Equal(t, tt.name, ahead, tt.want)
		assert.Equal(t, tt.name+": the operation", q.Take(2).Value, "c")
	}
}

// TestOwed: an operation that was done early is owed until the log has it, or something
// that was appended later, or it is given up or refused.
func TestOwed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		do   func(q *queue)
		want bool
	}{
		{"nothing", func(*queue) {}, true},
		{"placed", func(q *queue) { q.Placed(1) }, false},
		{"another, appended before it was known", func(q *queue) { q.Placed(2) }, true},
		{"another, appended later", func(q *queue) { q.Appended(1, 4); q.Placed(5) }, false},
		{"another, perhaps appended later", func(q *queue) { q.Appended(1, 4); q.Placed(4) }, true},
		{"refused", func(q *queue) { q.Refused(1) }, false},
		{"given up", func(q *queue) { q.Appended(1, 4); q.GivenUp() }, false},
		{"given up before it was known", func(q *queue) { q.GivenUp() }, true},
	} {
		var q queue
		add(&q, 1, "a")
		q.Hurry()
		tt.do(&q)
		assert.Equal(t, tt.name, q.Owing(), tt.want)
	}
	var q queue
	add(&q, 1, "a")
	q.Appended(1, 1)
	q.Hurry()
	assert.True(t, "settled", q.Placed(2) && !q.Owing())
}

func TestMoves(t *testing.T) {
	t.Parallel()
	var q queue
	q.Moved("m", "x", false) // nothing waits
	add(&q, 1, "a")
	add(&q, 2, "b")
	q.Moved("m", "x", true)
	q.Moved("n", "y", false)
	add(&q, 3, "c")
	q.Moved("m", "x", false)
	q.MovedAt(1, "n", "x", true)
	for _, tt := range []struct {
		member, room string
		seq          uint64
		want         string
	}{
		{"m", "x", 1, "true true"},
		{"m", "x", 2, "true true"},
		{"m", "x", 3, "false true"},
		{"m", "x", 4, "false false"},
		{"m", "y", 1, "false false"},
		{"n", "x", 1, "true true"},
		{"n", "x", 2, "false false"},
		{"n", "y", 2, "false true"},
	} {
		was, later := q.Was(tt.member, tt.room, tt.seq)
		assert.Equal(t, fmt.Sprint(tt), fmt.Sprint(was, later), tt.want)
		before := q.Before(tt.seq, []string{tt.room})
		was, later = before.Was(tt.member, tt.room)
		assert.Equal(t, fmt.Sprint(tt), fmt.Sprint(was, later), tt.want)
	}
	before := q.Before(2, []string{"x"}, []string{"y", "x"})
	assert.Equal(t, "members", fmt.Sprint(before.Members), "[m n]")
	before = q.Before(0, []string{"x"})
	assert.Equal(t, "of nothing", len(before.Members), 0)
	assert.True(t, "has moved", q.HasMoved("n") && !q.HasMoved("o"))
	assert.Equal(t, "length", q.Len(), 3+4*4)
	for q.Hurry() != nil {
	}
	q.Settle()
	assert.True(t, "forgotten", !q.HasMoved("n") && q.Len() == 0)
}
