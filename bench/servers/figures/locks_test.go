package figures

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"reflect"
	"runtime"
	"sync"
	"testing"
)

func TestParseLocks(t *testing.T) {
	t.Parallel()
	profile := "--- mutex:\ncycles/second=2000\nsampling period=1\n" +
		"3000 2 @ 0x1 0x2\n" +
		"#\t0x1\tsync.(*Mutex).Unlock+0x5\t/go/sync/mutex.go:1\n" +
		"#\t0x2\texample.com/m.(*T).Send+0x5\t/m/t.go:1\n" +
		"#\t0x3\texample.com/m.main+0x5\t/m/t.go:2\n\n" +
		"1000 1 @ 0x1 0x4\n" +
		"#\t0x1\tsync.(*RWMutex).Unlock+0x5\t/go/sync/rwmutex.go:1\n" +
		"#\t0x4\texample.com/m.(*T).Send+0x9\t/m/t.go:9\n\n" +
		"500 1 @ 0x5\n" +
		"#\t0x5\truntime.unlock+0x5\t/go/runtime/lock.go:1\n" +
		"#\t0x6\truntime.park+0x5\t/go/runtime/proc.go:1\n"
	got, err := parseLocks(bytes.NewBufferString(profile))
	want := map[string]float64{"example.com/m.(*T).Send": 2, "runtime": 0.25}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v: got %v, want %v", err, got, want)
	}
	if _, err := parseLocks(bytes.NewBufferString("--- mutex:\n")); err == nil {
		t.Error("a profile without a clock is taken")
	}
}

// The handler tells of a lock that somebody has waited for.
func TestLocks(t *testing.T) {
	t.Parallel()
	handler := Locks()
	var mu sync.Mutex
	var wait sync.WaitGroup
	waits := map[string]float64{}
	for waits[holder] == 0 {
		mu.Lock()
		started := make(chan struct{})
		wait.Go(func() {
			close(started)
			mu.Lock()
			mu.Unlock() //nolint:staticcheck // it is the waiting that counts
		})
		<-started
		runtime.Gosched()
		release(&mu)
		wait.Wait()
		w := httptest.NewRecorder()
		handler(w, httptest.NewRequest("GET", "/debug/locks", nil))
		if err := json.Unmarshal(w.Body.Bytes(), &waits); err != nil {
			t.Fatalf("%v: %s", err, w.Body)
		}
	}
}

const holder = "github.com/gosio/gosio/bench/servers/figures.release"

//go:noinline
func release(mu *sync.Mutex) { mu.Unlock() }
