//go:build unix

package socketio_test

import (
	"runtime"
	"runtime/metrics"
	"strings"
	"syscall"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// BenchmarkPost is one POST of a megabyte of the smallest events: the CPU time, and the
// most that is on the heap meanwhile, as multiples of the body.
func BenchmarkPost(b *testing.B) {
	const event, size = `42["e"]` + "\x1e", 1_000_000
	srv := socketio.NewServer(&socketio.Options{PingInterval: time.Hour, Limits: socketio.Limits{FirstPollTimeout: -1}})
	b.Cleanup(func() { srv.Close() })
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	n, most, done := 0, uint64(0), make(chan struct{})
	srv.On("e", func() {
		if n++; n%512 == 0 {
			metrics.Read(heap)
			most = max(most, heap[0].Value.Uint64())
		}
		if n%(size/len(event)) == 0 {
			done <- struct{}{}
		}
	})
	open := httpDo(srv, "GET", "EIO=4&transport=polling", "").Body.String()
	_, rest, _ := strings.Cut(open, `"sid":"`)
	sid, _, _ := strings.Cut(rest, `"`)
	post := func(body string) {
		if w := httpDo(srv, "POST", "EIO=4&transport=polling&sid="+sid, body); w.Body.String() != "ok" {
			b.Fatal(w.Body)
		}
	}
	post("40")
	body := strings.TrimSuffix(strings.Repeat(event, size/len(event)), "\x1e")
	total, peak := time.Duration(0), 0.0
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		runtime.GC()
		metrics.Read(heap)
		before, began := heap[0].Value.Uint64(), cpuTime(b)
		most = before
		b.StartTimer()
		post(body)
		<-done
		total += cpuTime(b) - began
		peak = max(peak, float64(most-before)/size)
	}
	b.ReportMetric(total.Seconds()*1e3/float64(b.N), "CPU-ms/MB")
	b.ReportMetric(peak, "heap/size")
}

// cpuTime is what the process has used.
func cpuTime(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
