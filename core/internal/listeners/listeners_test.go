package listeners_test

import (
	"testing"

	"github.com/gosio/gosio/core/internal/listeners"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestList: what was read stays as it was; each function is taken off once.
func TestList(t *testing.T) {
	t.Parallel()
	var l listeners.List[string]
	assert.True(t, "empty", l.Empty() && len(l.All()) == 0)
	offA := l.Add("a")
	offB := l.Add("b")
	before := l.All()
	offA()
	offA()
	assert.True(t, "one is left", !l.Empty() && len(l.All()) == 1 && *l.All()[0] == "b")
	assert.True(t, "what was read", len(before) == 2 && *before[0] == "a" && *before[1] == "b")
	offB()
	assert.True(t, "empty again", l.Empty())
}
