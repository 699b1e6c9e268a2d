//go:build e2e

package hostile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const probing = "EIO=4&transport=websocket&sid="

// probe opens the WebSocket of an upgrade beside the session.
func (p *peer) probe() (*peer, error) {
	q := &peer{w: p.w, addr: p.addr, sid: p.sid}
	err := q.dialWS(probing + p.sid)
	p.mine = append(p.mine, q.mine...)
	return q, err
}

// aborts sends packets by the WebSocket of an upgrade: that is closed, and the session
// stays on polling.
func aborts(packets ...string) func(p *peer) error {
	return func(p *peer) error {
		q, err := p.probe()
		if err != nil {
			return err
		}
		for _, packet := range packets {
			if err := q.send(packet); err != nil {
				return err
			}
		}
		if _, err := q.ends(); err != nil {
			return err
		}
		return p.lives()
	}
}

// upgrades are rows of the upgrade (2.3), and of what comes before a session is.
var upgrades = []row{
	{id: "A-U01 two probes at once", via: onPolling, run: func(p *peer) error {
		first, err := p.probe()
		if err != nil {
			return err
		}
		if l, a, err := p.tryWS(probing+p.sid, wsHeader); err != nil {
			return err
		} else if a.status == http.StatusSwitchingProtocols { // then it is closed
			if _, err := (&peer{w: p.w, addr: p.addr, ws: l}).ends(); err != nil {
				return err
			}
		}
		if err := first.send("2probe"); err != nil {
			return err
		}
		if _, err := first.expect("3probe"); err != nil {
			return err
		}
		return p.lives()
	}},
	{id: "A-U02 a probe that never comes", via: onPolling, run: aborts()},
	{id: "A-U02 a probe, and nothing behind", via: onPolling, run: aborts("2probe")},
	{id: "A-U04 packets in the place of a probe", via: onPolling, run: each([]string{"2probeX", "2", "4", `42["echo"]`, "1", "3", "6", "0{}", "", "bAQID", "x"}, func(p *peer, packet string) error {
		return aborts(packet)(p)
	})},
	{id: "A-U05 packets behind a probe", via: onPolling, run: each([]string{`42["echo"]`, "1", "3", "6", "0{}", "", "bAQID", "x", "5x"}, func(p *peer, packet string) error {
		return aborts("2probe", packet)(p)
	})},
	{id: "A-U06 an upgrade of what was upgraded", via: onWS, run: func(p *peer) error {
		if l, a, err := p.tryWS(probing+p.sid, wsHeader); err != nil {
			return err
		} else if a.status == http.StatusSwitchingProtocols {
			if _, err := (&peer{w: p.w, addr: p.addr, ws: l}).ends(); err != nil {
				return err
			}
		}
		return p.lives()
	}},
	{id: "A-U06 an upgrade of what has ended", via: onPolling, run: func(p *peer) error {
		if err := p.send("1"); err != nil {
			return err
		}
		l, a, err := p.tryWS(probing+p.sid, wsHeader)
		switch {
		case err != nil:
			return err
		case a.status == http.StatusSwitchingProtocols: // and closes
			_, err = (&peer{w: p.w, addr: p.addr, ws: l}).ends()
		case a.status != http.StatusBadRequest:
			err = fmt.Errorf("status %d", a.status)
		}
		return err
	}},
	{id: "A-U07 polling after the upgrade", via: []string{upgraded}, run: then(lives,
		refused(400, `{"code":3`, "GET", "EIO=4&transport=polling&sid=SID"), head(400, `{"code":3`, "POST", "EIO=4&transport=polling&sid=SID", "Content-Length: 1\r\n", "3"), lives)},
	{id: "A-U08 an upgrade with another revision", via: onPolling, run: func(p *peer) error {
		for _, q := range []string{"EIO=3&transport=websocket&sid=", "transport=websocket&sid=", "EIO=5&transport=websocket&sid="} {
			_, a, err := p.tryWS(q+p.sid, wsHeader, frame(0x81, []byte("2"))...)
			if err != nil || a.status != http.StatusBadRequest {
				return fmt.Errorf("%s: status %d, %w", q, a.status, err)
			}
		}
		return p.lives()
	}},
	{id: "A-U10 RST behind the last step", via: onPolling, run: func(p *peer) error {
		q, err := p.probe()
		if err != nil {
			return err
		}
		if err := q.send("2probe"); err != nil {
			return err
		}
		if _, err := q.expect("3probe"); err != nil {
			return err
		}
		err = q.send("5")
		q.ws.reset()
		return err
	}},
	{id: "A-U10 RST in the middle", via: onPolling, run: func(p *peer) error {
		q, err := p.probe()
		if err != nil {
			return err
		}
		if err := q.send("2probe"); err != nil {
			return err
		}
		q.ws.reset()
		return p.lives()
	}},
	{id: "A-U11 an upgrade to what is none", via: onPolling, run: then(refused(400, `{"code":0`, "GET", "EIO=4&transport=webtransport&sid=SID"), lives)},
	{id: "A-E16 frames in the segment of the request", alone: true, run: early},
	{id: "SA-07 broken frames in the segment of the request", alone: true, run: each([][]byte{frame(0xa1, []byte("40")), frame(0x91, []byte("40")), frame(0x83, nil), unmasked(0x81, "40"),
		frameOf(0x81, 1<<63, 8, nil)}, func(p *peer, b []byte) error {
		l, a, err := p.tryWS("EIO=4&transport=websocket", wsHeader, b...)
		if err != nil || a.status != http.StatusSwitchingProtocols {
			return fmt.Errorf("status %d, %w", a.status, err)
		}
		_, err = (&peer{w: p.w, addr: p.addr, ws: l}).ends()
		return err
	})},
	{id: "SA-08 RST at every byte of an upgrade", via: onPolling, run: func(p *peer) error {
		request := "GET /socket.io/?" + probing + p.sid + " HTTP/1.1\r\nHost: " + p.addr + "\r\n" + wsHeader + "\r\n" + string(frame(0x81, []byte("2probe")))
		for n := range len(request) {
			l, err := p.dial()
			if err != nil {
				return err
			}
			_, _ = io.WriteString(l, request[:n])
			l.reset()
		}
		return p.lives()
	}},
}

// early sends CONNECT and an event together with the request: none may be lost.
func early(p *peer) error {
	l, a, err := p.tryWS("EIO=4&transport=websocket", wsHeader, bytes.Join([][]byte{message("40"), message(`421["echo","early"]`)}, nil)...)
	if err != nil || a.status != http.StatusSwitchingProtocols {
		return fmt.Errorf("status %d, %w", a.status, err)
	}
	q := &peer{w: p.w, addr: p.addr, ws: l}
	if _, err := q.expect("40{"); err != nil {
		return err
	}
	_, err = q.expect(`431["early"]`)
	return err
}

// memberships are rows of rooms, acknowledgements and recovery (2.6, 2.8).
var memberships = []row{
	{id: "A-M01 a room of 1 MB", run: answers(`433[{"error":`, `423["join","`+strings.Repeat("r", 900_000)+`"]`)},
	{id: "A-M01 20,000 rooms", via: []string{webSocket}, run: func(p *peer) error {
		for i := range 20_000 {
			if err := p.send(fmt.Sprintf(`42["join","%d-%p"]`, i, p)); err != nil {
				return err
			}
		}
		return p.lives()
	}},
	{id: "A-M01 rooms of others", run: bears(`42["join","bystanders"]`, `42["leave","bystanders"]`, `42["leave","x"]`, `42["join",""]`)},
	{id: "A-M04 questions that are never answered", run: func(p *peer) error {
		for range 20 {
			if err := p.send(`42["ask"]`); err != nil {
				return err
			}
			if _, err := p.expect("42"); err != nil {
				return err
			}
		}
		return nil
	}},
	{id: "A-M06 an acknowledgement from another session", run: func(p *peer) error {
		other, err := p.w.open(webSocket)
		if err != nil {
			return err
		}
		defer other.leave()
		if err := p.send(`42["ask"]`); err != nil {
			return err
		}
		if _, err := p.expect("42"); err != nil {
			return err
		}
		if err := other.send(`430["mine"]`, `431["mine"]`); err != nil {
			return err
		}
		return errors.Join(other.lives(), p.lives())
	}},
	{id: "A-R01 a forged session to recover", run: each([]string{`{"pid":"` + secret + `"}`, `{"pid":1,"offset":2}`, `{"pid":{},"offset":[]}`, `{"pid":"__proto__","offset":"__proto__"}`,
		`{"pid":"` + strings.Repeat("x", 10_000) + `"}`, `{"pid":null}`, `{"pid":["a"],"offset":{"a":1}}`}, func(p *peer, auth string) error {
		if err := p.send("40/other," + auth); err != nil {
			return err
		}
		if _, err := p.expect(`40/other,{`); err != nil {
			return err
		}
		return p.send("41/other,")
	})},
	{id: "A-R03 a session recovered twice", via: []string{webSocket}, run: replay},
	{id: "A-J15 an auth payload over the limit", run: breaks(`40/other,{"token":"` + strings.Repeat("t", 20_000) + secret + `"}`)},
}

// replay loses a connection, and comes back twice with its secret: one of the two is
// recovered at most, and the sockets differ.
func replay(p *peer) error {
	if len(p.w.servers) > 1 {
		return nil // without recovery
	}
	q, err := p.w.open(webSocket)
	if err != nil {
		return err
	}
	defer q.leave()
	answer, err := q.join("/other")
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(answer, `"pid":"`)
	pid, _, _ := strings.Cut(rest, `"`)
	if pid == "" {
		return fmt.Errorf("no pid in %.100q", answer)
	}
	q.ws.reset()
	before := make(map[string]*peer)
	for range 2 {
		r, err := p.w.open(webSocket)
		if err != nil {
			return err
		}
		defer r.leave()
		if err := r.send(`40/other,{"pid":"` + pid + `","offset":"x"}`); err != nil {
			return err
		}
		answer, err := r.expect("40/other,{")
		if err != nil {
			return err
		}
		_, rest, _ := strings.Cut(answer, `"sid":"`)
		id, _, _ := strings.Cut(rest, `"`)
		if first := before[id]; first != nil { // which then is no more
			if err := first.send(`42/other,["echo"]`); err == nil {
				if _, err = first.ends(); err != nil {
					return fmt.Errorf("two live sockets with the id %q: %w", id, err)
				}
			}
		}
		before[id] = r
	}
	return nil
}

// exhaustions are rows of what many sessions cost together (2.10).
var exhaustions = []row{
	{id: "A-X03 200 sessions that never poll", alone: true, run: func(p *peer) error {
		for range 200 {
			if a, err := p.do("GET", handshake, ""); err != nil || a.status != http.StatusOK {
				return fmt.Errorf("status %d, %w", a.status, err)
			}
		}
		return nil
	}},
	{id: "A-X03 sessions that join nothing", alone: true, run: func(p *peer) error {
		q := &peer{w: p.w, addr: p.addr, via: webSocket}
		defer q.leave()
		if err := q.handshake(); err != nil {
			return err
		}
		return ended(q)
	}},
	{id: "A-X04 a client that stops polling", via: onPolling, run: func(p *peer) error {
		big := `42["say","` + strings.Repeat("x", 900_000) + `"]`
		for range 10 { // over SendBuffer
			if a, err := p.post(big); err != nil || a.status != http.StatusOK {
				break
			}
		}
		return ended(p)
	}},
	{id: "A-X06 ends of all kinds", run: func(p *peer) error {
		for i := range 20 {
			q, err := p.w.open(p.via)
			if err != nil {
				return err
			}
			switch i % 5 {
			case 0:
				_ = q.send("41")
			case 1:
				if q.ws == nil {
					_ = q.send("1")
				} else {
					_, _ = q.ws.Write(closing(1000, ""))
				}
			case 2:
				_ = q.send("9")
			case 3:
				_ = q.send(`42["bye"]`)
			}
			if q.ws == nil { // a polling session has no connection to lose
				if l, err := q.dial(); err == nil {
					_, _ = io.WriteString(l, "GET /socket.io/?"+q.query()+" HTTP/1.1\r\nHost: "+q.addr+"\r\n\r\n")
				}
				pause(time.Millisecond)
			}
			q.leave()
		}
		return nil
	}},
}
