//go:build e2e

package hostile

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const handshake = "EIO=4&transport=polling"

// refused makes requests, each over a connection of its own, and wants this status and
// this text in the body.
func refused(status int, body, method string, queries ...string) func(p *peer) error {
	return each(queries, func(p *peer, query string) error {
		return p.wants(status, body, method, query, "", "")
	})
}

// wants makes a request over a new connection.
func (p *peer) wants(status int, body, method, query, header, content string) error {
	p.http = nil
	query = strings.ReplaceAll(query, "SID", p.sid)
	a, err := p.raw(method+" /socket.io/?"+query+" HTTP/1.1\r\nHost: "+p.addr+"\r\n"+header+"\r\n"+content, method)
	if err != nil {
		return err
	}
	if a.status != status || !strings.Contains(a.body, body) {
		return fmt.Errorf("status %d, %.100q; want %d, %q", a.status, a.body, status, body)
	}
	if len(a.body) > 256 {
		return fmt.Errorf("the answer has %d bytes", len(a.body))
	}
	p.http = nil
	return nil
}

// head sends a request with this header, to a session if query names SID.
func head(status int, body, method, query, header, content string) func(p *peer) error {
	return func(p *peer) error {
		return p.wants(status, body, method, query, header, content)
	}
}

// then runs one attack behind the other.
func then(steps ...func(p *peer) error) func(p *peer) error {
	return func(p *peer) error {
		for _, step := range steps {
			if err := step(p); err != nil {
				return err
			}
		}
		return nil
	}
}

func lives(p *peer) error { return p.lives() }

// raws sends each request as it is, over a connection of its own, and wants that no
// session comes of it: an answer of 4xx or 5xx, or the end.
func raws(inputs ...string) func(p *peer) error { return answered(false, inputs...) }

// answered is raws, of which sessions may come, if so said: then each connection only
// has to end.
func answered(sessions bool, inputs ...string) func(p *peer) error {
	return each(inputs, func(p *peer, input string) error {
		l, err := p.dial()
		if err != nil {
			return err
		}
		defer l.reset()
		_, _ = io.WriteString(l, strings.ReplaceAll(input, "HOST", p.addr))
		l.halfClose()
		all, err := io.ReadAll(l)
		if isTimeout(err) {
			return fmt.Errorf("neither an answer nor the end, but %.200q", all)
		}
		if sessions {
			return nil
		}
		if text := string(all); strings.Contains(text, `"sid"`) || strings.Contains(text, "HTTP/1.1 101") {
			return fmt.Errorf("a session: %.200q", text)
		}
		return nil
	})
}

var onPolling = []string{polling}

// requests are rows of HTTP (2.1).
var requests = []row{
	{id: "A-H01 revisions that are none", alone: true, run: refused(400, `{"code":5`, "GET", "transport=polling", "EIO=3&transport=polling", "EIO=5&transport=polling", "EIO=1e11&transport=polling",
		"EIO=4+&transport=polling", "EIO=04&transport=polling", "EIO=&transport=polling", "EIO=4&EIO=4&transport=polling", "EIO=%34%00&transport=polling")},
	{id: "A-H01 another revision later on", run: then(refused(400, `{"code":3`, "GET", "transport=polling&sid=SID", "EIO=3&transport=polling&sid=SID", "EIO=5&transport=polling&sid=SID"), lives)},
	{id: "A-H02 transports that are none", alone: true, run: refused(400, `{"code":0`, "GET", "EIO=4", "EIO=4&transport=", "EIO=4&transport=foo", "EIO=4&transport=constructor",
		"EIO=4&transport=__proto__", "EIO=4&transport=webtransport", "EIO=4&transport=POLLING", "EIO=4&transport=%00", "EIO=4&transport="+strings.Repeat("x", 4000))},
	{id: "A-H03 sessions that are none", alone: true, run: refused(400, `{"code":1,"message":"Session ID unknown"}`, "GET", handshake+"&sid=x", handshake+"&sid=__proto__", handshake+"&sid=..%2F..",
		handshake+"&sid=%00", handshake+"&sid="+strings.Repeat("A", 3000), handshake+"&sid=%F0%9F%92%A9")},
	{id: "A-H04 methods of handshakes", alone: true, run: each([]string{"POST", "PUT", "DELETE", "PATCH"}, func(p *peer, method string) error {
		return p.wants(400, `{"code":2`, method, handshake, "Content-Length: 0\r\n", "")
	})},
	{id: "A-H05 methods that a session does not have", run: then(lives, each([]string{"PUT", "DELETE", "PATCH"}, func(p *peer, method string) error {
		if p.ws != nil {
			return p.wants(400, "", method, "EIO=4&transport=polling&sid=SID", "Content-Length: 0\r\n", "")
		}
		return p.wants(405, "", method, "EIO=4&transport=polling&sid=SID", "Content-Length: 0\r\n", "")
	}), lives)},
	{id: "A-H07 upgrades that are none", alone: true, run: each([]string{
		"", "Connection: Upgrade\r\nUpgrade: h2c\r\n", strings.Replace(wsHeader, "13", "12", 1), strings.Replace(wsHeader, "dGhlIHNhbXBsZSBub25jZQ==", "", 1),
		strings.Replace(wsHeader, "dGhlIHNhbXBsZSBub25jZQ==", "dGhl", 1), strings.Replace(wsHeader, "dGhlIHNhbXBsZSBub25jZQ==", strings.Repeat("=", 2000), 1),
		"Connection: Upgrade\r\nUpgrade: websocket\r\n", wsHeader + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", wsHeader + "Content-Length: 2\r\n",
	}, func(p *peer, header string) error {
		l, a, err := p.tryWS("EIO=4&transport=websocket", header, []byte("4x")...)
		if l != nil {
			defer l.reset()
		}
		if err == nil && (a.status < 400 || a.status > 499) {
			err = fmt.Errorf("status %d, %.100q", a.status, a.body)
		}
		return err
	})},
	{id: "A-H08 an upgrade of polling", alone: true, run: head(400, "", "GET", handshake, wsHeader, "")},
	{id: "A-H09 a body over the limit, announced", via: onPolling, run: func(p *peer) error {
		if p.w.fast { // which waits for it
			return then(head(408, "", "POST", p.query(), "Content-Length: 1100000\r\n", ""), lives)(p)
		}
		if err := p.wants(413, "", "POST", p.query(), "Content-Length: 1100000\r\n", ""); err != nil {
			return err
		}
		_, err := p.ends()
		return err
	}},
	{id: "A-H10 a body over the limit, in chunks", via: onPolling, run: func(p *peer) error {
		chunk := "10000\r\n4" + strings.Repeat("x", 0xffff) + "\r\n"
		if p.w.fast { // which waits for the end
			return then(head(408, "", "POST", p.query(), "Transfer-Encoding: chunked\r\n", strings.Repeat(chunk, 20)), lives)(p)
		}
		if err := p.wants(413, "", "POST", p.query(), "Transfer-Encoding: chunked\r\n", strings.Repeat(chunk, 20)); err != nil && !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset") {
			return err
		}
		_, err := p.ends()
		return err
	}},
	{id: "A-H11 a slow body", via: onPolling, run: slowBody},
	{id: "A-H11 a slow header", alone: true, run: slowHeader},
	{id: "A-H12 two polls at once", via: onPolling, run: twoPolls},
	{id: "A-H13 a POST during a POST", via: onPolling, run: twoPosts},
	{id: "A-H15 binary content", via: onPolling, run: then(head(400, "", "POST", "EIO=4&transport=polling&sid=SID", "Content-Type: application/octet-stream\r\nContent-Length: 2\r\n", "4x"), ended)},
	{id: "A-H15 other contents", via: onPolling, run: then(each([]string{"", "Content-Type: text/plain;charset=utf-16\r\n",
		"Content-Type: application/x-www-form-urlencoded\r\n", "Content-Type: ;;;\r\n"}, func(p *peer, header string) error {
		return p.wants(200, "ok", "POST", p.query(), header+"Content-Length: 1\r\n", "3")
	}), lives)},
	{id: "A-H15 encoded contents", via: onPolling, run: then(head(415, "", "POST", "EIO=4&transport=polling&sid=SID", "Content-Encoding: gzip\r\nContent-Length: 2\r\n", "4x"))},
	{id: "A-H17 requests that net/http refuses, and fasthttp does not", alone: true, run: func(p *peer) error {
		return answered(p.w.fast, // docs/reliability.md says so
			"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost : HOST\r\n\r\n",
			"POST /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n3GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: HOST\r\n\r\n",
			"POST /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\nHost: HOST\r\nContent-Length: -1\r\n\r\nGET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: HOST\r\n\r\n",
			"POST /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: HOST\r\n\r\n",
			"POST /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\nGET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: HOST\r\n\r\n",
			"GET /socket.io/?EIO=4&transport=polling HTTP/9.9\r\nHost: HOST\r\n\r\n",
		)(p)
	}},
	{id: "A-H17 requests that can be read in two ways", alone: true, run: raws(
		"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: HOST\r\nHost: evil.example\r\n\r\n",
		"GET  /socket.io/?EIO=4&transport=polling\r\n\r\n",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", // TLS
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	)},
	{id: "A-H19 origins", alone: true, run: each([]string{"null", "https://evil.example", "http://HOST.evil.example", "http://HOST.", "http://evil.example/HOST",
		"http://127.0.0.1:1", strings.Repeat("x", 8000), "http://\u0131.example", "http://a http://b", "//HOST", "http://u@HOST", "http://%31"}, func(p *peer, origin string) error {
		header := "Origin: " + strings.ReplaceAll(origin, "HOST", p.addr) + "\r\n"
		if p.w.fast && len(header) > 4000 {
			return p.wants(431, "", "GET", handshake, header, "") // Fiber's limit
		}
		if err := p.wants(403, `"code":4`, "GET", handshake, header, ""); err != nil {
			return err
		}
		l, a, err := p.tryWS("EIO=4&transport=websocket", wsHeader+header)
		if l != nil {
			l.reset()
		}
		if err == nil && a.status != http.StatusForbidden {
			err = fmt.Errorf("WebSocket: status %d", a.status)
		}
		return err
	})},
	{id: "A-H20 JSONP", alone: true, run: func(p *peer) error {
		for _, j := range []string{"0", "alert(1)//", strings.Repeat("1", 4000), "</script>"} {
			a, err := p.do("GET", handshake+"&j="+strings.ReplaceAll(j, "<", "%3C"), "")
			if err != nil {
				return err
			}
			if strings.Contains(a.body, "___eio") || strings.Contains(a.header.Get("Content-Type"), "script") || strings.Contains(a.body, j) && len(j) > 3 {
				return fmt.Errorf("j=%.20q: %.100q", j, a.body)
			}
		}
		return nil
	}},
	{id: "A-H21 a poll that is given up", via: onPolling, run: func(p *peer) error {
		l, err := p.park()
		if err != nil {
			return err
		}
		l.reset()
		_, err = p.ends()
		return err
	}},
	{id: "A-H24 paths", alone: true, run: each([]string{"//socket.io/", "/%2573ocket.io/", "/socket.ioX/", "/x/socket.io/", "/socket.io\\x/",
		"http://evil.example/socket.ioX/", "*"}, func(p *peer, path string) error {
		p.http = nil
		a, err := p.raw("GET "+path+"?EIO=4&transport=polling HTTP/1.1\r\nHost: "+p.addr+"\r\n\r\n", "GET")
		if err == nil && (strings.Contains(a.body, `0{"sid"`) || a.header.Get("Location") != "" && strings.Contains(a.header.Get("Location"), "evil")) {
			err = fmt.Errorf("status %d, %q, %.100q", a.status, a.header.Get("Location"), a.body)
		}
		return err
	})},
	{id: "A-H26 10,000 headers, and headers without end", alone: true, run: raws(
		"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: HOST\r\n"+strings.Repeat("A: b\r\n", 10_000)+"\r\n",
		"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: HOST\r\nA: "+strings.Repeat("x", 2<<20)+"\r\n\r\n",
		"GET /socket.io/?EIO=4&transport=polling&x="+strings.Repeat("x", 2<<20)+" HTTP/1.1\r\nHost: HOST\r\n\r\n",
		"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: HOST\r\nCookie: "+strings.Repeat("a=b; ", 10_000)+"\r\n\r\n",
	)},
}

func ended(p *peer) error { _, err := p.ends(); return err }

// park sends a poll that has nothing to bring, over a connection of its own.
func (p *peer) park() (*link, error) {
	if err := p.lives(); err != nil { // so that nothing is queued
		return nil, err
	}
	l, err := p.dial()
	if err != nil {
		return nil, err
	}
	_, err = io.WriteString(l, "GET /socket.io/?"+p.query()+" HTTP/1.1\r\nHost: "+p.addr+"\r\n\r\n")
	pause(50 * time.Millisecond) // for it to be there: nothing tells
	return l, err
}

func slowBody(p *peer) error {
	l, err := p.dial()
	if err != nil {
		return err
	}
	_, _ = io.WriteString(l, "POST /socket.io/?"+p.query()+" HTTP/1.1\r\nHost: "+p.addr+"\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n4")
	a, err := l.answer("POST") // within patience
	if isTimeout(err) || err == nil && a.status == http.StatusOK {
		return fmt.Errorf("status %d, %w", a.status, err)
	}
	if p.w.fast { // nobody has seen the request
		return p.lives()
	}
	_, err = p.ends()
	return err
}

func slowHeader(p *peer) error {
	l, err := p.dial()
	if err != nil {
		return err
	}
	_, _ = io.WriteString(l, "GET /socket.io/?"+handshake+" HTTP/1.1\r\nHost: ")
	_, err = io.ReadAll(l)
	if isTimeout(err) {
		return errors.New("a header that never ends is waited for without end")
	}
	return nil
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// twoPolls: one is refused, the other answered, the session over.
func twoPolls(p *peer) error {
	if err := p.lives(); err != nil { // so that nothing is queued
		return err
	}
	var polls [2]*link
	for i := range polls {
		l, err := p.dial()
		if err != nil {
			return err
		}
		_, _ = io.WriteString(l, "GET /socket.io/?"+p.query()+" HTTP/1.1\r\nHost: "+p.addr+"\r\n\r\n")
		polls[i] = l
	}
	refused := 0
	for _, l := range polls {
		a, err := l.answer("GET")
		switch {
		case err != nil:
			return err
		case a.status == http.StatusBadRequest:
			refused++
		case a.status != http.StatusOK:
			return fmt.Errorf("status %d, %.60q", a.status, a.body)
		}
	}
	if refused == 0 {
		return errors.New("both polls are answered")
	}
	return ended(p)
}

// twoPosts: the second is refused while the first arrives, and the first ends. On
// fasthttp a POST is there when its body is, so that the second is served.
func twoPosts(p *peer) error {
	first, err := p.dial()
	if err != nil {
		return err
	}
	_, _ = io.WriteString(first, "POST /socket.io/?"+p.query()+" HTTP/1.1\r\nHost: "+p.addr+"\r\nExpect: 100-continue\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n")
	if a, err := first.answer("POST"); err != nil || a.status != http.StatusContinue { // it is being read
		return fmt.Errorf("status %d, %w", a.status, err)
	}
	if p.w.fast {
		return then(head(200, "ok", "POST", p.query(), "Content-Length: 1\r\n", "3"), lives)(p)
	}
	if err := p.wants(400, "", "POST", p.query(), "Content-Length: 1\r\n", "3"); err != nil {
		return err
	}
	if _, err := io.ReadAll(first); isTimeout(err) {
		return errors.New("the first POST stays open")
	}
	return ended(p)
}
