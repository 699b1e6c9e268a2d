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

// enqueue adds a job, and starts a dispatcher if none runs.
func enqueue(s *Socket, j *inbox.Job) {
	s.conn.hold(j.Size())
	if push(s, j) == pushFirst {
		startDispatcher(s)
	}
}

// startDispatcher runs the socket's jobs on a goroutine of their own.
func startDispatcher(s *Socket) { s.ns.srv.workers.Go((*dispatcher)(s)) }

// dispatcher is a socket as an engine.Worker and a workers.Task: its dispatcher.
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
		runBatch(s, batch)
	}
}

func runBatch(s *Socket, batch *inbox.Batch) {
	at, n := 0, len(batch.Jobs)
	defer func() {
		if at < n {
			replaceDispatcher(s, batch, at)
		}
	}()
	for ; at < n; at++ {
		runJob(s, &batch.Jobs[at])
	}
	batch.Free()
}

// replaceDispatcher is called when code of the application has ended the dispatcher's
// goroutine with runtime.Goexit, as FailNow of a test does. A new dispatcher runs the
// remaining hooks of the job and the remaining jobs.
func replaceDispatcher(s *Socket, batch *inbox.Batch, at int) {
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

// abandon releases what the interrupted job holds, and changes the job to what a new
// dispatcher has to do.
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
			finish(s)
		}()
		observeStep(s, &NamespaceEvent{Step: NamespaceStepRefused, Err: errPanicked}, time.Time{})
	}
}

func runJob(s *Socket, j *inbox.Job) {
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
			finish(s)
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
	defer finish(s)
	if s.ns.recovery != nil {
		s.ns.recovery.departed(s)
	}
	observeStep(s, &NamespaceEvent{Step: NamespaceStepLeft, Reason: reason}, time.Time{})
}

// finish is the end of a socket's last job.
func finish(s *Socket) {
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

// discard drops the jobs of a socket that has left before its turn: no code of the
// application has run for the socket.
func discard(s *Socket) {
	s.mu.Lock()
	size := s.inbox.Discard()
	s.mu.Unlock()
	s.conn.unhold(size)
	s.ns.releaseAside()
	s.ns.srv.work.Done()
}
