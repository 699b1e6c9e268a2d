package assert_test

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/gosio/gosio/internal/assert"
)

// recorder is a testing.TB that keeps what Fatalf was given.
type recorder struct {
	testing.TB
	failure string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.failure = fmt.Sprintf(format, args...)
	runtime.Goexit() // as the real one
}

// failure runs check on a recorder and returns what it failed with, or "".
func failure(check func(t testing.TB)) string {
	r := &recorder{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		check(r)
	}()
	<-done
	return r.failure
}

func TestAssertions(t *testing.T) {
	t.Parallel()
	wrapped := fmt.Errorf("reading: %w", io.EOF)
	long := strings.Repeat("x", 500)
	tests := []struct {
		name  string
		check func(t testing.TB)
		want  string // part of the failure; "" passes
	}{
		{"equal", func(t testing.TB) { assert.Equal(t, "n", 1, 1) }, ""},
		{"equal slices", func(t testing.TB) { assert.Equal(t, "s", []string{"a"}, []string{"a"}) }, ""},
		{"nil is not empty", func(t testing.TB) { assert.Equal(t, "s", nil, []string{}) }, "s:"},
		{"unequal", func(t testing.TB) { assert.Equal(t, "word", "cat", "car") }, "word:\n  got  \"cat\"\n  want \"car\"\n          ^"},
		{"unequal at the end", func(t testing.TB) { assert.Equal(t, "long", long+"a", long+"b") }, "xa\"\n"},
		{"true", func(t testing.TB) { assert.True(t, "yes", true) }, ""},
		{"not true", func(t testing.TB) { assert.True(t, "open", false) }, "open:\n  got  false"},
		{"no error", func(t testing.TB) { assert.NoError(t, nil) }, ""},
		{"an error", func(t testing.TB) { assert.NoError(t, wrapped) }, "unexpected error: reading: EOF"},
		{"error is", func(t testing.TB) { assert.ErrorIs(t, wrapped, io.EOF) }, ""},
		{"error is not", func(t testing.TB) { assert.ErrorIs(t, errors.New("x"), io.EOF) }, "error is x, want EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := failure(tt.check)
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("failure %q, want %q in it", got, tt.want)
			}
		})
	}
}
