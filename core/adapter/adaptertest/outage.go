package adaptertest

import (
	"sync/atomic"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/siotest"
)

// StartWithOutage is [Start] for servers that can be cut off: cut keeps what they
// publish from arriving at the others, by stopping the engine for instance, until the
// test calls mend.
type StartWithOutage func(t *testing.T, n int, opts socketio.Options) (servers []*socketio.Server, cut func() (mend func()))

// RunOutage proves that an adapter loses nothing in silence: while the servers are cut
// off each serves its own clients, and afterwards what has not arrived at a server is a
// gap there, see [adapter.Local.Gap]. An adapter that loses nothing reports no gap. The
// clients get what arrives in order and once.
func RunOutage(t *testing.T, start StartWithOutage) {
	t.Helper()
	servers, cut := start(t, 2, socketio.Options{Recovery: &socketio.Recovery{}})
	var gaps atomic.Int64
	servers[1].OnGap(func(e socketio.GapEvent) {
		if e.Type == adapter.GapIncoming {
			gaps.Add(1)
		}
	})
	near, far := siotest.Dial(t, servers[0], siotest.Options{}), siotest.Dial(t, servers[1], siotest.Options{})
	away, late := siotest.Dial(t, servers[1], siotest.Options{}), siotest.Dial(t, servers[1], siotest.Options{})
	arrived := make(chan int, most)
	far.On("n", func(m *siotest.Message) {
		var n int
		m.Decode(&n)
		arrived <- n
	})
	n := 0
	emit := func() error { n++; return servers[0].Emit("n", n) }
	if err := emit(); err != nil {
		t.Fatal(err)
	}
	<-arrived
	near.Expect("n")
	away.Expect("n")
	late.Expect("n")
	away.Conn().Cut()

	mend := cut()
	for i := range during {
		_ = emit() // an adapter that knows says so
		if i == during/2 && servers[1].Local().Emit("local") != nil {
			t.Fatal("a server that is cut off does not serve its own clients")
		}
	}
	late.Await("local") // it has got something since the beginning of the outage, and still misses the rest
	late.Conn().Cut()
	for i := range during { // local delivery goes on
		var own int
		if near.Expect("n", &own); own != i+2 {
			t.Fatalf("event %d came to a client of the server that emits when %d was due", own, i+2)
		}
	}
	mend()
	last, lost := 1, 0
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for last <= during+1 { // until one from after the outage has come
		select {
		case got := <-arrived:
			if got <= last {
				t.Fatalf("event %d came behind event %d", got, last)
			}
			lost += got - last - 1
			last = got
		case <-tick.C:
			if n == most {
				t.Fatal("nothing arrives after the outage: the adapter must connect again by itself")
			}
			_ = emit()
		}
	}
	t.Logf("%d of %d events are lost, %d gaps reported", lost, last, gaps.Load())
	if (lost > 0) != (gaps.Load() > 0) {
		t.Fatalf("%d events are lost and %d gaps are reported: each loss must be reported, and nothing else", lost, gaps.Load())
	}
	for _, c := range []*siotest.Client{away, late} {
		if back := c.Resume(); back.Recovered() != (lost == 0) {
			t.Fatalf("%d events are lost, and a client that comes back after the outage is recovered: %t", lost, back.Recovered())
		}
	}
}

// During the outage so many events are emitted, and in all at most.
const (
	during = 50
	most   = 20_000
)
