package model

import (
	"context"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/gosio/gosio/core/siotest"
)

// member is a client, with one connection at a time. It does one thing at a time.
type member struct {
	w         *world
	place     int
	transport string
	readers   sync.WaitGroup
	seq       int

	// Guarded by the world's mu.
	client  *siotest.Client
	session *session // nil: none
	stalls  []*siotest.Client
	all     []*siotest.Client // that there were
}

// connect makes a connection to a node, or the next that lives, as the session before if there is one.
func (m *member) connect(node int, before *session) {
	w := m.w
	for range w.nodes() {
		w.mu.Lock()
		dead := w.deadLocked(node)
		w.mu.Unlock()
		if !dead && m.dial(node, before) {
			return
		}
		node = (node + 1) % w.nodes()
	}
}

func (m *member) dial(node int, before *session) (ok bool) {
	w := m.w
	o := siotest.Options{Transport: m.transport, Timeout: 30 * time.Second}
	if w.real {
		address := w.fronts[node].Listener.Addr().String()
		o.Dial = func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", address) }
	}
	if before != nil && before.pid != "" {
		auth := map[string]string{"pid": before.pid}
		if offset := before.last().offset; offset != "" {
			auth["offset"] = offset
		}
		o.Auth = auth
	}
	conn := &connection{node: node, start: w.now(), end: never}
	var c *siotest.Client
	why := attempt(func() {
		if w.real {
			c = siotest.Dial(w.tb, nil, o)
		} else {
			c = siotest.Dial(w.tb, w.servers[node], o)
		}
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	if c == nil {
		if len(w.faults) == 0 {
			w.complaint = append(w.complaint, "a client cannot connect: "+why)
		}
		return false
	}
	conn.joined, conn.recovered = w.nowLocked(), c.Recovered()
	s := w.byID[c.ID()]
	switch {
	case conn.recovered && s != before:
		w.complaint = append(w.complaint, "a recovered client has another id")
		return false
	case !conn.recovered && s != nil:
		w.complaint = append(w.complaint, "a fresh client has an id that was there before")
		return false
	case s == nil:
		s = &session{client: m.place, id: c.ID(), pid: c.PID(), left: never}
		w.sessions, w.byID[s.id] = append(w.sessions, s), s
	}
	s.conns = append(s.conns, conn)
	m.client, m.session, m.all = c, s, append(m.all, c)
	m.readers.Go(func() { m.read(c, s, conn) })
	return true
}

// read records what comes on one connection, and acknowledges it.
func (m *member) read(c *siotest.Client, s *session, conn *connection) {
	for {
		var msg *siotest.Message
		why := attempt(func() { msg = c.Next() })
		if msg == nil && strings.Contains(why, "no event within") {
			continue
		}
		if msg == nil {
			m.w.mu.Lock()
			if !conn.closed {
				conn.end, conn.closed = m.w.nowLocked(), true
				conn.refused = strings.Contains(why, siotest.ServerDisconnect)
			}
			m.w.mu.Unlock()
			return
		}
		var n int
		var offset string
		msg.Decode(&n)
		if msg.Len() > 1 {
			msg.Decode(&n, &offset)
		}
		m.w.mu.Lock()
		late := conn.closed
		if !late {
			s.got = append(s.got, receipt{n, m.w.nowLocked()})
			if offset != "" {
				conn.offset = offset
			}
		}
		m.w.mu.Unlock()
		if !late && msg.WantsAck() {
			msg.Ack(n, s.id)
		}
	}
}

// close ends the connection for the client: what comes on it from now on is lost.
func (m *member) close() (c *siotest.Client, s *session) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	c, s = m.client, m.session
	if s != nil && !s.last().closed {
		s.last().closed, s.last().end = true, m.w.nowLocked()
	}
	if s != nil && len(s.conns) > 1 && s.last().offset == "" {
		s.last().offset = s.conns[len(s.conns)-2].offset // clients remember it
	}
	m.client, m.session = nil, nil
	return c, s
}

// end cuts all connections that there were, and waits for who reads them.
func (m *member) end() {
	m.close()
	for _, c := range m.all {
		c.Stall(false)
		c.Cut()
	}
	m.readers.Wait()
}

// stall stops or resumes reading, of the connection there is; if it was told to in time.
func (m *member) stall(on bool) {
	m.w.mu.Lock()
	var all []*siotest.Client
	switch {
	case on && m.client != nil:
		m.stalls, m.session.stalled = append(m.stalls, m.client), true
		all = []*siotest.Client{m.client}
	case !on:
		all, m.stalls = m.stalls, nil
	}
	m.w.mu.Unlock()
	for _, c := range all {
		c.Stall(on)
	}
}

// act is one operation of the client.
func (m *member) act(o op) {
	m.w.mu.Lock()
	c, s := m.client, m.session
	gone := s == nil || s.last().closed
	m.w.mu.Unlock()
	if gone && o.kind != cut {
		return
	}
	switch o.kind {
	case say:
		m.emit(c, s, o)
	case ask:
		m.call(c, s, o)
	case join, leave:
		done := m.w.begin(s, change{room: o.room, in: o.kind == join, node: s.last().node})
		if m.call(c, s, o) {
			done()
		}
	case upgrade:
		if m.transport == "polling" {
			_ = attempt(c.Conn().Upgrade) // once
		}
	case stall:
		m.stall(true)
		time.Sleep(o.long)
		m.stall(false)
	case cut:
		m.stall(false)
		c, s = m.close()
		if c != nil {
			c.Cut()
		}
		time.Sleep(o.long)
		m.connect(o.node, s)
	case hop:
		_, s = m.close() // the old connection is there, and nobody reads it
		m.connect(o.node, s)
	case goodbye:
		c.Disconnect()
		m.w.mu.Lock()
		s.left = m.w.nowLocked()
		m.w.mu.Unlock()
		m.close()
		time.Sleep(o.long)
		m.connect(o.node, s)
	}
}

func (m *member) next(s *session) int {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	m.seq++
	s.last().sent = append(s.last().sent, m.seq)
	return m.seq
}

func (m *member) emit(c *siotest.Client, s *session, o op) {
	c.Emit("do", m.place, m.next(s), o.kind, o.room)
}

// call emits and waits for the acknowledgement.
func (m *member) call(c *siotest.Client, s *session, o op) bool {
	seq := m.next(s)
	conn := s.last()
	select {
	case a := <-c.EmitWithAck("do", m.place, seq, o.kind, o.room):
		if a == nil {
			return false
		}
		var got int
		a.Decode(&got)
		if got != seq {
			m.w.tb.Errorf("event %d of client %d is acknowledged with %d", seq, m.place, got)
		}
		m.w.mu.Lock()
		conn.acked = append(conn.acked, seq)
		m.w.mu.Unlock()
		return true
	case <-time.After(30 * time.Second):
		return false
	}
}

// finish sees to it that the client is connected at the end.
func (m *member) finish() {
	m.stall(false)
	m.w.mu.Lock()
	c, s := m.client, m.session
	there := s != nil && !s.last().closed
	m.w.mu.Unlock()
	if !there || !m.call(c, s, op{kind: ask}) {
		m.act(op{kind: cut, node: m.w.servingNode(s)})
		m.w.mu.Lock()
		c, s = m.client, m.session
		m.w.mu.Unlock()
		if s == nil || !m.call(c, s, op{kind: ask}) {
			m.w.tb.Errorf("client %d cannot get through at the end", m.place)
			return
		}
	}
	m.w.mu.Lock()
	s.alive = true
	m.w.mu.Unlock()
}

func (w *world) servingNode(s *session) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s == nil {
		return 0
	}
	return s.last().node
}
