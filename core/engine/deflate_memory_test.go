package engine_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/engine/internal/frame/autobahn"
	"github.com/gosio/gosio/internal/assert"
)

// TestDeflateEndedMemory: an application that holds on to a session that has
// ended does not hold on to its windows.
func TestDeflateEndedMemory(t *testing.T) { //nolint:paralleltest // it looks at the whole heap
	h := serve(t, setup{opts: engine.Options{PerMessageDeflate: &engine.PerMessageDeflate{ServerContextTakeover: true, ClientContextTakeover: true}}})
	const n = 20
	var held []*engine.Session
	var before, after runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range n {
		d := h.deflate("", browsers)
		held = append(held, <-h.app.sessions)
		for range 3 {
			d.write(autobahn.Text, "4"+strings.Repeat("x", 20_000), 1<<20)
			d.packet()
		}
		d.done()
		_ = d.conn.Close()
		d.br, d.back, d.received = nil, nil, nil
		h.ended(engine.ReasonTransportClose)
	}
	for end := time.Now().Add(10 * time.Second); h.srv.Count() > 0 && time.Now().Before(end); {
		runtime.Gosched()
	}
	for range 4 {
		runtime.GC()
	}
	runtime.ReadMemStats(&after)
	each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / n
	assert.True(t, fmt.Sprintf("at most 16 KB of heap per session, got %d", each), each < 16<<10)
	runtime.KeepAlive(held)
}
