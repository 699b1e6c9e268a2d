package inspector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// How much of this server the inspector may take.
const (
	share      = 10 // of the time of one processor: one in share
	maxWaiting = 8  // questions that wait for that
)

// askTimeout bounds the wait for other servers.
const askTimeout = 3 * time.Second

var errBusy = errors.New("busy: too many questions at once")

// budget lets one question be answered at a time, and then waits for so long that
// answers take a tenth of the time at most.
type budget struct {
	turn    chan struct{} // has a place
	waiting atomic.Int32
	free    time.Time // guarded by turn
}

func (b *budget) do(ctx context.Context, f func()) error {
	defer b.waiting.Add(-1)
	if b.waiting.Add(1) > maxWaiting+1 {
		return errBusy
	}
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if wait := time.Until(b.free); wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	began := time.Now()
	f()
	end := time.Now()
	b.free = end.Add((share - 1) * end.Sub(began))
	return nil
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
	q.in.ns.OnServerSide(q.name, func(of Q, ack socketio.Ack) {
		go func() { // ends after askTimeout at the latest: then nobody waits any more
			ctx, cancel := context.WithTimeout(q.in.srv.Context(), askTimeout)
			defer cancel()
			_ = ack(q.here(ctx, of)) // who has asked may have gone
		}()
	})
	q.in.ns.On(q.name, func(ctx context.Context, of Q) result {
		own := q.here(ctx, of)
		if own.Error != "" {
			return result{Error: own.Error}
		}
		others, missing := q.others(ctx, of)
		return result{Is: merge(of, append([]A{own.Is}, others...), missing), Missing: missing}
	})
}

// here is the answer of this server. It survives what the application has set: Redact, and
// the JSON forms of values.
func (q question[Q, A]) here(ctx context.Context, of Q) (a answer[A]) {
	defer func() {
		if p := recover(); p != nil {
			q.in.opts.Logger.Error("inspector: panic", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			a = answer[A]{Error: "a server cannot answer: its log says why"}
		}
	}()
	if err := q.in.budget.do(ctx, func() { a.Is = q.own(of) }); err != nil {
		a.Error = err.Error()
	}
	return a
}

func (q question[Q, A]) others(ctx context.Context, of Q) (all []A, missing int) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	replies, err := q.in.ns.ServerSideEmitWithAck(ctx, q.name, of)
	if partial := (*socketio.PartialError)(nil); errors.As(err, &partial) {
		missing = max(1, partial.Expected-partial.Answered)
	} else if err != nil {
		missing = 1
	}
	for _, r := range replies {
		var raw json.RawMessage
		var a answer[A]
		if r.Decode(&raw) != nil || json.Unmarshal(raw, &a) != nil || a.Error != "" {
			missing++
			continue
		}
		all = append(all, a.Is)
	}
	return all, missing
}
