package signature_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/gosio/gosio/core/internal/signature"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

type (
	socket struct{}
	ack    func(...any) error
	event  []string
)

func (e event) Len() int                         { return len(e) }
func (e event) Arg(i int, dst any) error         { return json.Unmarshal([]byte(e[i]), dst) }
func unfit(i int, t reflect.Type, _ error) error { return fmt.Errorf("%d is no %v", i, t) }

var special = signature.Special{Socket: reflect.TypeFor[*socket](), Ack: reflect.TypeFor[ack]()}

// TestBindAndCall: parameters are filled by type, and results are what the function
// returns but for the error.
func TestBindAndCall(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		fn   any
		in   event
		want string // the results, or the error
	}{
		{"nothing", func() {}, event{"1"}, "[]"},
		{"context and socket", func(ctx context.Context, s *socket) bool { return ctx != nil && s != nil }, nil, "[true]"},
		{"arguments", func(s string, n int) string { return fmt.Sprint(s, n) }, event{`"a"`, "1", "2"}, "[a1]"},
		{"missing and optional", func(n *int) bool { return n == nil }, nil, "[true]"},
		{"variadic", func(s string, n ...int) int { return len(s) + len(n) }, event{`"a"`, "1", "2"}, "[3]"},
		{"variadic of nothing", func(n ...int) int { return len(n) }, nil, "[0]"},
		{"ack last", func(n int, a ack) error { return a(n) }, event{"1"}, "acknowledged [1]"},
		{"ack first", func(a ack, n ...int) error { return a(n) }, event{"1", "2"}, "acknowledged [[1 2]]"},
		{"error", func() (int, error) { return 1, errors.New("no") }, nil, "no"},
		{"no error", func() (int, string, error) { return 1, "a", nil }, nil, "[1 a]"},
		{"unfit", func(n int) {}, event{`"a"`}, "0 is no int"},
		{"unfit rest", func(s string, n ...int) {}, event{`"a"`, "1", `"b"`}, "2 is no int"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := signature.Of(c.fn, special)
			s.Check("e")
			acknowledge := ack(func(args ...any) error { return fmt.Errorf("acknowledged %v", args) })
			args, err := s.Bind(t.Context(), reflect.ValueOf(new(socket)), reflect.ValueOf(acknowledge), c.in, unfit)
			var out []reflect.Value
			if err == nil {
				out, err = s.Call(reflect.ValueOf(c.fn), args)
			}
			results := make([]any, len(out))
			for i, v := range out {
				results[i] = v.Interface()
			}
			got := fmt.Sprint(results)
			if err != nil {
				got = err.Error()
			}
			assert.Equal(t, "result", got, c.want)
		})
	}
}

// TestCheck: a signature that cannot be a handler's panics, with what is wrong.
func TestCheck(t *testing.T) {
	t.Parallel()
	for want, fn := range map[string]any{
		"*signature_test.socket is out of place":                func(int, *socket) {},
		"a handler takes *signature_test.socket, a pointer":     func(socket) {},
		"signature_test.ack is out of place":                    func(ack, int) {},
		"context.Context is out of place":                       func(*socket, context.Context) {},
		"no event has an argument of type chan int":             func(chan int) {},
		"no event has an argument of type error":                func(error) {},
		"no event has an argument of type []func()":             func(...func()) {},
		"take either results or an Ack":                         func(ack) int { return 0 },
		"the error has to be the last result":                   func() (error, int) { return nil, 0 }, //nolint:staticcheck // that is the mistake
		"no acknowledgement has an argument of type complex128": func() complex128 { return 0 },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			defer func() {
				got := fmt.Sprint(recover())
				assert.True(t, got, strings.HasPrefix(got, `socketio: handler of "e": `) && strings.Contains(got, want))
			}()
			s := signature.Of(fn, special)
			s.Check("e")
		})
	}
}
