package history_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosio/gosio/core/internal/history"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

type (
	log   = history.Log[string]
	entry = history.Entry[string]
)

var none = history.Limits{Entries: math.MaxInt, Bytes: math.MaxInt64, Age: math.MaxInt64}

// overhead is what an entry without names counts.
const overhead = 256

// TestLimits goes below, to and over each bound. Each entry is added a second after
// the one before and counts 300 bytes.
func TestLimits(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(l *history.Limits)
		want   int // entries of five that are kept
	}{
		{"none", func(*history.Limits) {}, 5},
		{"entries below", func(l *history.Limits) { l.Entries = 6 }, 5},
		{"entries at", func(l *history.Limits) { l.Entries = 5 }, 5},
		{"entries above", func(l *history.Limits) { l.Entries = 4 }, 4},
		{"no entries", func(l *history.Limits) { l.Entries = 0 }, 0},
		{"bytes at", func(l *history.Limits) { l.Bytes = 1500 }, 5},
		{"bytes above", func(l *history.Limits) { l.Bytes = 1499 }, 4},
		{"bytes of one above", func(l *history.Limits) { l.Bytes = 299 }, 0},
		{"age at", func(l *history.Limits) { l.Age = 4 * time.Second }, 5},
		{"age above", func(l *history.Limits) { l.Age = 4*time.Second - 1 }, 4},
	} {
		limits := none
		test.change(&limits)
		var l log
		var total atomic.Int64
		l.Init(limits, &total)
		for i := range 5 {
			l.Take()
			l.Add(entry{Size: 300 - overhead}, time.Duration(i)*time.Second)
		}
		oldest, kept := l.Oldest()
		assert.Equal(t, test.name+": kept", l.Len(), test.want)
		assert.Equal(t, test.name+": bytes", fmt.Sprint(l.Bytes(), total.Load()), fmt.Sprint(300*test.want, 300*test.want))
		assert.Equal(t, test.name+": positions", fmt.Sprint(l.First(), l.Last()), fmt.Sprint(6-test.want, 5))
		assert.True(t, test.name+": oldest", kept == (test.want > 0) && (!kept || oldest == time.Duration(5-test.want)*time.Second))
	}
}

// TestSizes: names count, whoever they are for.
func TestSizes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		e    entry
		want int64
	}{
		{entry{}, 256},
		{entry{Size: 10}, 266},
		{entry{Own: "id"}, 258},
		{entry{Rooms: []string{"a", "bc"}}, 256 + 3 + 32},
		{entry{Except: []string{"abc"}}, 256 + 3 + 16},
		{entry{Kind: history.KindJoin, Moves: []string{"abc", ""}}, 256 + 3 + 32},
	} {
		var l log
		l.Init(none, new(atomic.Int64))
		l.Take()
		l.Add(test.e, 0)
		assert.Equal(t, fmt.Sprintf("%+v", test.e), l.Bytes(), test.want)
	}
}

// TestShorten: a log that shares a bound with others gives bytes back, the oldest
// entries first.
func TestShorten(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		most, enough, dropped int64
		first                 uint64
	}{
		{1256, 1000, 0, 1}, // it has no more than most
		{1255, 1000, 300, 2},
		{0, 301, 600, 3}, // enough
		{356, 5000, 900, 4},
	} {
		var own, total atomic.Int64
		var l log
		l.Init(none, &own)
		l.Share(&total)
		for range 3 {
			l.Take()
			l.Add(entry{Size: 300 - overhead}, 0)
		}
		l.Take()
		l.Add(entry{Size: 356 - overhead}, 0)
		dropped := l.Shorten(test.most, test.enough)
		assert.Equal(t, fmt.Sprint(test.most, " ", test.enough), fmt.Sprint(dropped, l.First()), fmt.Sprint(test.dropped, test.first))
		assert.Equal(t, "total", fmt.Sprint(own.Load(), total.Load()), fmt.Sprint(0, 1256-dropped))
		l.End()
		l.Take()
		l.Add(entry{}, 0)
		assert.Equal(t, "ended", fmt.Sprint(l.Len(), l.Bytes(), total.Load()), "0 0 0")
	}
}

// TestCompact: positions hold while the entries in front of them go.
func TestCompact(t *testing.T) {
	t.Parallel()
	var l log
	limits := none
	limits.Entries = 100
	l.Init(limits, new(atomic.Int64))
	var a history.Absence
	a.Track.Begin(0)
	for i := range 1000 {
		pos := l.Take()
		a.Track.Sent(pos, l.First())
		l.Add(entry{Event: fmt.Sprint(i)}, 0)
	}
	a.End = l.Last()
	m, ok := l.Missed(&a, new(history.Grant), 950, 9, math.MaxInt64)
	assert.True(t, "all", ok && len(m.Events) == 50)
	for i, e := range m.Events {
		assert.Equal(t, "event", e.Event, fmt.Sprint(950+i))
	}
}

// A script is what happens to one member, whose id is "me", in order:
//
//	+room -room        the member joins, or leaves, a room
//	!                  the member leaves: it is away from here on
//	x                  an event for all
//	x@a,b              for the members of a room, or of several
//	x^a                for all but the members of a room
//	x=id               for one member
//	join:a@b leave:a   an operation on the members of rooms, or on all
//	end@a              their membership ends
func script(t *testing.T, l *log, text string) *history.Absence {
	t.Helper()
	a := &history.Absence{ID: "me"}
	var track history.Track
	track.Begin(l.Last())
	rooms := map[string]bool{}
	away := false
	move := func(room string, in bool) {
		if rooms[room] != in {
			rooms[room] = in
			track.Move(room, in, l.Last(), l.First())
		}
	}
	for step := range strings.FieldsSeq(text) {
		switch step[0] {
		case '+', '-':
			move(step[1:], step[0] == '+')
			continue
		case '!':
			away = true
			a.End, a.Track = l.Last(), track.Clone()
			for room, in := range rooms {
				if in {
					a.Rooms = append(a.Rooms, room)
				}
			}
			continue
		}
		var e entry
		what, target, _ := strings.Cut(step, "@")
		if target != "" {
			e.Rooms = strings.Split(target, ",")
		}
		what, except, _ := strings.Cut(what, "^")
		if except != "" {
			e.Except = strings.Split(except, ",")
		}
		what, e.Own, _ = strings.Cut(what, "=")
		op, room, _ := strings.Cut(what, ":")
		switch op {
		case "join":
			e.Kind, e.Moves = history.KindJoin, []string{room}
		case "leave":
			e.Kind, e.Moves = history.KindLeave, []string{room}
		case "end":
			e.Kind = history.KindEnd
		default:
			e.Event, e.Size = what, 10
		}
		in := func(room string) bool { return rooms[room] || room == "me" }
		meant := e.Own == "me" || e.Own == "" && (len(e.Rooms) == 0 || slices.ContainsFunc(e.Rooms, in)) && !slices.ContainsFunc(e.Except, in)
		pos := l.Take()
		l.Add(e, 0)
		if away || !meant {
			continue
		}
		switch e.Kind {
		case history.KindEvent:
			track.Sent(pos, l.First())
		case history.KindJoin, history.KindLeave:
			move(room, e.Kind == history.KindJoin)
		}
	}
	return a
}

// TestMissed: what a member gets that comes back with an offset.
func TestMissed(t *testing.T) {
	t.Parallel()
	words := strings.Fields
	for _, test := range []struct {
		name, script string
		offset       uint64
		entries      int    // that the log keeps; 0: all
		before, now  string // rooms that the two joins gave
		events       string // "-": it cannot go on
		rooms        string
	}{
		{"nothing", "!", 0, 0, "", "", "", ""},
		{"in flight", "a b !", 1, 0, "", "", "b", ""},
		{"while away", "a ! b c", 1, 0, "", "", "b c", ""},
		{"has it", "a b !", 2, 0, "", "", "", ""},
		{"has more than when it left", "a ! b c", 2, 0, "", "", "c", ""},
		{"for others", "! a=you b@r c^me d=me", 0, 0, "", "", "d", ""},
		{"its own room", "! a@me b@you", 0, 0, "", "", "a", ""},
		{"of its rooms", "+r ! a@r b@s c@s,r d^r", 0, 0, "", "", "a c", "r"},
		{"before it joined", "a@r +r b@r ! c@r", 0, 0, "", "", "b c", "r"},
		{"after it left a room", "+r a@r -r b@r ! c@r", 0, 0, "", "", "a", ""},
		{"joined twice", "+r a@r -r b@r +r c@r !", 0, 0, "", "", "a c", "r"},
		{"put into a room while away", "! a@r join:r b@r", 0, 0, "", "", "b", "r"},
		{"taken out of a room while away", "+r ! a@r leave:r b@r", 0, 0, "", "", "a", ""},
		{"an operation on others", "! join:r@s b@r", 0, 0, "", "", "", ""},
		{"an operation that was done when it was there", "join:r leave:r +r a@r ! b@r", 0, 0, "", "", "a b", "r"},
		{"an end that it outlived when it was there", "+r end@r a ! b", 0, 0, "", "", "a b", "r"},
		{"ended while away", "+r ! a end@r", 0, 0, "", "", "-", ""},
		{"others ended", "! a end@r", 0, 0, "", "", "a", ""},
		{"an end from before", "end@r +r a ! b", 0, 0, "", "", "a b", "r"},
		{"too many rooms", "+1 +2 +3 ! join:4 a@4 leave:1 join:5 b@5", 0, 0, "", "", "b", "2 3 5"},

		{"kept", "a b c !", 1, 2, "", "", "b c", ""},
		{"not kept", "a b c !", 0, 2, "", "", "-", ""},
		{"not kept of others only", "a=you b c !", 0, 2, "", "", "b c", ""},
		{"idle for long, then in flight", "a x=you x=you x=you b !", 1, 1, "", "", "b", ""},
		{"idle for long, a gap", "a x=you b x=you c !", 1, 1, "", "", "-", ""},
		{"away for too long", "a ! b c", 1, 1, "", "", "-", ""},
		{"away as long as it may", "a ! b c", 1, 2, "", "", "b c", ""},

		{"a room is not given any more", "+r +s ! a@r b@s", 0, 0, "r s", "s", "b", "s"},
		{"nor is an event from before", "+r a@r ! b", 0, 0, "r", "", "b", ""},
		{"put again into a room that is not given any more", "+r ! leave:r join:r a@r", 0, 0, "r", "", "", ""},
		{"excepted in a room that is given now", "! a^r b", 0, 0, "", "r", "b", ""},
		{"excepted before it was given", "a^r ! b^r", 0, 0, "", "r", "a", ""},
		{"excepted in a room that is given again", "+r ! a^r b", 0, 0, "r", "r", "b", "r"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			limits := none
			if test.entries > 0 {
				limits.Entries = test.entries
			}
			var l log
			l.Init(limits, new(atomic.Int64))
			a := script(t, &l, test.script)
			g := history.NewGrant(words(test.before), words(test.now))
			m, ok := l.Missed(a, &g, test.offset, 3, math.MaxInt64)
			if !ok {
				assert.Equal(t, "goes on", "-", test.events)
				return
			}
			var events []string
			for i, e := range m.Events {
				events = append(events, e.Event)
				assert.True(t, "order", m.Positions[i] > test.offset && (i == 0 || m.Positions[i] > m.Positions[i-1]))
			}
			slices.Sort(m.Rooms)
			assert.Equal(t, "events", strings.Join(events, " "), test.events)
			assert.Equal(t, "rooms", strings.Join(m.Rooms, " "), test.rooms)
			assert.Equal(t, "from", m.From, test.offset)

			// It goes on, and is lost at once: the same again.
			var track history.Track
			track.Resume(a, m.From, m.Moves)
			for _, pos := range m.Positions {
				track.Sent(pos, l.First())
			}
			again := &history.Absence{ID: "me", Rooms: m.Rooms, End: l.Last(), Track: track.Clone()}
			m2, ok := l.Missed(again, new(history.Grant), test.offset, 3, math.MaxInt64)
			events = nil
			for _, e := range m2.Events {
				events = append(events, e.Event)
			}
			assert.True(t, "goes on again", ok)
			if test.before+test.now == "" {
				assert.Equal(t, "events", strings.Join(events, " "), test.events)
			}
		})
	}
}

// TestMissedBytes: below, at and above what may be given at once.
func TestMissedBytes(t *testing.T) {
	t.Parallel()
	var l log
	l.Init(none, new(atomic.Int64))
	a := script(t, &l, "a ! b c")
	for limit, want := range map[int64]bool{31: true, 30: true, 29: false} {
		_, ok := l.Missed(a, new(history.Grant), 0, 3, limit)
		assert.Equal(t, fmt.Sprint(limit), ok, want)
	}
}

// TestMoves: of more than so many joins and leaves the oldest are forgotten, and who
// would need them cannot go on; those that the log has no events for go first.
func TestMoves(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name           string
		moves, entries int
		offset         uint64
		want           bool
	}{
		{"few", 1000, 0, 0, true},
		{"many", 3000, 0, 0, false},
		{"many, and it has what they are of", 3000, 0, 2999, true},
		{"many, of which the log has few", 3000, 100, 2950, true},
	} {
		limits := none
		if test.entries > 0 {
			limits.Entries = test.entries
		}
		var l log
		l.Init(limits, new(atomic.Int64))
		a := &history.Absence{ID: "me"}
		a.Track.Begin(0)
		for i := range test.moves {
			pos := l.Take()
			l.Add(entry{Event: "e"}, 0)
			a.Track.Sent(pos, l.First())
			a.Track.Move("r", i%2 == 0, l.Last(), l.First())
		}
		a.End = l.Last()
		assert.True(t, test.name+": bounded", len(a.Track.Moves()) <= 1024)
		_, ok := l.Missed(a, new(history.Grant), test.offset, 3, math.MaxInt64)
		assert.Equal(t, test.name, ok, test.want)
	}
}
