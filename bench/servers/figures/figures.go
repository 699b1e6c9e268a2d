// Package figures lets a Go server of the benchmark tell what it holds.
package figures

import (
	"encoding/json"
	"net/http"
	"runtime/metrics"
)

// Handle answers with the numbers of goroutines and the KB of live heap (as
// the last collection left it; none is forced), heap objects and stacks.
func Handle(w http.ResponseWriter, _ *http.Request) {
	samples := []metrics.Sample{
		{Name: "/sched/goroutines:goroutines"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"},
	}
	metrics.Read(samples)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]float64{ // a client that left is not our concern
		"goroutines": float64(samples[0].Value.Uint64()),
		"heap_kb":    float64(samples[1].Value.Uint64()) / 1024,
		"objects_kb": float64(samples[2].Value.Uint64()) / 1024,
		"stack_kb":   float64(samples[3].Value.Uint64()) / 1024,
	})
}
