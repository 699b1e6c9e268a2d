package history_test

import (
	"fmt"
	"math"
	"sync/atomic"
	"testing"

	"github.com/gosio/gosio/core/internal/history"
	"github.com/gosio/gosio/internal/assert"
)

// byLength compares positions that are numbers.
func byLength(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	if a == b {
		return 0
	}
	if a < b {
		return -1
	}
	return 1
}

// sharedLog is a log with entries of these positions, "" for those that it alone has.
func sharedLog(limit int, positions ...string) *log {
	limits := none
	if limit > 0 {
		limits.Entries = limit
	}
	l := new(log)
	l.Init(limits, new(atomic.Int64))
	l.Skip(100)
	for i, p := range positions {
		l.Take()
		l.Add(entry{Event: fmt.Sprint("e", i), Position: p}, 0)
	}
	return l
}

// TestFind: below, at, between and above the positions that are kept.
func TestFind(t *testing.T) {
	t.Parallel()
	l := sharedLog(0, "", "3", "", "", "7", "9", "", "12", "")
	for position, want := range map[string]uint64{"": 100, "2": 100, "3": 102, "4": 102, "7": 105, "8": 105, "9": 106, "10": 106, "12": 108, "99": 108} {
		assert.Equal(t, "find "+position, l.Find(position, byLength), want)
	}
	for pos, want := range map[uint64]string{100: "", 101: "", 102: "3", 104: "3", 105: "7", 109: "12", 110: ""} {
		assert.Equal(t, fmt.Sprint("position ", pos), l.Position(pos), want)
	}
	for pos, want := range map[uint64]string{0: "3", 101: "3", 102: "7", 107: "12", 108: "", 109: ""} {
		p, ok := l.Next(pos)
		assert.Equal(t, fmt.Sprint("next ", pos), p, want)
		assert.Equal(t, fmt.Sprint("any next ", pos), ok, want != "")
	}
	short := sharedLog(2, "3", "7", "9")
	assert.Equal(t, "what is gone", short.Find("3", byLength), uint64(101))
	assert.Equal(t, "what is kept", short.Find("7", byLength), uint64(102))
	assert.Equal(t, "of what is gone", short.Position(101), "")
	empty := sharedLog(0)
	assert.Equal(t, "nothing", empty.Find("3", byLength), uint64(100))
}

// TestBehind: what is put in front has the numbers before, and the log stays as it is.
func TestBehind(t *testing.T) {
	t.Parallel()
	l := sharedLog(3, "3", "7", "", "9", "12")
	front := []entry{{Event: "a", Position: "5"}, {Event: "b", Position: "7"}}
	for _, shared := range []bool{false, true} {
		v := l.Behind(102, front)
		assert.Equal(t, "first", v.First(), uint64(101))
		assert.Equal(t, "last", v.Last(), uint64(105))
		assert.Equal(t, "found", v.Find("7", byLength), uint64(102))
		a := &history.Absence{ID: "me", End: v.Find("9", byLength), Shared: shared, Track: history.Returned(100, 106, nil)}
		m, ok := v.Missed(a, new(history.Grant), 100, 3, math.MaxInt64)
		assert.True(t, "all there", ok)
		got := ""
		for _, e := range m.Events {
			got += e.Event + " "
		}
		assert.Equal(t, "missed", got, map[bool]string{false: "a b e2 e3 e4 ", true: "a b e3 e4 "}[shared])
	}
	l.Take()
	l.Add(entry{Event: "new", Position: "13"}, 0)
	assert.Equal(t, "the log", l.Len(), 3)
	assert.Equal(t, "front", front[0].Event, "a")
}
