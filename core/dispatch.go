package socketio

import (
	"bytes"
	"log/slog"
	"slices"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/parser"
)

// sizeOf is what a job that waits counts against the connection.
func (s *Socket) sizeOf(j *job) int64 {
	if j.kind == jobConnect {
		return int64(len(s.handshake.Auth)) + overhead
	}
	n := int64(len(j.packet.Data)) + overhead
	for _, a := range j.packet.Attachments {
		n += int64(len(a))
	}
	return n
}

// receive queues an event for its handler. It runs on the reader, and returns the
// socket's dispatcher if none is at work.
func (s *Socket) receive(p *parser.Packet) engine.Worker {
	j := job{kind: jobEvent, packet: *p}
	j.packet.Data = bytes.Clone(p.Data) // the reader's buffer is used again
	j.packet.Namespace = s.ns.name
	size := s.sizeOf(&j)
	s.conn.hold(size)
	switch s.push(&j) {
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

// push adds a job. After the disconnect job nothing is taken any more.
func (s *Socket) push(j *job) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j.kind == jobEvent && s.state.Load() == disconnected {
		return pushDropped
	}
	if s.inbox == nil {
		s.inbox = inboxes.Get().(*inbox)
	}
	s.inbox.jobs = append(s.inbox.jobs, *j)
	if s.running {
		return pushQueued
	}
	s.running = true
	s.ns.srv.work.Add()
	return pushFirst
}

// enqueue adds a job and sees that a dispatcher runs.
func (s *Socket) enqueue(j *job) {
	s.conn.hold(s.sizeOf(j))
	if s.push(j) == pushFirst {
		s.startDispatcher()
	}
}

// startDispatcher runs the socket's jobs on a goroutine of their own.
func (s *Socket) startDispatcher() { s.ns.srv.workers.Go((*dispatcher)(s)) }

// dispatcher is a socket as the engine and the pool of goroutines see it.
type dispatcher Socket

// Run implements workers.Task.
func (d *dispatcher) Run() { (*Socket)(d).dispatch() }

// Work implements engine.Worker.
func (d *dispatcher) Work(inline bool) {
	if inline {
		(*Socket)(d).dispatch()
		return
	}
	(*Socket)(d).startDispatcher()
}

// dispatch runs the socket's jobs one after another and ends when there are
// none. It is the only goroutine that calls the application for this socket.
func (s *Socket) dispatch() {
	for {
		s.mu.Lock()
		batch := s.takeLocked()
		s.running = batch != nil
		s.mu.Unlock()
		if batch == nil {
			s.ns.srv.work.Done()
			return
		}
		s.doAll(batch)
	}
}

// takeLocked takes what waits. What waits behind middleware stays in the inbox:
// when that takes too long, dropEvents has to find it there.
func (s *Socket) takeLocked() *inbox {
	batch := s.inbox
	s.inbox = nil
	if batch != nil && len(batch.jobs) > 1 && batch.jobs[0].kind == jobConnect {
		s.inbox = inboxes.Get().(*inbox)
		s.inbox.jobs = append(s.inbox.jobs, batch.jobs[1:]...)
		clear(batch.jobs[1:])
		batch.jobs = batch.jobs[:1]
	}
	return batch
}

func (s *Socket) doAll(batch *inbox) {
	at, n := 0, len(batch.jobs)
	defer func() {
		if at < n {
			s.quit(batch, at)
		}
	}()
	for ; at < n; at++ {
		s.do(&batch.jobs[at])
	}
	batch.free() // and is somebody else's
}

// quit is called when the application has ended the dispatcher's goroutine in
// one of the jobs, by runtime.Goexit: a test's FailNow does. The hooks behind
// that one, and the other jobs, get another dispatcher.
func (s *Socket) quit(batch *inbox, at int) {
	defer func() { // whatever an observer does
		batch.jobs = slices.Delete(batch.jobs, 0, at)
		s.mu.Lock()
		if s.inbox != nil {
			batch.jobs = append(batch.jobs, s.inbox.jobs...)
		}
		s.inbox = batch
		s.mu.Unlock()
		s.startDispatcher()
	}()
	s.ns.srv.noteExit(s.attrs()...)
	s.abandon(&batch.jobs[at])
	s.closePanicked()
}

// abandon does what a job that was not finished owes others, and leaves of it
// what another dispatcher can do.
func (s *Socket) abandon(j *job) {
	switch j.kind {
	case jobEvent:
		j.kind = jobDone
		s.conn.unhold(s.sizeOf(j))
	case jobConnect:
		if s.admitted {
			j.kind = jobGreet
			return
		}
		j.kind = jobDone
		defer func() {
			s.leaveAll()
			s.refuse(errPanicked)
			s.over()
		}()
		observeStep(s, &NamespaceEvent{Step: NamespaceStepRefused, Err: errPanicked}, time.Time{})
	}
}

func (s *Socket) do(j *job) {
	switch j.kind {
	case jobEvent:
		if s.admitted { // otherwise its middleware has refused it
			handleEvent(s, &j.packet)
		}
		s.conn.unhold(s.sizeOf(j))
	case jobConnect:
		s.conn.unhold(s.sizeOf(j)) // it waits no more, and has a turn
		in := s.join()
		if !in {
			j.kind = jobDone
			s.over()
			return
		}
		j.kind = jobGreet
		greet(s, j)
	case jobGreet:
		greet(s, j)
	case jobDisconnect:
		if j.hook == 0 {
			s.conn.unhold(s.sizeOf(j))
		}
		for hooks := s.ns.disconnectHooks(); j.hook < len(hooks); {
			hook := hooks[j.hook]
			j.hook++
			s.guard("disconnect", func() { hook(s, j.reason) })
		}
		j.kind = jobDone
		s.departed(j.reason)
	}
}

// departed ends a socket whose hooks have run.
func (s *Socket) departed(reason Reason) {
	defer s.over()
	if s.ns.recovery != nil {
		s.ns.recovery.departed(s)
	}
	observeStep(s, &NamespaceEvent{Step: NamespaceStepLeft, Reason: reason}, time.Time{})
}

// guard runs a hook of the application.
func (s *Socket) guard(what string, f func()) {
	defer func() {
		if p := recover(); p != nil {
			s.panicked(what, p)
			s.closePanicked()
		}
	}()
	f()
}

// panicked logs a panic once, with its stack; it goes no further.
func (s *Socket) panicked(what string, p any, attrs ...slog.Attr) {
	s.ns.srv.notePanic(what, p, s.attrs(attrs...)...)
}

func (s *Socket) closePanicked() {
	if s.ns.srv.opts.ClosePanicked {
		s.conn.close()
	}
}

// discard forgets a socket that has missed its turn: the application has not seen it.
func (s *Socket) discard() {
	s.mu.Lock()
	batch := s.inbox
	s.inbox, s.running = nil, false
	s.mu.Unlock()
	var n int64
	for i := range batch.jobs {
		n += s.sizeOf(&batch.jobs[i])
	}
	batch.free()
	s.conn.unhold(n)
	s.ns.releaseAside()
	s.ns.srv.work.Done()
}

// over is the end of a socket's last job.
func (s *Socket) over() {
	defer s.conn.giveTurn()
	if s.admitted {
		s.ns.life.visited.Store(true)
	}
	s.ns.release()
}
