package backlog_test

import (
	"testing"

	"github.com/gosio/gosio/core/internal/backlog"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func open(room <-chan struct{}) bool {
	select {
	case <-room:
		return true
	default:
		return false
	}
}

// TestBytes: below, at and above the limit.
func TestBytes(t *testing.T) {
	t.Parallel()
	l := backlog.Limits{Bytes: 10, Turns: 1}
	var b backlog.Backlog
	b.Add(9)
	assert.True(t, "below", !b.Full(l))
	b.Add(1)
	assert.True(t, "at", b.Full(l))
	b.Add(5)
	assert.True(t, "above", b.Full(l))
	assert.True(t, "nobody waits", !b.Held())
	room := b.Wait()
	assert.True(t, "one channel", b.Wait() == room)
	assert.True(t, "held", b.Held())
	assert.True(t, "still at", !b.Sub(5, l) && !open(room))
	assert.True(t, "read on", b.Sub(1, l) && open(room))
	assert.True(t, "not held", !b.Held())
	assert.True(t, "once", !b.Sub(1, l))
	assert.Equal(t, "bytes", b.Bytes(), 8)
}

// TestTurns: sockets have turns, wait for one, pass one on, and miss one.
func TestTurns(t *testing.T) {
	t.Parallel()
	l := backlog.Limits{Bytes: 1, Turns: 2}
	var b backlog.Backlog
	assert.True(t, "first", b.TakeTurn(l))
	assert.True(t, "second", b.TakeTurn(l))
	assert.True(t, "nobody waits", !b.Waiting())
	assert.True(t, "third", !b.TakeTurn(l))
	assert.True(t, "fourth", !b.TakeTurn(l))
	b.GiveTurn(true, l) // to the third
	b.MissTurn()
	assert.True(t, "all have theirs", !b.Waiting())
	assert.True(t, "one has missed", !b.Full(l))
	assert.True(t, "fifth", !b.TakeTurn(l))
	b.MissTurn()
	assert.True(t, "two have missed", b.Full(l))
	room := b.Wait()
	assert.True(t, "read on", b.GiveTurn(false, l) && open(room))
	assert.True(t, "forgotten", !b.Full(l))
	assert.True(t, "again", b.TakeTurn(l) && !b.TakeTurn(l))
	b.MissTurn()
	b.GiveTurn(false, l)
	b.TakeAnother() // of a socket that is about to give its own back
	assert.True(t, "taken for what is left running", !b.TakeTurn(l))
}

// TestMissedLast: a socket that misses its turn when the last turn has been given back
// holds nobody up: nobody would end that.
func TestMissedLast(t *testing.T) {
	t.Parallel()
	l := backlog.Limits{Bytes: 1, Turns: 1}
	var b backlog.Backlog
	assert.True(t, "has a turn", b.TakeTurn(l))
	assert.True(t, "waits", !b.TakeTurn(l))
	b.GiveTurn(false, l) // the other one is off the connection's list already
	b.MissTurn()
	assert.True(t, "is read on", !b.Full(l))
}
