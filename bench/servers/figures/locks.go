package figures

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"runtime/pprof"
	"strings"
)

// Locks begins to measure every wait for a lock and returns the handler that
// tells them: the seconds that goroutines have waited since the start, by the
// function that let go of the lock. Those of the Go runtime itself are under
// "runtime".
func Locks() http.HandlerFunc {
	runtime.SetMutexProfileFraction(1)
	return func(w http.ResponseWriter, _ *http.Request) {
		var text bytes.Buffer
		waits := map[string]float64{}
		err := pprof.Lookup("mutex").WriteTo(&text, 1)
		if err == nil {
			waits, err = parseLocks(&text)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(waits) // a client that left is not our concern
	}
}

// parseLocks reads the profile in its text form: the clock's rate, then records
// of a line with cycles and count and a line for each function of the stack.
func parseLocks(profile *bytes.Buffer) (map[string]float64, error) {
	waits := map[string]float64{}
	var rate, cycles, count float64
	var open bool // the place of this record is still to come
	for lines := bufio.NewScanner(profile); lines.Scan(); {
		line := lines.Text()
		if _, err := fmt.Sscanf(line, "cycles/second=%f", &rate); err == nil {
			continue
		}
		if _, err := fmt.Sscanf(line, "%f %f @", &cycles, &count); err == nil {
			open = true
			continue
		}
		fields := strings.Fields(line)
		if !open || len(fields) < 3 || fields[0] != "#" {
			continue
		}
		name, _, _ := strings.Cut(fields[2], "+")
		switch {
		case strings.HasPrefix(name, "sync."), strings.HasPrefix(name, "internal/sync."):
			continue
		case strings.HasPrefix(name, "runtime."):
			name = "runtime"
		}
		waits[name] += cycles
		open = false
	}
	if rate == 0 {
		return nil, fmt.Errorf("figures: no clock in the profile of locks")
	}
	for name := range waits {
		waits[name] /= rate
	}
	return waits, nil
}
