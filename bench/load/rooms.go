package load

import (
	"fmt"
	"math"
)

// room is a set of clients in one room, and a sender outside it.
type room struct {
	members []*WS
	sender  *WS
	sent    uint64
	arrived []int // deliveries of the messages in flight, by number
}

const roomName = "bench"

// enterRoom connects the members and the sender, and joins the room; the other
// rooms have one member each, spread over the members.
func enterRoom(e *env, members, others int, onMessage func(*WS, []byte) error) (*room, error) {
	joining, pending := true, 0
	clients, err := e.connectAll(members+1, false, func(ws *WS, text []byte) error {
		if !joining {
			return onMessage(ws, text)
		}
		pending--
		ws.received++
		return e.expect(text, AppendJoined(e.scratch[:0], ws.received-1))
	})
	if err != nil {
		return nil, err
	}
	r := &room{members: clients[:members], sender: clients[members]}
	join := func(ws *WS, name string) error {
		e.scratch = AppendJoin(e.scratch[:0], ws.sent, name)
		ws.send(e.scratch)
		ws.sent++
		pending++
		return ws.flush()
	}
	for _, ws := range r.members {
		if err := join(ws, roomName); err != nil {
			return nil, err
		}
	}
	for i := range others {
		if err := join(r.members[i%members], fmt.Sprintf("other-%d", i)); err != nil {
			return nil, err
		}
	}
	if err := e.loop.run(e.Patience, func() bool { return pending == 0 }); err != nil {
		return nil, fmt.Errorf("%w: %d joins not acknowledged", err, pending)
	}
	joining = false
	for _, ws := range r.members {
		ws.sent, ws.received = 0, 0
	}
	return r, nil
}

// say sends the next message to the room.
func (r *room) say() error {
	r.sender.send(AppendCommand(nil, "bcast", `"`+roomName+`"`, r.sent))
	r.sent++
	return r.sender.flush()
}

// pending is the number of deliveries that are still to come.
func (r *room) pending(e *env) uint64 { return r.sent*uint64(len(r.members)) - e.count }

// broadcast is a closed load: a message that has reached every member makes
// room for the next one.
func broadcast(members, inFlight, others int) func(*env) (Result, error) {
	return func(e *env) (Result, error) {
		members, others := max(members/e.Divide, 1), int(math.Ceil(float64(others)/float64(e.Divide)))
		var r *room
		deliver := func(ws *WS, text []byte) error {
			if err := e.expect(text, msgEvent(e.scratch[:0], ws.received)); err != nil {
				return err
			}
			slot := ws.received % uint64(inFlight)
			ws.received++
			e.count++
			if r.arrived[slot]++; r.arrived[slot] < members {
				return nil
			}
			r.arrived[slot] = 0
			if e.stopping {
				return nil
			}
			return r.say()
		}
		r, err := enterRoom(e, members, others, func(ws *WS, text []byte) error { return deliver(ws, text) })
		if err != nil {
			return Result{}, err
		}
		r.arrived = make([]int, inFlight)
		start := func() error {
			for range inFlight {
				if err := r.say(); err != nil {
					return err
				}
			}
			return nil
		}
		return e.closed(start, func() uint64 { return r.pending(e) })
	}
}

// latencyBroadcast is an open load of so many broadcasts at a time.
func latencyBroadcast(members, rate, together int) func(*env) (Result, error) {
	return func(e *env) (Result, error) {
		members := max(members/e.Divide, 1)
		s := &schedule{}
		r, err := enterRoom(e, members, 0, func(ws *WS, text []byte) error {
			s.arrived(ws.received / uint64(together))
			err := e.expect(text, msgEvent(e.scratch[:0], ws.received))
			ws.received++
			e.count++
			return err
		})
		if err != nil {
			return Result{}, err
		}
		say := func(uint64) error {
			for range together {
				if err := r.say(); err != nil {
					return err
				}
			}
			return nil
		}
		return e.open(s, rate, say, func() uint64 { return r.pending(e) })
	}
}
