package load

import (
	"fmt"
	"time"
)

// idle measures the memory of WebSockets that have joined and rest.
func idle(browser bool) func(*env) (Result, error) {
	return func(e *env) (Result, error) {
		warm, err := e.connectAll(20, browser, unexpected)
		if err != nil {
			return Result{}, err
		}
		for _, ws := range warm {
			ws.close()
		}
		var clients []*WS
		result, err := e.resting(e.Idle, func() error {
			clients, err = e.connectAll(e.Idle, browser, e.alive)
			return err
		})
		if err != nil {
			return result, err
		}
		return result, e.echoEach(clients)
	}
}

func (e *env) alive(ws *WS, text []byte) error {
	e.count++
	return e.expect(text, echoEvent(e.scratch[:0], uint64(ws.index)))
}

// echoEach proves that every connection still works.
func (e *env) echoEach(clients []*WS) error {
	for _, ws := range clients {
		e.scratch = echoEvent(e.scratch[:0], uint64(ws.index))
		ws.send(e.scratch)
		if err := ws.flush(); err != nil {
			return err
		}
	}
	return e.drain(func() uint64 { return uint64(len(clients)) - e.count })
}

// resting measures what n connections, made by open, add to the server.
func (e *env) resting(n int, open func() error) (Result, error) {
	if err := e.loop.pause(e.Settle / 2); err != nil {
		return Result{}, err
	}
	before, err := e.holding()
	if err != nil {
		return Result{}, err
	}
	if err := open(); err != nil {
		return Result{}, err
	}
	if err := e.loop.pause(e.Settle); err != nil {
		return Result{}, err
	}
	after, err := e.holding()
	if err != nil {
		return Result{}, err
	}
	values := map[string]float64{Count: float64(n)}
	for key, value := range after {
		values[key] = (value - before[key]) / float64(n)
	}
	return Result{Values: values}, nil
}

// holding is what the server holds now, in all. Its own figures are asked for
// after the memory, for answering takes some.
func (e *env) holding() (map[string]float64, error) {
	memory, err := ReadMemory(e.target.PID)
	if err != nil {
		return nil, err
	}
	values, err := ask(e.target.Debug)
	if err != nil {
		return nil, fmt.Errorf("load: figures of the server: %w", err)
	}
	if values == nil {
		values = map[string]float64{}
	}
	values[RSSKB] = float64(memory.Resident) / 1024
	values[PrivateKB] = float64(memory.Private) / 1024
	return values, nil
}

// idlePolling measures sessions between two polls: no request is parked and no
// TCP connection is open.
func idlePolling(e *env) (Result, error) {
	if _, err := e.openSessions(20); err != nil {
		return Result{}, err
	}
	var sessions []*session
	result, err := e.resting(e.Idle, func() (err error) {
		sessions, err = e.openSessions(e.Idle)
		return err
	})
	if err != nil {
		return result, err
	}
	return result, e.echoSessions(sessions[:min(len(sessions), 100)])
}

// idleParked measures polls that wait, each on a connection of its own; of a bare HTTP
// server requests that wait.
func idleParked(e *env) (Result, error) {
	if err := e.park(20, nil); err != nil {
		return Result{}, err
	}
	var sessions []*session
	result, err := e.resting(e.Idle, func() (err error) {
		if e.target.Kind == SocketIO {
			if sessions, err = e.openSessions(e.Idle); err != nil {
				return err
			}
		}
		return e.park(e.Idle, sessions)
	})
	if err != nil || sessions == nil {
		return result, err
	}
	return result, e.answerParked(sessions[:min(len(sessions), 100)])
}

// park sends n requests that wait: the polls of sessions, if there are any.
func (e *env) park(n int, sessions []*session) error {
	for i := range n {
		conn, err := e.loop.dialHTTP(e.address, e.host)
		if err != nil {
			return err
		}
		target, then := "/parked", func(Response) error { return errBusy }
		switch {
		case sessions != nil:
			s := sessions[i]
			s.poll, target = conn, s.target
			then = func(r Response) error { return SplitPayload(r.Body, s.packet) }
		case e.target.Kind == SocketIO: // to warm up
			target, then = pollingPath, func(Response) error { return nil }
		}
		if err := conn.get(target, then); err != nil {
			return err
		}
		if i%100 == 99 { // not more at a time than the kernel keeps
			if err := e.loop.pause(20 * time.Millisecond); err != nil {
				return err
			}
		}
	}
	return nil
}

// answerParked proves that the polls wait: each gets an echo.
func (e *env) answerParked(sessions []*session) error {
	posts, err := e.loop.dialHTTP(e.address, e.host)
	if err != nil {
		return err
	}
	for i, s := range sessions {
		answers := 0
		s.onPacket = func(packet []byte) error {
			answers++
			return e.expect(packet, echoEvent(e.scratch[:0], uint64(i)))
		}
		err := posts.post(s.target, echoEvent(nil, uint64(i)), func(Response) error {
			answers++
			return nil
		})
		if err != nil {
			return err
		}
		if err := e.loop.run(5*time.Second, func() bool { return answers == 2 }); err != nil {
			return fmt.Errorf("%w: poll %d is gone", err, i)
		}
	}
	return nil
}

// openSessions opens n sessions over few connections, which it then closes.
func (e *env) openSessions(n int) ([]*session, error) {
	sessions, joined, conns := make([]*session, 0, n), 0, []*httpConn{}
	var next func(conn *httpConn) error
	next = func(conn *httpConn) error {
		if len(sessions) == n {
			return nil
		}
		s := &session{poll: conn, posts: conn, onJoined: func(*session) error {
			joined++
			return next(conn)
		}}
		sessions = append(sessions, s)
		return s.start()
	}
	for range min(n, 8) {
		conn, err := e.loop.dialHTTP(e.address, e.host)
		if err != nil {
			return nil, err
		}
		conns = append(conns, conn)
		if err := next(conn); err != nil {
			return nil, err
		}
	}
	if err := e.loop.run(e.Patience, func() bool { return joined == n }); err != nil {
		return nil, fmt.Errorf("%w: %d of %d sessions open", err, joined, n)
	}
	for _, conn := range conns {
		conn.close()
	}
	return sessions, nil
}

// echoSessions proves that the sessions still live: one echo each.
func (e *env) echoSessions(sessions []*session) error {
	conn, err := e.loop.dialHTTP(e.address, e.host)
	if err != nil {
		return err
	}
	for i, s := range sessions {
		s.poll, s.posts = conn, conn
		done := false
		s.onPacket = func(packet []byte) error {
			done = true
			return e.expect(packet, echoEvent(e.scratch[:0], uint64(i)))
		}
		err := conn.post(s.target, echoEvent(nil, uint64(i)), func(Response) error {
			return conn.get(s.target, func(r Response) error { return SplitPayload(r.Body, s.packet) })
		})
		if err != nil {
			return err
		}
		if err := e.loop.run(5*time.Second, func() bool { return done }); err != nil {
			return fmt.Errorf("%w: polling session %d is gone", err, i)
		}
	}
	return nil
}
