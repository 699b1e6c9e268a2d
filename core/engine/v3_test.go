package engine_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/engine/internal/frame/autobahn"
	"github.com/gosio/gosio/internal/assert"
)

// old makes a starter whose hosts take clients of protocol 3, which the host's
// helpers then speak.
func old(serve starter) starter {
	return func(t *testing.T, su setup) *host {
		t.Helper()
		su.opts.AllowEIO3 = true
		h := serve(t, su)
		h.base = strings.Replace(h.base, "EIO=4", "EIO=3", 1)
		return h
	}
}

// oldWS is ws in protocol 3.
func (h *host) oldWS(query string) *client {
	h.t.Helper()
	c := h.dial()
	res := c.http(oldUpgrade("&transport=websocket" + query))
	assert.Equal(h.t, "status", res.StatusCode, http.StatusSwitchingProtocols)
	return c
}

func oldUpgrade(query string) string {
	return strings.Replace(upgradeRequest(query, keyHeaders), "EIO=4", "EIO=3", 1)
}

func (h *host) oldOpen() *client {
	h.t.Helper()
	c := h.oldWS("")
	_, packet := c.next()
	assert.True(h.t, "open packet", strings.HasPrefix(packet, `0{"sid":"`))
	return c
}

// octets posts a binary payload.
func (h *host) octets(sid, body string) reply {
	h.t.Helper()
	return h.do(request{
		method: "POST", query: "&transport=polling&sid=" + sid, body: strings.NewReader(body),
		header: []string{"Content-Type", "application/octet-stream"},
	})
}

// TestV3Revisions: who is let in, and that a session stays with its protocol.
func TestV3Revisions(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		const version = `{"code":5,"message":"Unsupported protocol version"}`
		h := serve(t, setup{opts: engine.Options{AllowEIO3: true}})
		rest, _, _ := strings.Cut(h.base, "?")
		get := func(query string) reply {
			h := *h
			h.base = rest + query
			return h.do(request{})
		}
		for _, eio := range []string{"", "EIO=&", "EIO=2&", "EIO=5&", "EIO=03&", "EIO=3.0&", "EIO=34&"} {
			get("?"+eio+"transport=polling").refused(t, 400, version)
		}
		get("?EIO=3&EIO=4&transport=polling").refused(t, 400, version)
		get("?EIO=4&EIO=3&transport=polling").refused(t, 400, version)
		get("?EIO=3&transport=polling&j=0").refused(t, 400, `{"code":3,"message":"JSONP is not supported"}`)
		oldSid, newSid := sidOf(get("?EIO=3&transport=polling").body), sidOf(get("?EIO=4&transport=polling&j=0").body)
		for range 2 { // and refusals end nothing
			get("?EIO=4&transport=polling&sid="+oldSid).refused(t, 400, badRequest)
			get("?EIO=3&transport=polling&sid="+newSid).refused(t, 400, badRequest)
			res := h.dial().http(upgradeRequest("&transport=websocket&sid="+oldSid, keyHeaders))
			assert.Equal(t, "upgrade with another protocol", res.StatusCode, 400)
			res = h.dial().http(oldUpgrade("&transport=websocket&sid=" + newSid))
			assert.Equal(t, "upgrade with another protocol", res.StatusCode, 400)
		}
		h.alive()
		for _, want := range []int{3, 4} {
			assert.Equal(t, "protocol", h.session().Protocol(), want)
		}
	})
}

// TestV3Polling: payloads of both kinds, both ways.
func TestV3Polling(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := old(serve)(t, setup{})
		r := h.do(request{query: "&transport=polling"})
		sid := sidOf(r.body)
		open := fmt.Sprintf(`0{"sid":%q,"upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`, sid)
		assert.Equal(t, "handshake", r.body, fmt.Sprintf("%d:%s", len(open), open))
		assert.Equal(t, "type", r.header.Get("Content-Type"), "text/plain; charset=UTF-8")

		poll := h.poll(sid)
		h.posted(sid, "8:4a😀€ 𝄞")
		h.answered(poll, "8:4a😀€ 𝄞")
		h.posted(sid, "2:4a6:b4AQID1:2") // and an answer in kind
		r = h.get(sid)
		assert.Equal(t, "body", r.body, "\x00\x02\xff4a\x01\x04\xff\x04\x01\x02\x03\x00\x01\xff3")
		assert.Equal(t, "type", r.header.Get("Content-Type"), "application/octet-stream")

		post := h.octets(sid, "\x00\x05\xff4😀\x01\x03\xff\x04\x00\xff\x00\x02\xff4b")
		assert.Equal(t, "POST", post.body, "ok")
		assert.Equal(t, "body", h.get(sid).body, "\x00\x05\xff4😀\x01\x03\xff\x04\x00\xff\x00\x02\xff4b")

		s := h.session()
		assert.NoError(t, s.Send(engine.LayerMessage(engine.Binary([]byte{7})).V3(), engine.Binary([]byte{8})))
		assert.Equal(t, "body", h.get(sid).body, "\x01\x02\xff\x04\x07\x01\x02\xff\x04\x08")
		poll = h.poll(sid)
		s.Close()
		h.answered(poll, "1:1")
		h.ended(engine.ReasonForcedClose)

		sid = h.open()
		poll = h.poll(sid)
		h.posted(sid, "1:1")
		h.answered(poll, "1:6")
		h.ended(engine.ReasonTransportClose)
	})
}

// TestV3Base64: a client that cannot take bytes gets text, on both transports.
func TestV3Base64(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := old(serve)(t, setup{})
		sid := sidOf(h.do(request{query: "&transport=polling&b64=1"}).body)
		h.posted(sid, "6:b4AQID3:4😀")
		r := h.get(sid)
		assert.Equal(t, "body", r.body, "6:b4AQID3:4😀")
		assert.Equal(t, "type", r.header.Get("Content-Type"), "text/plain; charset=UTF-8")

		for _, query := range []string{"", "&b64=1"} {
			c := h.oldWS(query)
			c.next()
			c.send("b4AQID")
			c.expect("b4AQID")
		}
		c := h.oldOpen()
		c.raw(frames(autobahn.Frame{Op: autobahn.Binary, Payload: []byte("\x04\x01\x02")}))
		op, packet := c.next()
		assert.Equal(t, "opcode", op, autobahn.Binary)
		assert.Equal(t, "packet", packet, "\x04\x01\x02")
	})
}

// TestV3PostsRefused: what is malformed ends the session with fixed texts.
func TestV3PostsRefused(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := old(serve)(t, setup{opts: engine.Options{MaxHTTPBufferSize: 100}})
		for _, tt := range []struct {
			body   string
			octets bool
			status int
			answer string
			reason engine.Reason
		}{
			{"", false, 400, badRequest, engine.ReasonParseError},
			{"4a", false, 400, badRequest, engine.ReasonParseError},
			{"99999999:4a", false, 400, badRequest, engine.ReasonParseError},
			{"1:9", false, 400, badRequest, engine.ReasonParseError},
			{"2:4\xff", false, 400, badRequest, engine.ReasonParseError},
			{"1:3", false, 400, badRequest, engine.ReasonTransportError},
			{"1:01:59:", false, 400, badRequest, engine.ReasonParseError},
			{strings.Repeat("1:6", 34), false, 413, "", engine.ReasonTransportError},
			{"", true, 400, badRequest, engine.ReasonParseError},
			{"1:2", true, 400, badRequest, engine.ReasonParseError},
			{"\x00\x02\xff4\xff", true, 400, badRequest, engine.ReasonParseError},
			{"\x01\x01\xff\x02", true, 400, badRequest, engine.ReasonParseError},
			{"\x01" + strings.Repeat("\x09", 20) + "\xff\x04", true, 400, badRequest, engine.ReasonParseError},
			{"\x01\x09\x09\xff\x04" + strings.Repeat("x", 98), true, 413, "", engine.ReasonTransportError},
		} {
			sid := h.open()
			poll := h.poll(sid)
			post := h.post
			if tt.octets {
				post = h.octets
			}
			post(sid, tt.body).refused(t, tt.status, tt.answer)
			h.answered(poll, "1:1")
			h.ended(tt.reason)
			h.get(sid).refused(t, 400, unknown)
		}
		sid := h.open() // the most that may be
		h.posted(sid, strings.Repeat("1:6", 33))
		h.alive()
	})
}

// TestV3Overlap: the rules for requests at a time are those of today.
func TestV3Overlap(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := old(serve)(t, setup{})
		sid := h.open()
		poll := h.poll(sid)
		h.get(sid).refused(t, 400, badRequest)
		h.answered(poll, "1:1")
		h.ended(engine.ReasonTransportError)

		sid = h.open()
		body, first := h.slowPost(sid, "2:")
		h.post(sid, "2:4b").refused(t, 400, badRequest)
		h.ended(engine.ReasonTransportError)
		await(h, "the first POST", first).refused(t, 400, badRequest) // before the body ends: the server closes the connection
		assert.NoError(t, body.Close())
	})
}

// TestV3WebSocket: frames carry a type whatever they are.
func TestV3WebSocket(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		op           byte
		send, answer string
		reason       engine.Reason
	}{
		{autobahn.Text, "4x😀", "4x😀", ""},
		{autobahn.Text, "2", "3", ""},
		{autobahn.Text, "2probe", "3", ""},
		{autobahn.Binary, "\x04", "\x04", ""},
		{autobahn.Text, "b4", "b4", ""},
		{autobahn.Text, "3", "", engine.ReasonTransportError},
		{autobahn.Text, "bAQID", "", engine.ReasonParseError},
		{autobahn.Text, "b2AQID", "", engine.ReasonParseError},
		{autobahn.Text, "", "", engine.ReasonParseError},
		{autobahn.Text, "2:4a", "3", ""}, // a ping with data: no payloads here
		{autobahn.Binary, "", "", engine.ReasonParseError},
		{autobahn.Binary, "4x", "", engine.ReasonParseError},
		{autobahn.Binary, "\x02", "", engine.ReasonParseError},
	} {
		t.Run(fmt.Sprintf("%q", tt.send), func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				h := old(serve)(t, setup{})
				c := h.oldOpen()
				c.raw(frames(autobahn.Frame{Op: tt.op, Payload: []byte(tt.send)}))
				if tt.reason != "" {
					c.expectClose(1005)
					h.ended(tt.reason)
					return
				}
				op, got := c.next()
				assert.Equal(t, "opcode", op, tt.op)
				assert.Equal(t, "packet", got, tt.answer)
			})
		})
	}
}

// TestV3Heartbeat: the client pings, at the latest PingInterval and PingTimeout
// after its last ping, whatever else it sends; the server never does.
func TestV3Heartbeat(t *testing.T) {
	t.Parallel()
	t.Run("websocket", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := old(serveIn)(t, setup{opts: beat})
			c := h.oldOpen()
			for range 3 {
				<-time.After(45*time.Second - time.Millisecond)
				c.send("2")
				c.expect("3")
			}
			start := time.Now()
			<-time.After(44 * time.Second)
			c.send("4x")
			c.expect("4x")
			c.expectClose(1005)
			assert.Equal(t, "timeout after", time.Since(start), 45*time.Second)
			h.ended(engine.ReasonPingTimeout)
		})
	})
	t.Run("polling", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := old(serveIn)(t, setup{opts: beat})
			sid := h.open()
			for range 3 {
				poll := h.poll(sid)
				<-time.After(44 * time.Second)
				h.posted(sid, "1:2")
				h.answered(poll, "1:3")
			}
			start := time.Now()
			h.answered(h.poll(sid), "1:1")
			assert.Equal(t, "timeout after", time.Since(start), 45*time.Second)
			h.ended(engine.ReasonPingTimeout)
		})
	})
	t.Run("goes on over the upgrade", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := old(serveIn)(t, setup{opts: beat})
			sid := h.open()
			poll := h.poll(sid)
			<-time.After(20 * time.Second)
			h.posted(sid, "1:2")
			h.answered(poll, "1:3")
			c := h.oldProbe(sid)
			c.send("5")
			<-time.After(44 * time.Second)
			c.send("2")
			c.expect("3")
			start := time.Now()
			c.expectClose(1005)
			assert.Equal(t, "timeout after", time.Since(start), 45*time.Second)
			h.ended(engine.ReasonPingTimeout)
		})
	})
	t.Run("first poll", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := old(serveIn)(t, setup{opts: beat})
			h.open()
			start := time.Now()
			h.ended(engine.ReasonPingTimeout)
			assert.Equal(t, "timeout after", time.Since(start), 10*time.Second)
		})
	})
}

// TestV3HeldReader: a client is not blamed for pings that were not read.
func TestV3HeldReader(t *testing.T) {
	bubble(t, func(t *testing.T) {
		app := newApp()
		room := make(chan struct{})
		var full bool
		app.backlog = func() <-chan struct{} {
			if !full {
				return nil
			}
			return room
		}
		app.message = func(*engine.Session, []byte, bool) error { full = true; return nil }
		h := old(serveIn)(t, setup{opts: beat, app: app})
		c := h.oldOpen()
		c.send("4x")
		synctest.Wait()
		c.send("2")
		<-time.After(time.Hour - time.Nanosecond) // far beyond every limit
		h.alive()
		full = false
		close(room)
		c.expect("3")
		<-time.After(44 * time.Second)
		h.alive()
		c.expectClose(1005)
		h.ended(engine.ReasonPingTimeout)
	})
}

// TestV3Pings: however many pings come, what waits for the client is one pong.
func TestV3Pings(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := old(serve)(t, setup{})
		sid := h.open()
		h.posted(sid, strings.Repeat("1:2", 1000))
		assert.Equal(t, "pongs", h.get(sid).body, "1:3")
		h.posted(sid, "1:22:4a1:21:22:4b")
		assert.Equal(t, "with echoes", h.get(sid).body, "1:32:4a1:32:4b")
		h.alive()
	})
}

func (h *host) oldProbe(sid string) *client {
	h.t.Helper()
	c := h.oldWS("&sid=" + sid)
	c.send("2probe")
	c.expect("3probe")
	return c
}

// TestV3Upgrade: nothing is lost or overtaken on the way, in either direction.
func TestV3Upgrade(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := old(serve)(t, setup{})
		sid := h.open()
		s := h.session()
		poll := h.poll(sid)
		c := h.oldProbe(sid)
		h.answered(poll, "1:6")
		h.posted(sid, "2:4a6:b4AQID")
		poll = h.poll(sid)
		h.answered(poll, "\x00\x02\xff4a\x01\x04\xff\x04\x01\x02\x03")
		assert.NoError(t, s.Send(text("queued"), engine.Binary([]byte{9}), engine.LayerMessage(engine.Binary([]byte{8})).V3()))
		c.send("5", "4by websocket", "2")
		c.expect("4queued")
		for _, want := range []string{"\x04\x09", "\x04\x08"} {
			op, packet := c.next()
			assert.Equal(t, "opcode", op, autobahn.Binary)
			assert.Equal(t, "packet", packet, want)
		}
		c.expect("4by websocket", "3")
		assert.Equal(t, "transport", s.Transport(), engine.WebSocket)
		h.get(sid).refused(t, 400, badRequest)
		h.alive()
	})
}

// TestV3PostDuringUpgrade: what was posted comes before what follows by
// WebSocket, even when the POST ends late.
func TestV3PostDuringUpgrade(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := old(serve)(t, setup{})
		sid := h.open()
		c := h.oldProbe(sid)
		body, posted := h.slowPost(sid, "2:4a6:b4A")
		c.send("5", "4after")
		_, err := body.Write([]byte("QID"))
		assert.NoError(t, err)
		assert.NoError(t, body.Close())
		await(h, "the POST", posted).refused(t, 200, "ok")
		c.expect("4a")
		_, bytes := c.next()
		assert.Equal(t, "bytes", bytes, "\x04\x01\x02\x03")
		c.expect("4after")
	})
}

// TestV3Pin: an id that others know, as those of these clients' sockets are, is
// worth nothing to them.
func TestV3Pin(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := old(serve)(t, setup{opts: engine.Options{Pin: user}})
		sid := sidOf(h.do(request{query: "&transport=polling&user=alice"}).body)
		poll := h.poll(sid + "&user=alice")
		h.get(sid+"&user=mallory").refused(t, 403, forbidden)
		h.octets(sid+"&user=mallory", "\x01\x02\xff\x04!").refused(t, 403, forbidden)
		res := h.dial().http(oldUpgrade("&transport=websocket&sid=" + sid + "&user=mallory"))
		assert.Equal(t, "upgrade", res.StatusCode, 403)
		h.octets(sid+"&user=alice", "\x01\x02\xff\x04!").refused(t, 200, "ok")
		h.answered(poll, "\x01\x02\xff\x04!")
	})
}

// TestV3Payload: the variant of a message is not seen by those who look at it.
func TestV3Payload(t *testing.T) {
	t.Parallel()
	m := engine.Binary([]byte("abc"))
	assert.Equal(t, "payload", string(engine.LayerMessage(m).V3().Payload()), "abc")
	assert.Equal(t, "size", engine.LayerMessage(m).V3().Size(), m.Size()+1)
	assert.Equal(t, "twice", engine.LayerMessage(engine.LayerMessage(m).V3()).V3().Size(), m.Size()+1)
	assert.Equal(t, "text", string(engine.LayerMessage(text("x")).V3().Payload()), "x")
}

// TestV3Preflight: pages of other origins may post binary payloads.
func TestV3Preflight(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		const page = "https://app.example"
		for _, tt := range []struct {
			headers []string
			want    string
		}{
			{nil, "content-type"}, // what was asked for
			{[]string{"X-Token"}, "X-Token,Content-Type"},
			{[]string{"content-type", "X-Token"}, "content-type,X-Token"},
		} {
			h := old(serve)(t, setup{opts: engine.Options{CORS: engine.CORS{Origins: []string{page}, AllowedHeaders: tt.headers}}})
			r := h.do(request{method: "OPTIONS", query: "&transport=polling&sid=x", header: []string{
				"Origin", page, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type",
			}})
			assert.Equal(t, "status", r.status, 204)
			assert.Equal(t, "headers", r.header.Get("Access-Control-Allow-Headers"), tt.want)
		}
	})
}
