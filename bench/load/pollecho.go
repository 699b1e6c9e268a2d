package load

import "fmt"

// A pollingEcho is a closed load over long polling. In turn: a POST brings the
// event, and when it is answered a GET fetches the echo, on one connection. Parked,
// as in a browser: the GET waits on a connection of its own while the POST
// brings the event.
func pollingEcho(sessions int, parked bool) func(*env) (Result, error) {
	return func(e *env) (Result, error) {
		var starts []func() error
		var sent uint64
		for range sessions {
			start, err := pollingClient(e, &sent, parked)
			if err != nil {
				return Result{}, err
			}
			starts = append(starts, start)
		}
		return e.closed(func() error {
			for _, start := range starts {
				if err := start(); err != nil {
					return err
				}
			}
			return nil
		}, func() uint64 { return sent - e.count })
	}
}

// pollingClient opens what one echo after the other needs; what it returns
// starts them.
func pollingClient(e *env, sent *uint64, parked bool) (start func() error, err error) {
	poll, err := e.loop.dialHTTP(e.address, e.host)
	if err != nil {
		return nil, err
	}
	posts := poll
	if parked {
		if posts, err = e.loop.dialHTTP(e.address, e.host); err != nil {
			return nil, err
		}
	}
	client := &pollingEchoer{env: e, total: sent, parked: parked}
	if e.target.Kind == BareHTTP {
		client.session = &session{poll: poll, posts: posts, target: pollingPath + "&sid=AAAAAAAAAAAAAAAAAAAA"}
		return client.start, nil
	}
	joined := false
	client.session = &session{poll: poll, posts: posts, onJoined: func(*session) error {
		joined = true
		return nil
	}}
	if err := client.session.start(); err != nil {
		return nil, err
	}
	if err := e.loop.run(e.Patience, func() bool { return joined }); err != nil {
		return nil, fmt.Errorf("%w: no polling session", err)
	}
	return client.start, nil
}

// pollingEchoer is one session of the load.
type pollingEchoer struct {
	*env
	session *session
	parked  bool
	total   *uint64 // sent by all sessions
	sent    uint64
	answers int // to the POST and to the GET, of this message and all before
}

func (c *pollingEchoer) start() error {
	c.session.onPacket = c.echoed
	if c.parked && c.target.Kind == SocketIO {
		if err := c.session.keepPolling(); err != nil {
			return err
		}
	}
	return c.say()
}

func (c *pollingEchoer) say() error {
	event := echoEvent(nil, c.sent)
	c.sent++
	*c.total++
	if c.parked && c.target.Kind == BareHTTP {
		if err := c.poll(); err != nil {
			return err
		}
	}
	return c.session.posts.post(c.session.target, event, func(r Response) error {
		if string(r.Body) != "ok" {
			return fmt.Errorf("load: a POST was answered %.80q", r.Body)
		}
		if !c.parked {
			if err := c.poll(); err != nil {
				return err
			}
		}
		return c.answered()
	})
}

// poll fetches packets once.
func (c *pollingEchoer) poll() error {
	return c.session.poll.get(c.session.target, func(r Response) error {
		if c.target.Kind == BareHTTP {
			c.count++
			return c.answered()
		}
		before := c.count
		if err := SplitPayload(r.Body, c.session.packet); err != nil || c.count > before {
			return err
		}
		return c.session.pong(c.poll) // nothing but a ping
	})
}

func (c *pollingEchoer) echoed(packet []byte) error {
	if err := c.expect(packet, echoEvent(c.scratch[:0], c.sent-1)); err != nil {
		return err
	}
	c.count++
	return c.answered()
}

// answered counts the two answers that a message has, in any order; after both
// comes the next message.
func (c *pollingEchoer) answered() error {
	if c.answers++; c.answers%2 == 1 || c.stopping {
		return nil
	}
	return c.session.pong(c.say)
}
