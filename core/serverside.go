package socketio

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/internal/apperror"
	"github.com/gosio/gosio/core/internal/inbox"
	"github.com/gosio/gosio/core/parser"
)

// serverSide has the handlers of server-side events, and the events that wait for them.
type serverSide struct {
	mu       sync.Mutex
	handlers handlers
	queue    []serverEvent
	size     int64 // bytes of queue, with what the events cost themselves
	running  bool  // a goroutine takes from queue
}

// serverEvent is an event that waits for its handler.
type serverEvent struct {
	handler *handler
	ctx     context.Context
	cancel  context.CancelFunc
	in      *Incoming
}

// size is what an event counts for [Limits.ServerSideBuffer].
func (e *serverEvent) size() int64 {
	j := inbox.Job{Packet: e.in.packet}
	return j.Size()
}

// receiveServerSide queues an event of another server for its handler. reply is nil if
// that server does not wait for an answer. Over [Limits.ServerSideBuffer] the event is
// dropped, and the answer is an error with [CodeRateLimited].
func receiveServerSide(ctx context.Context, ns *Namespace, op *adapter.Operation, reply func(*adapter.Response)) error {
	if !isArray(op.Packet.Data) {
		return errOperation
	}
	in := &Incoming{reply: reply, packet: parser.Packet{
		Type: parser.Event, HasID: reply != nil, Data: op.Packet.Data, Attachments: op.Packet.Attachments,
	}}
	in.Event = in.packet.Event()
	in.args = in.packet.AppendArgs(in.argsBuf[:0])
	switch ns.servers.push(ctx, ns, in, timeoutOf(ns, op)) {
	case serverSideFull:
		ns.srv.note(slog.LevelWarn, "server-side", "socketio: an event of another server is dropped: too many wait for their handlers (Limits.ServerSideBuffer)",
			append(ns.attrs(), slog.String("event", apperror.Clip(in.Event)))...)
		if reply != nil {
			in.fail(&Error{Code: CodeRateLimited, Message: "too many events wait for their handlers"}, ns.srv, ns.attrs())
		}
	case serverSideUnheard:
		if reply != nil {
			reply(&adapter.Response{Last: true})
		}
	}
	return nil
}

// What push has done.
const (
	serverSideQueued  = iota
	serverSideUnheard // the event has no handler
	serverSideFull    // too much waits already
)

// push queues an event, and starts a goroutine that runs the handlers if none runs. The
// goroutine ends when the queue is empty; Shutdown waits for it. An empty queue takes one
// event of any size.
func (sd *serverSide) push(ctx context.Context, ns *Namespace, in *Incoming, timeout time.Duration) int {
	sd.mu.Lock()
	defer sd.mu.Unlock()
	h := sd.handlers[in.Event]
	if h == nil && ns.parent != nil {
		h = ns.parent.servers.find(in.Event)
	}
	if h == nil {
		return serverSideUnheard
	}
	e := serverEvent{handler: h, in: in, cancel: func() {}}
	size := e.size()
	if sd.size > 0 && size > ns.srv.opts.Limits.ServerSideBuffer-sd.size {
		return serverSideFull
	}
	switch {
	case in.reply == nil:
		e.ctx = ns.srv.running
	case !h.noContext:
		var cancel context.CancelFunc
		e.ctx, cancel = context.WithTimeout(ctx, timeout)
		stop := context.AfterFunc(ns.srv.running, cancel)
		e.cancel = func() { stop(); cancel() }
	default:
		e.ctx = ctx
	}
	sd.queue = append(sd.queue, e)
	sd.size += size
	if !sd.running {
		sd.running = true
		ns.srv.work.Add()
		go sd.run(ns)
	}
	return serverSideQueued
}

func (sd *serverSide) find(event string) *handler {
	sd.mu.Lock()
	defer sd.mu.Unlock()
	return sd.handlers[event]
}

func (sd *serverSide) run(ns *Namespace) {
	returned := false
	defer func() {
		if !returned { // see replaceDispatcher
			go sd.run(ns)
		}
	}()
	for {
		e, more := sd.next()
		if !more {
			ns.srv.work.Done()
			returned = true
			return
		}
		serve(ns, &e)
	}
}

// next takes the first event off the queue. It reports false if the queue is empty:
// then the goroutine must end.
func (sd *serverSide) next() (e serverEvent, more bool) {
	sd.mu.Lock()
	defer sd.mu.Unlock()
	if len(sd.queue) == 0 {
		sd.queue, sd.running = nil, false
		return e, false
	}
	e = sd.queue[0]
	sd.size -= e.size()
	sd.queue[0] = serverEvent{}
	sd.queue = sd.queue[1:]
	return e, true
}

// serve runs one handler and answers a failure.
func serve(ns *Namespace, e *serverEvent) {
	defer e.cancel()
	err, returned := errPanicked, false
	defer func() {
		if p := recover(); p != nil {
			ns.srv.notePanic("server-side handler of "+apperror.Clip(e.in.Event), p, ns.attrs()...)
		} else if !returned {
			ns.srv.noteExit(ns.attrs()...)
		}
		if err != nil {
			e.in.fail(err, ns.srv, ns.attrs())
		}
	}()
	err = e.handler.call(e.ctx, e.in)
	returned = true
}

// timeoutOf returns how long the server that has sent op waits for the answer.
func timeoutOf(ns *Namespace, op *adapter.Operation) time.Duration {
	if op.Timeout > 0 {
		return op.Timeout
	}
	return ns.srv.opts.AckTimeout
}
