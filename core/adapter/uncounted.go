package adapter

// arrival is what has come for a request before it is known who answers.
type arrival struct {
	from string
	part int
	r    *Response // nil: from has left
}

// BeginUncounted is [Collector.Begin] for an adapter that has to ask its engine who is
// going to answer. [Request.Expect] tells when the engine has said so, [Request.Fail]
// when it has not. What comes before is kept, and handed on then.
func (c *Collector) BeginUncounted(op *Operation, each func(*Response)) (*Request, error) {
	return c.begin(&Request{
		from: c, op: op.Type, each: each, done: make(chan struct{}), uncounted: true, answers: make(map[string]*answer),
	})
}

// Expect says who is going to answer a request of [Collector.BeginUncounted]: servers
// and unnamed are those of [Collector.Begin]. It is called once; further calls do
// nothing. A server that answers and is none of servers is one of the unnamed ones.
func (r *Request) Expect(servers []string, unnamed int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over || !r.uncounted {
		return
	}
	r.uncounted = false
	r.expectLocked(servers, unnamed)
	early := r.early
	r.early = nil
	for _, a := range early {
		if a.r == nil {
			r.leftLocked(a.from)
		} else {
			r.responseLocked(a.from, a.part, a.r)
		}
	}
	r.checkLocked()
}

// Fail ends the request with an error, which wait returns in a [*PartialError]: it could
// not be sent, for instance. A request that is over stays so.
func (r *Request) Fail(err error) { r.fail(err) }

// Unreachable says that a server was away when the request was sent: it is not waited
// for, and is one of those that have not answered, for which wait returns a
// [*PartialError] with err. A server that has begun to answer has got the request; to
// that it does nothing.
func (r *Request) Unreachable(server string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.answers[server]
	if r.over || server == "" || a == nil || a.next > 0 || len(a.early) > 0 {
		return
	}
	r.unreached, r.lost = append(r.unreached, server), err
	r.forgetLocked(server)
	r.checkLocked()
}

// expectLocked notes who has to answer.
func (r *Request) expectLocked(servers []string, unnamed int) {
	for _, name := range servers {
		r.answers[name] = &answer{servers: 1}
	}
	unnamed = max(unnamed, 0)
	if unnamed > 0 {
		r.answers[""] = &answer{servers: unnamed}
	}
	r.expected = len(servers) + unnamed
}

// nameLocked gives an unnamed server its name when it first answers, or returns nil.
func (r *Request) nameLocked(name string) *answer {
	unnamed := r.answers[""]
	if name == "" || unnamed == nil || r.answered[name] {
		return nil
	}
	unnamed.servers--
	if unnamed.servers == 0 || unnamed.servers == unnamed.counted && unnamed.clients == 0 {
		delete(r.answers, "")
	}
	a := &answer{servers: 1}
	r.answers[name] = a
	return a
}

// AtMost says how many unnamed servers there are by now: those that have left are not
// waited for, as far as that number tells.
func (r *Request) AtMost(unnamed int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.answers[""]
	switch {
	case r.over || r.uncounted || a == nil || a.servers <= unnamed:
		return
	case unnamed <= 0:
		if a.clients != 0 {
			r.each(&Response{Clients: -a.clients})
		}
		r.expected -= a.servers - a.counted // those that have not answered at all
		r.answeredLocked("")
	case r.op != OpCall: // servers are those that have not answered
		r.expected -= a.servers - unnamed
		a.servers = unnamed
	}
}
