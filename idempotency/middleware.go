package idempotency

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/breaker"
	"github.com/gosio/gosio/internal/loglimit"
)

// New returns event middleware, for [socketio.Namespace.UseEvent]. One may be used by
// several namespaces; their events are not each other's. Put it behind middleware that
// refuses (rate limits, roles), whose answers are not to be kept. It panics on a
// configuration that cannot work.
func New(c Config) func(next socketio.EventHandler) socketio.EventHandler {
	c = c.withDefaults()
	k := &keeper{cfg: c, breaker: breaker.New(c.StoreTimeout), claims: make(map[string]*claim), late: make(map[string]int), lapsing: make(chan struct{}, lapseAtOnce)}
	return func(next socketio.EventHandler) socketio.EventHandler {
		return func(ctx context.Context, in *socketio.Incoming) error {
			if len(k.cfg.Events) > 0 && !slices.Contains(k.cfg.Events, in.Event) {
				return next(ctx, in)
			}
			key := k.cfg.Key(in)
			switch {
			case key == "":
				return next(ctx, in)
			case len(key) > maxKey:
				return &socketio.Error{Code: socketio.CodeBadRequest, Message: "the key of the event is too long"}
			}
			return k.handle(ctx, next, in, idOf(in, k.cfg.Scope(in), key))
		}
	}
}

// maxKey bounds a key, in bytes.
const maxKey = 256

// maxLate bounds, for each scope, the claims of events whose handlers have returned and may
// acknowledge later: a client can send such events as fast as the connection takes them.
const maxLate = 1000

// lapseAtOnce is how many claims are given back at a time whose leases have ended. A client
// can have 1,000 end at once, and that many questions are all that the store is asked.
const lapseAtOnce = 16

// keeper handles events once.
type keeper struct {
	cfg     Config
	breaker *breaker.Breaker
	noted   loglimit.Limiter
	lapsing chan struct{} // holds one for each claim that is given back

	mu     sync.Mutex
	claims map[string]*claim // of this server, by ID.Key
	late   map[string]int    // claims with a timer, by ID.Scope
}

// claim is an event that this server handles now. It ends once: by an acknowledgement, by a
// failure, or by its lease when the handler has returned without either.
type claim struct {
	id      ID
	token   string
	content string
	over    chan struct{} // closed at the end; guarded by keeper.mu

	mu    sync.Mutex
	ended bool
	timer *time.Timer // of the lease, when the handler has returned
}

// record is what a store keeps.
type record struct {
	Content string                    `json:"content"`
	Ack     *socketio.Acknowledgement `json:"ack"`
}

var (
	errOther = &socketio.Error{Code: socketio.CodeBadRequest, Message: "the key was used for an event that says something else"}
	errWait  = errors.New("idempotency: the same event is being handled")
	errStore = errors.New("idempotency: the store does not answer")
)

// handle handles an event, or gives the acknowledgement that it has had.
func (k *keeper) handle(ctx context.Context, next socketio.EventHandler, in *socketio.Incoming, id ID) error {
	c := &claim{id: id, token: newToken(), content: contentOf(in)}
	b, err := k.claim(ctx, c)
	switch {
	case errors.Is(err, errStore) && k.cfg.HandleAnyway:
		return next(ctx, in)
	case err != nil: // the client sends it again
		in.NoAck()
		return &socketio.Error{Code: socketio.CodeTimeout, Message: err.Error()}
	case b.state == StateDone:
		return k.repeat(in, c, b.kept)
	}
	return k.run(ctx, next, in, c)
}

// begun is what Store.Begin returns.
type begun struct {
	state State
	kept  []byte
}

// claim waits until the event is claimed for c, or was handled.
func (k *keeper) claim(ctx context.Context, c *claim) (begun, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, k.cfg.Lease, errWait)
	defer cancel()
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		if over := k.claimHere(c); over != nil {
			select {
			case <-over:
			case <-ctx.Done():
				return begun{}, context.Cause(ctx)
			}
			pause = 10 * time.Millisecond
			continue
		}
		if !k.breaker.Allow() {
			k.forget(c) // the store has not heard of the claim
			return begun{}, errStore
		}
		b, err := ask(context.WithoutCancel(ctx), k, func(ctx context.Context) (b begun, err error) {
			b.state, b.kept, err = k.cfg.Store.Begin(ctx, c.id, c.token, k.cfg.Lease)
			return b, err
		})
		switch {
		case errors.Is(err, breaker.ErrStuck):
			k.forget(c)
			return begun{}, err
		case err != nil:
			k.release(c) // the store may have heard
			return begun{}, err
		case b.state == StateClaimed:
			return b, nil
		}
		k.forget(c)
		if b.state == StateDone {
			return b, nil
		}
		timer := time.NewTimer(pause) // another server has it
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return begun{}, context.Cause(ctx)
		}
	}
}

// claimHere claims an event among those of this server, and returns nil, or what is closed
// when the claim of somebody else ends.
func (k *keeper) claimHere(c *claim) (over <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if other := k.claims[c.id.Key]; other != nil {
		return other.over
	}
	c.over = make(chan struct{})
	k.claims[c.id.Key] = c
	return nil
}

// forget lets others on this server ask the store.
func (k *keeper) forget(c *claim) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.claims, c.id.Key)
	close(c.over)
}

// run calls the handler, and keeps what that acknowledges.
func (k *keeper) run(ctx context.Context, next socketio.EventHandler, in *socketio.Incoming, c *claim) (err error) {
	in.OnAck(func(a *socketio.Acknowledgement) { k.keep(c, a) })
	err = errors.New("it has panicked")
	defer func() {
		if err != nil {
			k.end(c, func() { k.release(c) })
		}
	}()
	if err = next(ctx, in); err != nil {
		return err
	}
	if !in.WantsAck() {
		k.keep(c, &socketio.Acknowledgement{Data: json.RawMessage("[]")})
		return nil
	}
	k.await(c)
	return nil
}

// await has a claim wait for an acknowledgement that comes after the handler has returned,
// or never. Over maxLate the claim ends at once.
func (k *keeper) await(c *claim) {
	release := func() { k.end(c, func() { k.release(c) }) }
	if !k.addLate(c, 1) {
		k.note(slog.LevelWarn, "late", "idempotency: too many events of a client wait for their handlers to acknowledge them: further ones are handled again if they come again")
		release()
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		k.addLate(c, -1)
		return
	}
	c.timer = time.AfterFunc(k.cfg.Lease, func() { k.end(c, func() { k.lapse(c) }) })
}

// lapse ends a claim whose lease has ended. It has ended in the store as well, where
// Release is no more than tidy.
func (k *keeper) lapse(c *claim) {
	k.forget(c)
	select {
	case k.lapsing <- struct{}{}:
		defer func() { <-k.lapsing }()
		k.askRelease(c)
	default:
	}
}

// addLate counts the claims of a scope that wait. It reports false if there are maxLate.
func (k *keeper) addLate(c *claim, n int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	of := k.late[c.id.Scope] + n
	if of > maxLate {
		return false
	}
	if k.late[c.id.Scope] = of; of == 0 {
		delete(k.late, c.id.Scope)
	}
	return true
}

// end ends a claim, if nobody has.
func (k *keeper) end(c *claim, how func()) {
	c.mu.Lock()
	ended := c.ended
	c.ended = true
	if c.timer != nil && !ended {
		c.timer.Stop()
		k.addLate(c, -1)
	}
	c.mu.Unlock()
	if !ended {
		how()
	}
}

// keep keeps an acknowledgement before it is sent.
func (k *keeper) keep(c *claim, a *socketio.Acknowledgement) {
	k.end(c, func() {
		if a.Size() > k.cfg.MaxAck {
			k.note(slog.LevelWarn, "size", "idempotency: an acknowledgement is too large to be kept (Config.MaxAck)", slog.Int("bytes", a.Size()))
			k.release(c)
			return
		}
		defer k.forget(c)
		b, err := json.Marshal(record{c.content, a})
		if err == nil {
			_, err = ask(context.Background(), k, func(ctx context.Context) (none struct{}, err error) {
				return none, k.cfg.Store.End(ctx, c.id, c.token, b, k.cfg.Keep)
			})
		}
		if err != nil {
			k.note(slog.LevelWarn, "keep", "idempotency: an acknowledgement was not kept", slog.Any("error", err))
		}
	})
}

// release gives a claim back, so that the event can be handled again.
func (k *keeper) release(c *claim) {
	defer k.forget(c)
	k.askRelease(c)
}

func (k *keeper) askRelease(c *claim) {
	_, _ = ask(context.Background(), k, func(ctx context.Context) (none struct{}, err error) {
		return none, k.cfg.Store.Release(ctx, c.id, c.token)
	})
}

// repeat gives an acknowledgement again.
func (k *keeper) repeat(in *socketio.Incoming, c *claim, kept []byte) error {
	var r record
	if err := json.Unmarshal(kept, &r); err != nil {
		return fmt.Errorf("idempotency: what the store has kept is no acknowledgement: %w", err)
	}
	if r.Ack == nil {
		return errors.New("idempotency: the store has kept no acknowledgement")
	}
	if r.Content != c.content {
		return errOther
	}
	if k.cfg.OnRepeat != nil {
		k.cfg.OnRepeat(in)
	}
	return in.AckAgain(r.Ack)
}

// ask asks the store, and tells of failures.
func ask[T any](ctx context.Context, k *keeper, f func(ctx context.Context) (T, error)) (T, error) {
	v, err := breaker.Ask(ctx, k.breaker, f)
	if err != nil {
		k.note(slog.LevelWarn, "store", "idempotency: the store does not answer", slog.Any("error", err))
		err = fmt.Errorf("%w: %w", errStore, err)
	}
	return v, err
}

func (k *keeper) note(level slog.Level, kind, msg string, attrs ...slog.Attr) {
	k.noted.Log(k.cfg.Logger, level, kind, msg, attrs...)
}
