//go:build e2e

package hostile

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// A grammar makes scripts: what a client may send, with some of it wrong. The same
// seed makes the same scripts.
type grammar struct{ *rand.Rand }

func newGrammar(seed, number uint64) grammar { return grammar{rand.New(rand.NewPCG(seed, number))} }

// one chance in n.
func (g grammar) oneIn(n int) bool { return g.IntN(n) == 0 }

func pick[T any](g grammar, of ...T) T { return of[g.IntN(len(of))] }

// script is what one to three peers do.
func (g grammar) script() (s script) {
	peers := 1 + g.IntN(3)
	for who := range peers {
		if who == 0 || g.oneIn(2) {
			s = append(s, step{who: who, do: doOpen, arg: pick(g, ways...)})
		}
	}
	for range 2 + g.IntN(9) {
		s = append(s, g.step(g.IntN(peers)))
		if g.oneIn(20) {
			s = append(s, s[len(s)-1]) // twice
		}
	}
	if g.oneIn(6) { // in another order
		i, j := g.IntN(len(s)), g.IntN(len(s))
		s[i], s[j] = s[j], s[i]
	}
	return s
}

func (g grammar) step(who int) step {
	st := step{who: who, parts: 1}
	if g.oneIn(10) {
		st.parts = 2 + g.IntN(4)
	}
	switch g.IntN(20) {
	default:
		st.do, st.arg = doSend, g.packets()
	case 9, 10, 11, 12:
		st.do, st.arg = doBytes, g.frames()
	case 13, 14:
		st.do, st.arg, st.answer = g.request(who)
	case 15:
		st.do, st.arg = doUpgrade, g.field("EIO=4")+"&"+g.field("transport=websocket")+"&"+g.field("sid="+g.sid(who))
	case 16:
		st.do, st.arg = doSend, pick(g, "2probe", "5", "1", "3", "6", "2", "0{}")
	case 17:
		st.do, st.arg = pick(g, doFIN, doReset, doWait), "xx"[:g.IntN(3)]
	case 18:
		st.do, st.arg = doPoll, "GET /socket.io/?EIO=4&transport=polling&sid="+g.sid(who)+" HTTP/1.1\r\nHost: HOST\r\n\r\n"
	}
	return st
}

// sid is that of the peer, and sometimes of another.
func (g grammar) sid(who int) string {
	if g.oneIn(8) {
		who = g.IntN(3)
	}
	return "SID" + strconv.Itoa(who)
}

// field is a part of a message, which sometimes is wrong.
func (g grammar) field(right string) string {
	switch g.IntN(30) {
	default:
		return right
	case 0:
		return ""
	case 1:
		return right + right
	case 2:
		return g.huge(right)
	case 3:
		return "-" + right
	case 4:
		return g.json(2)
	case 5:
		return right[:g.IntN(len(right)+1)]
	case 6:
		return g.flip(right)
	case 7:
		return right + pick(g, "\x00", "\x1e", "\r\n", " ", "\u2028", "\ufeff", "\xff", "%00", ",", "&", "=", "[", "\\", `"`)
	}
}

// huge is mostly some hundred bytes, and now and then over a limit.
func (g grammar) huge(of string) string {
	if of == "" {
		of = "x"
	}
	n := 300
	switch {
	case g.oneIn(400):
		n = 1_100_000
	case g.oneIn(20):
		n = 70_000
	case g.oneIn(3):
		n = 5000
	}
	return strings.Repeat(of, n/len(of)+1)
}

func (g grammar) flip(text string) string {
	if text == "" {
		return text
	}
	b := []byte(text)
	b[g.IntN(len(b))] ^= 1 << g.IntN(8)
	return string(b)
}

// packets are one or a few packets of a payload.
func (g grammar) packets() string {
	text := g.packet()
	for g.oneIn(4) {
		text += g.field("\x1e") + g.packet()
	}
	if g.oneIn(15) {
		text = text[:g.IntN(len(text)+1)]
	}
	if g.oneIn(15) {
		text = g.flip(text)
	}
	return text
}

func (g grammar) packet() string {
	switch g.IntN(12) {
	case 0: // an attachment
		b := make([]byte, g.IntN(40))
		for i := range b {
			b[i] = byte(g.Uint32())
		}
		return "b" + g.field(base64.StdEncoding.EncodeToString(b))
	case 1: // of Engine.IO
		return g.field(pick(g, "0", "1", "2", "3", "5", "6", "7", "9")) + g.field(pick(g, "", "probe", `{"sid":"SID0"}`))
	}
	kind := pick(g, "0", "0", "1", "2", "2", "2", "2", "2", "3", "4", "5", "6")
	text := g.field("4") + g.field(kind)
	if kind == "5" || kind == "6" {
		text += g.field(pick(g, "1", "2", "0", "10", "11")) + g.field("-")
	}
	if g.oneIn(4) {
		text += g.field("/"+pick(g, "other", "closed", "nobody", "child-1", "child-"+strconv.Itoa(g.IntN(50)))) + g.field(",")
	}
	if g.oneIn(3) && kind != "0" {
		text += g.field(strconv.FormatUint(g.Uint64()>>g.IntN(64), 10))
	}
	switch kind {
	case "0", "4":
		return text + pick(g, "", g.field(`{"token":"`+secret+`"}`), g.field(`{"pid":"SID0","offset":"x"}`), g.json(3))
	case "1":
		return text + pick(g, "", "", g.json(2))
	}
	return text + g.event()
}

// event is the payload of an event, or of an acknowledgement.
func (g grammar) event() string {
	name := pick(g, "echo", "echo", "say", "join", "leave", "room", "ask", "bye", "error", "number", "nobody", "connect", "disconnect", "__proto__")
	args := []string{g.field(`"` + name + `"`)}
	for range g.IntN(4) {
		args = append(args, g.field(g.json(3)))
	}
	return g.field("[") + strings.Join(args, g.field(",")) + g.field("]")
}

// json is a value.
func (g grammar) json(depth int) string {
	kind := g.IntN(13)
	if depth == 0 {
		kind = g.IntN(9)
	}
	switch kind {
	default:
		return `"` + secret + g.field("text") + `"`
	case 1:
		return strconv.Itoa(g.IntN(1000) - 500)
	case 2:
		return pick(g, "1e400", "-0", "1.5", "18446744073709551616", "1E-999", "01", "+1", ".5", "NaN", "0x1")
	case 3:
		return pick(g, "null", "true", "false")
	case 4:
		return pick(g, `"\ud800"`, `"\u0000"`, `"\"`, "\"\x01\"", "\"\xed\xa0\x80\"", `"\u2028"`, `"r1"`)
	case 5:
		return fmt.Sprintf(`{"_placeholder":%s,"num":%s}`, g.field("true"), g.field(strconv.Itoa(g.IntN(3))))
	case 9, 10:
		return "[" + g.json(depth-1) + "," + g.json(depth-1) + "]"
	case 11:
		return `{` + g.field(`"key"`) + ":" + g.json(depth-1) + `,"__proto__":` + g.json(depth-1) + "}"
	case 12:
		if g.oneIn(20) {
			n := pick(g, 10, 127, 128, 129, 5000)
			return strings.Repeat("[", n) + strings.Repeat("]", n)
		}
		return "[]"
	}
}

// frames are frames of a WebSocket, of which something may be wrong.
func (g grammar) frames() string {
	var all strings.Builder
	for range 1 + g.IntN(3) {
		payload := []byte(g.packets())
		first := byte(0x81)
		switch g.IntN(12) {
		case 0:
			first = byte(g.Uint32())
		case 1:
			first = 0x82
		case 2:
			first = pick(g, byte(0x89), 0x8a, 0x88, 0x09, 0x08)
			payload = payload[:min(len(payload), pick(g, 0, 1, 2, 125, 126))]
		case 3:
			first = pick(g, byte(0x01), 0x00, 0x80, 0x02)
		}
		length, width := uint64(len(payload)), 0
		switch g.IntN(30) {
		case 0:
			length = pick[uint64](g, 0, 125, 126, 65535, 65536, 1_000_000, 1_000_001, 1<<31, 1<<32, 1<<62, 1<<63-1, 1<<63, 1<<64-1)
		case 1:
			width = pick(g, 2, 8)
		}
		b := maskedFrame(first, length, width, payload, g.Uint32())
		switch g.IntN(30) {
		case 0:
			b = b[:g.IntN(len(b)+1)]
		case 1:
			b[1] &^= 0x80 // no mask
		case 2:
			b = []byte(g.flip(string(b)))
		}
		all.Write(b)
	}
	return all.String()
}

// request is a whole request, or one of which something is wrong.
func (g grammar) request(who int) (do, raw string, answer bool) {
	method := g.field(pick(g, "GET", "POST", "POST", "POST", "PUT", "OPTIONS", "DELETE", "HEAD"))
	query := []string{g.field("EIO=4"), g.field("transport=" + pick(g, "polling", "polling", "polling", "websocket"))}
	if !g.oneIn(5) {
		query = append(query, g.field("sid="+g.sid(who)))
	}
	if g.oneIn(10) {
		query = append(query, g.field(pick(g, "t=abc", "j=0", "b64=1", "EIO=3", "sid=", "x=%zz")))
	}
	g.Shuffle(len(query), func(i, j int) { query[i], query[j] = query[j], query[i] })
	path := g.field("/socket.io/") + "?" + strings.Join(query, "&")
	var header strings.Builder
	header.WriteString(g.field("Host: HOST") + "\r\n")
	for g.oneIn(3) {
		header.WriteString(g.field(pick(g, "Origin: http://HOST", "Origin: null", "Content-Type: text/plain;charset=UTF-8", "Content-Type: application/octet-stream",
			"Content-Encoding: gzip", "Connection: close", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=99", "Sec-WebSocket-Protocol: x, y",
			"Cookie: io="+secret, "Authorization: Bearer "+secret, "X-Forwarded-For: 1.2.3.4", "Expect: 100-continue", "Accept-Encoding: gzip")) + "\r\n")
	}
	body := ""
	switch g.IntN(8) {
	case 0:
	case 1:
		body = g.packets()
		header.WriteString("Transfer-Encoding: chunked\r\n")
		body = fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	case 2:
		body = g.packets()
		header.WriteString(g.field("Content-Length: "+strconv.Itoa(len(body))) + "\r\n")
	default:
		if strings.HasPrefix(method, "P") {
			body = g.packets()
		}
		header.WriteString("Content-Length: " + strconv.Itoa(len(body)) + "\r\n")
		answer = method == "POST" || method == "PUT" || method == "DELETE"
	}
	raw = method + " " + path + " HTTP/1.1\r\n" + header.String() + "\r\n" + body
	if g.oneIn(20) {
		raw, answer = raw[:g.IntN(len(raw)+1)], false
	}
	if strings.Contains(raw[:len(raw)-len(body)*btoi(len(body) < len(raw))], "Expect") || strings.ContainsAny(path, "\r\n") {
		answer = false
	}
	return doRequest, raw, answer
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
