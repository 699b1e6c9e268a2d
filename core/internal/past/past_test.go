package past_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/internal/past"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestDepart: the latest namespaces are remembered, each once, 32 beside those that a
// connection may be in.
func TestDepart(t *testing.T) {
	t.Parallel()
	var none *past.Past
	none.Forget("/1")
	assert.True(t, "nothing", !none.Has("/1"))
	var p past.Past
	for i := range 35 {
		p.Depart(fmt.Sprint("/", i), 2)
		p.Depart(fmt.Sprint("/", i), 2)
	}
	assert.True(t, "the latest 34", p.Has("/34") && p.Has("/1") && !p.Has("/0"))
	p.Forget("/34")
	assert.True(t, "forgotten", !p.Has("/34") && p.Has("/33"))
}

// TestPause: below, at and above so many refusals in a second, and in the next one.
func TestPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var none *past.Past
		assert.True(t, "nothing", none.Pause(1) == nil && !none.Pausing())
		none.Stop()
		var p past.Past
		p.Refuse()
		time.Sleep(time.Second - 1)
		p.Refuse()
		assert.True(t, "below", p.Pause(3) == nil && !p.Pausing())
		p.Refuse()
		over := p.Pause(3)
		assert.True(t, "at", over != nil && p.Pausing())
		<-over
		assert.True(t, "over", !p.Pausing() && p.Pause(3) == nil)
		p.Refuse()
		assert.True(t, "counted anew", p.Pause(2) == nil && p.Pause(1) != nil)
		p.Stop()
	})
}
