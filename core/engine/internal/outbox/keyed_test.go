package outbox

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gosio/gosio/internal/assert"
)

// event is one event of the model that TestKeyed compares queues with.
type event struct {
	id, key  string // no key: it is not replaced
	msgs     int
	volatile bool
	taken    bool // it was being written
}

// model is a queue as a list of events, of which each operation looks at all.
type model struct {
	queue  *Queue
	events []event
	next   int
}

func (m *model) push(r *rand.Rand, key string, most int) {
	m.next++
	e := event{id: fmt.Sprint("<", m.next, ">"), key: key, msgs: 1 + r.IntN(3), volatile: r.IntN(4) == 0}
	if key != "" {
		replaced := m.queue.Replace(key, most)
		for m.count(key) >= most {
			i := slices.IndexFunc(m.events, func(e event) bool { return e.key == key && !e.taken })
			replaced -= m.events[i].msgs
			m.events = slices.Delete(m.events, i, i+1)
		}
		if replaced != 0 {
			panic(fmt.Sprint("what was replaced is miscounted by ", replaced))
		}
	}
	for i := range e.msgs {
		msg := text(e.id)
		msg.Volatile, msg.Follows = e.volatile, i > 0
		m.queue.Push(msg)
	}
	if key != "" {
		m.queue.Keep(key, e.msgs)
	}
	m.events = append(m.events, e)
}

func (m *model) count(key string) (n int) {
	for _, e := range m.events {
		if e.key == key && !e.taken {
			n++
		}
	}
	return n
}

// check compares what is queued.
func (m *model) check(t *testing.T, label string) {
	t.Helper()
	var want strings.Builder
	for _, e := range m.events {
		want.WriteString(strings.Repeat(e.id, e.msgs))
	}
	got := ""
	gaps := 0
	for _, msg := range m.queue.Msgs {
		if msg.Frame == nil {
			gaps++
			continue
		}
		got += string(msg.Payload())
	}
	assert.Equal(t, label, got, want.String())
	assert.Equal(t, label+": bytes", m.queue.Bytes, SizeOf(m.queue.Msgs))
	assert.Equal(t, label+": budget", m.queue.Budget.Used, m.queue.Bytes)
	assert.Equal(t, label+": waiting", m.queue.Waiting(), len(m.queue.Msgs)-gaps)
	assert.True(t, label+": the places of those that were replaced are bounded", gaps <= max(maxGaps+3, len(m.queue.Msgs)/2+3))
	if n := len(m.queue.Msgs); n > 0 {
		assert.True(t, label+": the last message is one", m.queue.Msgs[n-1].Frame != nil)
	}
}

// TestKeyed: whatever happens to a queue, of the events of a key only the newest stay, all
// others stay, and their order does.
func TestKeyed(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		budget := Budget{Limit: 1 << 20}
		m := &model{queue: &Queue{Budget: &budget}}
		for step := range 200 {
			label := fmt.Sprintf("seed %d, step %d", seed, step)
			switch op := r.IntN(40); {
			case op < 20:
				m.push(r, fmt.Sprint("k", r.IntN(4)), 1)
			case op < 24:
				m.push(r, fmt.Sprint("n", r.IntN(2)), 1+r.IntN(3))
			case op < 32:
				m.push(r, "", 0)
			case op < 34: // written aside, and put back
				batch := m.queue.Take()
				for i := range m.events {
					m.events[i].taken = true
				}
				old := m.events
				m.events = nil
				for range r.IntN(4) {
					m.push(r, fmt.Sprint("k", r.IntN(2)), 1)
				}
				m.queue.PutBack(batch)
				m.events = append(old, m.events...)
			case op < 36: // written
				written := m.queue.Take()
				assert.True(t, label+": nothing without a frame is written",
					!slices.ContainsFunc(written.Msgs, func(msg Message) bool { return msg.Frame == nil }))
				m.queue.Credit(int(SizeOf(written.Msgs)))
				m.events = nil
			case op < 37: // the upgrade, behind the answer to the probe
				to := &Queue{Budget: &budget}
				to.Push(text("<probe>"))
				m.queue.MoveTo(to, func(msg Message) Message { return msg })
				assert.Equal(t, label+": the old queue", m.queue.Bytes, 0)
				m.queue = to
				m.events = append([]event{{id: "<probe>", msgs: 1, taken: true}}, m.events...)
			case op < 38: // too much
				budget.Limit = 1
				last := event{id: "<last>", msgs: 1, taken: true}
				m.queue.Push(text(last.id))
				evicted, _ := m.queue.MakeRoom(1)
				m.events = slices.DeleteFunc(m.events, func(e event) bool {
					if e.volatile {
						evicted -= e.msgs
					}
					return e.volatile
				})
				assert.Equal(t, label+": evicted", evicted, 0)
				budget.Limit = 1 << 20
				if r.IntN(2) == 0 {
					m.queue.Drop(1)
				} else {
					m.events = append(m.events, last)
				}
			case op < 39 && r.IntN(4) == 0:
				m.queue.Clear()
				m.events = nil
			}
			m.check(t, label)
		}
		m.queue.Fail()
		assert.Equal(t, "after Fail", budget.Used, 0)
		assert.True(t, "nothing is kept", budget.keyed == nil)
	}
}

// TestKeyedIsBounded: a queue whose events replace each other does not grow.
func TestKeyedIsBounded(t *testing.T) {
	t.Parallel()
	var budget Budget
	q := Queue{Budget: &budget}
	for i := range 100 {
		q.Push(text(fmt.Sprint(i)))
	}
	for i := range 100_000 {
		key := fmt.Sprint(i % 10)
		q.Replace(key, 1)
		q.Push(text(key))
		q.Keep(key, 1)
	}
	assert.Equal(t, "waiting", q.Waiting(), 110)
	assert.True(t, "places", cap(q.Msgs) < 1000 && cap(budget.keyed.slots) < 1000)
	batch := q.Take()
	assert.Equal(t, "taken", len(batch.Msgs), 110)
	assert.True(t, "nothing is kept", budget.keyed == nil)
}

func BenchmarkPush(b *testing.B) {
	for _, key := range []string{"", "key"} {
		b.Run("key="+key, func(b *testing.B) {
			var budget Budget
			q := Queue{Budget: &budget}
			m := text("some text")
			b.ReportAllocs()
			for b.Loop() {
				for range 4 {
					if key != "" {
						q.Replace(key, 1)
					}
					q.Push(m)
					if key != "" {
						q.Keep(key, 1)
					}
				}
				batch := q.Take()
				q.Credit(int(SizeOf(batch.Msgs)))
				Recycle(batch.Msgs)
			}
		})
	}
}
