package workers_test

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/internal/workers"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

type task func()

func (t task) Run() { t() }

// here names the goroutine that runs.
func here() string {
	buf := make([]byte, 64)
	name, _, _ := strings.Cut(string(buf[:runtime.Stack(buf, false)]), "[") // "goroutine 7 [running]: …"
	return name
}

// runs gives the pool a task and returns the goroutine that has run it.
func runs(p *workers.Pool) (goroutine string) {
	p.Go(task(func() { goroutine = here() }))
	synctest.Wait()
	return goroutine
}

// TestReuse: a task runs on the goroutine of the one before, until that has waited for
// too long, or the pool is closed.
func TestReuse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p workers.Pool
		first := runs(&p)
		assert.Equal(t, "the second task's goroutine", runs(&p), first)
		time.Sleep(time.Second)
		later := runs(&p)
		assert.True(t, "a goroutine that was idle for a second has ended", later != first)
		p.Close()
		assert.True(t, "an idle goroutine ends when the pool is closed", runs(&p) != later)
	})
}

// TestConcurrent: each task has a goroutine of its own, however many there are, and a
// task may end it.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const tasks = 100
		var p workers.Pool
		defer p.Close()
		for range 3 {
			goroutines := make(chan string, tasks)
			release := make(chan struct{})
			for i := range tasks {
				p.Go(task(func() {
					goroutines <- here()
					<-release
					if i%3 == 0 {
						runtime.Goexit()
					}
				}))
			}
			synctest.Wait()
			close(release)
			synctest.Wait()
			seen := map[string]bool{}
			for range tasks {
				seen[<-goroutines] = true
			}
			assert.Equal(t, "goroutines", len(seen), tasks)
		}
	})
}

// TestRace: tasks come while goroutines end.
func TestRace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p workers.Pool
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 200 {
					done := make(chan struct{})
					p.Go(task(func() { close(done) }))
					<-done
					time.Sleep(time.Millisecond)
				}
			})
		}
		all.Go(func() { time.Sleep(100 * time.Millisecond); p.Close() })
		all.Wait()
	})
}
