package strangers_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/internal/strangers"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestNames: a name is a stranger's while it is in use, and for a minute after it came.
func TestNames(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n strangers.Names
		assert.True(t, "unknown", !n.Has("x"))
		leave, again := n.Enter("x"), n.Enter("x")
		time.Sleep(time.Hour)
		leave()
		assert.True(t, "in use", n.Has("x") && !n.Has("y"))
		again()
		assert.True(t, "not any more", !n.Has("x"))
		n.Note("x")
		time.Sleep(time.Minute)
		assert.True(t, "for a minute", n.Has("x"))
		time.Sleep(time.Second)
		assert.True(t, "and no longer", !n.Has("x"))
	})
}
