package idempotency

import (
	"context"
	"time"
)

// ID is the name of an event as stores know it: text of fixed length, whatever the client
// has sent.
type ID struct {
	// Key is the event's. No other has it.
	Key string
	// Scope is that of Config.Scope: whose event it is. A store may use it to bound what
	// one client can have kept.
	Scope string
}

// State is what a store knows of an event.
type State uint8

// The states of an event.
const (
	// StateClaimed: nobody has handled it, and the caller is to handle it now.
	StateClaimed State = iota
	// StateBusy: another caller handles it.
	StateBusy
	// StateDone: it was handled.
	StateDone
)

// Store keeps what was handled, for all servers that share it. Its authors test theirs with
// idempotencytest.Run; docs/idempotency.md has one for Postgres. Its methods may be called
// concurrently, and each is one step: of two calls of Begin at a time only one claims. The
// contexts have deadlines.
type Store interface {
	// Begin claims an event for a caller, unless another one has claimed it less than
	// lease ago, or it was handled. token is the caller's and no other's; the one that
	// has the claim gets StateClaimed again. record is what End was given, with
	// StateDone.
	Begin(ctx context.Context, id ID, token string, lease time.Duration) (state State, record []byte, err error)
	// End says that the event was handled, and keeps the record for that long, unless
	// another caller has claimed the event meanwhile or End was called before: then it
	// does nothing.
	End(ctx context.Context, id ID, token string, record []byte, keep time.Duration) error
	// Release gives a claim back: the event was not handled. If another caller has the
	// claim, or the event was handled, it does nothing.
	Release(ctx context.Context, id ID, token string) error
}
