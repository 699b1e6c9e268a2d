package outbox

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gosio/gosio/internal/assert"
)

// noted is a mark that notes when it is told.
type noted struct {
	name string
	to   *[]string
}

func (n noted) Written() { *n.to = append(*n.to, n.name) }

// marked pushes messages, of which those with capitals have marks.
func marked(q *Queue, to *[]string, names ...string) {
	for _, name := range names {
		q.Push(text(name))
		if name != strings.ToLower(name) {
			q.Mark(noted{name, to})
		}
	}
}

// TestMarks: a mark is told when its message is written, whatever has happened to the queue,
// and never otherwise.
func TestMarks(t *testing.T) {
	t.Parallel()
	same := func(m Message) Message { return m }
	for name, tt := range map[string]struct {
		do   func(q *Queue, told *[]string)
		want string // with a point when the first batch is written
	}{
		"one batch": {func(q *Queue, told *[]string) { marked(q, told, "A", "b", "C") }, "A C ."},
		"nothing":   {func(q *Queue, told *[]string) { marked(q, told, "a") }, "."},
		"put back":  {func(q *Queue, told *[]string) { marked(q, told, "A", "b"); q.PutBack(q.Take()) }, "A ."},
		"put before": {func(q *Queue, told *[]string) {
			marked(q, told, "A", "b")
			p := q.Take()
			marked(q, told, "C")
			q.PutBack(p)
		}, "A C ."},
		"a part": {func(q *Queue, told *[]string) {
			marked(q, told, "A", "B", "C")
			p := q.Take()
			p.Wrote(len(p.Msgs[0].Frame))
			*told = append(*told, "|")
			marked(q, told, "D")
			q.PutBack(p)
		}, "A | B C D ."},
		"split": {func(q *Queue, told *[]string) {
			marked(q, told, "A", "b", "C", "D")
			p := q.Take()
			rest := p.Split(2)
			marked(q, told, "E")
			q.PutBack(rest)
			for !p.Empty() {
				p.Wrote(1)
			}
			assert.Equal(t, "sampled", p.Done(), 0)
			*told = append(*told, "|")
		}, "A | C D E ."},
		"moved":             {func(q *Queue, told *[]string) { move(q, told, same) }, "Z A C ."},
		"moved as text":     {func(q *Queue, told *[]string) { move(q, told, Message.Base64Text) }, "Z A C ."},
		"moved as old text": {func(q *Queue, told *[]string) { move(q, told, Message.Base64V3) }, "Z A C ."},
		"moved as old":      {func(q *Queue, told *[]string) { move(q, told, Message.ToV3) }, "Z A C ."},
		"replaced": {func(q *Queue, told *[]string) {
			for _, name := range []string{"A", "B"} {
				q.Replace("key", 1)
				marked(q, told, name)
				q.Keep("key", 1)
			}
			marked(q, told, "C")
		}, "B C ."},
		"evicted": {func(q *Queue, told *[]string) {
			marked(q, told, "A")
			q.Msgs[0].Volatile = true
			q.Budget.Limit = 1
			marked(q, told, "B")
			q.MakeRoom(1)
			marked(q, told, "C")
		}, "B C ."},
		"dropped": {func(q *Queue, told *[]string) { marked(q, told, "A", "B"); q.Drop(1); marked(q, told, "C") }, "A C ."},
		"cleared": {func(q *Queue, told *[]string) { marked(q, told, "A"); q.Clear(); marked(q, told, "B") }, "B ."},
		"failed":  {func(q *Queue, told *[]string) { marked(q, told, "A"); q.Fail(); marked(q, told, "B") }, "B ."},
	} {
		for way, write := range map[string]func(p *Batch){
			"byte by byte": func(p *Batch) {
				for !p.Empty() {
					p.Wrote(1)
				}
			},
			"at once":      func(p *Batch) { p.Wrote(int(SizeOf(p.Msgs))) },
			"as an answer": func(p *Batch) { p.Tell() },
		} {
			var budget Budget
			q, told := &Queue{Budget: &budget}, []string{}
			tt.do(q, &told)
			p := q.Take()
			write(&p)
			p.Done()
			told = append(told, ".")
			p = q.Take()
			write(&p)
			assert.Equal(t, name+", "+way, strings.Join(told, " "), tt.want)
		}
	}
}

// move moves what is queued to a queue that has something already.
func move(q *Queue, told *[]string, convert func(Message) Message) {
	from := &Queue{Budget: q.Budget}
	marked(q, told, "Z")
	for _, name := range []string{"A", "b", "C"} {
		from.Push(Binary([]byte(name)))
		if name != "b" {
			from.Mark(noted{name, told})
		}
	}
	from.Sample(7)
	from.MoveTo(q, convert)
	if q.Sampled() != 7 {
		*told = append(*told, "the sample is lost")
	}
}

// TestMarksAreBounded: of more than 255 messages that wait the first are marked.
func TestMarksAreBounded(t *testing.T) {
	t.Parallel()
	var budget Budget
	q, told := Queue{Budget: &budget}, []string{}
	for i := range 300 {
		marked(&q, &told, fmt.Sprint("N", i))
	}
	p := q.Take()
	marked(&q, &told, "LATER")
	q.PutBack(p) // beside another one's
	p = q.Take()
	p.Tell()
	assert.Equal(t, "told", len(told), 255)
	assert.Equal(t, "the last", told[254], "LATER")
}
