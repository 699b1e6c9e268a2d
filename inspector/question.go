package inspector

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// How much of this server the inspector may take.
const (
	share          = 10      // of the time of one processor: one in share
	bytesPerSecond = 1 << 20 // of answers; those of a second may come at once
	maxWaiting     = 8       // questions that wait for that
	maxQuestion    = 8 << 10 // bytes of a question, which all servers of the cluster get
)

// askTimeout bounds the wait for other servers.
const askTimeout = 3 * time.Second

var errBusy = errors.New("busy: too many questions at once")

// What is wrong with a question.
const (
	textNoQuestion = "that is no question"
	textTooLong    = "the question is too long"
)

// budget lets one question be answered at a time, and then waits for so long that
// answers take their share of the time at most, and have bytesPerSecond.
type budget struct {
	turn    chan struct{} // has a place
	waiting atomic.Int32

	mu   sync.Mutex
	free time.Time // when there is time for the next
	paid time.Time // when the bytes of all answers so far would have been sent
}

// enter takes a place among those that wait. leave must follow if it reports true.
func (b *budget) enter() bool {
	if b.waiting.Add(1) > maxWaiting+1 {
		b.leave()
		return false
	}
	return true
}

func (b *budget) leave() { b.waiting.Add(-1) }

// do waits for its turn, for one that has entered, and calls f, which returns the bytes of
// an answer.
func (b *budget) do(ctx context.Context, f func() (bytes int)) error {
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if wait := b.rest(); wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	b.charge(f)
	return nil
}

// rest returns how long the next answer has to wait.
func (b *budget) rest() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(time.Until(b.free), time.Until(b.paid.Add(-time.Second)))
}

// add lets the next answers pay for work that was done beside them.
func (b *budget) add(took time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := time.Now(); b.free.Before(now) {
		b.free = now
	}
	b.free = b.free.Add((share - 1) * took)
}

// charge calls f, and lets those that come pay for what it has taken.
func (b *budget) charge(f func() (bytes int)) {
	began, n := time.Now(), 0
	defer func() { // also when it panics
		end := time.Now()
		b.mu.Lock()
		defer b.mu.Unlock()
		later := func(t time.Time) time.Time { // t, or now
			if t.Before(end) {
				return end
			}
			return t
		}
		b.free = later(b.free).Add((share - 1) * end.Sub(began))
		b.paid = later(b.paid).Add(time.Duration(n) * time.Second / bytesPerSecond)
	}()
	n = f()
}

// question is one that each server of the cluster answers for itself.
type question[Q, A any] struct {
	in   *inspector
	name string
	own  func(Q) A
}

// answer is what one server says.
type answer[A any] struct {
	Is    A      `json:"is"`
	Error string `json:"error,omitempty"`
}

// result is what the page gets.
type result struct {
	Is any `json:"is,omitempty"`
	// Missing is how many servers have not answered.
	Missing int    `json:"missing,omitempty"`
	Error   string `json:"error,omitempty"`
}

// serve answers other servers, and the page with what all have said, this server first.
func (q question[Q, A]) serve(merge func(Q, []A) any) {
	q.serveCounted(func(of Q, all []A, _ int) any { return merge(of, all) })
}

// serveCounted is serve for a merge that gets the number of servers that have not answered.
func (q question[Q, A]) serveCounted(merge func(of Q, all []A, missing int) any) {
	b := &q.in.budget
	q.in.ns.OnServerSide(q.name, func(of Q, ack socketio.Ack) {
		if !b.enter() {
			_ = ack(answer[*A]{Error: errBusy.Error()}) // who has asked may have gone
			return
		}
		go func() { // at most maxWaiting+1; ends after askTimeout at the latest: then nobody waits any more
			defer b.leave()
			ctx, cancel := context.WithTimeout(q.in.srv.Context(), askTimeout)
			defer cancel()
			_, text, failure := q.here(ctx, of, 0)
			_ = ack(answer[json.RawMessage]{text, failure})
		}()
	})
	q.in.ns.On(q.name, func(ctx context.Context, s *socketio.Socket, asked json.RawMessage) (r result) {
		var of Q
		if len(asked) > maxQuestion {
			return result{Error: textTooLong}
		}
		if json.Unmarshal(asked, &of) != nil {
			return result{Error: textNoQuestion}
		}
		if o, ok := any(&of).(interface{ open(s *seal) }); ok {
			o.open(&q.in.seal)
		}
		if o, ok := any(&of).(interface{ by(viewer string) }); ok {
			viewer, _ := viewerKey.Get(s)
			o.by(viewer)
		}
		if !b.enter() {
			return result{Error: errBusy.Error()}
		}
		own, _, failure := func() (A, json.RawMessage, string) {
			defer b.leave()
			return q.here(ctx, of, len(asked))
		}()
		if failure != "" {
			return result{Error: failure}
		}
		replies, missing := q.others(ctx, of)
		b.charge(func() (n int) { // what others say has to be read
			defer q.survive(&r.Error) // they may be of another version
			all := []A{own}
			for _, reply := range replies {
				var raw json.RawMessage
				var a answer[A]
				if reply.Decode(&raw) != nil || json.Unmarshal(raw, &a) != nil || a.Error != "" {
					missing++
					continue
				}
				n += len(raw)
				all = append(all, a.Is)
			}
			r = result{Is: merge(of, all, missing), Missing: missing}
			return n
		})
		return r
	})
}

// here is the answer of this server, and its text, which are paid for together with what
// was asked. It survives what the application has set: Redact, and the JSON forms of values.
func (q question[Q, A]) here(ctx context.Context, of Q, asked int) (a A, text json.RawMessage, failure string) {
	defer q.survive(&failure)
	var wrong error
	err := q.in.budget.do(ctx, func() int {
		a = q.own(of)
		text, wrong = json.Marshal(a)
		return len(text) + asked
	})
	if err = cmp.Or(err, wrong); err != nil {
		failure = err.Error()
	}
	return a, text, failure
}

// survive is deferred: it recovers and logs a panic.
func (q question[Q, A]) survive(failure *string) {
	if p := recover(); p != nil {
		q.in.opts.Logger.Error("inspector: panic", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		*failure = "a server cannot answer: its log says why"
	}
}

// others asks the other servers.
func (q question[Q, A]) others(ctx context.Context, of Q) (replies []*socketio.Reply, missing int) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	replies, err := q.in.ns.ServerSideEmitWithAck(ctx, q.name, of)
	if partial := (*socketio.PartialError)(nil); errors.As(err, &partial) {
		missing = max(1, partial.Expected-partial.Answered)
	} else if err != nil {
		missing = 1
	}
	return replies, missing
}
