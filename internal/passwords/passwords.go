// Package passwords compares names and passwords with bcrypt hashes.
package passwords

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"golang.org/x/crypto/bcrypt"
)

// ErrWrong says that there is no such name, or that it has another password.
var ErrWrong = errors.New("wrong name or password")

// Table has the hashes of users by their names. Its methods may be called concurrently.
type Table struct {
	of      map[string]string
	most    int           // of the costs of all hashes
	hashing chan struct{} // has a place for each password that is being compared
}

// New returns a table of users. It fails if one of them has no bcrypt hash ("$2a$…",
// "$2b$…" or "$2y$…").
func New(users map[string]string) (*Table, error) {
	t := &Table{of: maps.Clone(users), hashing: make(chan struct{}, 2)}
	for name, hash := range users {
		c, err := bcrypt.Cost([]byte(hash))
		if err != nil {
			return nil, fmt.Errorf("what %q has is no bcrypt hash: %w", name, err)
		}
		t.most = max(t.most, c)
	}
	return t, nil
}

// Verify returns nil for a user's password, ErrWrong for all else, and the error of ctx
// when that ends before it is this password's turn: two are compared at a time.
func (t *Table) Verify(ctx context.Context, name, password string) error {
	hash, known := t.of[name]
	if !known {
		hash = nobody(t.most)
	}
	select {
	case t.hashing <- struct{}{}:
		defer func() { <-t.hashing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	err := bcrypt.CompareHashAndPassword([]byte(hash), []byte(password))
	for _, cost := range missing(hash, t.most) {
		_ = bcrypt.CompareHashAndPassword([]byte(nobody(cost)), []byte(password))
	}
	if err != nil || !known {
		return ErrWrong
	}
	return nil
}

// nobody is a hash of that cost.
func nobody(cost int) string {
	return fmt.Sprintf("$2a$%02d$%s", cost, "gosiogosiogosiogosiogeUX7NLTXXJ2U1yBVeXQ3EbMSvpMqwhS6")
}

// missing returns the costs of what has to be hashed besides, so that every comparison
// takes as long as one of the highest cost: otherwise the time would tell which names
// there are. A hash takes 2^cost steps.
func missing(hash string, most int) (costs []int) {
	c, _ := bcrypt.Cost([]byte(hash)) // checked
	for ; c < most; c++ {
		costs = append(costs, c)
	}
	return costs
}
