package socketio

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/internal/apperror"
	"github.com/gosio/gosio/core/parser"
)

// serverSide is what other servers send to this one's namespace.
type serverSide struct {
	mu       sync.Mutex
	handlers handlers
	queue    []serverEvent
	running  bool // a goroutine takes from queue
}

// serverEvent is an event that waits for its handler.
type serverEvent struct {
	handler *handler
	ctx     context.Context
	cancel  context.CancelFunc
	in      *Incoming
}

// ServerSideEmit sends an event to the handlers of [Namespace.OnServerSide] on
// all other servers of the cluster. A parent's goes to each of its children
// that exist here and there, and finds the handlers of the parents there. On a server that is alone it does nothing.
// It fails when the arguments cannot be encoded, and when an adapter could not
// reach the other servers.
func (ns *Namespace) ServerSideEmit(event string, args ...any) error {
	p, err := encodeEvent(event, args)
	if err != nil {
		return err
	}
	return emitError(event, ns.each(true, func(ns *Namespace) error {
		if ns.adapter == nil {
			return nil
		}
		return ns.adapter.Publish(&adapter.Operation{Type: adapter.OpServerSide, Packet: p})
	}))
}

// ServerSideEmitWithAck is ServerSideEmit that waits for what the handlers
// answer until ctx ends; if that has no deadline, for Options.AckTimeout. It
// returns one reply per server, in the order in which they came; servers
// without a handler give none. A server that is alone gets an empty list, at
// once. When some do not answer it returns the replies there are and a
// [*PartialError] that counts servers.
func (ns *Namespace) ServerSideEmitWithAck(ctx context.Context, event string, args ...any) ([]*Reply, error) {
	p, err := encodeEvent(event, args)
	if err != nil {
		return nil, err
	}
	op := &adapter.Operation{Type: adapter.OpServerSide, Packet: p}
	ctx, cancel := ns.within(ctx, op)
	defer cancel()
	members := ns.members(true)
	defer members.release()
	var a answers
	waits := make([]func() error, len(members))
	for i, ns := range members {
		waits[i] = ns.request(ctx, op, false, func(r *adapter.Response) {
			if r.Reply != nil {
				a.response(r)
			}
		})
	}
	for _, wait := range waits {
		if e := wait(); e != nil {
			err = ofEvent(event, e)
		}
	}
	return a.replies, err
}

// ofEvent says which event the servers were asked to answer.
func ofEvent(event string, err error) error {
	if e, ok := err.(*PartialError); ok { //nolint:errorlint // what Request returns
		partial := *e
		partial.Event = event
		return &partial
	}
	return emitError(event, err)
}

// OnServerSide registers the handler of an event that other servers send by
// [Namespace.ServerSideEmit]. It has the shapes of [Namespace.On], but takes no
// *Socket. What it returns is what ServerSideEmitWithAck gets; an error goes
// there as it would go to a client. The handlers of a namespace run one after
// another, those of events of one server in their order: one that has to wait,
// for another server above all, does that in a goroutine of its own, and
// answers by an [Ack]. Its context ends with the wait of the server that asks,
// and with this server.
//
// It panics on a second handler for the event. The returned function takes the
// handler off again.
func (ns *Namespace) OnServerSide(event string, handler any) (off func()) {
	h := newHandler(event, handler)
	if h.signature.Socket {
		panic(fmt.Sprintf("socketio: handler of %q: what comes from a server has no *Socket", event))
	}
	ns = ns.ensureLive()
	ns.servers.mu.Lock()
	defer ns.servers.mu.Unlock()
	return ns.servers.handlers.addLocked(event, h, &ns.servers.mu)
}

// receiveServerSide queues an event of another server for its handler. reply
// is nil if nobody waits for an answer.
func (ns *Namespace) receiveServerSide(ctx context.Context, op *adapter.Operation, reply func(*adapter.Response)) error {
	if !isArray(op.Packet.Data) {
		return errOperation
	}
	in := &Incoming{reply: reply, packet: parser.Packet{
		Type: parser.Event, HasID: reply != nil, Data: op.Packet.Data, Attachments: op.Packet.Attachments,
	}}
	in.Event = in.packet.Event()
	in.args = in.packet.AppendArgs(in.few[:0])
	if ns.servers.push(ctx, ns, in, ns.timeout(op)) || reply == nil {
		return nil
	}
	reply(&adapter.Response{Last: true})
	return nil
}

// push queues an event and sees that a goroutine runs the handlers, which ends
// when none is left to run; Shutdown waits for it. It reports false if the
// event has no handler.
func (sd *serverSide) push(ctx context.Context, ns *Namespace, in *Incoming, timeout time.Duration) bool {
	sd.mu.Lock()
	defer sd.mu.Unlock()
	h := sd.handlers[in.Event]
	if h == nil && ns.parent != nil {
		h = ns.parent.servers.find(in.Event)
	}
	if h == nil {
		return false
	}
	e := serverEvent{handler: h, in: in, cancel: func() {}}
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
	if !sd.running {
		sd.running = true
		ns.srv.work.Add()
		go sd.run(ns)
	}
	return true
}

func (sd *serverSide) find(event string) *handler {
	sd.mu.Lock()
	defer sd.mu.Unlock()
	return sd.handlers[event]
}

func (sd *serverSide) run(ns *Namespace) {
	returned := false
	defer func() {
		if !returned { // see Socket.quit
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
		ns.serve(&e)
	}
}

// next takes the first event off the queue. It reports false if there is none:
// then nothing runs any more.
func (sd *serverSide) next() (e serverEvent, more bool) {
	sd.mu.Lock()
	defer sd.mu.Unlock()
	if len(sd.queue) == 0 {
		sd.queue, sd.running = nil, false
		return e, false
	}
	e = sd.queue[0]
	sd.queue[0] = serverEvent{}
	sd.queue = sd.queue[1:]
	return e, true
}

// serve runs one handler and answers a failure.
func (ns *Namespace) serve(e *serverEvent) {
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
