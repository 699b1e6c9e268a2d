package engine

import "sync/atomic"

// Traffic counts the messages of all sessions, with those that have ended, since
// [Server.CountTraffic]. Bytes are those of the contents, before compression and without
// the framing of the transport. What a session drops after it was queued counts as sent.
type Traffic struct {
	MessagesIn, MessagesOut uint64
	BytesIn, BytesOut       uint64
}

// traffic counts in parts, on cache lines of their own: processors that work for
// different sessions seldom wait for each other.
type traffic [trafficParts]struct {
	in, out, bytesIn, bytesOut atomic.Uint64
	_                          [32]byte
}

const trafficParts = 16

// partOf returns the part in which a session counts: ids are random.
func partOf(id string) uint8 {
	if id == "" { // in tests
		return 0
	}
	return id[0] % trafficParts
}

func (t *traffic) received(s *Session, bytes int) {
	p := &t[s.part]
	p.in.Add(1)
	p.bytesIn.Add(uint64(bytes))
}

func (t *traffic) sent(s *Session, msgs []Message) {
	bytes := 0
	for _, m := range msgs {
		bytes += len(m.out.Payload())
	}
	p := &t[s.part]
	p.out.Add(uint64(len(msgs)))
	p.bytesOut.Add(uint64(bytes))
}

// total is zero for a server that does not count.
func (t *traffic) total() (sum Traffic) {
	if t == nil {
		return sum
	}
	for i := range t {
		p := &t[i]
		sum.MessagesIn += p.in.Load()
		sum.MessagesOut += p.out.Load()
		sum.BytesIn += p.bytesIn.Load()
		sum.BytesOut += p.bytesOut.Load()
	}
	return sum
}
