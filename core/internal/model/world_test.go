package model

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/adapter/adaptertest"
)

// keep is how long sessions are kept.
const keep = 10 * time.Minute

// world is a scenario that runs.
type world struct {
	scenario
	*history
	tb      *trial
	real    bool
	servers []*socketio.Server
	fronts  []*httptest.Server // in real time
	log     *adaptertest.Log
	members []*member
	due     map[[2]int]time.Duration // when the last message between two nodes arrives
	paused  [3]time.Duration         // until when a node does nothing
}

// trial is the testing.TB of the clients: what they find is a complaint, and what they
// give up over a panic of theirs.
type trial struct {
	testing.TB
	h *history
}

type givenUp string

func (t *trial) Helper()                           {}
func (t *trial) Fatal(args ...any)                 { panic(givenUp(fmt.Sprint(args...))) }
func (t *trial) Fatalf(format string, args ...any) { panic(givenUp(fmt.Sprintf(format, args...))) }
func (t *trial) Errorf(format string, args ...any) { t.h.complain(fmt.Sprintf(format, args...)) }

// attempt calls f and returns what it has given up over.
func attempt(f func()) (why string) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case givenUp:
			why = string(e)
		default:
			panic(e)
		}
	}()
	f()
	return ""
}

// run lets the scenario happen, in virtual time or not, and returns what is wrong.
func (s scenario) run(t *testing.T, real bool) (complaints []string) {
	if real {
		w := newWorld(t, s, true)
		complaints = w.happen()
		return complaints
	}
	synctest.Test(t, func(t *testing.T) { complaints = newWorld(t, s, false).happen() })
	return complaints
}

func newWorld(t *testing.T, s scenario, real bool) *world {
	w := &world{scenario: s, history: newHistory(), real: real, due: map[[2]int]time.Duration{}}
	w.tb = &trial{t, w.history}
	o := socketio.Options{Logger: slog.New(slog.DiscardHandler), AckTimeout: 5 * time.Second}
	if s.recovery {
		o.Recovery = &socketio.Recovery{MaxDisconnection: keep}
	}
	switch s.form {
	case alone:
		srv := socketio.NewServer(&o)
		t.Cleanup(srv.Close)
		w.servers = []*socketio.Server{srv}
	case network:
		w.servers = adaptertest.Faulty(t, 3, o, w.pass)
	case byRoom:
		w.servers = adaptertest.ClusterByRoom(t, 3, o)
	case withLog:
		w.servers, w.log = adaptertest.ClusterWithLog(t, 3, o)
	}
	for node, srv := range w.servers {
		w.register(node, srv)
		if real {
			front := httptest.NewServer(srv)
			t.Cleanup(front.Close)
			w.fronts = append(w.fronts, front)
		}
	}
	for i := range s.clients {
		w.members = append(w.members, &member{w: w, place: i, transport: []string{"websocket", "polling"}[(int(s.seed)+i)%2]})
	}
	return w
}

// register is the application.
func (w *world) register(node int, srv *socketio.Server) {
	srv.OnConnect(func(s *socketio.Socket) { w.arrive(s.ID(), 1) })
	srv.OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) { w.arrive(s.ID(), -1) })
	srv.OnGap(func(e socketio.GapEvent) {
		if e.Type == adapter.GapIncoming {
			w.mu.Lock()
			w.gaps = append(w.gaps, gap{node, w.nowLocked()})
			w.mu.Unlock()
		}
	})
	srv.On("do", func(s *socketio.Socket, client, seq int, what kind, room string) int {
		w.mu.Lock()
		w.handled = append(w.handled, handling{client, seq, s.ID()})
		if w.there[s.ID()] != 1 {
			w.complaint = append(w.complaint, fmt.Sprintf("an event of client %d is handled while %d connections of its socket are there", client, w.there[s.ID()]))
		}
		w.mu.Unlock()
		switch what {
		case join:
			_ = s.Join(room)
		case leave:
			s.Leave(room)
		case say:
			w.emit(emission{kind: say, actor: "handler " + s.ID(), node: node, room: room}, func(n int) error { return srv.To(room).Emit("n", n) })
		}
		return seq
	})
}

// arrive counts the connections of a socket: one at a time.
func (w *world) arrive(id string, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.there[id] += n
	if c := w.there[id]; c < 0 || c > 1 {
		w.complaint = append(w.complaint, fmt.Sprintf("socket %s has %d connections by its hooks", id, c))
	}
}

// happen runs the operations of all actors at once, ends all faults, and checks.
func (w *world) happen() []string {
	for i, m := range w.members {
		m.connect((int(w.seed)+i)%w.nodes(), nil)
	}
	acts := map[string][]op{}
	for _, o := range w.ops {
		acts[o.actor] = append(acts[o.actor], o)
	}
	var actors sync.WaitGroup
	for actor, ops := range acts {
		actors.Go(func() {
			for _, o := range ops {
				time.Sleep(o.wait)
				switch who, _, _ := strings.Cut(actor, " "); who {
				case "client":
					w.members[o.client].act(o)
				case "server":
					w.serve(o)
				default:
					w.befall(o)
				}
			}
		})
	}
	actors.Wait()
	if !w.real {
		time.Sleep(2 * time.Minute) // every loss is noticed
	}
	for _, m := range w.members {
		m.finish()
	}
	return w.settle()
}

// settle waits until everything has arrived, and returns what is wrong.
func (w *world) settle() []string {
	if !w.real {
		time.Sleep(time.Minute)
		synctest.Wait()
		complaints := w.check()
		w.end()
		return complaints
	}
	complaints := w.check()
	for range 600 { // half a minute, of a busy machine
		if len(complaints) == 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
		complaints = w.check()
	}
	w.end()
	return complaints
}

func (w *world) end() {
	for _, m := range w.members {
		m.end()
	}
}

// session is the current one of a client, by which servers name it.
func (w *world) session(client int) (s *session, at int) {
	m := w.members[client]
	w.mu.Lock()
	defer w.mu.Unlock()
	if m.session == nil {
		return nil, 0
	}
	return m.session, m.session.last().node
}

// serve is what a server does by itself.
func (w *world) serve(o op) {
	srv := w.servers[o.node]
	s, at := w.session(o.client)
	e := emission{kind: o.kind, actor: o.actor, node: o.node}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var socket *socketio.Socket
	switch o.kind {
	case emitTo, put, take, kick:
		if s == nil {
			return
		}
	case emitSocket, confirm:
		if s == nil || at != o.node {
			return
		}
		var ok bool
		if socket, ok = srv.Socket(s.id); !ok {
			return
		}
	}
	switch o.kind {
	case emitAll:
		w.emit(e, func(n int) error { return srv.Emit("n", n) })
	case emitRoom:
		e.room = o.room
		w.emit(e, func(n int) error { return srv.To(o.room).Emit("n", n) })
	case emitExcept:
		e.room, e.without = o.room, o.without
		w.emit(e, func(n int) error { return srv.To(o.room).Except(o.without).Emit("n", n) })
	case volatileAll:
		w.emit(e, func(n int) error { return srv.Volatile().Emit("n", n) })
	case emitTo:
		e.id = s.id
		w.emit(e, func(n int) error { return srv.To(s.id).Emit("n", n) })
	case emitSocket:
		e.id = s.id
		w.emit(e, func(n int) error { return socket.Emit("n", n) })
	case confirm:
		e.id = s.id
		w.emit(e, func(n int) error {
			answer, err := socket.EmitWithAck(ctx, "n", n)
			if err == nil {
				w.answered(n, []*socketio.Reply{answer})
			}
			return err
		})
	case poll:
		w.emit(e, func(n int) error {
			answers, err := srv.EmitWithAck(ctx, "n", n)
			w.answered(n, answers)
			return err
		})
	case fetch:
		w.fetch(ctx, srv)
	case put, take:
		done := w.begin(s, change{room: o.room, in: o.kind == put, actor: o.actor, node: o.node})
		to := srv.To(s.id)
		if o.kind == put && to.SocketsJoin(o.room) == nil || o.kind == take && to.SocketsLeave(o.room) == nil {
			done()
		}
	case kick:
		done := w.begin(s, change{actor: o.actor, node: o.node})
		if srv.To(s.id).DisconnectSockets(o.room == "a") == nil {
			done()
		}
	}
}

// answered records acknowledgements of clients: each says which event it is of, and who it is.
func (w *world) answered(n int, answers []*socketio.Reply) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range answers {
		var of int
		var id string
		if err := a.Decode(&of, &id); err != nil || of != n {
			w.complaint = append(w.complaint, fmt.Sprintf("event %d is acknowledged with what is of event %d (%v)", n, of, err))
			continue
		}
		if slices.Contains(w.answers[n], id) {
			w.complaint = append(w.complaint, fmt.Sprintf("event %d is acknowledged twice by %s", n, id))
		}
		w.answers[n] = append(w.answers[n], id)
	}
}

func (w *world) fetch(ctx context.Context, srv *socketio.Server) {
	f := fetching{start: w.now()}
	sockets, err := srv.FetchSockets(ctx)
	if err != nil {
		return
	}
	for _, s := range sockets {
		f.ids = append(f.ids, s.ID())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	f.end = w.nowLocked()
	w.fetched = append(w.fetched, f)
}

// befall is what happens to nodes.
func (w *world) befall(o op) {
	for range 2 {
		runtime.Gosched() // others begin something first, sometimes
	}
	f := fault{kind: o.kind, node: o.node, with: o.other}
	switch o.kind {
	case part:
		over := w.strike(f)
		time.Sleep(o.long)
		over()
	case pause:
		w.freeze(o, f)
	case stopLog:
		over := w.strike(f)
		mend := w.log.Stop()
		time.Sleep(o.long)
		mend()
		over()
	case loseLog, trimLog:
		over := w.strike(f)
		if o.kind == loseLog {
			w.log.Lose()
		} else {
			w.log.Trim()
		}
		over()
	case kill, shutdown:
		w.mu.Lock()
		dead := w.deadLocked(o.node) || w.deadLocked((o.node+1)%3) || w.deadLocked((o.node+2)%3)
		w.mu.Unlock()
		if dead { // two nodes stay
			return
		}
		w.strike(f) // for ever
		if o.kind == kill {
			w.servers[o.node].Close()
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = w.servers[o.node].Shutdown(ctx) // a client that does not read may outlast it
	}
}

// deadLocked is called with mu held.
func (w *world) deadLocked(node int) bool {
	return w.struckLocked(kill, node, 0) || w.struckLocked(shutdown, node, 0)
}

// freeze has a node do nothing: what goes in and out of it waits.
func (w *world) freeze(o op, f fault) {
	over := w.strike(f)
	w.mu.Lock()
	w.paused[o.node] = time.Since(w.began) + o.long
	w.mu.Unlock()
	var stalled []*member
	for _, m := range w.members {
		if s, at := w.session(m.place); s != nil && at == o.node {
			m.stall(true)
			stalled = append(stalled, m)
		}
	}
	time.Sleep(o.long)
	for _, m := range stalled {
		m.stall(false)
	}
	over()
}

// pass is the network between nodes: it loses what is parted, and keeps the order of what
// waits for a node that does nothing.
func (w *world) pass(m adaptertest.Message) []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.struckLocked(part, m.From, m.To) {
		return nil
	}
	now := time.Since(w.began)
	link := [2]int{m.From, m.To}
	at := max(now, w.paused[m.From], w.paused[m.To])
	if at == now && w.due[link] < now {
		return []time.Duration{0}
	}
	at = max(at, w.due[link]) + 1
	w.due[link] = at
	return []time.Duration{at - now}
}
