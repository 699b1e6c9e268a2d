// Package assert is all the assertion library that this module has.
package assert

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// Equal fails t unless got and want are deeply equal; label says what they are.
func Equal[T any](t testing.TB, label string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s:%s", label, diff(fmt.Sprintf("%#v", got), fmt.Sprintf("%#v", want)))
	}
}

// True fails t unless ok; label says what should have been true.
func True(t testing.TB, label string, ok bool) {
	t.Helper()
	Equal(t, label, ok, true)
}

// NoError fails t if err is not nil.
func NoError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}

// ErrorIs fails t unless errors.Is(err, target).
func ErrorIs(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("error is %v, want %v", err, target)
	}
}

// diff shows both texts with a mark under the first byte in which they differ.
func diff(got, want string) string {
	at := 0
	for ; at < min(len(got), len(want)) && got[at] == want[at]; at++ {
	}
	from := max(0, at-60)
	cut := func(s string) string { return s[from:min(len(s), from+160)] }
	return fmt.Sprintf("\n  got  %s\n  want %s\n       %s^", cut(got), cut(want), strings.Repeat(" ", at-from))
}
