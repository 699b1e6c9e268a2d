// Package check is what the tests of the examples say with, so that an example
// that is copied into another module takes its tests along.
package check

import (
	"testing"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

// Main runs the tests of a package, and fails when goroutines are left running
// after them. endless are functions of other modules that start goroutines
// which nothing ends, by the beginning of their names.
func Main(m *testing.M, endless ...string) { leak.Main(m, endless...) }

// Equal fails the test unless got is want.
func Equal[T any](t testing.TB, label string, got, want T) {
	t.Helper()
	assert.Equal(t, label, got, want)
}

// True fails the test unless ok is true.
func True(t testing.TB, label string, ok bool) {
	t.Helper()
	assert.True(t, label, ok)
}

// NoError fails the test if there is an error.
func NoError(t testing.TB, err error) {
	t.Helper()
	assert.NoError(t, err)
}
