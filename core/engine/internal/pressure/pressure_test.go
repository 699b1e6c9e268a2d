package pressure

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestFull: what is live counts, what is garbage does not, whatever the last collection has
// seen of both.
func TestFull(t *testing.T) { //nolint:paralleltest // looks at all memory of the process
	synctest.Test(t, func(t *testing.T) {
		const size = 64 << 20
		runtime.GC()
		used, _ := read()
		g := Gauge{Limit: int64(float64(used+size/2) / share)}
		assert.Equal(t, "at first", g.Full(), false)
		ballast := make([]byte, size)
		assert.Equal(t, "for a moment", g.Full(), false)
		time.Sleep(collectEvery)
		assert.Equal(t, "with ballast", g.Full(), true)
		runtime.KeepAlive(ballast)
		time.Sleep(lookEvery)
		assert.Equal(t, "a moment later", g.Full(), true)
		time.Sleep(collectEvery)
		assert.Equal(t, "without", g.Full(), false)
	})
}

// TestLimits: the limit of the runtime is the default, as it is at the time.
func TestLimits(t *testing.T) { //nolint:paralleltest // sets the limit of the process
	before := debug.SetMemoryLimit(math.MaxInt64)
	defer debug.SetMemoryLimit(before)
	synctest.Test(t, func(t *testing.T) {
		runtimes, own, none := new(Gauge), Gauge{Limit: 1 << 20}, Gauge{Limit: -1}
		assert.Equal(t, "no limit", runtimes.Full(), false)
		debug.SetMemoryLimit(1 << 20)
		time.Sleep(lookEvery)
		assert.Equal(t, "GOMEMLIMIT", runtimes.Full(), true)
		assert.Equal(t, "none", none.Full(), false)
		debug.SetMemoryLimit(1 << 40)
		time.Sleep(lookEvery)
		assert.Equal(t, "raised", runtimes.Full(), false)
		assert.Equal(t, "an own one", own.Full(), true)
	})
}
