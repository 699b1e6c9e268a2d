package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// docs:job
type progress struct {
	ID    string `json:"id"`
	Done  int    `json:"done"` // percent
	Error string `json:"error,omitempty"`
	owner string
}

// A board has the state of each job. In an application it is a table.
type board struct {
	mu   sync.Mutex
	jobs map[string]progress
}

func (b *board) put(p progress) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.jobs[p.ID] = p
}

func (b *board) get(id string) (p progress, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, ok = b.jobs[id]
	return p, ok
}

// docs:jobs
// jobs is a REST route that starts a job, and an event that watches one. do is the
// job; it calls step as it goes on. Jobs end with ctx.
func jobs(ctx context.Context, ns *socketio.Namespace, do func(ctx context.Context, step func(percent int)) error) http.HandlerFunc {
	b := &board{jobs: map[string]progress{}}
	ns.On("watch", func(s *socketio.Socket, id string) (progress, error) {
		if p, ok := b.get(id); !ok || p.owner != s.Identity() {
			return progress{}, &socketio.Error{Code: socketio.CodeForbidden, Message: "not a job of yours"}
		}
		if err := s.Join("job:" + id); err != nil { // first: so no step is missed
			return progress{}, err
		}
		p, _ := b.get(id)
		return p, nil
	})
	return func(w http.ResponseWriter, r *http.Request) {
		p := progress{ID: rand.Text(), owner: r.FormValue("user")} // an application knows who asks
		b.put(p)
		go follow(ctx, ns, b, p, do) // ends with the job, which ends with ctx at the latest
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusAccepted)
		_ = json.NewEncoder(w).Encode(p) // fails only if nobody reads it any more
	}
}

// docs:follow
// follow does a job and tells those who watch. A step may be dropped for a slow
// client, as the next one replaces it; the end may not.
func follow(ctx context.Context, ns *socketio.Namespace, b *board, p progress, do func(context.Context, func(int)) error) {
	watchers := ns.To("job:" + p.ID)
	err := do(ctx, func(percent int) {
		p.Done = percent
		b.put(p)
		_ = watchers.Volatile().Emit("progress", p)
	})
	if err != nil {
		p.Error = "the job has failed" // the log has err
	} else {
		p.Done = 100
	}
	b.put(p)
	_ = watchers.Emit("progress", p)
}

// docs:work
// work is a job of two seconds.
func work(ctx context.Context, step func(percent int)) error {
	for percent := 10; percent <= 100; percent += 10 {
		select {
		case <-time.After(200 * time.Millisecond):
			step(percent)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
