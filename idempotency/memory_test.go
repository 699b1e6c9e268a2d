package idempotency_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/idempotency"
	"github.com/gosio/gosio/idempotency/idempotencytest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestMemory(t *testing.T) {
	t.Parallel()
	m := idempotency.NewMemory(idempotency.MemoryOptions{})
	idempotencytest.Run(t, m, m)
}

// TestMemoryIsBounded: a client that has much kept pushes out its own records, oldest
// first; many clients those of all, oldest first; and a claim is never pushed out.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	const size = 10_000
	ctx, record := context.Background(), make([]byte, size)
	m := idempotency.NewMemory(idempotency.MemoryOptions{MaxBytes: 100 * (size + 1000), MaxScopeBytes: 10 * (size + 1000)})
	id := func(scope string, i int) idempotency.ID {
		return idempotency.ID{Key: fmt.Sprint(scope, " ", i), Scope: scope}
	}
	done := func(scope string, i int) bool {
		state, _, err := m.Begin(ctx, id(scope, i), "somebody", 0)
		assert.NoError(t, err)
		return state == idempotency.StateDone
	}
	handle := func(scope string, i int) {
		_, _, err := m.Begin(ctx, id(scope, i), "me", time.Hour)
		assert.NoError(t, err)
		assert.NoError(t, m.End(ctx, id(scope, i), "me", record, time.Hour))
	}
	_, _, err := m.Begin(ctx, id("claimed", 0), "me", time.Hour)
	assert.NoError(t, err)
	handle("quiet", 0)
	for i := range 1000 {
		handle("greedy", i)
	}
	assert.True(t, "somebody else's is kept", done("quiet", 0))
	assert.True(t, "the newest is kept", done("greedy", 999) && done("greedy", 991))
	assert.True(t, "the oldest is not", !done("greedy", 0) && !done("greedy", 980))
	for i := range 1000 {
		handle(fmt.Sprint("one of many ", i), 0)
	}
	assert.True(t, "the newest of all is kept", done("one of many 999", 0) && done("one of many 910", 0))
	assert.True(t, "the oldest of all is not", !done("quiet", 0) && !done("one of many 800", 0))
	if n := m.Len(); n > 130 {
		t.Errorf("%d events are kept", n)
	}
	state, _, err := m.Begin(ctx, id("claimed", 0), "somebody", time.Hour)
	assert.NoError(t, err)
	assert.Equal(t, "a claim", state, idempotency.StateBusy)
}

// TestMemoryIsGivenBack: records are forgotten when their time is over.
func TestMemoryIsGivenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := idempotency.NewMemory(idempotency.MemoryOptions{})
		ctx := context.Background()
		for i := range 1000 {
			assert.NoError(t, m.End(ctx, idempotency.ID{Key: fmt.Sprint(i), Scope: fmt.Sprint(i % 7)}, "me", []byte("done"), time.Minute))
		}
		assert.Equal(t, "kept", m.Len(), 1000)
		time.Sleep(time.Minute)
		_, _, _ = m.Begin(ctx, idempotency.ID{Key: "x"}, "me", time.Minute)
		assert.Equal(t, "kept a minute later", m.Len(), 1)
	})
}

// TestMemoryGivesBackClaims: a claim that is neither ended nor released, as when the store
// was not asked in time, ends with its lease, though its key never comes again.
func TestMemoryGivesBackClaims(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := idempotency.NewMemory(idempotency.MemoryOptions{})
		ctx := context.Background()
		begin := func(ctx context.Context, key, token string) (idempotency.State, error) {
			state, _, err := m.Begin(ctx, idempotency.ID{Key: key, Scope: "scope"}, token, time.Minute)
			return state, err
		}
		for i := range 1000 {
			_, err := begin(ctx, fmt.Sprint(i), "me")
			assert.NoError(t, err)
		}
		time.Sleep(30 * time.Second)
		state, err := begin(ctx, "0", "me")
		assert.NoError(t, err)
		assert.Equal(t, "claimed again by its own token", state, idempotency.StateClaimed)
		time.Sleep(30 * time.Second)
		state, err = begin(ctx, "0", "somebody")
		assert.NoError(t, err)
		assert.Equal(t, "the lease of the second time", state, idempotency.StateBusy)
		assert.Equal(t, "claims a minute later", m.Len(), 1)

		late, cancel := context.WithCancel(ctx)
		cancel()
		_, err = begin(late, "late", "me")
		assert.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, "claims for nobody", m.Len(), 1)
	})
}
