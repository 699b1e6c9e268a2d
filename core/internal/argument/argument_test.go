package argument_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/gosio/gosio/core/internal/argument"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestUnfit: what was wanted and what came, without any of what came.
func TestUnfit(t *testing.T) {
	t.Parallel()
	type message struct {
		Text string
		N    uint8
	}
	for _, test := range []struct {
		raw  string
		dst  any
		want string
	}{
		{`1`, "", "argument 2 has to be a string, not this number"},
		{`"x"`, 0, "argument 2 has to be an integer of type int, not a string"},
		{`300`, uint8(0), "argument 2 has to be an integer of type uint8, not this number"},
		{`[]`, message{}, "argument 2 has to be an object, not an array"},
		{`{"Text":1}`, message{}, "field Text of argument 2 has to be a string, not this number"},
		{`{"N":300}`, message{}, "field N of argument 2 has to be an integer of type uint8, not this number"},
		{`true`, new(string), "argument 2 has to be a string, not a boolean"},
		{`{"_placeholder":true,"num":0}`, "", "argument 2 has to be a string, not binary"},
	} {
		v := reflect.New(reflect.TypeOf(test.dst))
		err := json.Unmarshal([]byte(test.raw), v.Interface())
		assert.Equal(t, test.raw, argument.Unfit(1, v.Type().Elem(), []byte(test.raw), 1, err), test.want)
	}
	assert.Equal(t, "missing", argument.Missing(0, reflect.TypeFor[[]byte]()), "argument 1 is missing; it has to be binary")
}
