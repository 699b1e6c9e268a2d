package socketio

import (
	"bytes"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/internal/inbox"
	"github.com/gosio/gosio/core/parser"
)

// receive queues an event for its handler. It runs on the reader, and returns the
// socket's dispatcher if none is at work.
func receive(s *Socket, p *parser.Packet) engine.Worker {
	j := inbox.Job{Kind: inbox.Event, Packet: *p}
	j.Packet.Data = bytes.Clone(p.Data) // the reader's buffer is used again
	j.Packet.Namespace = s.ns.name
	size := j.Size()
	s.conn.hold(size)
	switch push(s, &j) {
	case pushDropped:
		s.conn.unhold(size)
	case pushFirst:
		return (*dispatcher)(s)
	}
	return nil
}

// What push has done.
const (
	pushQueued  = iota // the dispatcher that runs will come to it
	pushFirst          // a dispatcher has to be run
	pushDropped        // the socket is disconnected
)

// push adds a job. After the disconnect job no event is taken any more.
func push(s *Socket, j *inbox.Job) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j.Kind == inbox.Event && s.state.Load() == disconnected {
		return pushDropped
	}
	if !s.inbox.Push(j) {
		return pushQueued
	}
	s.ns.srv.work.Add()
	return pushFirst
}

// enqueue adds a job and sees that a dispatcher runs.
func enqueue(s *Socket, j *inbox.Job) {
	s.conn.hold(j.Size())
	if push(s, j) == pushFirst {
		startDispatcher(s)
	}
}

// startDispatcher runs the socket's jobs on a goroutine of their own.
func startDispatcher(s *Socket) { s.ns.srv.workers.Go((*dispatcher)(s)) }

// dispatcher is a socket as the engine and the pool of goroutines see it.
type dispatcher Socket

// Run implements workers.Task.
func (d *dispatcher) Run() { dispatch((*Socket)(d)) }

// Work implements engine.Worker.
func (d *dispatcher) Work(inline bool) {
	if inline {
		dispatch((*Socket)(d))
		return
	}
	startDispatcher((*Socket)(d))
}

// dispatch runs the socket's jobs one after another and ends when there are
// none. It is the only goroutine that calls the application for this socket.
func dispatch(s *Socket) {
	for {
		s.mu.Lock()
		batch := s.inbox.Take()
		s.mu.Unlock()
		if batch == nil {
			s.ns.srv.work.Done()
			return
		}
		doAll(s, batch)
	}
}

func doAll(s *Socket, batch *inbox.Batch) {
	at, n := 0, len(batch.Jobs)
	defer func() {
		if at < n {
			quit(s, batch, at)
		}
	}()
	for ; at < n; at++ {
		do(s, &batch.Jobs[at])
	}
	batch.Free()
}

// quit is called when the application has ended the dispatcher's goroutine in
// one of the jobs, by runtime.Goexit: a test's FailNow does. The hooks behind
// that one, and the other jobs, get another dispatcher.
func quit(s *Socket, batch *inbox.Batch, at int) {
	defer func() { // whatever an observer does
		s.mu.Lock()
		s.inbox.Return(batch, at)
		s.mu.Unlock()
		startDispatcher(s)
	}()
	s.ns.srv.noteExit(s.attrs()...)
	abandon(s, &batch.Jobs[at])
	s.closePanicked()
}

// abandon does what a job that was not finished owes others, and leaves of it
// what another dispatcher can do.
func abandon(s *Socket, j *inbox.Job) {
	switch j.Kind {
	case inbox.Event:
		j.Kind = inbox.Done
		s.conn.unhold(j.Size())
	case inbox.Connect:
		if s.admitted {
			j.Kind = inbox.Greet
			return
		}
		j.Kind = inbox.Done
		defer func() {
			s.leaveAll()
			refuse(s, errPanicked)
			over(s)
		}()
		observeStep(s, &NamespaceEvent{Step: NamespaceStepRefused, Err: errPanicked}, time.Time{})
	}
}

func do(s *Socket, j *inbox.Job) {
	switch j.Kind {
	case inbox.Event:
		if s.admitted { // otherwise its middleware has refused it
			handleEvent(s, &j.Packet)
		}
		s.conn.unhold(j.Size())
	case inbox.Connect:
		s.conn.unhold(j.Size()) // it waits no more, and has a turn
		if !join(s) {
			j.Kind = inbox.Done
			over(s)
			return
		}
		j.Kind = inbox.Greet
		greet(s, j)
	case inbox.Greet:
		greet(s, j)
	case inbox.Disconnect:
		if j.Hook == 0 {
			s.conn.unhold(j.Size())
		}
		reason := Reason(j.Reason)
		for hooks := s.ns.disconnectHooks(); j.Hook < len(hooks); {
			hook := hooks[j.Hook]
			j.Hook++
			s.guard("disconnect", func() { hook(s, reason) })
		}
		j.Kind = inbox.Done
		departed(s, reason)
	}
}

// departed ends a socket whose hooks have run.
func departed(s *Socket, reason Reason) {
	defer over(s)
	if s.ns.recovery != nil {
		s.ns.recovery.departed(s)
	}
	observeStep(s, &NamespaceEvent{Step: NamespaceStepLeft, Reason: reason}, time.Time{})
}

// over is the end of a socket's last job.
func over(s *Socket) {
	defer s.conn.giveTurn()
	if s.admitted {
		s.ns.life.visited.Store(true)
	}
	s.ns.release()
}

// giveTurn passes a turn to the socket that has waited longest, or gives it back.
func (c *conn) giveTurn() {
	if next := c.passTurn(); next != nil {
		startDispatcher(next)
	}
}

// discard forgets a socket that has missed its turn: the application has not seen it.
func discard(s *Socket) {
	s.mu.Lock()
	size := s.inbox.Discard()
	s.mu.Unlock()
	s.conn.unhold(size)
	s.ns.releaseAside()
	s.ns.srv.work.Done()
}
