package load

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// SlowLoad is the broadcasts of RunSlow.
type SlowLoad struct {
	Others  int // clients that read
	Slow    int // clients that come and go beside them
	Rate    int // broadcasts a second
	Size    int // bytes of an event
	Warm    time.Duration
	Measure time.Duration
	PID     int // of the server
}

// SlowPhase is what the clients that read have noticed in one phase.
type SlowPhase struct {
	Took []time.Duration // from when a broadcast was due until a client had it, sorted
	Cut  int             // of the clients beside them, those that the server has disconnected
	CPU  float64         // of the server, in CPUs
	RSS  uint64          // of the server at the end, in bytes
}

// Beside says what other clients are in the room.
type Beside int

// The phases of RunSlow.
const (
	BesideNone    Beside = iota // no others
	BesideReaders               // others, which read
	BesideSlow                  // others, which take 8 KB in 3 s, and come back when they are disconnected
)

// RunSlow has clients that read get broadcasts, and measures one phase after the other.
// Each of their events must come, once and in order, and none of them may be disconnected.
func RunSlow(address netip.AddrPort, o SlowLoad, phases []Beside) ([]SlowPhase, error) {
	loop, err := NewLoop()
	if err != nil {
		return nil, err
	}
	defer loop.Close()
	l := &slowLoad{SlowLoad: o, beside: map[*Conn]*WS{}, padding: bytes.Repeat([]byte{'x'}, max(o.Size-40, 0)), env: &env{
		Params: Levels["full"], target: Target{Address: address, Kind: SocketIO}, loop: loop, host: address.String(),
		address: &syscall.SockaddrInet4{Port: int(address.Port()), Addr: address.Addr().As4()},
	}}
	if err := l.connect(); err != nil {
		return nil, err
	}
	results := make([]SlowPhase, 0, len(phases))
	for _, beside := range phases {
		r, err := l.phase(beside)
		if err != nil {
			return results, err
		}
		results = append(results, r)
	}
	l.stopping = true
	return results, l.drain(func() uint64 { return l.s.sent*uint64(o.Others) - l.count })
}

type slowLoad struct {
	SlowLoad
	*env
	s        schedule
	readers  []*WS
	padding  []byte
	beside   map[*Conn]*WS // of the phase
	unread   bool          // those do not read
	sip      time.Time     // when they take a little
	again    []time.Time   // when one that was disconnected comes back
	cut      int
	measures bool
	took     []time.Duration
}

const joinRoom = `420["join","slow"]`

// connect connects the clients that read, and starts the broadcasts.
func (l *slowLoad) connect() (err error) {
	joined := 0
	l.readers, err = l.connectAll(l.Others, false, func(ws *WS, text []byte) error {
		if bytes.HasPrefix(text, []byte("43")) {
			joined++
			return nil
		}
		return l.got(ws, text)
	})
	if err != nil {
		return err
	}
	for _, ws := range l.readers {
		ws.send([]byte(joinRoom))
		if err := ws.flush(); err != nil {
			return err
		}
	}
	if err := l.loop.run(l.Patience, func() bool { return joined == l.Others }); err != nil {
		return err
	}
	l.s.start, l.s.interval = time.Now(), time.Second/time.Duration(l.Rate)
	l.loop.onTimer, l.loop.onError = l.tick, l.failed
	return l.tick()
}

// got takes a broadcast.
func (l *slowLoad) got(ws *WS, text []byte) error {
	number, _, _ := bytes.Cut(bytes.TrimPrefix(text, []byte(`42["msg","`)), []byte{' '})
	if n, err := strconv.ParseUint(string(number), 10, 64); err != nil || n != ws.received {
		return fmt.Errorf("load: got %.40q, want broadcast %d", text, ws.received)
	}
	if l.measures {
		l.took = append(l.took, time.Since(l.s.due(ws.received)))
	}
	ws.received++
	l.count++
	return nil
}

// tick sends the broadcasts that are due, and has those come back that were disconnected.
func (l *slowLoad) tick() error {
	now := time.Now()
	for ; !l.stopping && !l.s.due(l.s.sent).After(now); l.s.sent++ {
		l.readers[0].send(fmt.Appendf(nil, `42["bcast","slow","%d %s"]`, l.s.sent, l.padding))
		if err := l.readers[0].flush(); err != nil {
			return err
		}
	}
	if l.unread && now.After(l.sip) {
		l.sip = now.Add(3 * time.Second)
		for c := range l.beside {
			if c.unread {
				rawRead(c.fd, l.loop.buf[:8<<10]) // an end is an event of its own
			}
		}
	}
	for len(l.again) > 0 && !l.again[0].After(now) {
		l.again = l.again[1:]
		if err := l.dial(); err != nil {
			return err
		}
	}
	if !l.stopping {
		l.loop.wakeAt(l.s.due(l.s.sent))
	}
	return nil
}

// dial connects one of those beside the readers.
func (l *slowLoad) dial() error {
	ws := &WS{kind: SocketIO, request: websocketRequest(l.host, SocketIO, false)}
	ws.onJoined = func(ws *WS) error {
		ws.send([]byte(joinRoom))
		return nil
	}
	ws.onMessage = func(ws *WS, text []byte) error {
		ws.received++
		ws.unread = l.unread
		return nil
	}
	l.loop.narrow = l.unread
	if err := l.loop.dialWS(l.address, ws); err != nil {
		return err
	}
	l.beside[ws.Conn] = ws
	return nil
}

// failed is the end of a connection: those beside the readers come back.
func (l *slowLoad) failed(c *Conn, err error) error {
	if l.beside[c] == nil || !l.unread {
		return err
	}
	c.close()
	delete(l.beside, c)
	l.cut++
	l.again = append(l.again, time.Now().Add(time.Second))
	return nil
}

// phase measures with other clients beside the readers.
func (l *slowLoad) phase(beside Beside) (r SlowPhase, err error) {
	l.unread, l.cut = beside == BesideSlow, 0
	if beside != BesideNone {
		for range l.Slow {
			if err := l.dial(); err != nil {
				return r, err
			}
		}
		there := func() bool {
			for _, ws := range l.beside {
				if ws.received == 0 {
					return false
				}
			}
			return true
		}
		if err := l.loop.run(l.Patience, there); err != nil {
			return r, fmt.Errorf("%w: those beside the readers have not joined", err)
		}
	}
	if err := l.loop.pause(l.Warm); err != nil {
		return r, err
	}
	begin, err := CPUTime(l.PID)
	if err != nil {
		return r, err
	}
	l.took, l.measures = nil, true
	if err := l.loop.pause(l.Measure); err != nil {
		return r, err
	}
	l.measures = false
	end, err := CPUTime(l.PID)
	if err != nil {
		return r, err
	}
	memory, err := ReadMemory(l.PID)
	if err != nil {
		return r, err
	}
	slices.Sort(l.took)
	r = SlowPhase{Took: l.took, Cut: l.cut, CPU: (end - begin).Seconds() / l.Measure.Seconds(), RSS: uint64(memory.Resident)}
	for c := range l.beside {
		c.close()
	}
	clear(l.beside)
	l.again = nil
	return r, l.loop.pause(l.Warm)
}
