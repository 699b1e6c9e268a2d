package load

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Scenario is one kind of load.
type Scenario struct {
	Name  string
	Title string
	Unit  string // what Values count per: "message", "delivery", "connection"
	Kinds []Kind // of servers it can load
	Fresh bool   // needs a server that has done nothing yet
	Quick bool   // part of the two-minute run
	Conns int    // connections that it makes first; a join counts as a half
	run   func(*env) (Result, error)
}

// Takes is about how long the scenario takes once. A connection takes 0.2 to
// 0.9 ms to make, by the server.
func (s Scenario) Takes(p Params) time.Duration {
	const each = 400 * time.Microsecond
	switch {
	case s.Rests():
		return p.Settle*3/2 + time.Duration(p.Idle)*each
	case s.Name == "connect":
		return time.Duration(p.Connects*5/4) * each
	}
	return p.Warm + p.Measure + time.Duration(s.Conns/p.Divide)*each
}

// Fits says whether the scenario can load a server of that kind.
func (s Scenario) Fits(kind Kind) bool { return slices.Contains(s.Kinds, kind) }

// Rests says whether the scenario measures memory, not CPU time.
func (s Scenario) Rests() bool { return strings.HasPrefix(s.Name, "idle") }

// Find returns the scenario of that name.
func Find(name string) (Scenario, bool) {
	i := slices.IndexFunc(Scenarios, func(s Scenario) bool { return s.Name == name })
	if i < 0 {
		return Scenario{}, false
	}
	return Scenarios[i], true
}

// Scenarios are all loads, in the order in which they run.
var Scenarios = scenarios()

func scenarios() []Scenario {
	sio, ws, polls := []Kind{SocketIO}, []Kind{SocketIO, BareEcho}, []Kind{SocketIO, BareHTTP}
	list := []Scenario{
		{"echo1", "echo, 1 in flight", "message", ws, false, true, 1, echo(1, 1)},
		{"echo32", "echo, 32 in flight", "message", ws, false, true, 32, echo(32, 1)},
		{"echo32-pipelined", "echo, 32 in flight on one connection", "message", ws, false, false, 1, echo(1, 32)},
		{"ack", "acknowledgement, 1 in flight", "message", sio, false, true, 1, ack(1, 1)},
		{"bcast1", "broadcast to 1,000, 1 in flight", "delivery", sio, false, true, 1500, broadcast(1000, 1, 0)},
		{"bcast16", "broadcast to 1,000, 16 in flight", "delivery", sio, false, true, 1500, broadcast(1000, 16, 0)},
		{"burst", "burst of 1,000 to one client", "message", sio, false, true, 1, burst(1000)},
		{"polling-echo", "polling echo, POST then GET, 16 sessions", "message", polls, false, true, 16, pollingEcho(16, false)},
		{"polling-parked", "polling echo, GET parked, 16 sessions", "message", polls, false, false, 32, pollingEcho(16, true)},
		{"connect", "connect and join", "connection", sio, true, true, 0, connect},
		{"idle", "idle WebSocket", "connection", ws, true, true, 0, idle(false)},
		{"idle-browser", "idle WebSocket, a browser's headers", "connection", ws, true, false, 0, idle(true)},
		{"idle-polling", "idle polling session", "connection", sio, true, true, 0, idlePolling},
		{"idle-parked", "parked poll", "connection", polls, true, false, 0, idleParked},
		{"latency-echo", "latency of echo, 2,000 a second over 100 connections", "message", ws, false, true, 100, latencyEcho(100, 2000)},
		{"latency-bcast", "latency of broadcast to 1,000, 10 a second", "delivery", sio, false, false, 1500, latencyBroadcast(1000, 10, 1)},
		{"bcast16-paced", "16 broadcasts to 1,000 at once, 25 times a second", "delivery", sio, false, false, 1500, latencyBroadcast(1000, 25, 16)},
	}
	for _, size := range []int{2000, 5000, 10000} { // bcast1 is the room of 1,000
		list = append(list, Scenario{
			fmt.Sprintf("room-%d", size), fmt.Sprintf("broadcast to %d, 1 in flight", size),
			"delivery", sio, false, false, size * 3 / 2, broadcast(size, 1, 0),
		})
	}
	for _, others := range []int{1000, 10000} {
		list = append(list, Scenario{
			fmt.Sprintf("rooms-%d", others), fmt.Sprintf("broadcast to 1,000 beside %d other rooms", others),
			"delivery", sio, false, false, (3000 + others) / 2, broadcast(1000, 1, others),
		})
	}
	return list
}

// expect compares a message with what must come.
func (e *env) expect(got []byte, want []byte) error {
	e.scratch = want
	if !bytes.Equal(got, want) {
		return fmt.Errorf("load: got %.120q, want %.120q", got, want)
	}
	return nil
}

// A builder appends the n-th message of a connection.
type builder func(dst []byte, n uint64) []byte

func echoEvent(dst []byte, n uint64) []byte { return AppendEvent(dst, "echo", n) }
func msgEvent(dst []byte, n uint64) []byte  { return AppendEvent(dst, "msg", n) }
func ackEvent(dst []byte, n uint64) []byte  { return AppendAckEvent(dst, "ack", n) }

func echo(conns, inFlight int) func(*env) (Result, error) {
	return func(e *env) (Result, error) { return e.answers(conns, inFlight, echoEvent, echoEvent) }
}

func ack(conns, inFlight int) func(*env) (Result, error) {
	return func(e *env) (Result, error) { return e.answers(conns, inFlight, ackEvent, AppendAck) }
}

// answers is a closed load of messages with one answer each.
func (e *env) answers(conns, inFlight int, question, answer builder) (Result, error) {
	var sent uint64
	send := func(ws *WS) {
		e.scratch = question(e.scratch[:0], ws.sent)
		ws.send(e.scratch)
		ws.sent++
		sent++
	}
	clients, err := e.connectAll(conns, false, func(ws *WS, text []byte) error {
		err := e.expect(text, answer(e.scratch[:0], ws.received))
		ws.received++
		e.count++
		if err == nil && !e.stopping {
			send(ws)
		}
		return err
	})
	if err != nil {
		return Result{}, err
	}
	start := func() error {
		for _, ws := range clients {
			for range inFlight {
				send(ws)
			}
			if err := ws.flush(); err != nil {
				return err
			}
		}
		return nil
	}
	return e.closed(start, func() uint64 { return sent - e.count })
}

// burst floods one client with size events per command.
func burst(size uint64) func(*env) (Result, error) {
	return func(e *env) (Result, error) {
		var sent uint64
		send := func(ws *WS) {
			ws.send(AppendCommand(nil, "flood", fmt.Sprint(size), ws.sent))
			ws.sent++
			sent += size
		}
		clients, err := e.connectAll(1, false, func(ws *WS, text []byte) error {
			err := e.expect(text, msgEvent(e.scratch[:0], ws.received/size))
			ws.received++
			e.count++
			if err == nil && !e.stopping && ws.received%size == 0 {
				send(ws)
			}
			return err
		})
		if err != nil {
			return Result{}, err
		}
		start := func() error {
			send(clients[0])
			return clients[0].flush()
		}
		return e.closed(start, func() uint64 { return sent - e.count })
	}
}

// connect measures the CPU time of handshake and join.
func connect(e *env) (Result, error) {
	if _, err := e.connectAll(max(e.Connects/4, 1), false, unexpected); err != nil {
		return Result{}, err
	}
	begin, err := e.sample()
	if err != nil {
		return Result{}, err
	}
	if _, err := e.connectAll(e.Connects, false, unexpected); err != nil {
		return Result{}, err
	}
	e.count = uint64(e.Connects)
	end, err := e.sample()
	if err != nil {
		return Result{}, err
	}
	return perMessage(begin, end)
}

func unexpected(_ *WS, text []byte) error {
	return fmt.Errorf("load: unexpected message %.80q", text)
}

// schedule is an open load: message i is due at start + i/rate, whether or not
// the earlier ones were answered, and its latency counts from that time, so a
// server that stalls is charged for all the messages it kept waiting.
type schedule struct {
	start     time.Time
	interval  time.Duration
	sent      uint64
	latencies []time.Duration
	from      time.Time // latencies count for messages due after it
}

func (s *schedule) due(i uint64) time.Time { return s.start.Add(time.Duration(i) * s.interval) }

func (s *schedule) arrived(i uint64) {
	if due := s.due(i); !due.Before(s.from) {
		s.latencies = append(s.latencies, time.Since(due))
	}
}

// open runs a schedule: send is called once per message in order, and arrived
// must be called for each of them.
func (e *env) open(s *schedule, rate int, send func(i uint64) error, pending func() uint64) (Result, error) {
	s.start, s.interval = time.Now(), time.Second/time.Duration(rate)
	s.from = s.start.Add(e.Warm)
	e.loop.onTimer = func() error {
		for !e.stopping && !s.due(s.sent).After(time.Now()) {
			if err := send(s.sent); err != nil {
				return err
			}
			s.sent++
		}
		if !e.stopping {
			e.loop.wakeAt(s.due(s.sent))
		}
		return nil
	}
	result, err := e.closed(e.loop.onTimer, pending)
	if err != nil {
		return result, err
	}
	result.Curve = Curve(s.latencies)
	return result, nil
}

func latencyEcho(conns, rate int) func(*env) (Result, error) {
	return func(e *env) (Result, error) {
		s := &schedule{}
		clients, err := e.connectAll(conns, false, func(ws *WS, text []byte) error {
			s.arrived(ws.received*uint64(conns) + uint64(ws.index))
			err := e.expect(text, echoEvent(e.scratch[:0], ws.received))
			ws.received++
			e.count++
			return err
		})
		if err != nil {
			return Result{}, err
		}
		send := func(i uint64) error {
			ws := clients[i%uint64(conns)]
			e.scratch = echoEvent(e.scratch[:0], ws.sent)
			ws.send(e.scratch)
			ws.sent++
			return ws.flush()
		}
		return e.open(s, rate, send, func() uint64 { return s.sent - e.count })
	}
}
