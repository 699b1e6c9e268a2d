package passwords

import (
	"context"
	"fmt"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestVerify: a name with its password, and nothing else.
func TestVerify(t *testing.T) {
	t.Parallel()
	hash, err := bcrypt.GenerateFromPassword([]byte("s3cret"), bcrypt.MinCost)
	assert.NoError(t, err)
	table, err := New(map[string]string{"ops": string(hash), "slow": nobody(6)})
	assert.NoError(t, err)
	assert.NoError(t, table.Verify(t.Context(), "ops", "s3cret"))
	for _, c := range [][2]string{{"ops", "secret"}, {"ops", ""}, {"slow", "s3cret"}, {"root", "s3cret"}, {"", ""}} {
		assert.ErrorIs(t, table.Verify(t.Context(), c[0], c[1]), ErrWrong)
	}
	_, err = New(map[string]string{"ops": "s3cret"})
	assert.ErrorIs(t, err, bcrypt.ErrHashTooShort)
}

// TestTurns: two are compared at a time, and others wait no longer than they want to.
func TestTurns(t *testing.T) {
	t.Parallel()
	table, err := New(map[string]string{"ops": nobody(4)})
	assert.NoError(t, err)
	table.hashing <- struct{}{}
	table.hashing <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, table.Verify(ctx, "ops", "x"), context.Canceled)
}

// TestTakesAsLong: whatever the cost of a user's hash is, and for a name that is not
// there, it takes the steps of the highest cost. It counts the steps, because the time of
// a test says little.
func TestTakesAsLong(t *testing.T) {
	t.Parallel()
	table, err := New(map[string]string{"old": nobody(4), "new": nobody(12), "other": nobody(9)})
	assert.NoError(t, err)
	for name, hash := range map[string]string{"old": nobody(4), "other": nobody(9), "new": nobody(12), "unknown": nobody(table.most)} {
		c, err := bcrypt.Cost([]byte(hash))
		assert.NoError(t, err)
		steps := 1 << c
		for _, cost := range missing(hash, table.most) {
			c, err := bcrypt.Cost([]byte(nobody(cost))) // which a comparison takes
			assert.NoError(t, err)
			assert.Equal(t, fmt.Sprint(name, ": cost"), c, cost)
			steps += 1 << c
		}
		assert.Equal(t, name, steps, 1<<12)
	}
}
