package model

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// kind is what an operation does.
type kind string

// What servers do.
const (
	emitAll     kind = "emit to all"
	emitRoom    kind = "emit to a room"
	emitExcept  kind = "emit to a room except a room"
	emitTo      kind = "emit to an id"
	emitSocket  kind = "emit to a socket"
	volatileAll kind = "emit volatile to all"
	confirm     kind = "emit to a socket and wait for its acknowledgement"
	poll        kind = "emit to all and wait for the acknowledgements"
	fetch       kind = "fetch sockets"
	put         kind = "put a socket into a room"
	take        kind = "take a socket out of a room"
	kick        kind = "disconnect a socket"
)

// What clients do.
const (
	say     kind = "emit, and the handler emits to a room"
	ask     kind = "emit and wait for the acknowledgement"
	join    kind = "ask to join a room"
	leave   kind = "ask to leave a room"
	upgrade kind = "upgrade"
	stall   kind = "do not read for a while"
	cut     kind = "lose the connection, and come back"
	hop     kind = "come back before the server has noticed the loss"
	goodbye kind = "disconnect, and come back with the old session"
)

// What happens to the cluster.
const (
	part     kind = "part the network between two nodes"
	pause    kind = "a node does nothing"
	stopLog  kind = "the log stops"
	loseLog  kind = "the log begins anew"
	trimLog  kind = "the log forgets"
	kill     kind = "a node is killed"
	shutdown kind = "a node is shut down"
)

// op is one operation. Those of one actor run one after another.
type op struct {
	actor   string
	kind    kind
	wait    time.Duration // before it
	long    time.Duration // how long it takes, or the client is away
	client  int           // by whom or to whom
	node    int           // where, or where to
	other   int           // node
	room    string
	without string // room
}

func (o op) String() string {
	return fmt.Sprintf("%-9s after %-12v %s: client %d, node %d (%d), room %q without %q, for %v",
		o.actor, o.wait, o.kind, o.client, o.node, o.other, o.room, o.without, o.long)
}

// form is what joins the nodes.
type form string

const (
	alone   form = "one node"
	network form = "three nodes"
	byRoom  form = "three nodes that subscribe by room"
	withLog form = "three nodes with a log"
)

// scenario is all that a seed decides.
type scenario struct {
	seed     uint64
	form     form
	recovery bool
	clients  int
	ops      []op
}

func (s scenario) nodes() int {
	if s.form == alone {
		return 1
	}
	return 3
}

func (s scenario) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %s, recovery %t, %d clients, %d operations\n", s.seed, s.form, s.recovery, s.clients, len(s.ops))
	for _, o := range s.ops {
		fmt.Fprintln(&b, "   ", o)
	}
	return b.String()
}

// has reports whether something of these kinds happens.
func (s scenario) has(kinds ...kind) bool {
	return slices.ContainsFunc(s.ops, func(o op) bool { return slices.Contains(kinds, o.kind) })
}

var rooms = []string{"a", "b", "c"}

// weights say how often each kind of operation is drawn.
type weights []struct {
	kind kind
	n    int
}

var (
	byServers = weights{{emitAll, 6}, {emitRoom, 8}, {emitExcept, 3}, {emitTo, 4}, {emitSocket, 4}, {volatileAll, 1},
		{confirm, 3}, {poll, 1}, {fetch, 1}, {put, 2}, {take, 1}, {kick, 1}}
	byClients = weights{{say, 6}, {ask, 3}, {join, 5}, {leave, 2}, {upgrade, 1}, {stall, 1}, {cut, 4}, {hop, 1}, {goodbye, 1}}
	toNetwork = weights{{part, 3}, {pause, 2}, {kill, 1}, {shutdown, 1}}
	toLog     = weights{{pause, 1}, {stopLog, 3}, {kill, 1}, {shutdown, 1}}
	ofLog     = weights{{pause, 1}, {loseLog, 1}, {trimLog, 1}, {kill, 1}, {shutdown, 1}}
)

func (ws weights) draw(r *rand.Rand) kind {
	sum := 0
	for _, w := range ws {
		sum += w.n
	}
	n := r.IntN(sum)
	for _, w := range ws {
		if n -= w.n; n < 0 {
			return w.kind
		}
	}
	panic("unreachable")
}

// generate makes the scenario of a seed. In real time everything takes milliseconds, and
// what depends on how long something takes does not happen.
func generate(seed uint64, real bool) scenario {
	r := rand.New(rand.NewPCG(seed, 16))
	s := scenario{seed: seed, recovery: r.IntN(4) > 0, clients: 1 + r.IntN(5)}
	s.form = []form{alone, alone, network, network, byRoom, withLog, withLog, withLog}[r.IntN(8)]
	s.recovery = s.recovery || s.form == withLog
	var actors []string
	for i := range s.clients {
		actors = append(actors, fmt.Sprint("client ", i))
	}
	for i := range 1 + r.IntN(3) {
		actors = append(actors, fmt.Sprint("server ", i))
	}
	fates := toNetwork
	if s.form == withLog { // what is lost of a log that has stopped nobody can tell
		fates = []weights{toLog, ofLog}[r.IntN(2)]
	}
	faulty := s.form != alone && s.form != byRoom && r.IntN(3) > 0 && !real
	if faulty {
		actors = append(actors, "fate")
	}
	span := []time.Duration{0, time.Millisecond, 50 * time.Millisecond, 3 * time.Second, 3 * time.Minute}
	if real {
		span = span[:2]
	}
	draw := func() time.Duration {
		if r.IntN(2) == 0 {
			return 0
		}
		return time.Duration(r.Int64N(int64(span[r.IntN(len(span))]) + 1))
	}
	for range 10 + r.IntN(110) {
		o := op{actor: actors[r.IntN(len(actors))], wait: draw(), long: draw(), client: r.IntN(s.clients),
			node: r.IntN(s.nodes()), other: r.IntN(s.nodes()), room: rooms[r.IntN(3)], without: rooms[r.IntN(3)]}
		switch who, number, _ := strings.Cut(o.actor, " "); who {
		case "client":
			o.kind = byClients.draw(r)
			o.client = int(number[0] - '0')
		case "server":
			o.kind = byServers.draw(r)
			o.node = int(number[0]-'0') % s.nodes() // the order of one node's is a promise
		case "fate":
			if r.IntN(3) > 0 {
				continue // not all the time
			}
			o.kind = fates.draw(r)
		}
		s.ops = append(s.ops, o)
	}
	return s
}
