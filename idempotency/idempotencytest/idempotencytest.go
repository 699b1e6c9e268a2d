// Package idempotencytest has the contract of an [idempotency.Store] as tests, for their
// authors:
//
//	func TestStore(t *testing.T) { idempotencytest.Run(t, newStore(t), newStore(t)) }
package idempotencytest

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosio/gosio/idempotency"
)

// patience is for stores on a busy machine.
const patience = 30 * time.Second

// Run tests a store through two servers of a cluster, which may be the same value. It takes
// about a second of the time that the store goes by.
func Run(t *testing.T, one, two idempotency.Store) {
	t.Helper()
	c := &contract{one: one, two: two, salt: fmt.Sprint(time.Now().UnixNano())}
	t.Run("handled once", c.once)
	t.Run("released", c.released)
	t.Run("late", c.late)
	t.Run("expires", c.expires)
	t.Run("records", c.records)
	t.Run("concurrent", c.concurrent)
}

// contract is one run. salt keeps it apart from others in the same store.
type contract struct {
	one, two idempotency.Store
	salt     string
}

func (c *contract) id(name string) idempotency.ID {
	return idempotency.ID{Key: c.salt + name, Scope: c.salt}
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func (c *contract) begin(t *testing.T, s idempotency.Store, name, token string, lease time.Duration, want idempotency.State, record string) {
	t.Helper()
	state, b, err := s.Begin(within(t), c.id(name), token, lease)
	if err != nil || state != want || string(b) != record {
		t.Fatalf("Begin(%s) by %s = %v, %q, %v; want %v, %q", name, token, state, b, err, want, record)
	}
}

func (c *contract) end(t *testing.T, s idempotency.Store, name, token, record string, keep time.Duration) {
	t.Helper()
	if err := s.End(within(t), c.id(name), token, []byte(record), keep); err != nil {
		t.Fatalf("End(%s) by %s: %v", name, token, err)
	}
}

func (c *contract) release(t *testing.T, s idempotency.Store, name, token string) {
	t.Helper()
	if err := s.Release(within(t), c.id(name), token); err != nil {
		t.Fatalf("Release(%s) by %s: %v", name, token, err)
	}
}

// once: one claims, others are told so, and then what it has kept; the first End counts.
func (c *contract) once(t *testing.T) {
	c.begin(t, c.one, "once", "a", time.Hour, idempotency.StateClaimed, "")
	c.begin(t, c.one, "once", "a", time.Hour, idempotency.StateClaimed, "") // asks again
	c.begin(t, c.two, "once", "b", time.Hour, idempotency.StateBusy, "")
	c.begin(t, c.two, "another", "b", time.Hour, idempotency.StateClaimed, "")
	c.end(t, c.two, "once", "b", "wrong", time.Hour)
	c.release(t, c.two, "once", "b")
	c.begin(t, c.two, "once", "b", time.Hour, idempotency.StateBusy, "")
	c.end(t, c.one, "once", "a", "done", time.Hour)
	c.end(t, c.one, "once", "a", "done again", time.Hour)
	c.release(t, c.one, "once", "a")
	for _, s := range []idempotency.Store{c.one, c.two} {
		c.begin(t, s, "once", "a", time.Hour, idempotency.StateDone, "done")
		c.begin(t, s, "once", "b", time.Hour, idempotency.StateDone, "done")
	}
}

// released: what was not handled is the next one's.
func (c *contract) released(t *testing.T) {
	c.begin(t, c.one, "released", "a", time.Hour, idempotency.StateClaimed, "")
	c.release(t, c.one, "released", "a")
	c.release(t, c.one, "released", "a")
	c.begin(t, c.two, "released", "b", time.Hour, idempotency.StateClaimed, "")
	c.end(t, c.two, "released", "b", "done", time.Hour)
	c.begin(t, c.one, "released", "a", time.Hour, idempotency.StateDone, "done")
}

// late: a claim ends with its lease; who has held it may still say that it is done, unless
// another one has claimed the event.
func (c *contract) late(t *testing.T) {
	for _, name := range []string{"late", "too late"} {
		c.begin(t, c.one, name, "a", 50*time.Millisecond, idempotency.StateClaimed, "")
	}
	time.Sleep(100 * time.Millisecond)
	c.end(t, c.one, "late", "a", "done", time.Hour)
	c.begin(t, c.two, "late", "b", time.Hour, idempotency.StateDone, "done")
	c.begin(t, c.two, "too late", "b", time.Hour, idempotency.StateClaimed, "")
	c.end(t, c.one, "too late", "a", "wrong", time.Hour)
	c.release(t, c.one, "too late", "a")
	c.begin(t, c.one, "too late", "a", time.Hour, idempotency.StateBusy, "")
}

// expires: a record ends with its time. A busy machine may take longer than that to ask
// for it: then another one is asked for.
func (c *contract) expires(t *testing.T) {
	const keep = 400 * time.Millisecond
	for i := range 100 {
		name := fmt.Sprint("expires ", i)
		c.begin(t, c.one, name, "a", time.Hour, idempotency.StateClaimed, "")
		start := time.Now()
		c.end(t, c.one, name, "a", "done", keep)
		state, b, err := c.two.Begin(within(t), c.id(name), "b", time.Hour)
		if time.Since(start) >= keep {
			continue
		}
		if err != nil || state != idempotency.StateDone || string(b) != "done" {
			t.Fatalf("Begin(%s) at once = %v, %q, %v; want %v", name, state, b, err, idempotency.StateDone)
		}
		time.Sleep(keep + keep/4)
		c.begin(t, c.two, name, "b", time.Hour, idempotency.StateClaimed, "")
		return
	}
	t.Fatalf("the store never answers within %s", keep)
}

// records: any bytes are kept as they are.
func (c *contract) records(t *testing.T) {
	for i, record := range []string{"", "\x00\xff", "p", "d", `{"a":"é"}`, string(bytes.Repeat([]byte{0, 1, 254}, 30_000))} {
		name := fmt.Sprint("records", i)
		c.begin(t, c.one, name, "a", time.Hour, idempotency.StateClaimed, "")
		c.end(t, c.one, name, "a", record, time.Hour)
		c.begin(t, c.two, name, "b", time.Hour, idempotency.StateDone, record)
	}
}

// concurrent: of many at a time one claims.
func (c *contract) concurrent(t *testing.T) {
	var claimed atomic.Int64
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			state, _, err := []idempotency.Store{c.one, c.two}[i%2].Begin(within(t), c.id("concurrent"), fmt.Sprint(i), time.Hour)
			if err != nil {
				t.Errorf("Begin: %v", err)
			}
			if state == idempotency.StateClaimed {
				claimed.Add(1)
			}
		})
	}
	all.Wait()
	if n := claimed.Load(); n != 1 {
		t.Errorf("%d of 40 have claimed the event", n)
	}
}
