package load

import (
	"bytes"
	"fmt"
	"net/netip"
	"syscall"
	"time"
)

// Latency is how long the answer to one message took.
type Latency struct {
	Due  int64         `json:"due"` // when the message was to be sent, in ns since 1970
	Took time.Duration `json:"took"`
}

// RunSteady has conns clients send rate echoes a second together, calls ready when all
// have joined, and returns the latency of each when stop is closed. Every answer must
// come, once and in order.
func RunSteady(address netip.AddrPort, conns, rate int, ready func(), stop <-chan struct{}) ([]Latency, error) {
	loop, err := NewLoop()
	if err != nil {
		return nil, err
	}
	defer loop.Close()
	e := &env{
		Params: Levels["full"], target: Target{Address: address, Kind: SocketIO}, loop: loop, host: address.String(),
		address: &syscall.SockaddrInet4{Port: int(address.Port()), Addr: address.Addr().As4()},
	}
	var all []Latency
	s := &schedule{interval: time.Second / time.Duration(rate)}
	clients, err := e.connectAll(conns, false, func(ws *WS, text []byte) error {
		due := s.due(ws.received*uint64(conns) + uint64(ws.index))
		all = append(all, Latency{due.UnixNano(), time.Since(due)})
		want := echoEvent(e.scratch[:0], ws.received) // with recovery an offset comes before the bracket
		if !bytes.HasPrefix(text, want[:len(want)-1]) {
			return fmt.Errorf("load: got %.80q, want %s", text, want)
		}
		ws.received++
		e.count++
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.start = time.Now()
	loop.onTimer = func() error {
		for ; !s.due(s.sent).After(time.Now()); s.sent++ {
			ws := clients[s.sent%uint64(conns)]
			e.scratch = echoEvent(e.scratch[:0], ws.sent)
			ws.send(e.scratch)
			ws.sent++
			if err := ws.flush(); err != nil {
				return err
			}
		}
		loop.wakeAt(s.due(s.sent))
		return nil
	}
	if err := loop.onTimer(); err != nil {
		return nil, err
	}
	ready()
	for {
		select {
		case <-stop:
			loop.onTimer = nil
			return all, e.drain(func() uint64 { return s.sent - e.count })
		default:
		}
		if err := loop.pause(20 * time.Millisecond); err != nil {
			return nil, err
		}
	}
}
