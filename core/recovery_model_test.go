package socketio_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestRecoveryModel: whatever happens to the log, to servers' connections to it and to
// clients, a client that is told that it is recovered has everything that was for it, once,
// and what one server has sent in the order of that; and who had to be recovered is.
func TestRecoveryModel(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				m := newRecoveryModel(t, seed)
				for range 400 {
					m.step()
				}
				m.finish()
			})
		})
	}
}

// recoveryModel is a cluster with a log, its clients, and what they have to have.
type recoveryModel struct {
	t       *testing.T
	r       *rand.Rand
	servers []*socketio.Server
	log     *adaptertest.Log
	mend    func() // the engine is stopped; nil: it is not
	all     []*lived
	sender  []int // of each event
	since   int   // the first one that may wait for the log

	recovered, fresh, outages, losses, kicks int
	trace                                    []string
}

func (m *recoveryModel) note(x *lived, format string, args ...any) {
	who := "-"
	if x != nil {
		who = fmt.Sprint(slices.Index(m.all, x))
	}
	m.trace = append(m.trace, fmt.Sprintf("[%d] %s ", len(m.sender), who)+fmt.Sprintf(format, args...))
}

func (m *recoveryModel) fatal(format string, args ...any) {
	m.t.Helper()
	m.t.Log(strings.Join(m.trace[max(0, len(m.trace)-60):], "\n"))
	m.t.Fatalf(format, args...)
}

// lived is a client and its history: what it got since it came, or came back as another
// one.
type lived struct {
	c       *siotest.Client
	at      int // its server
	away    bool
	stalled bool
	across  bool // has been away when the log was lost, or was kicked
	excused bool // need not be recovered
	rooms   map[string]bool
	must    []int // events that it has to have
	may     []int // and those that it may have beside: they were lost, and a gap was reported
	got     []int
}

func newRecoveryModel(t *testing.T, seed uint64) *recoveryModel {
	m := &recoveryModel{t: t, r: rand.New(rand.NewPCG(seed, 23))}
	m.servers, m.log = homes(t, 3, socketio.Options{Recovery: &socketio.Recovery{MaxDisconnection: time.Hour}})
	for i := range 6 {
		m.all = append(m.all, &lived{c: siotest.Dial(t, m.servers[i%3], siotest.Options{}), at: i % 3, rooms: map[string]bool{}})
	}
	return m
}

func (m *recoveryModel) step() {
	x, room := m.all[m.r.IntN(len(m.all))], []string{"a", "b"}[m.r.IntN(2)]
	switch k := m.r.IntN(80); {
	case k < 20:
		m.emit(func(s *socketio.Server, n int) error { return s.Emit("n", n) }, func(*lived) bool { return true })
	case k < 27:
		m.emit(func(s *socketio.Server, n int) error { return s.To(x.c.ID()).Emit("n", n) }, func(y *lived) bool { return x == y })
	case k < 34 && m.mend == nil: // otherwise nobody knows what the log has first
		m.emit(func(s *socketio.Server, n int) error { return s.To(room).Emit("n", n) }, func(y *lived) bool { return y.rooms[room] })
	case k < 40 && m.mend == nil:
		m.move(x, room)
	case k < 50 && !x.away:
		m.cut(x)
	case k < 68 && x.away:
		m.resume(x, m.r.IntN(3))
	case k < 70 && !x.away:
		x.stalled = true
		m.note(x, "stalls")
		x.c.Stall(true)
	case k == 70 && m.mend == nil:
		m.kick(x)
	case k == 71 && m.mend == nil:
		m.lose()
	case k == 72:
		m.settle()
		m.note(nil, "trim")
		m.log.Trim() // of what all have read
		m.log.Tell()
	case k == 73 && m.mend == nil:
		m.stop()
	case k > 72 && m.mend != nil:
		m.mendIt()
	}
}

// emit emits an event by one of the servers.
func (m *recoveryModel) emit(do func(*socketio.Server, int) error, meant func(*lived) bool) {
	n, from := len(m.sender), m.r.IntN(3)
	err := do(m.servers[from], n)
	m.note(nil, "emit by %d: %v; stopped %v", from, err, m.mend != nil)
	m.sender = append(m.sender, from)
	for _, x := range m.all {
		switch {
		case !meant(x):
		case err == nil || x.away || x.at == from: // who is away and recovered misses nothing
			x.must = append(x.must, n)
		default:
			x.may = append(x.may, n)
			x.excused = true
		}
		if err != nil {
			x.excused = true
		}
	}
}

func (m *recoveryModel) move(x *lived, room string) {
	b := m.servers[m.r.IntN(3)].To(x.c.ID())
	if x.rooms[room] = !x.rooms[room]; x.rooms[room] {
		assert.NoError(m.t, b.SocketsJoin(room))
	} else {
		assert.NoError(m.t, b.SocketsLeave(room))
	}
}

func (m *recoveryModel) cut(x *lived) {
	x.take()
	m.note(x, "cut at %d, has %v, offset %s", x.at, x.got[max(0, len(x.got)-3):], x.c.Offset())
	x.c.Cut()
	x.away, x.stalled = true, false
	x.excused = x.excused || m.mend != nil
}

func (x *lived) take() {
	for _, e := range x.c.Arrived() {
		var n int
		e.Decode(&n)
		x.got = append(x.got, n)
	}
}

// resume has a client come back, and checks whether it is recovered.
func (m *recoveryModel) resume(x *lived, at int) {
	time.Sleep(time.Minute) // its server has noticed
	x.take()
	// After the first loss positions come again, as those of no engine do: a client that
	// brings an older one with it is refused, to be safe.
	excused := x.excused || m.mend != nil || m.losses > 0
	x.c, x.at, x.away = x.c.ResumeAt(m.servers[at]), at, false
	m.note(x, "resumes at %d: %v, excused %v", at, x.c.Recovered(), excused)
	switch recovered := x.c.Recovered(); {
	case recovered && x.across:
		m.fatal("%d: a client is recovered that has lost its session, or was away when the log was lost", slices.Index(m.all, x))
	case !recovered && !excused && !x.across:
		m.fatal("%d: a client is not recovered after %d events", slices.Index(m.all, x), len(m.sender))
	case !recovered:
		m.fresh++
		*x = lived{c: x.c, at: at, rooms: map[string]bool{}}
		if m.mend != nil { // what waits for the log goes to new clients, too
			for n := m.since; n < len(m.sender); n++ {
				x.may = append(x.may, n)
			}
		}
	default:
		m.recovered++
	}
	x.across, x.excused = false, m.mend != nil
}

// settle waits until everything has come that comes.
func (m *recoveryModel) settle() { time.Sleep(3 * time.Second); synctest.Wait() }

// kick ends the session of a client, which may be away.
func (m *recoveryModel) kick(x *lived) {
	m.note(x, "kicked")
	assert.NoError(m.t, m.servers[m.r.IntN(3)].To(x.c.ID()).DisconnectSockets(false))
	m.settle()
	if !x.away {
		m.cut(x)
	}
	x.across = true
	m.kicks++
}

// lose has the engine lose the log.
func (m *recoveryModel) lose() {
	m.settle()
	m.note(nil, "lose")
	m.log.Lose()
	m.settle()
	for _, x := range m.all {
		x.excused, x.across = true, x.across || x.away || x.stalled
	}
	m.losses++
}

// stop stops the engine, now and then for so long that servers have to give something up.
func (m *recoveryModel) stop() {
	m.settle()
	m.note(nil, "stop")
	m.mend = m.log.Stop()
	m.outages++
	m.since = len(m.sender)
	for _, x := range m.all {
		x.excused = true
	}
	if m.r.IntN(4) == 0 {
		from := m.servers[0]
		for range 1100 {
			n := len(m.sender)
			err := from.Emit("n", n)
			m.sender = append(m.sender, 0)
			for _, x := range m.all {
				if err == nil || x.away || x.at == 0 {
					x.must = append(x.must, n)
				} else {
					x.may = append(x.may, n)
				}
			}
		}
	}
}

func (m *recoveryModel) mendIt() {
	m.settle()
	m.note(nil, "mend")
	m.mend()
	m.mend = nil
	m.settle()
}

// finish checks everybody's history.
func (m *recoveryModel) finish() {
	if m.mend != nil {
		m.mendIt()
	}
	for _, x := range m.all {
		if !x.away { // what it has not read is lost with the connection
			m.cut(x)
		}
		m.resume(x, m.r.IntN(3))
		m.settle()
		x.take()
		m.check(x)
	}
	m.t.Logf("%d events, %d recovered, %d fresh, %d outages, %d losses, %d kicks", len(m.sender), m.recovered, m.fresh, m.outages, m.losses, m.kicks)
	assert.True(m.t, "clients were recovered", m.recovered > 3)
}

func (m *recoveryModel) check(x *lived) {
	m.note(x, "is checked")
	m.t.Helper()
	seen, meant := make(map[int]bool), make(map[int]bool)
	for _, n := range slices.Concat(x.must, x.may) {
		meant[n] = true
	}
	var last [3]int
	for _, n := range x.got {
		from := m.sender[n]
		switch {
		case seen[n]:
			m.fatal("event %d came twice", n)
		case n < last[from]:
			m.fatal("event %d of server %d came behind event %d", n, from, last[from])
		case !meant[n]:
			m.fatal("event %d was for somebody else", n)
		}
		seen[n], last[from] = true, n
	}
	for _, n := range x.must {
		if !seen[n] {
			m.fatal("event %d of server %d is lost: got %v of %v", n, m.sender[n], x.got, x.must)
		}
	}
}
