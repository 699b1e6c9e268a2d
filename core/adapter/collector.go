package adapter

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"sync"
)

// Collector keeps the requests of an adapter that are under way, and does what
// [Adapter.Request] promises: it hands on each response once, in the order of its
// server and one at a time, counts the servers that have not answered, takes back the
// clients of servers that have left, and returns what is there at the deadline.
//
//	func (a *myAdapter) Request(ctx context.Context, op *adapter.Operation, each func(*adapter.Response)) (func() error, error) {
//		a.mu.Lock() // a server whose leaving comes between the two would be waited for
//		req, err := a.collector.Begin(op, each, a.otherServersLocked(), 0)
//		a.mu.Unlock()
//		if err != nil {
//			return nil, err
//		}
//		if err := a.send(message{ID: req.ID(), Op: op}); err != nil {
//			req.Cancel()
//			return nil, err
//		}
//		return func() error { return req.Wait(ctx) }, nil
//	}
//
// The zero value is ready. Its methods may be called concurrently; they call each
// while they hold a lock of that request.
type Collector struct {
	mu      sync.Mutex
	closed  error
	prefix  string // begins the ids of this collector and of no other
	last    uint64
	pending map[string]*Request
}

// Begin registers a request before it is sent. servers are the names of the servers
// that are going to answer, in the adapter's own words. Begin and [Collector.Left] must
// agree on them: hold the lock of your list of servers over Begin, and take a server off
// the list before you call Left. unnamed is how many more there are of which the adapter
// knows only the number: their responses come without a name, see [Collector.Response],
// or tell it.
// After Close Begin returns Close's error.
func (c *Collector) Begin(op *Operation, each func(*Response), servers []string, unnamed int) (*Request, error) {
	r := &Request{
		from: c, op: op.Type, each: each, done: make(chan struct{}), answers: make(map[string]*answer, len(servers)+1),
	}
	r.expectLocked(servers, unnamed)
	r.checkLocked()
	return c.begin(r)
}

// begin gives a request its id.
func (c *Collector) begin(r *Request) (*Request, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed != nil {
		return nil, c.closed
	}
	if c.pending == nil {
		var random [9]byte
		_, _ = rand.Read(random[:]) // never fails: crypto/rand
		c.prefix, c.pending = base64.RawURLEncoding.EncodeToString(random[:]), make(map[string]*Request)
	}
	c.last++
	r.id = c.prefix + strconv.FormatUint(c.last, 36)
	c.pending[r.id] = r
	return r, nil
}

// Response takes a response to the request of that id; it drops the response of a
// request that is not under way any more, and nil, which a broken message may have. from is the server that has sent it, part
// its place among the responses of that server, from 0 on, as [Answerer] counts
// them: a response that comes twice is dropped, and one that comes early waits for
// those before it.
//
// A server of another kind does not number its responses: a negative part takes them
// as they come, and finds the last one as [Response] says. An empty name is one of the
// unnamed servers, all of which must be of such a kind, or tell their names as they
// answer.
func (c *Collector) Response(id, from string, part int, r *Response) {
	c.mu.Lock()
	req := c.pending[id]
	c.mu.Unlock()
	if req != nil && r != nil {
		req.response(from, part, r)
	}
}

// Left stops waiting for a server: it has left the cluster, or is taken for dead.
func (c *Collector) Left(server string) {
	c.mu.Lock()
	all := slices.Collect(maps.Values(c.pending))
	c.mu.Unlock()
	for _, r := range all {
		r.left(server)
	}
}

// Close ends all requests under way, and those that are begun later, with err, which
// must not be nil.
func (c *Collector) Close(err error) {
	c.mu.Lock()
	all := c.pending
	c.closed, c.pending = err, nil
	c.mu.Unlock()
	for _, r := range all {
		r.fail(err)
	}
}

// Request is one request under way. See [Collector].
type Request struct {
	from *Collector
	id   string
	op   OperationType
	each func(*Response)
	done chan struct{} // closed when nothing is missing, or it has failed

	mu        sync.Mutex
	over      bool
	err       error
	uncounted bool               // until Expect
	early     []arrival          // what has come meanwhile
	expected  int                // servers
	answers   map[string]*answer // by the names of those who have not answered completely
	answered  map[string]bool    // those who have; nil without unnamed servers
	unreached []string           // those who have not got the request
	lost      error              // why
}

// answer is what one server, or all unnamed ones, have answered so far.
type answer struct {
	servers int               // that have not answered completely
	counted int               // unnamed servers that have said how many clients they ask
	next    int               // the part that is to be handed on next
	early   map[int]*Response // parts behind it
	clients int               // that are asked and have not replied
}

// ID names the request on the wire; no other request of the cluster has that name.
func (r *Request) ID() string { return r.id }

// Wait waits until all servers have answered or left, or ctx ends, or the collector is
// closed. It returns what wait of [Adapter.Request] returns; afterwards no response is
// handed on. See also [Request.Missing].
func (r *Request) Wait(ctx context.Context) error {
	defer r.Cancel()
	select {
	case <-r.done:
	default:
		select {
		case <-r.done:
		case <-ctx.Done():
			r.fail(context.Cause(ctx))
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		return nil
	}
	missing := len(r.unreached)
	for _, a := range r.answers {
		missing += a.servers
	}
	return &PartialError{Expected: r.expected, Answered: r.expected - missing, Missing: r.missingLocked(), Err: r.err}
}

// Missing returns the names of the servers that have not answered completely. After
// Wait they are those that may be told that nobody waits any more.
func (r *Request) Missing() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.missingLocked()
}

func (r *Request) missingLocked() []string {
	names := slices.Clone(r.unreached)
	for name := range r.answers {
		if name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Cancel forgets a request that could not be sent: no response is handed on after it.
// Wait does so by itself.
func (r *Request) Cancel() {
	r.from.mu.Lock()
	delete(r.from.pending, r.id)
	r.from.mu.Unlock()
	r.fail(context.Canceled)
}

// response takes a part of a server's answer.
func (r *Request) response(from string, part int, resp *Response) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.uncounted && !r.over {
		r.early = append(r.early, arrival{from, part, resp})
		return
	}
	r.responseLocked(from, part, resp)
}

func (r *Request) responseLocked(from string, part int, resp *Response) {
	a := r.answers[from]
	if a == nil && !r.over {
		a = r.nameLocked(from)
	}
	switch {
	case a == nil || r.over:
	case part < 0:
		r.handOnLocked(a, resp)
		if a.counts(r.op, from == "", resp) {
			r.answeredLocked(from)
		}
	case part < a.next || from == "":
	case part > a.next:
		if a.early == nil {
			a.early = make(map[int]*Response)
		}
		a.early[part] = resp
	default:
		last := false
		for ; resp != nil && !last; resp = a.early[a.next] {
			r.handOnLocked(a, resp)
			delete(a.early, a.next)
			a.next++
			last = resp.Last
		}
		if last {
			r.answeredLocked(from)
		}
	}
}

func (r *Request) handOnLocked(a *answer, resp *Response) {
	r.each(resp)
	a.clients += resp.Clients
	if resp.Reply != nil {
		a.clients--
	}
}

// counts reports whether responses that are not marked are complete.
func (a *answer) counts(op OperationType, unnamed bool, resp *Response) bool {
	switch {
	case op == OpCall && (resp.Reply == nil && resp.Clients >= 0):
		a.counted++
	case op != OpCall && unnamed:
		a.servers--
		return a.servers == 0
	case !unnamed && (resp.Last || op != OpCall):
		return true
	}
	return a.counted >= a.servers && a.clients == 0
}

// answeredLocked stops waiting for a server, whose answer there is, or which has left.
func (r *Request) answeredLocked(name string) {
	r.forgetLocked(name)
	r.checkLocked()
}

// forgetLocked takes nothing more of a server.
func (r *Request) forgetLocked(name string) {
	delete(r.answers, name)
	if r.answers[""] != nil {
		if r.answered == nil {
			r.answered = make(map[string]bool)
		}
		r.answered[name] = true
	}
}

func (r *Request) checkLocked() {
	if len(r.answers) == 0 && !r.over {
		r.over, r.err = true, r.lost
		close(r.done)
	}
}

// left stops waiting for a server and for its clients.
func (r *Request) left(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.uncounted && !r.over {
		r.early = append(r.early, arrival{from: name})
		return
	}
	r.leftLocked(name)
}

func (r *Request) leftLocked(name string) {
	a := r.answers[name]
	if a == nil || r.over || name == "" {
		return
	}
	r.flushLocked(a)
	if r.op == OpCall && a.clients != 0 {
		r.each(&Response{Clients: -a.clients})
	}
	r.expected--
	r.answeredLocked(name)
}

// flushLocked hands on what waits for a part that does not come any more.
func (r *Request) flushLocked(a *answer) {
	for _, part := range slices.Sorted(maps.Keys(a.early)) {
		r.handOnLocked(a, a.early[part])
	}
	a.early = nil
}

// fail ends the request, unless it is over.
func (r *Request) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(r.answers)) {
		r.flushLocked(r.answers[name])
	}
	for _, a := range r.early {
		if a.r != nil {
			r.each(a.r)
		}
	}
	r.early = nil
	r.over, r.err = true, err
	close(r.done)
}
