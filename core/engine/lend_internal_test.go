package engine

import (
	"fmt"
	"testing"
)

// BenchmarkLend is what a reader does before and after the application runs:
// run it with -cpu 1,2 and more, where there are, for what the places of the
// readers cost when several goroutines lend at once. Each has readers of its
// own, that it lends in turn.
func BenchmarkLend(b *testing.B) {
	for _, readers := range []int{1, 16} {
		b.Run(fmt.Sprint(readers), func(b *testing.B) {
			srv := &Server{}
			srv.flush.init(&srv.lending)
			srv.lending.ticking.Store(true) // no timer: nothing takes over
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				conns := make([]*wsConn, readers)
				for i := range conns {
					conns[i] = &wsConn{s: &Session{srv: &srv.shared}}
				}
				for i := 0; pb.Next(); i++ {
					c := conns[i%readers]
					n, ok := srv.lending.lend(c)
					if !ok || !c.writer.lease.n.CompareAndSwap(n, n+1) {
						b.Error("the reader was not lent")
						return
					}
					srv.lending.slots[c.writer.lease.slot].Store(nil)
				}
			})
		})
	}
}
