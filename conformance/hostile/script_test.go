//go:build e2e

package hostile

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What a step does.
const (
	doOpen    = "open"    // a session, by the way that arg names
	doUpgrade = "upgrade" // opens the WebSocket of an upgrade; arg is the query
	doSend    = "send"    // a packet, by the transport that the session has
	doRequest = "request" // raw bytes over a connection of their own, which is read
	doPoll    = "poll"    // raw bytes over a connection of their own, which nobody reads
	doBytes   = "bytes"   // raw bytes over the WebSocket
	doFIN     = "fin"     // ends the WebSocket for writing
	doReset   = "reset"   // ends all connections
	doWait    = "wait"    // lets a few milliseconds pass
)

// A step is what one of a script's peers does.
type step struct {
	who int
	do  string
	// arg is what is sent. In it SID0, SID1 … stand for the sessions of the peers, and
	// HOST for the server.
	arg string
	// parts is how many writes arg is cut into, with a pause before each but the first.
	parts int
	// answer is set if a request is whole, so that it has to be answered.
	answer bool
}

// String is the step as it is printed: long arguments by their beginning and length.
func (s step) String() string {
	arg := strconv.Quote(s.arg)
	if len(s.arg) > 600 {
		arg = strconv.Quote(s.arg[:300]) + fmt.Sprintf(" … %d bytes", len(s.arg))
	}
	text := fmt.Sprintf("%d %s %s", s.who, s.do, arg)
	if s.parts > 1 {
		text += fmt.Sprintf(" in %d parts", s.parts)
	}
	return text
}

// A script is what a few peers do, one step after the other.
type script []step

func (s script) String() string {
	var b strings.Builder
	for _, step := range s {
		fmt.Fprintln(&b, step)
	}
	return b.String()
}

// inputs is how many of the steps send something.
func (s script) inputs() (n int) {
	for _, step := range s {
		switch step.do {
		case doSend, doRequest, doPoll, doBytes, doUpgrade:
			n++
		}
	}
	return n
}

// play runs a script. The error is a fault of the server: a request that is whole and
// gets no answer, a client that is not let in although it comes three times. All else the oracle has to find.
func (w *world) play(s script) (err error) {
	all := make(map[int]*peer)
	defer func() {
		for i, p := range all {
			p.part(i)
		}
	}()
	for _, st := range s {
		p := all[st.who]
		if p == nil && st.do != doOpen {
			p = &peer{w: w, addr: w.addrs[0]}
			all[st.who] = p
		}
		switch st.do {
		case doOpen:
			if p != nil {
				p.part(0)
			}
			for range 3 { // a client whose machine is late hits a timeout, and comes again
				if p, err = w.openAt(st.arg, w.addrs[st.who%len(w.addrs)]); err == nil {
					break
				}
			}
			if err != nil {
				return err
			}
			all[st.who] = p
		case doWait:
			time.Sleep(time.Duration(len(st.arg)) * time.Millisecond)
		case doReset:
			p.leave()
		case doFIN:
			if p.ws != nil {
				p.ws.halfClose()
			}
		default:
			st.arg = w.fill(st.arg, all)
			err = errors.Join(err, p.act(st))
		}
	}
	return err
}

// fill puts in the sessions and the address.
func (w *world) fill(arg string, all map[int]*peer) string {
	if strings.Contains(arg, "SID") {
		for i := range 3 {
			sid := "none"
			if p := all[i]; p != nil {
				sid = p.sid
			}
			arg = strings.ReplaceAll(arg, "SID"+strconv.Itoa(i), sid)
		}
	}
	return strings.ReplaceAll(arg, "HOST", w.addrs[0])
}

// act sends what a step says. Nothing that goes wrong with the connection is a fault.
func (p *peer) act(st step) error {
	switch st.do {
	case doSend:
		if p.ws != nil {
			p.ws.write(message(st.arg), st.parts)
			return nil
		}
		return p.request("POST /socket.io/?"+p.query()+" HTTP/1.1\r\nHost: "+p.addr+"\r\nContent-Length: "+strconv.Itoa(len(st.arg))+"\r\n\r\n"+st.arg, st.parts, true)
	case doRequest:
		return p.request(st.arg, st.parts, st.answer)
	case doPoll:
		if l, err := p.dial(); err == nil {
			l.write([]byte(st.arg), st.parts)
		}
	case doBytes:
		if p.ws != nil {
			p.ws.write([]byte(st.arg), st.parts)
		}
	case doUpgrade:
		q := &peer{w: p.w, addr: p.addr, sid: p.sid}
		if err := q.dialWS(st.arg); err == nil {
			p.ws = q.ws
		}
		p.mine = append(p.mine, q.mine...)
	}
	return nil
}

// request sends bytes over a connection of their own, and reads what comes.
func (p *peer) request(raw string, parts int, answer bool) error {
	l, err := p.dial()
	if err != nil {
		return err
	}
	l.write([]byte(raw), parts)
	if !answer {
		l.halfClose()
		_ = l.SetReadDeadline(time.Now().Add(20 * time.Millisecond)) // a poll may wait for long
		_, _ = io.Copy(io.Discard, l)
		l.reset()
		return nil
	}
	_ = l.SetReadDeadline(time.Now().Add(patience))
	_, err = l.answer("POST")
	l.reset()
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("no answer within %v to %.300q", patience, raw)
	}
	return nil // an answer, or the end of the connection
}

// write writes in parts.
func (l *link) write(b []byte, parts int) {
	_ = l.SetWriteDeadline(time.Now().Add(patience))
	for i := range max(parts, 1) {
		n := len(b) / (max(parts, 1) - i)
		if _, err := l.Write(b[:n]); err != nil {
			return
		}
		if b = b[n:]; len(b) > 0 {
			time.Sleep(time.Millisecond)
		}
	}
}

// part leaves in one of several ways. A session on polling is ended, and told so: it
// would stay for 30 s otherwise, for a poll that asks what became of it.
func (p *peer) part(who int) {
	if p.sid != "" && p.via != webSocket {
		if _, err := p.post("1"); err == nil {
			_ = p.request("GET /socket.io/?"+p.query()+" HTTP/1.1\r\nHost: "+p.addr+"\r\n\r\n", 1, false)
		}
	}
	if who == 1 {
		for _, l := range p.mine {
			_ = l.Close()
		}
	}
	p.leave()
}

// shrink returns the shortest script that it finds which still fails: first without
// steps, then with shorter arguments. It asks fails at most tries times.
func shrink(s script, tries int, fails func(script) bool) script {
	ask := func(c script) bool {
		if tries--; tries < 0 || len(c) == 0 {
			return false
		}
		return fails(c)
	}
	for size := len(s) / 2; size >= 1; size /= 2 {
		for at := 0; at+size <= len(s); {
			if c := slices.Delete(slices.Clone(s), at, at+size); ask(c) {
				s = c
			} else {
				at += size
			}
		}
	}
	for i := range s {
		for size := len(s[i].arg) / 2; size >= 1; size /= 2 {
			for at := 0; at+size <= len(s[i].arg); {
				c := slices.Clone(s)
				c[i].arg = c[i].arg[:at] + c[i].arg[at+size:]
				c[i].answer = false // its length may be wrong now
				if ask(c) {
					s = c
				} else {
					at += size
				}
			}
		}
	}
	return s
}
