package ratelimit

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/breaker"
	"github.com/gosio/gosio/internal/loglimit"
)

// Config configures [New]. The zero value of each field means its documented default.
type Config struct {
	// Events are the rules for events. They are asked in their order, and the first
	// that does not allow an event decides; those before it have counted it. So put the
	// rule of a client before that of a room: what one client does too often is then not
	// taken from the others.
	Events []Rule
	// Handshakes are the rules for clients that join a namespace. To bound connections
	// before anything is allocated for them, use [Requests].
	Handshakes []Rule

	// Store is where the servers of a cluster count together. Default: this server
	// counts alone.
	Store Store
	// Unavailable says what holds while the store fails. Default: UnavailableLocal.
	Unavailable Unavailable
	// StoreTimeout bounds the wait for the store's answer, which holds up the client's
	// events. A question that fails, or is one of more than 1,000 that wait, is answered
	// by Unavailable. After three failures in a row the store is asked again after a
	// second. Default: 100 ms.
	StoreTimeout time.Duration
	// MaxNames bounds the names that are remembered here at a time, of all rules
	// together. See [Memory]. Default: 500,000, which take 30 MB at most.
	MaxNames int

	// OnLimited hears of all that is over a limit, before it is answered, on the
	// goroutine of the socket: for metrics. It must not block. An observer of the server
	// hears of it, too: as a failure with the code "rate_limited", but for AnswerDelay.
	OnLimited func(Limited)
	// Logger hears of what is over a limit, ten times and then every ten seconds for
	// each rule. Default: warnings go to slog.Default().
	Logger *slog.Logger
}

// Limited is something that is over a limit.
type Limited struct {
	// Rule is the name of the rule.
	Rule string
	// Answer is what happens. With AnswerDelay it is allowed after RetryAfter, or
	// refused if that is over Rule.MaxDelay.
	Answer Answer
	// Socket is whose it is.
	Socket *socketio.Socket
	// Event is the name of the event; "" for a handshake. The client may have chosen it.
	Event string
	// RetryAfter is the time after which the limit allows it; negative: never.
	RetryAfter time.Duration
}

// Limiter is middleware: give it to [socketio.Namespace.Use]. One limiter may be used by
// several namespaces, and counts for them together unless a rule counts by Namespace or
// Socket. Its methods may be called concurrently.
type Limiter struct {
	cfg   Config
	guard guard
	noted loglimit.Limiter
}

var (
	_ socketio.Middleware = (*Limiter)(nil)
	_ socketio.Attacher   = (*Limiter)(nil)
)

// New returns a limiter. It panics on rules that cannot work.
func New(c Config) *Limiter {
	names := map[string]bool{}
	check := func(rules []Rule, handshake bool) []Rule {
		checked := make([]Rule, len(rules))
		for i := range rules {
			checked[i] = rules[i].check(handshake)
			if name := checked[i].Name; names[name] {
				panic(fmt.Sprintf("ratelimit: two rules are called %q: give one of them a Name", name))
			} else {
				names[name] = true
			}
		}
		return checked
	}
	c.Events, c.Handshakes = check(c.Events, false), check(c.Handshakes, true)
	if len(names) == 0 {
		panic("ratelimit: a limiter without rules limits nothing")
	}
	if c.StoreTimeout <= 0 {
		c.StoreTimeout = 100 * time.Millisecond
	}
	if c.Logger == nil {
		c.Logger = loglimit.Default()
	}
	return &Limiter{cfg: c, guard: guard{
		store: c.Store, local: NewMemory(c.MaxNames), policy: c.Unavailable, breaker: breaker.New(c.StoreTimeout), log: c.Logger,
	}}
}

// Events returns a limiter of the events of each client, by [Connection]: perSecond, and
// burst at once. Further ones are refused.
func Events(perSecond, burst int) *Limiter {
	return New(Config{Events: []Rule{{Limit: PerSecond(perSecond, burst)}}})
}

// Attach implements [socketio.Attacher].
func (l *Limiter) Attach(ns *socketio.Namespace) {
	if len(l.cfg.Events) > 0 {
		ns.UseEvent(l.around)
	}
}

// Handshake implements [socketio.Middleware].
func (l *Limiter) Handshake(ctx context.Context, s *socketio.Socket) error {
	for i := range l.cfg.Handshakes {
		r := &l.cfg.Handshakes[i]
		retry, err := l.pass(ctx, r, s, nil)
		switch {
		case err == nil:
			continue
		case retry > 0 && !limited(err):
			return &socketio.ConnectError{Message: "try again later", Data: dataOf(retry)}
		case !limited(err):
			return err
		}
		if r.Answer == AnswerDisconnect {
			s.Disconnect(true)
		}
		return &socketio.ConnectError{Message: "too many connections", Data: dataOf(retry)}
	}
	return nil
}

// around is event middleware.
func (l *Limiter) around(next socketio.EventHandler) socketio.EventHandler {
	return func(ctx context.Context, in *socketio.Incoming) error {
		for i := range l.cfg.Events {
			if r := &l.cfg.Events[i]; r.about(in) {
				if _, err := l.pass(ctx, r, in.Socket, in); err != nil {
					return l.answer(r, in, err)
				}
			}
		}
		return next(ctx, in)
	}
}

// pass counts an event, or a handshake if in is nil, and returns an error if it is not
// allowed, after a while if that is the answer. retry is when it may be allowed; above zero
// only if the limit, or its store, has decided.
func (l *Limiter) pass(ctx context.Context, r *Rule, s *socketio.Socket, in *socketio.Incoming) (retry time.Duration, err error) {
	name, v := r.By.of(s, in)
	cost := r.cost(in)
	switch {
	case v == forbidden:
		return 0, &socketio.Error{Code: socketio.CodeForbidden, Message: "not in that room"}
	case v == uncounted, cost == 0:
		return 0, nil
	}
	t := l.guard.take(ctx, r, joined(r.Name, name), cost, r.maxWait())
	switch {
	case t.ok && t.wait == 0:
		return 0, nil
	case !t.ok && ctx.Err() != nil: // the client has gone while the store was asked
		return 0, context.Cause(ctx)
	case t.unknown:
		return t.wait, &socketio.Error{Code: socketio.CodeTimeout, Message: "try again later", Data: dataOf(t.wait)}
	}
	l.tell(r, s, in, t.wait)
	if !t.ok {
		return t.wait, &socketio.Error{Code: socketio.CodeRateLimited, Message: "too many events", Data: dataOf(t.wait)}
	}
	timer := time.NewTimer(t.wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return 0, nil
	case <-ctx.Done(): // nobody is left to answer, and the rest is not to run faster for that
		return 0, context.Cause(ctx)
	}
}

// answer says to the client that an event was not allowed.
func (l *Limiter) answer(r *Rule, in *socketio.Incoming, err error) error {
	switch {
	case !limited(err):
	case r.Answer == AnswerDrop:
		in.NoAck()
	case r.Answer == AnswerDisconnect:
		_ = in.Ack(map[string]error{"error": err}) // as the core would, but before the connection closes
		in.Socket.Disconnect(true)
	}
	return err
}

// limited reports whether an error of pass says that a limit is reached.
func limited(err error) bool {
	e, ok := err.(*socketio.Error) //nolint:errorlint // as pass has made it
	return ok && e.Code == socketio.CodeRateLimited
}

// tell tells of what is over a limit.
func (l *Limiter) tell(r *Rule, s *socketio.Socket, in *socketio.Incoming, retry time.Duration) {
	e := Limited{Rule: r.Name, Answer: r.Answer, Socket: s, RetryAfter: retry}
	attrs := []slog.Attr{slog.String("rule", r.Name), slog.Any("namespace", s.Namespace()), slog.Any("socket", s)}
	if in != nil {
		e.Event = in.Event
		attrs = append(attrs, slog.String("event", loglimit.Clip(in.Event)))
	}
	l.noted.Log(l.cfg.Logger, slog.LevelWarn, r.Name, "ratelimit: a client is over a limit", attrs...)
	if l.cfg.OnLimited != nil {
		l.cfg.OnLimited(e)
	}
}

// retry is what a client gets as data of a refusal.
type retry struct {
	RetryAfter int64 `json:"retryAfter"` // milliseconds
}

// dataOf returns nil, which is left out, if trying again does not help.
func dataOf(wait time.Duration) any {
	if wait < 0 {
		return nil
	}
	return retry{int64((wait + time.Millisecond - 1) / time.Millisecond)}
}
