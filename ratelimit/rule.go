package ratelimit

import (
	"fmt"
	"slices"
	"strings"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// Answer is what happens to what is over a limit.
type Answer uint8

// The answers.
const (
	// AnswerRefuse: an event is acknowledged with the error "rate_limited", and of a
	// handshake the client hears connect_error. The data of both are {"retryAfter": ms}:
	// after so many milliseconds the client may try again. Without retryAfter it never
	// may: it costs more than Limit.Burst.
	AnswerRefuse Answer = iota
	// AnswerDrop: the event is not handled and not acknowledged. Not for handshakes. A
	// client with the option retries sends it again.
	AnswerDrop
	// AnswerDelay: the event, and all that the client has sent behind it, waits until the
	// limit allows it, for Rule.MaxDelay at most; over that it is refused. The
	// connection is not read while Limits.ReceiveBuffer bytes wait, so TCP slows the
	// client down. Nobody else waits, but for those who share the limit: what they send
	// later waits behind it. Of a handshake, Limits.MiddlewareTimeout bounds the wait,
	// too.
	AnswerDelay
	// AnswerDisconnect: an event is answered as by AnswerRefuse, and then the connection
	// is closed; the stock client does not come back by itself. Of a handshake the
	// connection is closed without an answer; the stock client comes back after a pause.
	AnswerDisconnect
)

// Rule is one limit.
type Rule struct {
	// Name is for the log, OnLimited and the keys of a Store. Default: that of By, with
	// those of Events behind it. The rules of a limiter have different names; limiters
	// whose rules have the same names, and the same Store, count together.
	Name string
	// By is what is counted. Default: Connection.
	By By
	// Events are the names of the events that the rule is about. Default: all.
	Events []string
	// Limit is how much is allowed. Required.
	Limit Limit
	// Cost is what an event costs: its size, for instance. Zero or less costs nothing.
	// It runs on the socket's dispatcher. Default: each event costs 1.
	Cost func(in *socketio.Incoming) int
	// Answer is what happens over the limit. Default: AnswerRefuse.
	Answer Answer
	// MaxDelay bounds the wait of AnswerDelay. Default: 10 s. More than a year is a year.
	MaxDelay time.Duration
}

// check returns the rule with its defaults. It panics on one that cannot work.
func (r Rule) check(handshake bool) Rule {
	r.By = r.By.orConnection()
	r.Events = slices.Clone(r.Events)
	if r.Name == "" {
		r.Name = strings.Join(append([]string{r.By.name}, r.Events...), "_")
		if handshake {
			r.Name = "handshake_" + r.Name
		}
	}
	r.Limit = r.Limit.check(r.Name)
	if r.MaxDelay == 0 {
		r.MaxDelay = 10 * time.Second
	}
	switch {
	case r.Answer > AnswerDisconnect || r.MaxDelay < 0:
		panic(fmt.Sprintf("ratelimit: rule %q: unknown Answer, or negative MaxDelay", r.Name))
	case !handshake:
	case r.By.event || r.Events != nil || r.Cost != nil:
		panic(fmt.Sprintf("ratelimit: rule %q: a handshake has no event: leave Events, Cost, By: Event and By: Room out", r.Name))
	case r.Answer == AnswerDrop:
		panic(fmt.Sprintf("ratelimit: rule %q: a handshake is answered: use AnswerRefuse", r.Name))
	}
	return r
}

// about reports whether the rule is about an event.
func (r *Rule) about(in *socketio.Incoming) bool {
	return len(r.Events) == 0 || slices.Contains(r.Events, in.Event)
}

func (r *Rule) cost(in *socketio.Incoming) int {
	if r.Cost == nil || in == nil {
		return 1
	}
	return max(0, r.Cost(in))
}

// maxWait is how long what is over the limit may wait.
func (r *Rule) maxWait() time.Duration {
	if r.Answer == AnswerDelay {
		return r.MaxDelay
	}
	return 0
}
